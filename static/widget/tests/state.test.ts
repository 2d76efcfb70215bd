import { expect, test } from 'vitest';
import type { Message, MessagesEvent, ServerEvent } from '../src/protocol';
import { delivery, empty, type LocalEvent, reduce, type State, unread } from '../src/state';

const NOW = 1_000_000;

const bot = (seq: number, text = `b${seq}`): Message => ({
  id: seq * 10,
  seq,
  author: 'bot',
  text,
  at: '2026-11-22T10:00:00Z',
});
const own = (key: string, seq?: number): Message => ({
  ...(seq ? { id: seq * 10, seq } : { state: 'queued' as const }),
  key,
  author: 'buyer',
  text: key,
  at: '2026-11-22T10:00:00Z',
});
const messages = (list: Message[], more: Partial<MessagesEvent> = {}): MessagesEvent => ({
  t: 'messages',
  messages: list,
  after: 0,
  cursor: Math.max(0, ...list.map((m) => m.seq ?? 0)),
  who: { speaker: 'bot' },
  read: 0,
  more: false,
  ...more,
});

function after(...events: (ServerEvent | LocalEvent)[]): State {
  return events.reduce((state, event) => reduce(state, event, NOW), empty);
}

const texts = (state: State): string[] => state.messages.map((m) => m.text);

test('the server’s numbers give the order, whatever comes first', () => {
  expect(texts(after(messages([bot(4)]), messages([bot(2), bot(3)])))).toEqual(['b2', 'b3', 'b4']);
});

test('what was taken back is no longer shown, what was changed reads anew', () => {
  const before = messages([bot(1), bot(2), bot(3)]);
  const edited = { ...bot(3, 'three'), edited: true };
  const state = after(before, messages([edited], { after: 3, gone: [20] }));
  expect(texts(state)).toEqual(['b1', 'three']);
  expect(state.messages[1]!.edited).toBe(true);
});

test('the same events twice are the same thread', () => {
  const events = [messages([own('k1', 1), bot(2)]), { t: 'echo', message: own('k1') }] as const;
  expect(after(...events, ...events)).toEqual(after(...events));
});

test('what I wrote stands last until it has a number, and is one message then', () => {
  const state = after(messages([bot(1)]), { t: 'local', message: own('k1') }, messages([bot(2)]));
  expect(texts(state)).toEqual(['b1', 'b2', 'k1']);

  const numbered = reduce(state, messages([own('k1', 3)]), NOW);
  expect(texts(numbered)).toEqual(['b1', 'b2', 'k1']);
  expect(numbered.messages[2]).toMatchObject({ seq: 3, state: 'sent' });
});

test('a message goes from waiting to sent to read', () => {
  const waiting = after({ t: 'local', message: own('k1') });
  expect(delivery(waiting, waiting.messages[0]!)).toBe('queued');
  const sent = reduce(waiting, { t: 'ack', key: 'k1' }, NOW);
  expect(delivery(sent, sent.messages[0]!)).toBe('sent');
  const numbered = reduce(sent, messages([own('k1', 1)]), NOW);
  expect(delivery(numbered, numbered.messages[0]!)).toBe('sent');
  const seen = reduce(numbered, messages([], { read: 1 }), NOW);
  expect(delivery(seen, seen.messages[0]!)).toBe('read');
  const answered = reduce(numbered, messages([bot(2)]), NOW);
  expect(delivery(answered, answered.messages[0]!)).toBe('read');
});

test('a refusal is shown with its reason and can be tried again; haste is not a refusal', () => {
  const state = after({ t: 'local', message: own('k1') });
  const hasty = reduce(state, { t: 'refused', key: 'k1', code: 'pace', wait: 2 }, NOW);
  expect(hasty).toBe(state);
  const refused = reduce(state, { t: 'refused', key: 'k1', code: 'too_long' }, NOW);
  expect(refused.messages[0]).toMatchObject({ state: 'refused', code: 'too_long' });
  expect(reduce(refused, { t: 'retry', key: 'k1' }, NOW).messages[0]).toMatchObject({
    state: 'queued',
  });
});

test('streamed sentences grow, whole or piece by piece, and give way to the message', () => {
  const whole = after(
    { t: 'stream', key: 's', text: 'Да.' },
    { t: 'stream', key: 's', text: 'Да. Есть.' },
    { t: 'stream', key: 's', text: 'Да.' }, // overtaken on its way
  );
  expect(whole.stream?.text).toBe('Да. Есть.');
  const pieces = after(
    { t: 'stream', key: 's', text: 'Да.' },
    { t: 'stream', key: 's', text: 'Есть.' },
  );
  expect(pieces.stream?.text).toBe('Да. Есть.');
  expect(reduce(whole, messages([bot(2, 'Да. Есть.')]), NOW).stream).toBeNull();
});

test('typing ends by itself, with a message, and with the line', () => {
  const typing = after({ t: 'typing' });
  expect(typing.typingUntil).toBeGreaterThan(NOW);
  expect(reduce(typing, messages([bot(1)]), NOW).typingUntil).toBe(0);
  expect(reduce(typing, { t: 'link', link: 'offline' }, NOW).typingUntil).toBe(0);
});

test('a message that was still waiting to be sent appears later in its own place', () => {
  // The cursor stayed before it; asked again, the server tells what follows a second time.
  const state = after(
    messages([own('k1', 1), bot(3)], { cursor: 1 }),
    messages([bot(2), bot(3)], { after: 1, cursor: 3 }),
  );
  expect(texts(state)).toEqual(['k1', 'b2', 'b3']);
  expect(state.cursor).toBe(3);
});

test('after a long absence the newest page replaces what was known, my waiting words stay', () => {
  const state = after(
    messages([bot(1), bot(2)]),
    { t: 'local', message: own('k9') },
    messages([bot(80), bot(81)], { after: 2, more: true }),
  );
  expect(texts(state)).toEqual(['b80', 'b81', 'k9']);
  expect(state.more).toBe(true);
  const scrolled = reduce(state, { t: 'history', messages: [bot(79)], more: false }, NOW);
  expect(texts(scrolled)).toEqual(['b79', 'b80', 'b81', 'k9']);
  expect(scrolled.more).toBe(false);
});

test('unread counts what others wrote after the last look', () => {
  const state = after(messages([own('k1', 1), bot(2), bot(3)]), { t: 'seen', seq: 2 });
  expect(unread(state)).toBe(1);
  expect(unread(reduce(state, { t: 'seen', seq: 1 }, NOW))).toBe(1);
});

test('a picture keeps its address when the server signs a new one', () => {
  const file = { kind: 'image', name: 'a.png', mime: 'image/png', size: 1 } as const;
  const first = { ...bot(1), files: [{ ...file, url: '/one' }] };
  const again = { ...bot(1), files: [{ ...file, url: '/two' }] };
  expect(after(messages([first]), messages([again])).messages[0]!.files![0]!.url).toBe('/one');
});

test('an expired visitor starts anew with only what was not sent', () => {
  const state = after(
    messages([own('k1', 1), bot(2)]),
    { t: 'local', message: own('k2') },
    { t: 'reset' },
  );
  expect(texts(state)).toEqual(['k2']);
  expect(state.cursor).toBe(0);
});
