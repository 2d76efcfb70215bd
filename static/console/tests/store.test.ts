import { describe, expect, it, vi } from 'vitest';
import { Live } from '../src/socket';
import { join, merge, moves, update } from '../src/store';
import { speak, t, urgency, waitText } from '../src/text';
import type { Message, Row } from '../src/types';

const message = (seq: number, text = ''): Message => ({ seq, text }) as Message;
const row = (id: number, preview = ''): Row => ({ id, preview }) as Row;

const live = () => {
  const said: string[] = [];
  const listener = {
    events: vi.fn(),
    refresh: vi.fn(),
    presence: vi.fn(),
    buyerTyping: vi.fn(),
    connected: vi.fn(),
  };
  const socket = { readyState: 1, send: (text: string) => said.push(text), close: vi.fn() };
  const found = new Live(listener, () => socket as unknown as WebSocket);
  found.start();
  return { found, listener, said };
};

describe('facts by number', () => {
  it('are handed on in order, each once', () => {
    const { found, listener } = live();
    found.hear({ type: 'hello', seq: 4 });
    found.hear({ type: 'events', events: [{ seq: 6 }, { seq: 5 }] });
    found.hear({ type: 'events', events: [{ seq: 6 }, { seq: 7 }] });

    expect(listener.events.mock.calls.map(([e]) => e.map((x: { seq: number }) => x.seq))).toEqual([
      [5, 6],
      [7],
    ]);
    expect(found.seq).toBe(7);
  });

  it('with a gap between are asked for, and nothing is skipped', () => {
    const { found, listener, said } = live();
    found.hear({ type: 'hello', seq: 4 });
    found.hear({ type: 'events', events: [{ seq: 8 }] });

    expect(listener.events).not.toHaveBeenCalled();
    expect(said).toEqual(['{"type":"since","seq":4}']);

    found.hear({ type: 'events', events: [{ seq: 5 }, { seq: 6 }, { seq: 7 }, { seq: 8 }] });
    expect(found.seq).toBe(8);
  });

  it('missed while away are asked for on the next hello', () => {
    const { found, said } = live();
    found.hear({ type: 'hello', seq: 4 });
    found.hear({ type: 'hello', seq: 9 });

    expect(said).toEqual(['{"type":"since","seq":4}']);
  });

  it('are read anew where the gap is too large', () => {
    const { found, listener } = live();
    found.hear({ type: 'hello', seq: 4 });
    found.hear({ type: 'refresh', seq: 9000 });

    expect(listener.refresh).toHaveBeenCalledOnce();
    expect(found.seq).toBe(9000);
  });
});

describe('pages', () => {
  it('of messages join without doubles, the newer copy winning', () => {
    const joined = join([message(1), message(2, 'old')], [message(2, 'new'), message(3)]);

    expect(joined.map((m) => m.seq)).toEqual([1, 2, 3]);
    expect(joined[1]!.text).toBe('new');
  });

  it('of rows follow each other without doubles', () => {
    expect(merge([row(1), row(2)], [row(2), row(3)]).map((r) => r.id)).toEqual([1, 2, 3]);
  });

  it('keep their places while a pointer is over them', () => {
    const now = [row(1, 'a'), row(2, 'b')];
    const next = [row(3), row(1, 'z')];

    expect(moves(now, next)).toBe(true);
    expect(update(now, next).map((r) => [r.id, r.preview])).toEqual([
      [1, 'z'],
      [2, 'b'],
    ]);
  });
});

describe('words', () => {
  it('tell how long somebody waits', () => {
    speak('ru', 'UTC');
    const now = Date.parse('2026-11-22T12:00:00Z');

    expect(waitText('2026-11-22T11:59:30Z', now)).toBe('меньше минуты');
    expect(t('waits', waitText('2026-11-22T11:56:00Z', now))).toBe('ждёт 4 мин');
    expect(waitText('2026-11-22T09:00:00Z', now)).toBe('3 ч');
    speak('en', 'UTC');
    expect(waitText('2026-11-20T09:00:00Z', now)).toBe('2 d');
  });

  it('turn amber at 70 % of the time and red past it', () => {
    const at = (minute: number) => Date.parse('2026-11-22T12:00:00Z') + minute * 60_000;
    const since = '2026-11-22T12:00:00Z';
    const deadline = '2026-11-22T12:10:00Z';

    expect([6, 7, 10].map((m) => urgency(since, deadline, at(m)))).toEqual(['', 'amber', 'red']);
  });
});
