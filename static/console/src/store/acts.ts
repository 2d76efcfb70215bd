/** What people do with conversations: shown at once, taken back with the reason when refused. */
import { call, isAway, isRefused } from '../net/api';
import type { Elsewhere, Preset, Row } from '../types';
import { plural, t } from '../words';
import { told } from '../words/told';
import type { Store, Toast } from './core';
import type { Rows } from './rows';
import type { Threads } from './threads';

export const UNDO_MS = 10_000;

export interface Act {
  name: string;
  body?: Record<string, unknown>;
  /** What the row looks like afterwards. */
  change?: Partial<Row>;
}

interface Job {
  id: number;
  url: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  done: number;
  total: number | null;
  refused?: number;
  errors?: { message: string }[];
}

const LOOK_MS = 600;

export class Acts {
  private last: { run: () => void; until: number } | null = null;

  constructor(
    private readonly store: Store,
    private readonly rows: Rows,
    private readonly threads: Threads,
  ) {}

  /** One act on the open conversation, or on another one by number. */
  async run(act: Act, id = this.store.state.open): Promise<boolean> {
    if (!id) return false;
    const back = act.change ? this.show([id], act.change) : () => undefined;
    try {
      await call('POST', `/conversations/${id}/${act.name}/`, act.body ?? {});
      if (this.store.state.open === id) this.store.set({ notice: null });
      this.rows.touch([id]);
      if (this.store.state.open === id) await this.threads.read();
      return true;
    } catch (error) {
      back();
      this.complain(error, () => void this.take(true, id));
      return false;
    }
  }

  take(force = false, id = this.store.state.open): Promise<boolean> {
    const { boot, people } = this.store.state;
    const me = people.find((p) => p.id === boot.me) ?? { id: boot.me, name: '' };
    const change = force ? {} : { change: { speaker: 'agent' as const, agent: me } };
    return this.run({ name: 'take-over', body: { force }, ...change }, id);
  }

  resolve(): Promise<boolean> {
    return this.run({
      name: 'resolve',
      change: { status: 'resolved', speaker: 'nobody', waiting_since: null, deadline_at: null },
    });
  }

  /** The labels it is to have from now on. */
  async setLabels(labels: string[]): Promise<boolean> {
    const now = this.store.state.thread?.conversation.labels ?? [];
    const added = labels.filter((one) => !now.includes(one));
    const gone = now.filter((one) => !labels.includes(one));
    let done = true;
    if (added.length)
      done = await this.run({ name: 'label', body: { labels: added }, change: { labels } });
    if (done && gone.length)
      done = await this.run({ name: 'unlabel', body: { labels: gone }, change: { labels } });
    return done;
  }

  /** The buyer's dialogue in another channel, begun where there is none yet; its field is ready. */
  async writeElsewhere(id: number, way: Elsewhere): Promise<void> {
    try {
      const { conversation } = await call<{ conversation: number }>(
        'POST',
        `/conversations/${id}/elsewhere/`,
        { channel: way.channel.id },
      );
      await this.threads.open(way.conversation ?? conversation);
    } catch (error) {
      this.complain(error);
    }
  }

  async markUnread(): Promise<void> {
    const { open } = this.store.state;
    if (!open) return;
    this.threads.markedUnread(open);
    await this.run({ name: 'unread', change: { unread: 1 } }, open);
  }

  /** The chosen rows, or everything the list holds. */
  async bulk(act: Act): Promise<void> {
    const { selected, isAll, view, saved, query } = this.store.state.list;
    const ids = [...selected];
    if (!ids.length) return;
    const back = act.change ? this.show(ids, act.change) : () => undefined;
    const which = isAll ? { filter: { view, saved, q: query } } : { ids };
    this.rows.unchoose();
    this.canUndo(null); // Z is about what was done last
    try {
      const { job, undo } = await call<{ job: Job; undo: string }>('POST', '/conversations/bulk/', {
        act: act.name,
        params: act.body ?? {},
        ...which,
      });
      const run = (): void => void this.undo(undo, ids);
      const isLasting = act.name === 'send_template';
      await this.follow(job, isLasting ? {} : { action: t('undo'), run, isUndo: true });
      this.rows.touch(ids, true);
      if (this.store.state.open && selected.has(this.store.state.open)) await this.threads.read();
    } catch (error) {
      back();
      this.complain(error);
    }
  }

