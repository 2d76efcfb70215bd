import { afterEach, describe, expect, it, vi } from 'vitest';
import { pieces } from '../src/found/marks';
import { Acts } from '../src/store/acts';
import { Store } from '../src/store/core';
import { Drafts } from '../src/store/drafts';
import { Finder } from '../src/store/finder';
import { Macros, UNDO_FOR_MS } from '../src/store/macros';
import { Rows } from '../src/store/rows';
import { Threads } from '../src/store/threads';
import type { Found, Macro } from '../src/types';
import { speak } from '../src/words';
import { BOOT, message, offline, refusal, row, server, settled, thread } from './fakes';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const house = (answer: Parameters<typeof server>[0]) => {
  speak('ru', 'UTC');
  const store = new Store(BOOT);
  const calls = server(answer);
  const rows = new Rows(store);
  const threads = new Threads(store, new Drafts(store), () => undefined);
  const acts = new Acts(store, rows, threads);
  const finder = new Finder(store, rows, threads);
  return { store, calls, acts, finder, macros: new Macros(store, rows, threads, acts) };
};

const page = (id: number, next = ''): Found => ({
  how: 'words',
  conversations: [{ row: row(id), hits: [], more: false }],
  contacts: [],
  orders: [],
  next,
});

describe('what was found', () => {
  it('is cut into pieces of text at its marks, whatever they are', () => {
    const text = '<b>Синий</b> 🙂 плащ';
    const at = text.indexOf('плащ');
    expect(pieces(text, [[at, at + 4]])).toEqual([
      { text: '<b>Синий</b> 🙂 ', isFound: false },
      { text: 'плащ', isFound: true },
    ]);
    expect(pieces('abc', [])).toEqual([{ text: 'abc', isFound: false }]);
    const crooked: [number, number][] = [
      [2, 9],
      [0, 1],
      [0, 3],
      [50, 60],
    ];
    expect(pieces('abcd', crooked).map((one) => one.text)).toEqual(['a', 'bc', 'd']);
  });

  it('is asked for after a pause, and an old answer never shows over a newer word', async () => {
    const { store, calls, finder } = house(({ path }) => {
      const isOld = decodeURIComponent(path).endsWith('q=пл');
      return isOld ? settled(120).then(() => page(1)) : page(2);
    });
    finder.type('п');
    expect(store.state.find.isLoading).toBe(false);
    finder.type('пл');
    await settled(260);
    finder.type('плащ');
    await settled(400);
    expect(calls.map((one) => decodeURIComponent(one.path))).toEqual([
      '/desk/search/?q=пл',
      '/desk/search/?q=плащ',
    ]);
    expect(store.state.find.found?.conversations[0]?.row.id).toBe(2);
    finder.clear();
    expect(store.state.find).toMatchObject({ query: '', found: null });
  });

  it('goes on from its place, each dialogue once', async () => {
    const { store, finder } = house(({ path }) => {
      if (!path.includes('after=')) return page(1, 'n');
      const more = page(1);
      more.conversations.push(...page(3).conversations);
      return more;
    });
    finder.type('плащ');
    await settled(300);
    await finder.readMore();
    expect(store.state.find.found?.conversations.map((one) => one.row.id)).toEqual([1, 3]);
    expect(store.state.find.found?.next).toBe('');
  });

  it('comes from the kept list without a line, and a refusal is told in words', async () => {
    const { store, finder } = house(({ path }) =>
      path.includes('%D0%BD%D0%B5%D1%82') ? refusal(400, 'нельзя') : offline(),
    );
    finder.type('нет');
    await settled(300);
    expect(store.state.find.failure).toBe('нельзя');
    finder.type('плащ');
    await settled(300);
    expect([store.state.find.query, store.state.list.query]).toEqual(['', 'плащ']);
  });

  it('leads to the message itself', async () => {
    const { store, finder } = house(({ path }) =>
      path === '/desk/conversations/7/' ? thread([message(1), message(2)]) : {},
    );
    await finder.go({ conversation: 7, seq: 2 }, true);
    expect([store.state.open, store.state.jump?.seq]).toEqual([7, 2]);
    await finder.go({ conversation: 7, seq: 2 }, false);
    expect(store.state.jump).toBeNull();
  });
});

describe('a macro', () => {
  const macro: Macro = { id: 4, name: 'Возврат', is_personal: true, team: null, lasting: [] };

  it('is one press, and Z takes it back for as long as the server does', async () => {
    const { store, calls, acts, macros } = house(({ path }) =>
      path.endsWith('/macro/') ? { undo: 31, lasting: [] } : { changed: 2, left: [] },
    );
    store.set({ open: 7 });
    expect(await macros.run(macro)).toBe(true);
    expect(store.state.toast?.text).toBe('Сделано: «Возврат».');
    store.set({ toast: null });
    acts.undoLast();
    await settled(5);
    acts.undoLast();
    await settled(5);
    const asked = calls.filter((one) => one.method === 'POST');
    expect(asked.map((one) => one.path)).toEqual([
      '/conversations/7/macro/',
      '/macros/runs/31/undo/',
    ]);
    expect(asked[0]?.body).toEqual({ macro: 4 });
    expect(store.state.toast?.text).toBe('Отменено: «Возврат».');

    const run = vi.fn();
    acts.canUndo(run, UNDO_FOR_MS);
    store.set({ toast: null });
    vi.useFakeTimers({ now: Date.now() + UNDO_FOR_MS + 1 });
    acts.undoLast();
    expect(run).not.toHaveBeenCalled();
  });

  it('that was refused says why', async () => {
    const { store, macros } = house(() => refusal(409, 'macro_refused'));
    store.set({ open: 7 });
    expect(await macros.run(macro)).toBe(false);
    expect([store.state.notice?.text, store.state.toast]).toEqual(['macro_refused', null]);
  });
});
