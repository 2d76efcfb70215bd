/** The console as a whole: its parts, what they tell each other, and what comes from outside. */
import { Away, call, leaving, whyDown } from '../net/api';
import { Live, type Seen } from '../net/live';
import { OWN_WORDS, type Shelf, shelfOf } from '../offline/shelf';
import { Tabs, type Told } from '../offline/tabs';
import type { Boot, DeskData, Event, Prefs, SavedView, Sort } from '../types';
import { buyerName, t } from '../words';
import { told as inWords } from '../words/told';
import { Acts } from './acts';
import { Store } from './core';
import { Drafts } from './drafts';
import { Finder } from './finder';
import { Macros } from './macros';
import { Notices } from './notices';
import { Outbox } from './outbox';
import { Rows } from './rows';
import { Said } from './said';
import { Threads } from './threads';
import { Translation } from './translation';

const LOOK_WHY_MS = 5000;

/** Told of facts as they come; of none after a break: then everything is read anew. */
export type Hearer = (events: Event[] | null) => void;

export class Desk {
  readonly store: Store;
  readonly rows: Rows;
  readonly drafts: Drafts;
  readonly threads: Threads;
  readonly acts: Acts;
  readonly finder: Finder;
  readonly macros: Macros;
  readonly notices: Notices;
  readonly said: Said;
  readonly translation: Translation;
  readonly outbox: Outbox;
  readonly live: Live;
  readonly tabs = new Tabs();
  private readonly hearers = new Set<Hearer>();
  private shelf: Shelf | null = null;
  private isRead = false; // the list was asked for: what happens from then on is to be heard
  private isCounted = false; // figures come by the line: what a page brings is older

  constructor(boot: Boot) {
    this.store = new Store(boot);
    this.rows = new Rows(this.store);
    this.drafts = new Drafts(this.store);
    this.threads = new Threads(this.store, this.drafts, (error) => this.acts.complain(error));
    this.acts = new Acts(this.store, this.rows, this.threads);
    this.finder = new Finder(this.store, this.rows, this.threads);
    const complain = (error: unknown): void => this.acts.complain(error);
    this.said = new Said(this.store, this.threads, complain);
    this.translation = new Translation(this.store, this.threads, complain);
    this.macros = new Macros(this.store, this.rows, this.threads, this.acts);
    this.notices = new Notices(this.store);
    this.outbox = new Outbox(this.store, this.drafts, {
      sent: (outgoing) => {
        this.rows.touch([outgoing.conversation]);
        if (this.state.open === outgoing.conversation) void this.threads.read();
      },
      taken: (error, again) =>
        this.acts.complain(error, async () => {
          if (await this.acts.take(true)) again();
        }),
      show: () => void this.threads.toEnd(),
      unresolved: (conversation, error) => {
        this.acts.toast({
          text: `${t('sentNotResolved', this.nameOf(conversation))} ${inWords(error)}`,
          action: t('show'),
          run: () => void this.threads.open(conversation),
        });
        this.rows.touch([conversation]);
      },
      elsewhere: ({ conversation }, error) => {
        this.acts.toast({
          text: `${t('notSent', this.nameOf(conversation))} ${inWords(error)}`,
          action: t('show'),
          run: () => void this.threads.open(conversation),
        });
        this.rows.touch([conversation]);
      },
    });
    this.live = new Live({
      events: (events) => this.happened(events),
      refresh: () => this.refresh(),
      presence: (seen) => this.saw(seen),
      buyerTyping: (conversation) => this.buyerTypes(conversation),
      counters: (counters) => {
        this.isCounted = true;
        this.store.set({ counters });
      },
      connected: (isUp) => this.connected(isUp),
      began: () => {
        if (this.isRead) this.refresh();
      },
      told: (told) => this.notices.hear(told),
    });
    this.threads.live = this.drafts.live = this.live;
    this.outbox.inWords = (mode, draft) => this.translation.inWords(mode, draft);
    this.drafts.tabs = this.outbox.tabs = this.notices.tabs = this.tabs;
  }

  get state() {
    return this.store.state;
  }

