import { describe, expect, it } from 'vitest';
import { afterwards, presetName } from '../src/composer/later';
import type { Later } from '../src/types';
import { at } from './fakes';

const later = (id: number, more: Partial<Later>): Later => ({
  id,
  text: `L${id}`,
  send_at: at(id),
  cancels_on_reply: true,
  state: 'waiting',
  reason: '',
  ended_at: null,
  ...more,
});

describe('messages for later', () => {
  it('show what waits, the soonest first, and the last one that the buyer overtook', () => {
    const all = [
      later(9, {}),
      later(4, {}),
      later(1, { state: 'sent', ended_at: at(1) }),
      later(2, { state: 'cancelled', reason: 'buyer_wrote', ended_at: at(2) }),
      later(3, { state: 'cancelled', reason: 'buyer_wrote', ended_at: at(3) }),
      later(5, { state: 'cancelled', reason: 'person', ended_at: at(5) }),
    ];
    const now = Date.parse(at(10));
    expect(afterwards(all, now).map((one) => one.id)).toEqual([4, 9, 3]);
    expect(afterwards(all, now + 2 * 86_400_000).map((one) => one.id)).toEqual([4, 9]);
  });
});

it('after hours a preset is called by what it is', () => {
  const now = Date.parse('2026-11-22T17:00:00Z');
  expect(presetName({ key: 'hour', at: '2026-11-22T18:00:00Z' }, now)).toBe('hour');
  expect(presetName({ key: 'hour', at: '2026-11-23T07:00:00Z' }, now)).toBe('opening');
  expect(presetName({ key: 'monday', at: '2026-11-23T07:00:00Z' }, now)).toBe('monday');
});
