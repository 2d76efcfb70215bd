import { describe, expect, it, vi } from 'vitest';
import { Live, type Ways } from '../src/net/live';
import { join, merge, moves, update } from '../src/store/order';
import type { Message, Row } from '../src/types';
import { buyerName, speak, t, urgency, waitText } from '../src/words';

const message = (seq: number, text = ''): Message => ({ seq, text }) as Message;
const row = (id: number, preview = ''): Row => ({ id, preview }) as Row;

const live = () => {
  const said: string[] = [];
  const listener = {
    events: vi.fn(),
    refresh: vi.fn(),
    presence: vi.fn(),
    buyerTyping: vi.fn(),
    counters: vi.fn(),
    connected: vi.fn(),
    began: vi.fn(),
    told: vi.fn(),
  };
  const socket = { readyState: 1, send: (text: string) => said.push(text), close: vi.fn() };
  const found = new Live(listener, {
    open: () => socket as unknown as WebSocket,
    poll: async () => ({ events: [], seq: 0 }),
  });
  found.start();
  return { found, listener, said };
};

describe('facts by number', () => {
  it('come with the figures of the lists, as the server counts them', () => {
    const { found, listener } = live();
    found.hear({ type: 'hello', seq: 4 });
    found.hear({ type: 'counters', counters: { waiting: 3 } });
    expect(listener.counters.mock.calls).toEqual([[{ waiting: 3 }]]);
    expect(found.seq).toBe(4);
  });

  it('begin with the first greeting only, and bring what their person is told of', () => {
    const { found, listener } = live();
    found.hear({ type: 'hello', seq: 4 });
    found.hear({ type: 'hello', seq: 4 });
    expect(listener.began).toHaveBeenCalledOnce();
    found.hear({ type: 'notice', notice: { id: 3 } });
    expect(listener.told.mock.calls).toEqual([[{ id: 3 }]]);
  });

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

describe('without sockets', () => {
  const ways = (poll: Ways['poll']) => {
    const listener = {
      events: vi.fn(),
      refresh: vi.fn(),
      presence: vi.fn(),
      buyerTyping: vi.fn(),
      counters: vi.fn(),
      connected: vi.fn(),
      began: vi.fn(),
      told: vi.fn(),
    };
    const sockets: { onclose: () => void }[] = [];
    const live = new Live(listener, {
      open: () => {
        const socket = { readyState: 3, send: vi.fn(), close: vi.fn(), onclose: () => undefined };
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
      poll,
    });
    return { live, listener, sockets };
  };

  it('facts are polled for, in the same numbers', async () => {
    vi.useFakeTimers();
    const polled: number[] = [];
    const { live, listener, sockets } = ways(async (after) => {
      polled.push(after);
      if (polled.length > 2) return new Promise(() => undefined);
      return polled.length === 1
        ? { events: [], seq: 4 }
        : { events: [{ seq: 5, name: 'x', data: {} }], seq: 5 };
    });
    live.start();
    for (let n = 0; n < 3; n += 1) {
      sockets.at(-1)!.onclose();
      await vi.advanceTimersByTimeAsync(3000);
    }
    expect(polled.slice(0, 3)).toEqual([0, 4, 5]);
    expect(listener.events.mock.calls[0]![0]).toMatchObject([{ seq: 5 }]);
    expect(listener.connected).toHaveBeenLastCalledWith(true);
    live.stop();
    vi.useRealTimers();
  });

  it('and where polling is not there either, everything is read anew every five seconds', async () => {
    vi.useFakeTimers();
    const { live, listener, sockets } = ways(async () => {
      throw new Error('404');
    });
    live.start();
    for (let n = 0; n < 3; n += 1) {
      sockets.at(-1)!.onclose();
      await vi.advanceTimersByTimeAsync(2000);
    }
    const before = listener.refresh.mock.calls.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(listener.refresh.mock.calls.length - before).toBe(2);
    live.stop();
    vi.useRealTimers();
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
  it('tell buyers without a name apart', () => {
    speak('ru', 'UTC');
    expect([1240, 7].map((id) => buyerName({ id, name: '' }))).toEqual([
      'Покупатель №\u202f1240',
      'Покупатель №\u202f7',
    ]);
    expect(buyerName({ id: 7, name: 'Анна' })).toBe('Анна');
  });

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