  /** Tell how far long work is; a short one is only told when it is done. */
  private async follow(job: Job, more: Partial<Toast>): Promise<void> {
    let now = job;
    const begun = Date.now();
    while (now.state === 'queued' || now.state === 'running') {
      if (Date.now() - begun > LOOK_MS)
        this.toast({ ...more, text: t('bulkRuns', now.done, now.total ?? 0) });
      await new Promise((done) => setTimeout(done, LOOK_MS / 2));
      now = await call<Job>('GET', now.url.replace(/^.*\/api\/v1/, ''));
    }
    const refused = now.refused ?? 0;
    const done = t('bulkDone', plural((now.total ?? now.done) - refused, 'dialogue'));
    const not =
      refused && t('bulkRefused', plural(refused, 'dialogue'), now.errors?.[0]?.message ?? '');
    this.toast(
      now.state === 'done'
        ? { ...more, text: [done, not].filter(Boolean).join(' ') }
        : { text: t('bulkFailed') },
    );
  }

  private async undo(token: string, ids: number[]): Promise<void> {
    try {
      const job = await call<Job>('POST', '/conversations/bulk/undo/', { token });
      this.store.set({ toast: null });
      await this.follow(job, {});
      this.rows.touch(ids, true);
      this.toast({ text: t('undone') });
    } catch (error) {
      this.complain(error);
    }
  }

  /** When a dialogue may come back: the shop's own hours, as the server knows them. */
  async times(): Promise<Preset[]> {
    try {
      return (await call<{ presets: Preset[] }>('GET', '/desk/times/')).presets;
    } catch (error) {
      this.complain(error);
      return [];
    }
  }

  /** What Z takes back after its toast has gone, for as long as the server does. */
  canUndo(run: (() => void) | null, ms = 0): void {
    this.last = run && { run, until: Date.now() + ms };
  }

  /** Z: whatever can still be taken back. */
  undoLast(): void {
    const { toast } = this.store.state;
    if (toast?.isUndo && toast.run) toast.run();
    else if (this.last && Date.now() < this.last.until) this.last.run();
  }

  toast(toast: Toast): void {
    this.store.set({ toast });
    this.store.later('toast', UNDO_MS, () => this.store.set({ toast: null }));
  }

  private show(ids: number[], change: Partial<Row>): () => void {
    const back = this.rows.patch(ids, change);
    const before = this.store.state.thread;
    if (!before || !ids.includes(before.conversation.id)) return back;
    this.store.set({
      thread: { ...before, conversation: { ...before.conversation, ...change } },
    });
    return () => {
      back();
      const now = this.store.state.thread;
      if (now?.conversation.id === before.conversation.id)
        this.store.set({ thread: { ...now, conversation: before.conversation } });
    };
  }

  /** A refusal in words, with the way out where there is one. */
  complain(error: unknown, takeOver?: () => void): void {
    if (!isRefused(error)) {
      this.toast({ text: told(error) });
      if (!isAway(error)) throw error; // a fault of ours
      return;
    }
    if (error.code === 'already_taken') {
      const holder = this.store.state.people.find((p) => p.id === error.data.agent_id);
      this.store.set({
        notice: {
          text: t('taken', holder?.name ?? ''),
          action: t('takeFrom'),
          ...(takeOver ? { run: takeOver } : {}),
        },
      });
    } else if (this.store.state.open) this.store.set({ notice: { text: told(error) } });
    else this.toast({ text: told(error) });
  }
}
