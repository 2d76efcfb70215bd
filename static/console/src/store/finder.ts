/** One search: what was said, who said it, what they ordered (bots/api/search.py). */
import { Away, call } from '../net/api';
import type { Found, Jump } from '../types';
import { told } from '../words/told';
import type { FindState, Store } from './core';
import type { Rows } from './rows';
import type { Threads } from './threads';

const PAUSE_MS = 220;
export const SHORTEST = 2;

export const found = (query: string, next = ''): Promise<Found> =>
  call<Found>(
    'GET',
    `/desk/search/?q=${encodeURIComponent(query)}${next ? `&after=${encodeURIComponent(next)}` : ''}`,
  );

export class Finder {
  private asked = 0;

  constructor(
    private readonly store: Store,
    private readonly rows: Rows,
    private readonly threads: Threads,
  ) {}

  private get find(): FindState {
    return this.store.state.find;
  }

  private set(change: Partial<FindState>): void {
    this.store.set({ find: { ...this.find, ...change } });
  }

  type(query: string): void {
    const asked = ++this.asked;
    if (this.store.state.list.query) this.rows.choose(this.store.state.list.view);
    const isEnough = query.trim().length >= SHORTEST;
    this.set({
      query,
      isLoading: isEnough,
      failure: '',
      ...(isEnough ? {} : { found: null }),
    });
    this.store.never('find');
    if (isEnough) this.store.later('find', PAUSE_MS, () => void this.read(asked));
  }

  private async read(asked: number): Promise<void> {
    const { query } = this.find;
    try {
      const page = await found(query);
      if (asked === this.asked) this.set({ found: page, isLoading: false });
    } catch (error) {
      if (asked !== this.asked) return;
      if (error instanceof Away) this.asList();
      else this.failed(error);
    }
  }

  async readMore(): Promise<void> {
    const { query, found: before, isLoading } = this.find;
    if (!before?.next || isLoading) return;
    const asked = this.asked;
    this.set({ isLoading: true });
    try {
      const page = await found(query, before.next);
      if (asked !== this.asked) return;
      const known = new Set(before.conversations.map((one) => one.row.id));
      const fresh = page.conversations.filter((one) => !known.has(one.row.id));
      this.set({
        found: { ...before, conversations: [...before.conversations, ...fresh], next: page.next },
        isLoading: false,
      });
    } catch (error) {
      if (asked === this.asked) this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.set({
      isLoading: false,
      failure: told(error),
    });
  }

  /** The dialogues found as an ordinary list: to choose many of them, or without a line. */
  asList(): void {
    const { query } = this.find;
    this.clear();
    this.rows.search(query);
  }

  clear(): void {
    this.asked += 1;
    this.store.never('find');
    this.set({ query: '', found: null, isLoading: false, failure: '' });
  }

  /** To the message itself, wherever in the thread it is. */
  async go(jump: Jump, isMessage: boolean): Promise<void> {
    await this.threads.open(jump.conversation);
    if (isMessage && this.store.state.open === jump.conversation)
      await this.threads.jumpTo(jump.seq);
  }
}
