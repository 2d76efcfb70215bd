/** Everything the page knows, and the few things that change it. Rows come from the server only. */
import { Away, call, Refused } from './api';
import { Live } from './socket';
import { t } from './text';
import type { Boot, Event, Message, Outgoing, Person, Row, Thread, View } from './types';

export interface State {
  boot: Boot;
  people: Person[];
  presence: string;
  counters: Record<string, number>;
  view: View;
  query: string;
  rows: Row[];
  next: string;
  isLoading: boolean;
  failure: string;
  open: number | null;
  thread: Thread | null;
  others: Record<
    number,
    { name: string; conversation: number | null; typing: boolean; at: number }
  >;
  buyerTyping: Record<number, number>;
  isUp: boolean;
  downSince: string;
  outbox: Outgoing[];
  notice: { text: string; action?: string; run?: () => void } | null;
  waitingRows: Row[] | null; // held back while the pointer is over the list
  drafts: Record<string, string>;
  showContext: boolean;
}

const OUTBOX = 'console-outbox';

export class Store {
  state: State;
  private readonly listeners = new Set<() => void>();
  readonly live: Live;
  isPointerInside = false;
  private timers: Record<string, number> = {};
  private sending = false;

  constructor(boot: Boot) {
    this.state = {
      boot,
      people: [],
      presence: 'online',
      counters: {},
      view: 'waiting',
      query: '',
      rows: [],
      next: '',
      isLoading: true,
      failure: '',
      open: null,
      thread: null,
      others: {},
      buyerTyping: {},
      isUp: true,
      downSince: '',
      outbox: readOutbox(boot.me),
      notice: null,
      waitingRows: null,
      drafts: {},
      showContext: false,
    };
    this.live = new Live({
      events: (events) => this.happened(events),
      refresh: () => this.refresh(),
      presence: (seen) => this.saw(seen),
      buyerTyping: (conversation) => {
        this.set({ buyerTyping: { ...this.state.buyerTyping, [conversation]: Date.now() } });
      },
      connected: (isUp) => {
        if (isUp === this.state.isUp) return;
        this.set({ isUp, downSince: isUp ? '' : new Date().toISOString() });
        if (isUp) {
          this.refresh();
          this.flush();
        }
      },
    });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  // ── reading ──
  async start(): Promise<void> {
    this.live.start();
    await Promise.all([this.readDesk(), this.readRows()]);
    const wanted = Number(location.hash.slice(1));
    if (wanted) this.openThread(wanted);
    this.flush();
  }

  async readDesk(): Promise<void> {
    try {
      const desk = await call<{
        me: { presence: string };
        people: Person[];
        counters: Record<string, number>;
      }>('GET', '/desk/');
      this.set({ people: desk.people, counters: desk.counters, presence: desk.me.presence });
    } catch (error) {
      this.complain(error);
    }
  }

  async readRows(more = false): Promise<void> {
    const { view, query, next } = this.state;
    this.set({ isLoading: true });
    const after = more ? next : '';
    try {
      const page = await call<{ rows: Row[]; next: string }>(
        'GET',
        `/desk/conversations/?view=${view}&q=${encodeURIComponent(query)}&after=${encodeURIComponent(after)}`,
      );
      if (view !== this.state.view || query !== this.state.query) return;
      const rows = more ? merge(this.state.rows, page.rows) : page.rows;
      // A row never moves under the pointer: what came is shown when it leaves.
      if (!more && this.isPointerInside && moves(this.state.rows, rows)) {
        this.set({
          waitingRows: rows,
          rows: update(this.state.rows, rows),
          next: page.next,
          isLoading: false,
          failure: '',
        });
      } else {
        this.set({ rows, waitingRows: null, next: page.next, isLoading: false, failure: '' });
      }
    } catch (error) {
      this.set({ isLoading: false, failure: error instanceof Away ? '' : t('loadFailed') });
    }
  }

  pointerLeft(): void {
    this.isPointerInside = false;
    if (this.state.waitingRows) this.set({ rows: this.state.waitingRows, waitingRows: null });
  }

  choose(view: View): void {
    this.set({ view, query: '', rows: [], next: '', waitingRows: null });
    this.readRows();
  }

  search(query: string): void {
    this.set({ query, view: query ? 'all' : this.state.view });
    this.later('search', 250, () => this.readRows());
  }

  async openThread(id: number | null): Promise<void> {
    this.set({ open: id, thread: null, notice: null });
    history.replaceState(null, '', id ? `#${id}` : location.pathname);
    this.live.say({ type: 'look', conversation: id });
    if (!id) return;
    try {
      const thread = await call<Thread>('GET', `/desk/conversations/${id}/`);
      if (this.state.open !== id) return;
      const drafts = { ...this.state.drafts };
      for (const [mode, draft] of Object.entries(thread.drafts)) {
        drafts[`${id}:${mode}`] ??= draft.text;
      }
      this.set({ thread, drafts });
      this.markRead();
    } catch (error) {
      if (error instanceof Refused && error.status === 404) this.set({ open: null });
      this.complain(error);
    }
  }

  async readOlder(): Promise<void> {
    const thread = this.state.thread;
    const first = thread?.messages[0];
    if (!thread?.more || !first) return;
    const page = await call<Thread>(
      'GET',
      `/desk/conversations/${thread.conversation.id}/?before=${first.seq}`,
    );
    this.set({
      thread: { ...thread, messages: join(page.messages, thread.messages), more: page.more },
    });
  }

  /** Read the open thread again from where it is; states of shown messages change too. */
  private async readThread(): Promise<void> {
    const id = this.state.open;
    if (!id || !this.state.thread) return;
    try {
      const page = await call<Thread>('GET', `/desk/conversations/${id}/`);
      const now = this.state.thread;
      if (this.state.open !== id || !now) return;
      const arrived = new Set(page.messages.map((m) => m.client_key).filter(Boolean));
      this.set({
        thread: {
          ...page,
          context: page.context ?? now.context,
          more: now.messages[0] && page.messages[0] ? now.more : page.more,
          messages: join(now.messages, page.messages),
        },
        outbox: this.keep(this.state.outbox.filter((o) => !arrived.has(o.key))),
      });
      this.markRead();
    } catch (error) {
      this.complain(error);
    }
  }

  markRead(): void {
    const thread = this.state.thread;
    const last = thread?.messages[thread.messages.length - 1];
    if (!thread || !last || !thread.conversation.unread || document.hidden) return;
    this.later('read', 1000, () => {
      if (this.state.open === thread.conversation.id)
        call('POST', `/conversations/${thread.conversation.id}/read/`, { seq: last.seq }).catch(
          () => undefined,
        );
    });
  }

  refresh(): void {
    this.readDesk();
    this.readRows();
    this.readThread();
  }

  private happened(events: Event[]): void {
    const touched = events.filter((event) => event.data.conversation);
    if (!touched.length) return;
    this.later('rows', 120, () => this.readRows());
    this.later('desk', 300, () => this.readDesk());
    if (touched.some((event) => event.data.conversation === this.state.open))
      this.later('thread', 60, () => this.readThread());
    if (events.some((event) => event.name === 'conversation.handed_over')) ring();
  }

  private saw(seen: {
    user: number;
    name?: string;
    conversation: number | null;
    typing?: boolean;
  }): void {
    this.set({
      others: {
        ...this.state.others,
        [seen.user]: {
          name: seen.name ?? '',
          conversation: seen.conversation,
          typing: Boolean(seen.typing),
          at: Date.now(),
        },
      },
    });
  }

  // ── acting ──
  async act(path: string, body: object = {}): Promise<boolean> {
    const id = this.state.open;
    if (!id) return false;
    try {
      await call('POST', `/conversations/${id}/${path}/`, body);
      this.set({ notice: null });
      await this.readThread();
      return true;
    } catch (error) {
      this.complain(error, () => this.act('take-over', { force: true }));
      return false;
    }
  }

  typed(mode: 'reply' | 'note', text: string): void {
    const id = this.state.open;
    if (!id) return;
    this.set({ drafts: { ...this.state.drafts, [`${id}:${mode}`]: text } });
    this.later('typing', 1000, () => this.live.say({ type: 'typing', conversation: id, mode }));
    this.later(`draft:${id}:${mode}`, 700, () => {
      call('PUT', `/desk/conversations/${id}/draft/`, {
        text,
        mode,
        base_seq: this.lastSeq(),
      }).catch(() => undefined);
    });
  }

  draft(mode: 'reply' | 'note'): string {
    return this.state.drafts[`${this.state.open}:${mode}`] ?? '';
  }

  private lastSeq(): number {
    const messages = this.state.thread?.messages ?? [];
    return messages[messages.length - 1]?.seq ?? 0;
  }

  send(mode: 'reply' | 'note', text: string, insist = false): void {
    const id = this.state.open;
    if (!id || !text.trim()) return;
    const outgoing: Outgoing = {
      key: crypto.randomUUID(),
      conversation: id,
      mode,
      text: text.trim(),
      baseSeq: insist || mode === 'note' ? null : this.lastSeq(),
      at: new Date().toISOString(),
      failure: '',
    };
    window.clearTimeout(this.timers[`draft:${id}:${mode}`]);
    this.set({
      outbox: this.keep([...this.state.outbox, outgoing]),
      drafts: { ...this.state.drafts, [`${id}:${mode}`]: '' },
      notice: null,
    });
    this.flush();
  }

  /** Send what waits, oldest first, one at a time; the key makes a repeat harmless. */
  async flush(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      for (;;) {
        const next = this.state.outbox.find((o) => !o.failure);
        if (!next) return;
        try {
          const sent = await call<Message>(
            'POST',
            `/conversations/${next.conversation}/${next.mode}/`,
            {
              text: next.text,
              client_key: next.key,
              ...(next.baseSeq === null ? {} : { base_seq: next.baseSeq }),
            },
          );
          if (this.state.open === next.conversation) await this.readThread();
          if (sent) this.drop(next.key);
        } catch (error) {
          if (error instanceof Away) {
            this.later('flush', 3000, () => this.flush());
            return;
          }
          this.refuse(next, error);
        }
      }
    } finally {
      this.sending = false;
    }
  }

