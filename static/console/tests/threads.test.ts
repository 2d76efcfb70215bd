import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryShelf } from '../src/offline/shelf';
import { Store } from '../src/store/core';
import { Drafts } from '../src/store/drafts';
import { PASSING_MS, Threads } from '../src/store/threads';
import { BOOT, type Call, message, offline, row, server, settled, thread } from './fakes';

const page = (from: number, to: number, more = {}) =>
  thread(
    Array.from({ length: to - from + 1 }, (_, at) => message(from + at)),
    more,
  );

describe('the open thread', () => {
  let store: Store;
  let threads: Threads;
  let answer: (call: Call) => unknown;
  const seqs = () => store.state.thread?.messages.map((m) => m.seq) ?? [];

  beforeEach(() => {
    store = new Store(BOOT);
    threads = new Threads(store, new Drafts(store), (error) => {
      throw error;
    });
    server((call) => answer(call));
  });
  afterEach(() => vi.unstubAllGlobals());

  it('jumps to a quoted message outside of the page, and back to the end', async () => {
    answer = ({ path }) =>
      path.includes('around=3')
        ? page(1, 8, { newer: true })
        : page(90, 99, { more: true, context: { name: 'Анна' } });
    await threads.open(7);
    expect(seqs()[0]).toBe(90);

    await threads.jumpTo(3);
    expect([seqs()[0], seqs().at(-1), store.state.thread!.newer]).toEqual([1, 8, true]);
    expect([store.state.jump!.seq, store.state.thread!.context]).toEqual([3, { name: 'Анна' }]);

    // What comes meanwhile is counted below, not pulled in.
    await threads.read();
    expect([seqs().at(-1), store.state.below]).toEqual([8, 10]);

    await threads.toEnd();
    expect([seqs()[0], store.state.thread!.newer, store.state.below]).toEqual([90, false, 0]);
  });

  it('takes older pages above and never an older answer over a newer one', async () => {
    answer = ({ path }) =>
      path.includes('before=90') ? page(60, 89, { more: true }) : page(90, 99, { more: true });
    await threads.open(7);
    await threads.readOlder();
    expect([seqs()[0], seqs().at(-1), store.state.thread!.more]).toEqual([60, 99, true]);

    let late: (value: unknown) => void = () => undefined;
    vi.stubGlobal('fetch', () => new Promise((done) => (late = done)));
    const slow = threads.read();
    server(() => page(90, 101, { more: true }));
    await threads.read();
    late(new Response(JSON.stringify(page(90, 99, { more: true }))));
    await slow;
    expect(seqs().at(-1)).toBe(101);
  });

  it('is there without a line when it was opened before, also after a reload', async () => {
    const shelf = new MemoryShelf();
    threads.shelf = shelf;
    answer = () => page(1, 5);
    await threads.open(7);
    await settled(420);

    store = new Store(BOOT);
    threads = new Threads(store, new Drafts(store), () => undefined);
    threads.shelf = shelf;
    answer = offline;
    await threads.open(7);
    await settled(5);
    expect([seqs().length, store.state.isCached]).toEqual([5, true]);
    await threads.open(8);
    await settled(5);
    expect(store.state.thread).toBeNull();
  });

  it('seen before is shown at once, and who only passes by asks nothing', async () => {
    const asked: string[] = [];
    answer = ({ path }) => {
      asked.push(path);
      return page(1, 5, { conversation: row(Number(path.split('/')[3])) });
    };
    const looks: (number | null)[] = [];
    threads.live = { look: (id: number | null) => looks.push(id) } as never;
    await threads.open(7);
    await threads.open(8);
    await settled(PASSING_MS);
    asked.length = looks.length = 0;

    void threads.open(7);
    expect([seqs().length, store.state.isCached]).toEqual([5, true]);
    void threads.open(8);
    await threads.open(7);
    await settled(20);
    expect(asked).not.toContain('/desk/conversations/8/');
    expect(asked).toContain('/desk/conversations/7/');
    expect(looks).not.toContain(8);
    expect(store.state.isCached).toBe(false);
  });

  it('begins to be read where somebody stopped, though that is far above', async () => {
    const more = { read_seq: 12, conversation: row(7, { unread: 80 }) };
    answer = ({ path }) =>
      path.includes('around=13')
        ? page(5, 20, { ...more, more: true, newer: true })
        : page(70, 99, { ...more, more: true });
    await threads.open(7);
    expect([store.state.newFrom, store.state.unreadFrom]).toEqual([null, 13]);
    await threads.jumpToUnread();
    expect([seqs()[0], store.state.jump!.seq]).toEqual([5, 13]);
    expect([store.state.newFrom, store.state.unreadFrom]).toEqual([13, null]);
  });

  it('is read after a second in sight, unless somebody has marked it unread', async () => {
    const read: string[] = [];
    answer = ({ path }) => {
      if (path === '/conversations/8/read/') read.push(path); // others’ may still come
      return page(1, 5, { conversation: row(8, { unread: 2 }) });
    };
    await threads.open(8);
    expect(store.state.newFrom).toBe(1);
    await settled(1050);
    expect(read).toEqual(['/conversations/8/read/']);

    threads.markedUnread(8);
    await threads.read();
    await settled(1050);
    expect(read).toHaveLength(1);
  });
});
