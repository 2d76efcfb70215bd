/** What the thread shows, as one value: every change is an event, so it can be tested by equality. */

import type { Message, ServerEvent, Who } from './protocol';

export type LinkState = 'idle' | 'connecting' | 'online' | 'offline';

export interface State {
  messages: Message[];
  cursor: number;
  read: number; // up to here people of the shop have read
  seen: number; // up to here the buyer has seen
  more: boolean;
  who: Who;
  typingUntil: number;
  stream: { key: string; text: string } | null;
  link: LinkState;
  name: string;
}

export type LocalEvent =
  | { t: 'local'; message: Message }
  | { t: 'link'; link: LinkState }
  | { t: 'seen'; seq: number }
  | { t: 'retry'; key: string }
  | { t: 'reset' };

export const TYPING_MS = 8000;

export const empty: State = {
  messages: [],
  cursor: 0,
  read: 0,
  seen: 0,
  more: false,
  who: { speaker: 'bot' },
  typingUntil: 0,
  stream: null,
  link: 'idle',
  name: '',
};

function same(one: Message, other: Message): boolean {
  return one.id !== undefined && other.id !== undefined
    ? one.id === other.id
    : one.key !== undefined && one.key === other.key;
}

function merge(old: Message, fresh: Message): Message {
  const merged: Message = { ...old, ...fresh };
  // Signed addresses differ each time they are told; the picture on the screen stays.
  if (old.files?.length && fresh.files?.length === old.files.length) {
    merged.files = fresh.files.map((file, i) =>
      old.files?.[i]?.url ? { ...file, url: old.files[i].url } : file,
    );
  } else if (!fresh.files?.length && old.files) {
    merged.files = old.files;
  }
  if (old.seq !== undefined && fresh.seq === undefined) {
    merged.seq = old.seq;
  }
  return merged;
}

/** Known messages are brought up to date in place; the server's numbers give the order. */
export function upsert(list: Message[], incoming: Message[]): Message[] {
  const result = [...list];
  for (const message of incoming) {
    const fresh: Message =
      message.author === 'buyer' && message.seq !== undefined
        ? { ...message, state: 'sent' }
        : message;
    const index = result.findIndex((known) => same(known, fresh));
    if (index >= 0) {
      result[index] = merge(result[index]!, fresh);
    } else {
      result.push(fresh);
    }
  }
  const numbered = result.filter((m) => m.seq !== undefined).sort((a, b) => a.seq! - b.seq!);
  return [...numbered, ...result.filter((m) => m.seq === undefined)];
}

export function reduce(state: State, event: ServerEvent | LocalEvent, now: number): State {
  switch (event.t) {
    case 'messages': {
      // Away for longer than a page: what is between is asked for by scrolling up.
      const gap = event.more && event.after > 0;
      const gone = new Set(event.gone);
      const kept = state.messages.filter(
        (m) => !(gap && m.seq !== undefined) && !(m.id !== undefined && gone.has(m.id)),
      );
      const answered = event.messages.some(
        (m) => m.author !== 'buyer' && !state.messages.some((known) => same(known, m)),
      );
      return {
        ...state,
        messages: upsert(kept, event.messages),
        cursor: Math.max(state.cursor, event.cursor),
        read: Math.max(state.read, event.read),
        more: event.after === 0 || gap ? event.more : state.more,
        who: event.who,
        typingUntil: answered ? 0 : state.typingUntil,
        stream: answered ? null : state.stream,
      };
    }
    case 'history':
      return { ...state, messages: upsert(state.messages, event.messages), more: event.more };
    case 'local':
    case 'echo':
      return { ...state, messages: upsert(state.messages, [withState(event)]) };
    case 'ack':
      return {
        ...state,
        messages: change(state.messages, event.key, (m) =>
          merge(m, { ...m, state: 'sent', files: event.files ?? m.files, code: undefined }),
        ),
      };
    case 'refused':
      if (event.code === 'pace') {
        return state; // sent again by itself
      }
      return {
        ...state,
        messages: change(state.messages, event.key, (m) => ({
          ...m,
          state: 'refused',
          code: event.code,
        })),
      };
    case 'retry':
      return {
        ...state,
        messages: change(state.messages, event.key, (m) => ({ ...m, state: 'queued', code: '' })),
      };
    case 'typing':
      return { ...state, typingUntil: now + TYPING_MS };
    case 'stream':
      return { ...state, stream: streamed(state.stream, event), typingUntil: 0 };
    case 'identified':
      return { ...state, name: event.name ?? state.name };
    case 'link':
      return event.link === 'online'
        ? { ...state, link: event.link }
        : { ...state, link: event.link, stream: null, typingUntil: 0 };
    case 'seen':
      return event.seq > state.seen ? { ...state, seen: event.seq } : state;
    case 'reset':
      return {
        ...empty,
        link: state.link,
        messages: state.messages.filter((m) => m.state === 'queued'),
      };
    default:
      return state;
  }
}

function withState(event: { t: string; message: Message }): Message {
  return event.t === 'echo' ? { ...event.message, state: 'sent' } : event.message;
}

function change(list: Message[], key: string, how: (message: Message) => Message): Message[] {
  return list.map((message) => (message.key === key ? how(message) : message));
}

/** Whole text so far, or the next sentence: both are understood. */
function streamed(
  before: State['stream'],
  event: { key: string; text: string },
): NonNullable<State['stream']> {
  if (before?.key !== event.key) {
    return { key: event.key, text: event.text };
  }
  if (event.text.startsWith(before.text)) {
    return { key: event.key, text: event.text };
  }
  return before.text.startsWith(event.text)
    ? before
    : { key: event.key, text: `${before.text} ${event.text}` };
}

export function unread(state: State): number {
  return state.messages.filter((m) => m.author !== 'buyer' && (m.seq ?? 0) > state.seen).length;
}

export function lastSeq(state: State): number {
  return state.messages.reduce((last, m) => Math.max(last, m.seq ?? 0), 0);
}

export type Delivery = 'queued' | 'sent' | 'read' | 'refused';

export function delivery(state: State, message: Message): Delivery {
  if (message.state === 'queued' || message.state === 'refused') {
    return message.state;
  }
  const seq = message.seq;
  const answered =
    seq !== undefined &&
    (seq <= state.read || state.messages.some((m) => m.author !== 'buyer' && (m.seq ?? 0) > seq));
  return answered ? 'read' : 'sent';
}
