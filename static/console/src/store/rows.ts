/** The list: pages by place, rows that changed, what is chosen. Rows come from the server only. */
import { Away, call } from '../net/api';
import type { Shelf } from '../offline/shelf';
import type { Row, Sort, View } from '../types';
import { told } from '../words/told';
import type { ListState, Store } from './core';
import { merge, movedIn, moves, placed, update } from './order';

interface Page {
  rows: Row[];
  next: string;
  sort: Sort;
}

interface Changes {
  rows: Row[];
  gone: number[];
}

export class Rows {
  isPointerInside = false;
  shelf: Shelf | null = null;
  private touched = new Set<number>();
  private asked = 0;
  private isOwn = false;

  constructor(private readonly store: Store) {}

  private get list(): ListState {
    return this.store.state.list;
  }

  /** What names the list in an address. */
  private query(): string {
    const { view, saved, query } = this.list;
    const found = new URLSearchParams({ view });
    if (saved) found.set('saved', String(saved));
    if (query) found.set('q', query);
    return found.toString();
  }

  async read(): Promise<void> {
    const asked = ++this.asked;
    const where = this.query();
    const sort = this.store.state.prefs.sorts?.[this.key] ?? '';
    this.store.setList({ isLoading: true });
    try {
      const page = await call<Page>('GET', `/desk/conversations/?${where}&sort=${sort}`);
      if (asked !== this.asked) return;
      this.show(page.rows, { next: page.next, sort: page.sort, asOf: '' });
      void this.shelf
        ?.put('lists', { id: where, at: Date.now(), rows: page.rows })
        .catch(() => undefined);
    } catch (error) {
      if (asked !== this.asked) return;
      if (error instanceof Away) await this.fromShelf(where);
      else this.store.setList({ isLoading: false, failure: told(error) });
    }
  }

  async readMore(): Promise<void> {
    const { next, isLoading, sort } = this.list;
    if (!next || isLoading) return;
    const asked = ++this.asked;
    this.store.setList({ isLoading: true });
    try {
      const page = await call<Page>(
        'GET',
        `/desk/conversations/?${this.query()}&sort=${sort}&after=${encodeURIComponent(next)}`,
      );
      if (asked !== this.asked) return;
      const { rows, held } = this.list;
      this.store.setList({
        rows: merge(rows, page.rows),
        held: held && merge(held, page.rows),
        next: page.next,
        isLoading: false,
      });
    } catch {
      if (asked === this.asked) this.store.setList({ isLoading: false });
    }
  }

  /**
   * These conversations changed: only they are read, whatever the length of the list. What the
   * person has done moves rows at once, pointer or not.
   */
  touch(ids: Iterable<number>, isOwn = false): void {
    for (const id of ids) this.touched.add(id);
    this.isOwn ||= isOwn;
    this.store.soon('rows', 120, () => this.readChanges());
  }

  private async readChanges(): Promise<void> {
    if (this.list.isLoading) {
      // The whole list is on its way, perhaps as it was before these changed: look after it.
      this.store.soon('rows', 120, () => this.readChanges());
      return;
    }
    const ids = [...this.touched].slice(0, 200);
    this.touched = new Set([...this.touched].slice(200));
    if (!ids.length) return;
    const where = this.query();
    try {
      const found = await call<Changes>('GET', `/desk/changes/?${where}&ids=${ids.join(',')}`);
      if (where !== this.query() || this.list.asOf) return;
      if (this.list.isLoading) {
        this.touch(ids);
        return;
      }
      const { rows, held, sort, next } = this.list;
      this.show(placed(held ?? rows, found.rows, found.gone, sort, Boolean(next)), {});
    } catch (error) {
      if (error instanceof Away) this.touched = new Set([...this.touched, ...ids]);
    }
    if (this.touched.size && this.store.state.isUp)
      this.store.soon('rows', 300, () => this.readChanges());
  }

