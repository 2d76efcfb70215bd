/** The open thread: shown from what is kept at once, then as the server has it. */
import { Away, call, Refused } from '../net/api';
import type { Live } from '../net/live';
import { type Kept, type Shelf, THREADS_KEPT, trim } from '../offline/shelf';
import type { Message, Thread } from '../types';
import { shopMoment } from '../words';
import type { Store } from './core';
import type { Drafts } from './drafts';
import { join } from './order';
import { firstNew, together, touches, unreadAbove } from './pages';

// Whoever passes by threads they have seen asks the server nothing for them.
export const PASSING_MS = 100;

export class Threads {
  shelf: Shelf | null = null;
  live: Live | null = null;
  isAtEnd = true;
  isWatching = false; // a supervisor looks on: nobody sees them here, nothing is read by it
  private readonly kept = new Map<number, Thread>();
  private readonly unkept = new Map<number, Kept['threads']>(); // not on the shelf yet
  private readonly unread = new Set<number>(); // marked so by hand: not read by being open
  private isPaging = false;
  private asked = 0;
  private shown = 0; // the newest answer that was shown: an older one is out of date

  constructor(
    private readonly store: Store,
    private readonly drafts: Drafts,
    private readonly complain: (error: unknown) => void,
  ) {}

  async open(id: number | null, isWatching = false): Promise<void> {
    const kept = id ? this.kept.get(id) : undefined;
    this.isAtEnd = true;
    this.store.never('read');
    this.store.set({
      open: id,
      thread: kept ?? null,
      isCached: Boolean(kept),
      newFrom: kept ? firstNew(kept) : null,
      unreadFrom: kept ? unreadAbove(kept) : null,
      jump: null,
      below: 0,
      notice: null,
      ask: '',
      strip: null,
      editing: null,
      mode: 'reply',
      list: { ...this.store.state.list, ...(id ? { cursor: id } : {}) },
    });
    history.replaceState(null, '', id ? `#${id}` : location.pathname);
    this.isWatching = isWatching;
    if (!id) {
      this.live?.look(null);
      return;
    }
    this.unread.delete(id);
    void this.stays(id).then((stays) => stays && this.live?.look(this.isWatching ? null : id));
    if (!kept) void this.fromShelf(id);
    else if (!(await this.stays(id))) return;
    await this.read(true);
  }

  /** In a moment: whether it is still open. */
  async stays(id: number): Promise<boolean> {
    await new Promise((done) => setTimeout(done, PASSING_MS));
    return this.store.state.open === id;
  }

  /** Read the end of the open thread; states of shown messages change too. */
  async read(isOpening = false): Promise<void> {
    const id = this.store.state.open;
    if (!id) return;
    const asked = ++this.asked;
    const asOf = this.drafts.now;
    try {
      const page = await call<Thread>('GET', `/desk/conversations/${id}/`);
      if (this.store.state.open !== id || asked < this.shown) return;
      this.shown = asked;
      const now = this.store.state.thread;
      this.drafts.fromServer(id, page.drafts, asOf);
      this.drafts.arrived(page.messages);
      // Far up in the history the end is only counted, not pulled in.
      if (now?.newer && !isOpening) {
        const last = now.messages.at(-1)?.seq ?? 0;
        this.store.set({
          thread: { ...now, conversation: page.conversation },
          below: page.messages.filter((m) => m.seq > last).length,
        });
        return;
      }
      this.show(now && touches(now, page) ? together(now, page) : page, isOpening);
      this.markRead();
    } catch (error) {
      if (error instanceof Refused && error.status === 404 && this.store.state.open === id)
        this.store.set({ open: null, thread: null });
      if (!(error instanceof Away)) this.complain(error);
    }
  }

  private show(thread: Thread, isOpening: boolean): void {
    const before = this.store.state.thread;
    const was = before?.messages.at(-1)?.seq ?? 0;
    const fresh = thread.messages.filter((m) => m.seq > was && m.author === 'buyer').length;
    this.store.set({
      thread,
      isCached: false,
      ...(isOpening ? { newFrom: firstNew(thread), unreadFrom: unreadAbove(thread) } : {}),
      below: this.isAtEnd ? 0 : this.store.state.below + fresh,
    });
    this.keep(thread);
  }

  readOlder(): Promise<void> {
    return this.page((thread) => {
      const first = thread.messages[0];
      return thread.more && first ? `before=${first.seq}` : '';
    });
  }

  readNewer(): Promise<void> {
    return this.page((thread) => {
      const last = thread.messages.at(-1);
      return thread.newer && last ? `after=${last.seq}` : '';
    });
  }

