/** The server, with its refusals as values: what happened and what can be done. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly data: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** No answer at all: the network or the server is away. */
export class Away extends Error {}

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
    if (!answer.ok || !answer.body) {
      const data = await answer.json().catch(() => ({}));
      const error = data.error ?? {};
      throw new Refused(answer.status, String(error.code ?? 'error'), String(error.message ?? ''));
    }
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
  if (answer.status >= 502) throw new Away();
  let data: Record<string, unknown> = {};
  try {
    data = text ? JSON.parse(text) : {};
  } catch {
    if (answer.ok) throw new Away();
  }
  if (!answer.ok) {
    if (answer.status === 401) {
      await leaving.run();
      location.href = `/admin/login/?next=${location.pathname}`;
    }
    const error = (data.error ?? {}) as Record<string, unknown>;
    throw new Refused(
      answer.status,
      String(error.code ?? 'error'),
      String(error.message ?? `HTTP ${answer.status}`),
      error,
    );
  }
  return data as T;
}