  private nameOf(conversation: number): string {
    const row = this.state.list.rows.find((one) => one.id === conversation);
    return buyerName({ id: conversation, name: row?.name ?? '' });
  }

  async start(): Promise<void> {
    this.live.start();
    this.tabs.listen((told) => this.heard(told));
    this.shelf = await shelfOf(this.state.boot.me);
    const { shelf } = this;
    this.rows.shelf = this.threads.shelf = this.drafts.shelf = this.outbox.shelf = shelf;
    leaving.run = () => shelf.clear(OWN_WORDS).catch(() => undefined);
    await this.drafts.fromShelf();
    await this.outbox.fromShelf();
    // The list needs the choices (its order), so they come first; a kept copy serves meanwhile.
    await this.readDesk();
    void this.macros.read();
    this.notices.start();
    const wanted = Number(location.hash.slice(1));
    this.isRead = true;
    await Promise.all([this.rows.read(), wanted ? this.threads.open(wanted) : undefined]);
  }

  async readDesk(): Promise<void> {
    try {
      const found = await call<DeskData>('GET', '/desk/');
      this.take(found);
      void this.shelf?.put('about', { id: 'desk', value: found }).catch(() => undefined);
    } catch (error) {
      if (!(error instanceof Away)) this.acts.complain(error);
      const kept = await this.shelf?.get('about', 'desk').catch(() => undefined);
      if (kept && !this.state.people.length) this.take(kept.value as DeskData);
    }
  }

  private take(found: DeskData): void {
    const { people, channels, teams, labels, views, counters, prefs } = found;
    this.store.set({
      people,
      channels,
      teams,
      labels,
      views,
      ...(this.isCounted ? {} : { counters }),
      prefs,
      presence: found.me.presence,
      shift: found.me.shift ?? null,
      modelDown: found.model_down_since ?? '',
    });
  }

  refresh(): void {
    void this.readDesk();
    void this.rows.read();
    void this.threads.read();
    for (const hearer of this.hearers) hearer(null);
  }

  /** For parts that read something of their own; what is returned ends it. */
  hear(hearer: Hearer): () => void {
    this.hearers.add(hearer);
    return () => this.hearers.delete(hearer);
  }

  // ── from the server ──
  private connected(isUp: boolean): void {
    if (!isUp) this.isCounted = false;
    if (isUp === this.state.isUp) return;
    this.store.set({ isUp, downSince: isUp ? '' : new Date().toISOString(), down: 'line' });
    if (!isUp) {
      void this.lookWhy();
      return;
    }
    this.refresh();
    this.drafts.saveAll();
    void this.outbox.flush();
  }

  private async lookWhy(): Promise<void> {
    const down = await whyDown();
    if (this.state.isUp) return;
    this.store.set({ down });
    this.store.later('down', LOOK_WHY_MS, () => void this.lookWhy());
  }

  private happened(events: Event[]): void {
    const ids = new Set(events.map((event) => event.data.conversation ?? 0).filter(Boolean));
    if (ids.size) this.rows.touch(ids);
    if (this.state.open && ids.has(this.state.open))
      this.store.soon('thread', 60, () => void this.threads.read());
    this.renamed(events);
    for (const event of events) this.noticed(event);
    this.notices.happened(events);
    if (this.live.isWithoutSocket) this.store.soon('notices', 2000, () => void this.notices.look());
    for (const hearer of this.hearers) hearer(events);
    const written = events.flatMap(({ name, data }) =>
      name === 'message.received' && data.conversation ? [data.conversation] : [],
    );
    if (written.length) this.wrote(written);
  }

  /** What these buyers were typing has come. */
  private wrote(conversations: number[]): void {
    const buyerTyping = { ...this.state.buyerTyping };
    for (const id of conversations) delete buyerTyping[id];
    this.store.set({ buyerTyping });
  }

  /** A card was changed: its name stands in rows and over the thread. */
  private renamed(events: Event[]): void {
    const cards = new Set(
      events.flatMap(({ name, data }) =>
        name.startsWith('person.') ? [data.person, data.other] : [],
      ),
    );
    if (!cards.size) return;
    const { list, thread } = this.state;
    const rows = list.rows.filter((row) => cards.has(row.person ?? undefined));
    if (rows.length) this.rows.touch(rows.map((row) => row.id));
    if (thread && cards.has(thread.conversation.person ?? undefined))
      this.store.soon('thread', 60, () => void this.threads.read());
  }