  private async page(where: (thread: Thread) => string): Promise<void> {
    const thread = this.store.state.thread;
    const asked = thread && where(thread);
    if (!thread || !asked || this.isPaging) return;
    this.isPaging = true;
    try {
      const id = thread.conversation.id;
      const page = await call<Thread>('GET', `/desk/conversations/${id}/?${asked}`);
      const now = this.store.state.thread;
      if (!now || now.conversation.id !== id) return;
      const isOlder = asked.startsWith('before');
      this.store.set({
        thread: {
          ...now,
          messages: join(page.messages, now.messages),
          episodes: { ...page.episodes, ...now.episodes },
          more: isOlder ? page.more : now.more,
          newer: isOlder ? now.newer : page.newer,
        },
      });
    } catch (error) {
      if (!(error instanceof Away)) this.complain(error);
    } finally {
      this.isPaging = false;
    }
  }

  /** To a message wherever it is: a quoted one, the first of a day, the first unread. */
  async jumpTo(seq: number): Promise<void> {
    const thread = this.store.state.thread;
    if (!thread) return;
    if (thread.messages.some((m) => m.seq === seq)) {
      this.isAtEnd = false;
      this.store.set({ jump: { seq, at: Date.now() } });
      return;
    }
    await this.around(`around=${seq}`, () => seq);
  }

  /** To where somebody stopped reading, however long ago. */
  async jumpToUnread(): Promise<void> {
    const from = this.store.state.unreadFrom;
    if (!from) return;
    const first = (messages: Message[]): number | undefined =>
      messages.find((m) => m.seq >= from && m.author === 'buyer')?.seq;
    await this.around(`around=${from}`, first);
    const newFrom = first(this.store.state.thread?.messages ?? []) ?? null;
    this.store.set({ unreadFrom: null, newFrom });
  }

  async jumpToDate(day: string): Promise<void> {
    const since = shopMoment(`${day}T00:00`);
    if (!since) return;
    await this.around(
      `since=${encodeURIComponent(since)}`,
      (messages) =>
        (messages.find((m) => Date.parse(m.at) >= Date.parse(since)) ?? messages.at(-1))?.seq,
    );
  }

  private async around(
    asked: string,
    which: (messages: Message[]) => number | undefined,
  ): Promise<void> {
    const thread = this.store.state.thread;
    if (!thread) return;
    try {
      const id = thread.conversation.id;
      const page = await call<Thread>('GET', `/desk/conversations/${id}/?${asked}`);
      const now = this.store.state.thread;
      if (!now || now.conversation.id !== id) return;
      const seq = which(page.messages);
      this.isAtEnd = false;
      this.store.set({
        thread: touches(now, page)
          ? together(now, page)
          : { ...now, ...page, context: now.context, channel: now.channel },
        ...(seq ? { jump: { seq, at: Date.now() } } : {}),
      });
    } catch (error) {
      this.complain(error);
    }
  }

  /** Back to the newest message. */
  async toEnd(): Promise<void> {
    this.isAtEnd = true;
    const thread = this.store.state.thread;
    if (thread?.newer) {
      this.store.set({ thread: { ...thread, messages: [], newer: false } });
      await this.read(true);
    }
    this.store.set({ below: 0, jump: { seq: 0, at: Date.now() } });
  }

  /** Seen for a second is read. */
  markRead(): void {
    const { thread, isUp } = this.store.state;
    const last = thread?.messages.at(-1);
    if (!thread || !last || document.hidden || !isUp || thread.newer || this.isWatching) return;
    const row = thread.conversation;
    if ((!row.unread && !row.is_mentioned) || this.unread.has(row.id)) return;
    this.store.later('read', 1000, () => {
      if (this.store.state.open !== row.id || document.hidden) return;
      call('POST', `/conversations/${row.id}/read/`, { seq: last.seq }).catch(() => undefined);
    });
  }

  markedUnread(id: number): void {
    this.unread.add(id);
    this.store.never('read');
  }

  private keep(thread: Thread): void {
    const id = thread.conversation.id;
    this.kept.delete(id);
    this.kept.set(id, thread);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > THREADS_KEPT && oldest !== undefined) this.kept.delete(oldest);
    if (!this.shelf) return;
    this.unkept.set(id, { id, at: Date.now(), thread });
    // In groups and when nothing else is to be done: never in the way of the next thread.
    this.store.soon('keep', 400, () =>
      window.requestIdleCallback
        ? window.requestIdleCallback(() => void this.toShelf(), { timeout: 3000 })
        : void this.toShelf(),
    );
  }

  private async toShelf(): Promise<void> {
    const { shelf } = this;
    const all = [...this.unkept.values()];
    this.unkept.clear();
    if (!shelf || !all.length) return;
    try {
      for (const one of all) await shelf.put('threads', one);
      await trim(shelf);
    } catch {
      // A full or closed store: what is in memory serves as long as the page is open.
    }
  }

  private async fromShelf(id: number): Promise<void> {
    const found = await this.shelf?.get('threads', id).catch(() => undefined);
    if (found && this.store.state.open === id && !this.store.state.thread) {
      this.drafts.fromServer(id, found.thread.drafts);
      this.store.set({ thread: found.thread, isCached: true, newFrom: firstNew(found.thread) });
    }
  }
}
