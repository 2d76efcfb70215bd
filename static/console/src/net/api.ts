/** The server, with its refusals as values: what happened and what can be done. */
export class Refused extends Error {
  readonly kind = 'refused';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly data: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** No answer: the network is away, or (`isServer`) nobody is behind it who could say why. */
export class Away extends Error {
  readonly kind = 'away';
  constructor(readonly isServer = false) {
    super();
  }
}

// Errors may come from the areas' own copy of these classes (board/mount.tsx).
const isKind = (error: unknown, kind: string): boolean =>
  error instanceof Error && (error as { kind?: string }).kind === kind;
export const isAway = (error: unknown): error is Away => isKind(error, 'away');
export const isRefused = (error: unknown): error is Refused => isKind(error, 'refused');

const cookie = (name: string): string =>
  document.cookie.match(new RegExp(`(?:^|; )${name}=([^;]*)`))?.[1] ?? '';

/** What to do before the page leaves for the log-in: nothing of ours stays in the browser. */
export const leaving: { run: () => Promise<unknown> } = { run: async () => undefined };

export const call = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  ask<T>(method, `/api/v1${path}`, body);

export const post = <T>(path: string, body: unknown): Promise<T> => ask<T>('POST', path, body);

/** An answer that comes line by line, each a value of JSON; aborting it is no failure. */
export async function stream(
  path: string,
  body: unknown,
  hear: (line: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const answer = await fetch(`/api/v1${path}`, {
      method: 'POST',
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'X-CSRFToken': decodeURIComponent(cookie('csrf')),
      },
      body: JSON.stringify(body),
      signal,
    });
    if (!answer.ok || !answer.body) throw await refusal(answer.status, await answer.text());
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line) hear(JSON.parse(line));
      if (done) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof TypeError) throw new Away();
    throw error;
  }
}

async function ask<T>(method: string, address: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-CSRFToken'] = decodeURIComponent(cookie('csrf'));
  let payload: BodyInit | undefined;
  if (body instanceof FormData) payload = body;
  else if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    payload = JSON.stringify(body);
  }
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(address, {
      method,
      headers,
      credentials: 'same-origin',
      ...(payload === undefined ? {} : { body: payload }),
    });
    text = await answer.text();
  } catch {
    throw new Away();
  }
  if (!answer.ok) throw await refusal(answer.status, text);
  const data = read(text);
  if (!data) throw new Away(true); // somebody's page in between, a hotel's log-in
  return data as T;
}

function read(text: string): Record<string, unknown> | null {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return null;
  }
}

/** What an answer that is none means: the server's own words, or that nobody was there to say them. */
async function refusal(status: number, text: string): Promise<Refused | Away> {
  const error = read(text)?.error as Record<string, unknown> | undefined;
  // A proxy before a server that is starting, or has gone: it says nothing of ours.
  if (!error && status >= 502) return new Away(true);
  if (status === 401) {
    await leaving.run();
    location.href = `/admin/login/?next=${location.pathname}`;
  }
  return new Refused(status, String(error?.code ?? 'error'), String(error?.message ?? ''), error);
}

/** What is wrong when facts no longer come: the line, the server behind it, or facts alone. */
export async function whyDown(): Promise<'line' | 'server' | 'news'> {
  try {
    return (await fetch('/healthz', { cache: 'no-store' })).ok ? 'news' : 'server';
  } catch {
    return 'line';
  }
}
