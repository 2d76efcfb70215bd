/** What the server tells (bots/api/desk.py), as the page reads it. */
export interface Boot {
  brand: string;
  colour: string;
  mark: string;
  lang: string;
  me: number;
  role: string;
  zone: string;
  prefs?: Prefs;
}

export interface Person {
  id: number;
  name: string;
  presence?: string;
  is_here?: boolean;
  on_shift?: boolean;
  load?: number;
  capacity?: number;
}

export interface Channel {
  id: number;
  kind: string;
  name: string;
  trouble: string;
}

export interface Label {
  name: string;
  colour: string;
}

export interface Team {
  id: number;
  name: string;
  is_default?: boolean;
  is_mine?: boolean;
  is_lead?: boolean;
  cards?: string[]; // which come first beside its dialogues
}

export type Sort = 'deadline' | 'waiting' | 'newest' | 'oldest';

export interface SavedView {
  id: number;
  name: string;
  filters: Record<string, unknown>;
  sort: Sort | '';
  position: number;
  team: number | null;
  is_shared: boolean;
}

export interface Prefs {
  send?: 'enter' | 'ctrl';
  font?: number;
  theme?: 'auto' | 'light' | 'dark';
  sound?: boolean;
  hold_s?: number;
  keys?: Record<string, string>;
  sorts?: Record<string, Sort>;
  cards?: string[];
  folded?: string[];
}

export interface Shift {
  is_on: boolean;
  changes_at: string;
}

export interface DeskData {
  me: {
    id: number;
    name: string;
    role: string;
    presence: string;
    shift?: Shift | null; // nothing for who has no shifts
  };
  people: Person[];
  channels: Channel[];
  teams: Team[];
  labels: Label[];
  prefs: Prefs;
  views: SavedView[];
  counters: Record<string, number>;
  model_down_since?: string | null; // since when no model answers
}

export interface Row {
  id: number;
  name: string;
  person: number | null; // the card of who writes
  channel: { id: number; kind: string; name: string };
  status: 'open' | 'snoozed' | 'resolved';
  speaker: 'bot' | 'queue' | 'agent' | 'nobody';
  agent: Person | null;
  team: number | null;
  priority: number;
  offered_to: number | null;
  offer_until: string | null;
  language: string;
  preview: string;
  preview_author: string;
  unread: number;
  waiting_since: string | null;
  deadline_at: string | null;
  sla_due_at: string | null; // what was promised to the buyer, where something was
  sla_kind: '' | 'first_reply' | 'next_reply' | 'resolve';
  snoozed_until: string | null;
  window_expires_at: string | null;
  labels: string[];
  reason: string;
  updated_at: string;
  has_draft: boolean;
  is_mentioned: boolean;
  missed?: 'nobody_came' | 'no_answer'; // in the list of missed ones: why
  last_seq: number;
}

export interface Source {
  kind: string;
  id: number;
  external_id?: string;
  title: string;
  url?: string;
  internal?: boolean; // for colleagues only
}

export interface Card {
  title: string;
  price?: string;
  old_price?: string;
  stock?: string;
  picture?: string;
  url?: string;
}

export interface StoredFile {
  id: number | null;
  kind: string;
  name: string;
  mime: string;
  size: number;
  error: string;
  transcript?: string;
  speech?: { state?: 'waiting' | 'done' | 'none' | 'failed'; detail?: string };
}

/** A message in another language, or why it is not. */
export interface Translated {
  state: 'waiting' | 'done' | 'failed';
  from?: string;
  text?: string;
  detail?: string;
}

/** A change of one's own message on its way to the channel, or refused by it. */
export interface Change {
  act: 'edit' | 'delete';
  text?: string;
  state: 'waiting' | 'refused';
  detail?: string;
}

/** A telephone call; its recording is behind an address of ours. */
export interface Call {
  direction: 'in' | 'out';
  state: 'ringing' | 'answered' | 'missed' | 'ended';
  at: string;
  seconds: number; // of talk
  line: string; // our number
  answered_by: string;
  recording: boolean;
}

/** Where the buyer can be written to instead; a number may have no dialogue yet. */
export interface Elsewhere {
  channel: { id: number; kind: string; name: string };
  conversation: number | null;
}

export interface Verdict {
  good: boolean;
  about: string;
  comment: string;
}

export interface Message {
  id: number;
  seq: number;
  author: 'buyer' | 'bot' | 'agent' | 'automation' | 'echo' | 'system';
  kind: string;
  name: string;
  user: number | null;
  text: string;
  state: string;
  failure: string;
  client_key: string;
  at: string;
  edited: boolean;
  deleted: boolean;
  episode: number;
  quote: { seq: number; author: string; name: string; text: string } | null;
  verdict: Verdict | null;
  mentions: number[];
  meta: {
    code?: string;
    name?: string;
    decision?: string;
    reason?: string;
    sources?: Source[];
    claims?: { text: string; kind: string; value: string; source: string }[];
    checks?: Record<string, boolean>;
    buttons?: (string | { title: string; url?: string })[];
    cards?: Card[];
    provider?: string;
    ms?: number;
    template?: number;
    until?: string;
    quoted?: string; // earlier text that came along with a letter
    before?: string[]; // what was written before it was changed, oldest first
    change?: Change;
    deleted_by?: string;
    original?: { text: string; language: string }; // the writer's words, sent as a translation
    translations?: Record<string, Translated>; // by the reader's language
    location?: { lat: number; lon: number };
    reaction?: string; // the buyer's sign on it
    call?: Call;
    request?: { id: number; order: string; sum: string; currency: string }; // of an order
  };
  files: StoredFile[];
}