  /** A row never moves under the pointer: what came is shown when it leaves. */
  private show(rows: Row[], more: Partial<ListState>): void {
    const shown = this.list.rows;
    const done = { ...more, isLoading: false, failure: '' };
    const isOwn = this.isOwn;
    this.isOwn = false;
    if (this.isPointerInside && !isOwn && moves(shown, rows))
      this.store.setList({
        ...done,
        rows: update(shown, rows),
        held: rows,
        moved: movedIn(shown, rows),
      });
    else this.store.setList({ ...done, rows, held: null, moved: 0 });
  }

  pointerLeft(): void {
    this.isPointerInside = false;
    this.release();
  }

  release(): void {
    if (this.list.held) this.store.setList({ rows: this.list.held, held: null, moved: 0 });
  }

  // ── which list ──
  choose(view: View, saved: number | null = null): void {
    this.store.set({ find: { query: '', found: null, isLoading: false, failure: '' } });
    this.empty({ view, saved, query: '' });
    this.read();
  }

  search(query: string): void {
    const isNew = query && !this.list.query;
    this.store.setList({
      query,
      ...(isNew ? { view: 'all', saved: null } : {}),
      isLoading: true,
    });
    this.store.later('search', 250, () => this.read());
  }

  sorted(): void {
    this.empty({});
    this.read();
  }

  private empty(change: Partial<ListState>): void {
    this.store.setList({
      ...change,
      rows: [],
      next: '',
      held: null,
      moved: 0,
      cursor: null,
      selected: new Set(),
      isAll: false,
      failure: '',
      isLoading: true,
    });
  }

  get key(): string {
    return this.list.saved ? `saved_${this.list.saved}` : this.list.view;
  }

  // ── chosen rows ──
  toggle(id: number): void {
    const selected = new Set(this.list.selected);
    if (!selected.delete(id)) selected.add(id);
    this.store.setList({ selected, cursor: id, isAll: false });
  }

  /** Everything from the place of the cursor to this row. */
  stretch(id: number): void {
    const { rows, cursor, selected } = this.list;
    const [from = -1, to = -1] = [cursor ?? id, id].map((one) =>
      rows.findIndex((row) => row.id === one),
    );
    if (from < 0 || to < 0) return;
    const between = rows.slice(Math.min(from, to), Math.max(from, to) + 1).map((row) => row.id);
    this.store.setList({ selected: new Set([...selected, ...between]), cursor: id, isAll: false });
  }

  chooseAll(): void {
    this.store.setList({
      selected: new Set(this.list.rows.map((row) => row.id)),
      isAll: Boolean(this.list.next),
    });
  }

  unchoose(): void {
    this.store.setList({ selected: new Set(), isAll: false });
  }

  move(by: number): Row | undefined {
    const { rows, cursor } = this.list;
    const at = rows.findIndex((row) => row.id === cursor);
    const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
    if (next) this.store.setList({ cursor: next.id });
    if (rows.length - at < 10) this.readMore();
    return next;
  }

  /** Change rows before the server has said so; returns how to take it back. */
  patch(ids: Iterable<number>, change: Partial<Row>): () => void {
    const wanted = new Set(ids);
    const before = new Map(
      this.list.rows.filter((row) => wanted.has(row.id)).map((row) => [row.id, row]),
    );
    this.store.setList({
      rows: this.list.rows.map((row) => (wanted.has(row.id) ? { ...row, ...change } : row)),
    });
    return () =>
      this.store.setList({ rows: this.list.rows.map((row) => before.get(row.id) ?? row) });
  }

  private async fromShelf(where: string): Promise<void> {
    const kept = await this.shelf?.get('lists', where).catch(() => undefined);
    if (where !== this.query()) return;
    if (kept && !this.list.rows.length)
      this.store.setList({
        rows: kept.rows,
        next: '',
        asOf: new Date(kept.at).toISOString(),
        isLoading: false,
        failure: '',
      });
    else this.store.setList({ isLoading: false });
  }
}
