export interface Boot {
  brand: string;
  colour: string;
  mark: string;
  lang: string;
  me: number;
  role: string;
  zone: string;
}

export interface Person {
  id: number;
  name: string;
  presence?: string;
}

export interface Row {
  id: number;
  name: string;
  channel: { kind: string; name: string };
  status: 'open' | 'snoozed' | 'resolved';
  speaker: 'bot' | 'queue' | 'agent' | 'nobody';
  agent: Person | null;
  language: string;
  preview: string;
  preview_author: string;
  unread: number;
  waiting_since: string | null;
  deadline_at: string | null;
  reason: string;
  updated_at: string;
  has_draft: boolean;
  last_seq: number;
}

export interface Source {
  kind: string;
  title: string;
  url?: string;
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
  meta: {
    code?: string;
    name?: string;
    decision?: string;
    reason?: string;
    sources?: Source[];
    claims?: { text: string; source: string }[];
    provider?: string;
    ms?: number;
  };
  files: { id: number | null; kind: string; name: string; size: number; error: string }[];
}

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
  orders: {
    number: string;
    status: string;
    sum: string;
    currency: string;
    placed_at: string;
    lines: string[];
  }[];
  episodes: { started_at: string; resolved_at: string | null; by: string; reason: string }[];
}

export interface Thread {
  conversation: Row;
  messages: Message[];
  more: boolean;
  context: Context | null;
  drafts: Record<string, { text: string; base_seq: number }>;
}

/** A message on its way: shown at once, sent when there is a connection, once by its key. */
export interface Outgoing {
  key: string;
  conversation: number;
  mode: 'reply' | 'note';
  text: string;
  baseSeq: number | null;
  at: string;
  failure: string;
}

export interface Event {
  seq: number;
  name: string;
  data: { conversation?: number; message?: number; seq?: number; agent?: number | null };
}

export const VIEWS = ['waiting', 'mine', 'unassigned', 'bot', 'resolved', 'all'] as const;
export type View = (typeof VIEWS)[number];