  private refuse(next: Outgoing, error: unknown): void {
    if (!(error instanceof Refused)) throw error;
    // The words go back into the composer: nothing typed is lost.
    this.drop(next.key);
    const name = `${next.conversation}:${next.mode}`;
    this.set({ drafts: { ...this.state.drafts, [name]: next.text } });
    if (error.code === 'newer_messages') {
      this.readThread();
      this.set({
        notice: {
          text: t('newer'),
          action: t('sendAnyway'),
          run: () => this.send(next.mode, this.draft(next.mode), true),
        },
      });
    } else {
      this.complain(error, async () => {
        if (await this.act('take-over', { force: true })) this.send(next.mode, next.text, true);
      });
    }
  }

  private drop(key: string): void {
    this.set({ outbox: this.keep(this.state.outbox.filter((o) => o.key !== key)) });
  }

  private keep(outbox: Outgoing[]): Outgoing[] {
    try {
      localStorage.setItem(`${OUTBOX}-${this.state.boot.me}`, JSON.stringify(outbox));
    } catch {
      // Full or forbidden storage: the messages stay in this tab.
    }
    return outbox;
  }

  async setPresence(presence: string): Promise<void> {
    this.set({ presence });
    await call('POST', '/desk/presence/', { presence }).catch((error) => this.complain(error));
  }

