import { describe, expect, it } from 'vitest';
import { together, touches } from '../src/store/pages';
import { itemsOf } from '../src/thread/items';
import { leftText, plural, speak } from '../src/words';
import { message, thread } from './fakes';

describe('a thread', () => {
  it('has lines between days and episodes, one for what is new, and folds inner facts', () => {
    speak('ru', 'UTC');
    const ended = { started_at: '', resolved_at: null, by: 'agent', reason: '' };
    const shown = thread(
      [
        message(1),
        message(2),
        message(3, { kind: 'system', author: 'system' }),
        message(4, { kind: 'system', author: 'system' }),
        message(5, { episode: 2, at: '2026-11-23T09:00:00Z' }),
        message(6, { episode: 2, at: '2026-11-23T09:01:00Z', author: 'bot' }),
        message(7, { episode: 2, at: '2026-11-23T09:01:30Z', author: 'bot' }),
      ],
      { episodes: { 1: ended } },
    );
    const items = itemsOf(shown, 5);

    expect(items.map((item) => item.kind)).toEqual([
      'day',
      'message',
      'message',
      'events',
      'day',
      'episode',
      'new',
      'message',
      'message',
      'message',
    ]);
    expect(items.flatMap((item) => (item.kind === 'message' ? [item.isFirst] : []))).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect(items[3]).toMatchObject({ events: [{ seq: 3 }, { seq: 4 }] });
  });

  it('takes pages that touch, and knows when they do not', () => {
    const page = (from: number, to: number, more = {}) =>
      thread(
        Array.from({ length: to - from + 1 }, (_, at) => message(from + at)),
        more,
      );
    const old = page(1, 5, { newer: true });
    const end = page(90, 99, { more: true });

    expect(touches(old, end)).toBe(false);
    expect(touches(old, page(6, 8))).toBe(true);
    const joined = together(page(80, 92, { more: true }), end);
    expect([joined.messages.length, joined.more, joined.newer]).toEqual([20, true, false]);
    expect(together(end, page(80, 92, { more: false })).more).toBe(false);
  });
});

it('plurals and spans are as people say them', () => {
  speak('ru', 'UTC');
  expect([1, 3, 5, 21].map((n) => plural(n, 'newRow'))).toEqual([
    '1 новый',
    '3 новых',
    '5 новых',
    '21 новый',
  ]);
  expect(plural(1240, 'chosen').replace(/\s/g, ' ')).toBe('Выбрано 1 240 диалогов');
  expect([59_000, 5 * 60_000, 125 * 60_000].map(leftText)).toEqual([
    'меньше минуты',
    '5 мин',
    '2 ч 5 мин',
  ]);
});
