/** Rows, messages and a server for tests of the console. */
import { vi } from 'vitest';
import type { Boot, Message, Row, Thread } from '../src/types';

export const BOOT: Boot = {
  brand: 'Shop',
  colour: '#3b5bdb',
  mark: '',
  lang: 'ru',
  me: 1,
  role: 'agent',
  zone: 'UTC',
};

export const at = (minute: number): string =>
  new Date(Date.parse('2026-11-22T12:00:00Z') + minute * 60_000).toISOString();

export const row = (id: number, more: Partial<Row> = {}): Row =>
  ({
    id,
    name: `B${id}`,
    updated_at: at(-id),
    deadline_at: null,
    sla_due_at: null,
    sla_kind: '',
    waiting_since: null,
    labels: [],
    unread: 0,
    ...more,
  }) as Row;

export const message = (seq: number, more: Partial<Message> = {}): Message =>
  ({
    id: seq,
    seq,
    text: `m${seq}`,
    author: 'buyer',
    kind: 'text',
    user: null,
    at: at(seq),
    episode: 1,
    client_key: '',
    files: [],
    meta: {},
    ...more,
  }) as Message;

export const thread = (messages: Message[], more: Partial<Thread> = {}): Thread => ({
  conversation: row(7),
  messages,
  more: false,
  newer: false,
  episodes: {},
  context: null,
  channel: null,
  read_seq: 0,
  drafts: {},
  ...more,
});

export interface Call {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

/** `fetch` by a function; what it throws is a broken line, a number is a refusal. */
export function server(answer: (call: Call) => unknown): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal(
    'fetch',
    vi.fn(async (address: string, init: RequestInit) => {
      const call = {
        method: init.method ?? 'GET',
        path: address.replace('/api/v1', ''),
        body: init.body ? JSON.parse(String(init.body)) : {},
      };
      calls.push(call);
      const found = await answer(call);
      if (found instanceof Response) return found;
      return new Response(JSON.stringify(found ?? {}), { status: 200 });
    }),
  );
  return calls;
}

export const refusal = (status: number, code: string, more: object = {}): Response =>
  new Response(JSON.stringify({ error: { code, message: code, ...more } }), { status });

export const offline = (): never => {
  throw new TypeError('Failed to fetch');
};

export const settled = (ms = 0): Promise<void> => new Promise((done) => setTimeout(done, ms));
