import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Store } from '../src/store/core';
import { Notices } from '../src/store/notices';
import * as sound from '../src/store/sound';
import type { Told } from '../src/types';
import { speak } from '../src/words';
import { at, BOOT, type Call, server } from './fakes';

const told = (id: number, more: Partial<Told> = {}): Told => ({
  id,
  event: 'reply',
  conversation: 7,
  title: `T${id}`,
  body: '',
  at: at(id),
  url: '/console/#7',
  app: true,
  sound: true,
  ...more,
});

describe('what somebody is told of', () => {
  let store: Store;
  let notices: Notices;
  let calls: Call[];
  const ring = vi.fn();

  beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse(at(7)) });
    ring.mockReset();
    vi.spyOn(sound, 'ring').mockImplementation(ring);
    vi.spyOn(document, 'hasFocus').mockReturnValue(true);
    speak('ru', 'UTC');
    calls = server(() => ({ notices: [], unseen: 0, seen: 1 }));
    store = new Store(BOOT);
    notices = new Notices(store);
    notices.start();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('is shown for a while, heard once, and counted until it is seen', async () => {
    await vi.advanceTimersByTimeAsync(1);
    notices.hear(told(3));
    notices.hear(told(3));
    await vi.advanceTimersByTimeAsync(1);
    expect([ring.mock.calls.length, store.state.unseen]).toEqual([1, 1]);
    expect(store.state.cards.map((one) => one.id)).toEqual([3]);
    await vi.advanceTimersByTimeAsync(13_000);
    expect([store.state.cards, store.state.told.length]).toEqual([[], 1]);

    store.set({ open: 7 });
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.at(-1)).toMatchObject({
      path: '/desk/notices/seen/',
      body: { conversation: 7 },
    });
    expect(store.state.unseen).toBe(0);
  });

  it('makes no sound where it lies before the eyes, or where its person wants none', async () => {
    store.set({ open: 7 });
    notices.hear(told(3));
    notices.hear(told(4, { conversation: 8, sound: false }));
    store.set({ prefs: { sound: false } });
    notices.hear(told(5, { conversation: 9 }));
    await vi.advanceTimersByTimeAsync(1);
    expect(ring).not.toHaveBeenCalled();
    expect(store.state.cards.map((one) => one.id)).toEqual([5, 4]);
  });

  it.each([
    ['somebody takes it', () => ({ name: 'conversation.taken_over', data: { conversation: 7 } })],
    ['it is opened', () => null],
  ])('sounds every 20 seconds when the bot asks for help, until %s', async (_how, event) => {
    notices.hear(told(3, { event: 'handover', repeat_s: 20 }));
    await vi.advanceTimersByTimeAsync(41_000);
    expect(ring).toHaveBeenCalledTimes(3);
    expect(store.state.cards).toHaveLength(1);

    const end = event();
    if (end) notices.happened([{ seq: 9, ...end }]);
    else store.set({ open: 7 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ring).toHaveBeenCalledTimes(3);
    expect(store.state.cards).toEqual([]);
  });

  it('is looked for in the list where no socket brings it, as the server says it is heard', async () => {
    await vi.advanceTimersByTimeAsync(1);
    notices.hear(told(2, { sound: false }));
    calls = server(() => ({
      notices: [
        told(6, { conversation: 9, sound: false }), // quiet hours
        told(5, { conversation: 8, app: false }), // heard only
        told(4, { event: 'handover', repeat_s: 20 }),
      ],
      unseen: 2,
    }));
    await notices.look();
    await vi.advanceTimersByTimeAsync(1);
    expect(calls.map((one) => one.path)).toEqual(['/desk/notices/list/?after=2']);
    expect(ring).toHaveBeenCalledTimes(2);
    expect(store.state.cards.map((one) => one.id)).toEqual([6, 4, 2]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ring).toHaveBeenCalledTimes(3);
  });

  it('goes on sounding after a reload until somebody looks, one sound for all of them', async () => {
    const asks = { event: 'handover', repeat_s: 20 };
    calls = server(() => ({
      notices: [told(6, asks), told(5, { ...asks, conversation: 8 }), told(4)],
      unseen: 3,
    }));
    await notices.read();
    await vi.advanceTimersByTimeAsync(41_000);
    expect(ring).toHaveBeenCalledTimes(2);
    store.set({ open: 7 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ring).toHaveBeenCalledTimes(3);
    store.set({ open: 8 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ring).toHaveBeenCalledTimes(3);
  });
});
