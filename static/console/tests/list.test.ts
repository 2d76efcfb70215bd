import { afterEach, describe, expect, it, vi } from 'vitest';
import { inSight, revealed } from '../src/list/virtual';
import { Store } from '../src/store/core';
import { answerDue, compare, movedIn, placed } from '../src/store/order';
import { Rows } from '../src/store/rows';
import { at, BOOT, row, server, settled } from './fakes';

afterEach(() => vi.unstubAllGlobals());

const ids = (rows: { id: number }[]) => rows.map((one) => one.id);

describe('the order of a list', () => {
  it('is the server’s: the nearest deadline first, those without one last', () => {
    const rows = [
      row(1, { deadline_at: null }),
      row(2, { deadline_at: at(5) }),
      row(3, { deadline_at: at(1) }),
      row(4, { deadline_at: at(5) }),
    ];
    expect(ids([...rows].sort((a, b) => compare(a, b, 'deadline')))).toEqual([3, 2, 4, 1]);
    expect(ids([...rows].sort((a, b) => compare(a, b, 'newest')))).toEqual([1, 2, 3, 4]);
    expect(ids([...rows].sort((a, b) => compare(a, b, 'oldest')))).toEqual([4, 3, 2, 1]);
  });

  it('puts what was promised before a later deadline, and colours waiting by it', () => {
    const rows = [
      row(1, { deadline_at: at(9) }),
      row(2, { deadline_at: at(30), sla_due_at: at(2), sla_kind: 'next_reply' }),
      row(3, { deadline_at: null, sla_due_at: at(5), sla_kind: 'resolve' }),
      row(4, { deadline_at: at(1), sla_due_at: at(40), sla_kind: 'first_reply' }),
      row(5),
    ];
    expect(ids([...rows].sort((a, b) => compare(a, b, 'deadline')))).toEqual([4, 2, 3, 1, 5]);
    expect(rows.map((one) => answerDue(one))).toEqual([at(9), at(2), null, at(40), null]);
  });

  it('takes changed rows into their places and lets those that left go', () => {
    const rows = [1, 2, 3].map((id) => row(id));
    const moved = placed(
      rows,
      [row(3, { updated_at: at(0) }), row(9, { updated_at: at(-2.5) })],
      [1],
      'newest',
      false,
    );
    expect(ids(moved)).toEqual([3, 2, 9]);
  });

  it('leaves what stands below the loaded rows to the next page', () => {
    const rows = [row(1), row(2)];
    const far = row(50);
    expect(ids(placed(rows, [far], [], 'newest', true))).toEqual([1, 2]);
    expect(ids(placed(rows, [far], [], 'newest', false))).toEqual([1, 2, 50]);
  });

  it('counts rows that came or moved up', () => {
    const shown = [1, 2, 3].map((id) => row(id));
    expect(movedIn(shown, shown)).toBe(0);
    expect(movedIn(shown, [row(9), ...shown])).toBe(1);
    expect(movedIn(shown, [row(3), row(1), row(2)])).toBe(1);
    expect(movedIn(shown, [row(9), row(8), row(3), row(1), row(2)])).toBe(3);
  });
});

describe('a long list', () => {
  it('draws what is in sight and a little around, however long it is', () => {
    expect(inSight(100_000, 76 * 50_000, 760, 76)).toEqual({ from: 49_994, to: 50_016 });
    expect(inSight(100_000, 0, 760, 76)).toEqual({ from: 0, to: 16 });
    expect(inSight(3, 0, 760, 76)).toEqual({ from: 0, to: 3 });
    expect(inSight(0, 0, 760, 76)).toEqual({ from: 0, to: 0 });
  });

  it('scrolls a row into sight only when it is not', () => {
    expect(revealed(5, 0, 760, 76)).toBeNull();
    expect(revealed(20, 0, 760, 76)).toBe(21 * 76 - 760);
    expect(revealed(2, 760, 760, 76)).toBe(152);
  });
});

describe('rows', () => {
  const list = (answer: Parameters<typeof server>[0]) => {
    const store = new Store(BOOT);
    const calls = server(answer);
    return { store, rows: new Rows(store), calls };
  };

  it('that changed are read alone, and one under the pointer stays in its place', async () => {
    const first = [1, 2, 3].map((id) => row(id));
    const { store, rows, calls } = list(({ path }) =>
      path.includes('/changes/')
        ? {
            rows: [row(3, { updated_at: at(9), preview: 'new' })],
            gone: [],
          }
        : { rows: first, next: 'n', sort: 'newest' },
    );
    await rows.read();
    rows.isPointerInside = true;
    rows.touch([3]);
    rows.touch([3]);
    await settled(150);

    expect(calls.filter((one) => one.path.includes('/changes/')).map((one) => one.path)).toEqual([
      '/desk/changes/?view=waiting&ids=3',
    ]);
    expect(ids(store.state.list.rows)).toEqual([1, 2, 3]);
    expect(store.state.list.rows[2]!.preview).toBe('new');
    expect(store.state.list.moved).toBe(1);

    rows.pointerLeft();
    expect(ids(store.state.list.rows)).toEqual([3, 1, 2]);
    expect(store.state.list.moved).toBe(0);
  });

  it('that changed while the whole list was on its way are not lost to an older answer', async () => {
    let arrives: (() => void) | undefined;
    const { store, rows } = list(({ path }) => {
      if (path.includes('/changes/')) return { rows: [row(7)], gone: [] };
      return new Promise((done) => {
        arrives = () => done({ rows: [], next: '', sort: 'newest' });
      });
    });
    const read = rows.read();
    rows.touch([7]);
    await settled(200);
    expect(ids(store.state.list.rows)).toEqual([]);

    arrives?.();
    await read;
    await settled(200);
    expect(ids(store.state.list.rows)).toEqual([7]);
  });

  it('come page by page, and an old answer never overwrites a newer list', async () => {
    let slow: (() => void) | undefined;
    const { store, rows } = list(({ path }) => {
      if (path.includes('view=mine')) return { rows: [row(5)], next: '', sort: 'newest' };
      return path.includes('after=')
        ? { rows: [row(2), row(3)], next: '', sort: 'newest' }
        : { rows: [row(1), row(2)], next: 'n', sort: 'newest' };
    });
    await rows.read();
    await rows.readMore();
    expect(ids(store.state.list.rows)).toEqual([1, 2, 3]);

    const old = rows.read();
    rows.choose('mine');
    await old;
    await settled(5);
    expect(ids(store.state.list.rows)).toEqual([5]);
    slow?.();
  });

  it('are chosen by one, by a stretch and all', async () => {
    const { store, rows } = list(() => ({
      rows: [1, 2, 3, 4].map((id) => row(id)),
      next: 'n',
      sort: 'newest',
    }));
    await rows.read();
    rows.toggle(2);
    rows.stretch(4);
    expect([...store.state.list.selected]).toEqual([2, 3, 4]);
    rows.toggle(3);
    expect(store.state.list.selected.has(3)).toBe(false);
    rows.chooseAll();
    expect([store.state.list.selected.size, store.state.list.isAll]).toEqual([4, true]);
    rows.unchoose();
    expect(store.state.list.selected.size).toBe(0);
  });
});
