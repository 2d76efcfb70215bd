/** Everything the page knows at one moment. Views are functions of it; features change it. */
import type {
  Boot,
  Channel,
  Draft,
  Found,
  Label,
  Macro,
  Mode,
  OrderAct,
  Outgoing,
  Person,
  Prefs,
  Row,
  SavedView,
  Shift,
  Sort,
  Team,
  Thread,
  Told,
  TranslationState,
  View,
} from '../types';

export interface Notice {
  text: string;
  action?: string;
  run?: () => void;
  show?: () => void; // to what it is about
}

export interface Toast extends Notice {
  isUndo?: boolean;
}

export interface ListState {
  view: View;
  saved: number | null;
  sort: Sort;
  query: string;
  rows: Row[];
  next: string;
  isLoading: boolean;
  failure: string;
  asOf: string; // shown from what the browser kept, as of this time
  held: Row[] | null; // true order, kept back while the pointer is over the list
  moved: number; // rows that are new or elsewhere in it
  cursor: number | null;
  selected: ReadonlySet<number>;
  isAll: boolean; // all that the list holds, not only what is loaded
}

export interface FindState {
  query: string;
  found: Found | null;
  isLoading: boolean;
  failure: string;
}

/** The language strip of the open dialogue, and what the words of the draft become. */
export interface Strip {
  conversation: number;
  state: TranslationState;
  isWorking: boolean;
  made: Made | null;
}

/** `of` in the buyer's language; without `text` it goes as it is written, `why` says the reason. */
export interface Made {
  of: string;
  text: string;
  why: string;
  doubt: string; // figures that are not the same in both
}

export type Panel = '' | 'notices' | 'palette' | 'settings' | 'shops' | 'view';
export type Ask = '' | 'return' | 'snooze' | 'assign' | 'label' | 'date' | 'macro' | 'whisper';

export interface State {
  boot: Boot;
  presence: string;
  shift: Shift | null;
  people: Person[];
  channels: Channel[];
  teams: Team[];
  labels: Label[];
  views: SavedView[];
  counters: Record<string, number>;
  prefs: Prefs;
  list: ListState;
  find: FindState;
  macros: Macro[];
  open: number | null;
  thread: Thread | null;
  isCached: boolean; // the thread is what the browser kept
  unreadFrom: number | null; // what was not read begins here, above what is loaded
  newFrom: number | null; // the «new» line stands before this number
  jump: { seq: number; at: number } | null; // to scroll there and light it up
  below: number; // came while the end was not in sight
  mode: Mode;
  drafts: Record<string, Draft>;
  outbox: Outgoing[];
  others: Record<
    number,
    { name: string; conversation: number | null; typing: boolean; at: number }
  >;
  buyerTyping: Record<number, number>;
  isUp: boolean;
  downSince: string;
  modelDown: string; // since when no model answers
  down: 'line' | 'server' | 'news'; // what is away while it is not
  notice: Notice | null;
  toast: Toast | null;
  told: Told[]; // what its person was told of, the newest first
  cards: Told[]; // of it, what stands above the page now
  unseen: number;
  panel: Panel;
  showContext: boolean;
  ask: Ask; // a small form under the header
  order: OrderAct | null; // an order something is done with
  strip: Strip | null;
  editing: number | null; // the own message that is being changed
  said: string; // for screen readers, at once
}

export const EMPTY: Draft = {
  text: '',
  files: [],
  cards: [],
  mentions: [],
  template: null,
  quote: null,
  base: 0,
};

export function beginning(boot: Boot): State {
  return {
    boot,
    presence: 'online',
    shift: null,
    people: [],
    channels: [],
    teams: [],
    labels: [],
    views: [],
    counters: {},
    prefs: {},
    list: {
      view: 'waiting',
      saved: null,
      sort: 'deadline',
      query: '',
      rows: [],
      next: '',
      isLoading: true,
      failure: '',
      asOf: '',
      held: null,
      moved: 0,
      cursor: null,
      selected: new Set(),
      isAll: false,
    },
    find: { query: '', found: null, isLoading: false, failure: '' },
    macros: [],
    open: null,
    thread: null,
    isCached: false,
    unreadFrom: null,
    newFrom: null,
    jump: null,
    below: 0,
    mode: 'reply',
    drafts: {},
    outbox: [],
    others: {},
    buyerTyping: {},
    isUp: true,
    downSince: '',
    modelDown: '',
    down: 'line',
    notice: null,
    toast: null,
    told: [],
    cards: [],
    unseen: 0,
    panel: '',
    showContext: false,
    ask: '',
    order: null,
    strip: null,
    editing: null,
    said: '',
  };
}

export class Store {
  state: State;
  private readonly listeners = new Set<() => void>();
  private readonly timers = new Map<string, number>();

  constructor(boot: Boot) {
    this.state = beginning(boot);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  setList(change: Partial<ListState>): void {
    this.set({ list: { ...this.state.list, ...change } });
  }

  /** After a pause; a second call by the same name begins it anew. */
  later(name: string, ms: number, run: () => void): void {
    window.clearTimeout(this.timers.get(name));
    this.timers.set(
      name,
      window.setTimeout(() => {
        this.timers.delete(name);
        run();
      }, ms),
    );
  }

  /** At most once in so many milliseconds, however often it is asked for. */
  soon(name: string, ms: number, run: () => void): void {
    if (!this.timers.has(name)) this.later(name, ms, run);
  }

  never(name: string): void {
    window.clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}