export interface Episode {
  started_at: string;
  resolved_at: string | null;
  by: string;
  outcome?: string;
  reason: string;
}

/** What a thread says of its buyer; who they are is their card (people/card.ts). */
export interface Context {
  name: string;
  username: string;
  language: string;
  is_reachable: boolean;
  since: string;
  identities: { kind: string; value: string; proof: string }[];
  page: string;
  referrer: string;
  utm: Record<string, string>;
  summary: string;
  reason: string;
}

/** What may be sent through the channel of this conversation. */
export interface Capabilities {
  can_write?: boolean;
  text_limit: number;
  files: string[];
  max_file_bytes: number;
  can_edit?: boolean;
  can_delete?: boolean;
  edit_within_s?: number | null; // null: for ever
  delete_within_s?: number | null;
  window?: { actions: string[] };
  state?: string;
  trouble: string;
}

export interface ServerDraft {
  text: string;
  base_seq: number;
  files: DraftFile[];
  more?: DraftMore; // what goes with the words, as `Draft` has it
  at: string;
}

export interface Thread {
  conversation: Row;
  messages: Message[];
  more: boolean;
  newer: boolean;
  episodes: Record<number, Episode>;
  context: Context | null;
  channel: Capabilities | null;
  elsewhere?: Elsewhere[] | null;
  read_seq: number;
  writes?: string; // the language of the buyer's newest texts
  drafts: Record<string, ServerDraft>;
}

export type Mode = 'reply' | 'note';

export interface DraftFile {
  id: number;
  name: string;
  size: number;
  mime: string;
}

/** What is typed and not sent: kept here, in the browser and on the server. */
export interface Draft {
  text: string;
  files: DraftFile[];
  cards: { id: number; title: string }[];
  mentions: number[];
  template: number | null;
  quote: { id: number; text: string; name: string } | null;
  base: number;
  isInternal?: boolean; // holds words of an article for colleagues only
  original?: { text: string; language: string } | undefined; // own words, `text` their translation
}

/** Whether a dialogue is translated, from what into what (bots/services/translate.py). */
export interface TranslationState {
  on: boolean;
  buyer: string;
  mine: string;
  differ: boolean;
  available: boolean;
  why_not: string;
  languages: { code: string; name: string }[];
}

export type DraftMore = Partial<
  Pick<Draft, 'cards' | 'quote' | 'mentions' | 'template' | 'isInternal' | 'original'>
>;

/** A message on its way: shown at once, sent when there is a connection, once by its key. */
export interface Outgoing {
  key: string;
  conversation: number;
  mode: Mode;
  draft: Draft;
  baseSeq: number | null;
  at: string;
  notBefore: number; // held so that Z can take it back
  after: '' | 'resolve';
}

export interface Later {
  id: number;
  text: string;
  original: { text?: string; language?: string }; // own words, where `text` is their translation
  cards: { id: number; title: string }[];
  send_at: string;
  cancels_on_reply: boolean;
  state: 'waiting' | 'sent' | 'cancelled' | 'failed';
  reason: string;
  ended_at: string | null;
}

/** A time worth offering: while people answer, in the shop's own hours. */
export interface Preset {
  key: 'hour' | 'evening' | 'opening' | 'monday';
  at: string;
}

export interface LaterPage {
  results: Later[];
  presets: Preset[];
}

export interface Macro {
  id: number;
  name: string;
  is_personal: boolean;
  team: number | null;
  lasting: ('send_template' | 'send_elsewhere' | 'notify')[]; // acts that cannot be undone
}

export type OrderKind = 'status' | 'return' | 'repeat';

/** What is being looked at before it is done with an order. */
export interface OrderAct {
  conversation: number;
  number: string;
  kind: OrderKind;
}

/** A message by its place. */
export interface Jump {
  conversation: number;
  seq: number;
}

export interface FoundTalk {
  row: Row;
  hits: {
    message: number;
    jump: Jump;
    author: string;
    kind: string;
    name: string;
    at: string;
    text: string;
    marks: [number, number][];
  }[];
  more: boolean;
}

export interface FoundContact {
  contact: number;
  name: string;
  username: string;
  identities: { kind: string; value: string; proof: string }[];
  channel: { id: number; kind: string; name: string };
  jump: Jump;
  marks: [number, number][];
}

export interface FoundOrder {
  id: number;
  number: string;
  status: string;
  sum: string;
  currency: string;
  name: string;
  placed_at: string | null;
  jump: Jump | null; // only where the buyer is proven to be the one who ordered
}

export interface Found {
  how: 'words' | 'inside' | 'slips';
  conversations: FoundTalk[];
  contacts: FoundContact[];
  orders: FoundOrder[];
  next: string;
}

/** Something its person wants to know of. */
export interface Told {
  id: number;
  event: string;
  conversation: number | null;
  title: string;
  body: string;
  at: string;
  url: string;
  seen_at?: string | null;
  app?: boolean; // shown on the page
  sound?: boolean;
  repeat_s?: number; // heard again until it is seen or taken
}

export interface Event {
  seq: number;
  name: string;
  data: {
    conversation?: number;
    message?: number;
    seq?: number;
    agent?: number | null;
    user?: number;
    presence?: string;
    author?: string;
    until?: string;
    since?: string;
    person?: number; // a card of a buyer, and the other one of two
    other?: number;
    contact?: number;
    order?: number;
  };
}

export const VIEWS = [
  'waiting',
  'mine',
  'unassigned',
  'bot',
  'snoozed',
  'mentioned',
  'missed',
  'resolved',
  'all',
] as const;
export type View = (typeof VIEWS)[number];

export const SORTS: Sort[] = ['deadline', 'waiting', 'newest', 'oldest'];