  complain(error: unknown, takeOver?: () => void): void {
    if (error instanceof Away) return;
    if (!(error instanceof Refused)) throw error;
    if (error.code === 'already_taken') {
      const holder = this.state.people.find((p) => p.id === error.data.agent_id);
      this.set({
        notice: {
          text: t('taken', holder?.name ?? ''),
          action: t('takeFrom'),
          ...(takeOver ? { run: takeOver } : {}),
        },
      });
    } else this.set({ notice: { text: error.message } });
  }

  later(name: string, ms: number, run: () => void): void {
    window.clearTimeout(this.timers[name]);
    this.timers[name] = window.setTimeout(run, ms);
  }
}

function readOutbox(me: number): Outgoing[] {
  try {
    return JSON.parse(localStorage.getItem(`${OUTBOX}-${me}`) ?? '[]') as Outgoing[];
  } catch {
    return [];
  }
}

/** Messages of two pages as one, each once, the newer copy winning. */
export function join(one: Message[], other: Message[]): Message[] {
  const bySeq = new Map(one.map((m) => [m.seq, m]));
  for (const message of other) bySeq.set(message.seq, message);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

export function merge(rows: Row[], more: Row[]): Row[] {
  const known = new Set(rows.map((row) => row.id));
  return [...rows, ...more.filter((row) => !known.has(row.id))];
}

export const moves = (now: Row[], next: Row[]): boolean =>
  now.length > 0 && now.some((row, at) => next[at]?.id !== row.id);

/** New contents in old places. */
export function update(now: Row[], next: Row[]): Row[] {
  const fresh = new Map(next.map((row) => [row.id, row]));
  return now.map((row) => fresh.get(row.id) ?? row);
}

let audio: AudioContext | null = null;

/** Two short tones; browsers allow them after the first click on the page. */
export function ring(): void {
  try {
    audio ??= new AudioContext();
    [660, 880].forEach((pitch, at) => {
      const tone = audio!.createOscillator();
      const volume = audio!.createGain();
      const start = audio!.currentTime + at * 0.14;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.08, start);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.13);
      tone.connect(volume).connect(audio!.destination);
      tone.start(start);
      tone.stop(start + 0.14);
    });
  } catch {
    // No sound device: the list still shows who waits.
  }
}