  private noticed(event: Event): void {
    const { me } = this.state.boot;
    const { data, name } = event;
    if (name === 'model.down' || name === 'model.works')
      this.store.set({ modelDown: data.since ?? '' });
    if (name === 'team.changed') this.store.soon('desk', 500, () => void this.readDesk());
    if (name === 'agent.presence' && data.agent && data.presence)
      this.store.set({
        people: this.state.people.map((p) =>
          p.id === data.agent ? { ...p, presence: data.presence! } : p,
        ),
        ...(data.agent === me ? { presence: data.presence } : {}),
      });
    const said =
      name === 'conversation.handed_over'
        ? 'saidHandover'
        : name === 'mention.made' && data.user === me
          ? 'saidMention'
          : name === 'conversation.offered' && data.agent === me
            ? 'saidOffer'
            : null;
    // Read aloud at once; what is heard as a sound is the person's choice (store/notices.ts).
    if (said) this.store.set({ said: t(said) });
  }

  private saw(seen: Seen): void {
    const { open, others } = this.state;
    const before = others[seen.user];
    const isNew = before?.conversation !== seen.conversation || Date.now() - before.at > 30_000;
    // Somebody has come here: they cannot know yet that I am here, too.
    if (open && seen.conversation === open && isNew) this.live.look(open);
    this.store.set({
      others: {
        ...others,
        [seen.user]: {
          name: seen.name ?? '',
          conversation: seen.conversation,
          typing: Boolean(seen.typing),
          at: Date.now(),
        },
      },
    });
  }

  private buyerTypes(conversation: number): void {
    this.store.set({ buyerTyping: { ...this.state.buyerTyping, [conversation]: Date.now() } });
  }

  // ── from other tabs ──
  private heard(told: Told): void {
    if (told.type === 'outbox') void this.outbox.fromShelf();
    else if (told.type === 'draft' && told.id.startsWith(`${this.state.open}:`))
      void this.threads.read();
    else if (told.type === 'prefs') this.store.set({ prefs: told.prefs as Prefs });
    else if (told.type === 'noticed') this.notices.over(told.conversation);
    else if (told.type === 'presence') this.store.set({ presence: told.presence });
  }

  // ── choices ──
  async prefer(change: { [K in keyof Prefs]?: Prefs[K] | null }): Promise<void> {
    const before = this.state.prefs;
    this.store.set({ prefs: { ...before, ...change } as Prefs });
    try {
      const prefs = await call<Prefs>('PUT', '/desk/prefs/', change);
      this.store.set({ prefs });
      this.tabs.tell({ type: 'prefs', prefs });
    } catch (error) {
      this.store.set({ prefs: before });
      this.acts.complain(error);
    }
  }

  sortBy(sort: Sort): void {
    const sorts = { ...this.state.prefs.sorts, [this.rows.key]: sort };
    void this.prefer({ sorts });
    this.rows.sorted();
  }

  async setPresence(presence: string): Promise<void> {
    const before = this.state.presence;
    this.store.set({ presence });
    try {
      await call('POST', '/desk/presence/', { presence });
      this.tabs.tell({ type: 'presence', presence });
    } catch (error) {
      this.store.set({ presence: before });
      this.acts.complain(error);
    }
  }

  async saveView(view: Partial<SavedView>): Promise<boolean> {
    try {
      const made = await call<SavedView>('POST', '/desk/views/', view);
      this.store.set({ views: [...this.state.views, made], panel: '' });
      this.rows.choose('all', made.id);
      this.live.say({ type: 'count' });
      void this.readDesk();
      return true;
    } catch (error) {
      this.acts.complain(error);
      return false;
    }
  }

  async dropView(id: number): Promise<void> {
    try {
      await call('DELETE', `/desk/views/${id}/`);
      this.store.set({ views: this.state.views.filter((one) => one.id !== id) });
      if (this.state.list.saved === id) this.rows.choose('waiting');
    } catch (error) {
      this.acts.complain(error);
    }
  }
}
