/** Frames between a browser and `/live/chat/<route_key>/` (docs/widget.md). */

export interface FileRow {
  kind: 'image' | 'file' | 'voice' | 'video';
  name: string;
  mime: string;
  size: number;
  url: string;
  error?: string;
}

export interface Button {
  title: string;
  payload?: string;
  url?: string;
}

export interface Card {
  title: string;
  price?: string;
  old_price?: string;
  stock?: string;
  picture?: string;
  url?: string;
  external_id?: string;
}

export interface Source {
  title: string;
  url?: string;
  kind?: string;
}

export interface Message {
  id?: number;
  seq?: number; // given by the server; none while a message is on its way
  key?: string; // given by the browser; only a buyer's own messages have one
  author: 'buyer' | 'bot' | 'agent';
  name?: string;
  text: string;
  at: string;
  buttons?: Button[];
  cards?: Card[];
  sources?: Source[];
  files?: FileRow[];
  quote?: string;
  edited?: boolean;
  state?: 'queued' | 'sent' | 'refused';
  code?: string;
}

export interface Who {
  speaker: 'bot' | 'queue' | 'agent' | 'nobody';
  name?: string;
}

export interface MessagesEvent {
  t: 'messages';
  messages: Message[];
  gone?: number[]; // taken back: no longer to be shown
  after: number;
  cursor: number;
  who: Who;
  read: number;
  more: boolean;
}

export type ServerEvent =
  | MessagesEvent
  | { t: 'history'; messages: Message[]; more: boolean }
  | { t: 'ack'; key: string; files?: FileRow[] }
  | { t: 'refused'; key: string; code: string; wait?: number }
  | { t: 'echo'; message: Message }
  | { t: 'typing' }
  | { t: 'stream'; key: string; text: string }
  | { t: 'identified'; ok: boolean; name?: string; code?: string }
  | { t: 'expired' }
  | { t: 'pong' };

export interface About {
  page?: string;
  title?: string;
  referrer?: string;
  utm?: Record<string, string>;
  cart?: unknown;
  time_zone?: string;
}

export interface SayFrame {
  t: 'say';
  key: string;
  text: string;
  payload?: string;
  files?: string[];
  locale: string;
  about?: About;
}

export type ClientFrame =
  | SayFrame
  | { t: 'got' | 'seen'; ids: number[] }
  | { t: 'typing' }
  | { t: 'about'; about: About }
  | { t: 'event'; name: string; data?: unknown }
  | { t: 'identify'; token: string }
  | { t: 'older'; before: number }
  | { t: 'ping' };

export interface Consent {
  kind: 'processing' | 'marketing';
  version: string;
  text: string;
}

export interface Config {
  shop: string;
  colour: string;
  bot: { name: string; greeting: string; language?: string };
  answers: boolean;
  open: boolean;
  when: Record<string, string>;
  questions: string[];
  theme: string;
  position: 'left' | 'right';
  visitors?: boolean;
  form?: { kind: 'offline' | 'first'; fields: string[] } | null;
  said?: string; // said first, to who looks around
  language: string;
  privacy: string;
  consents: Record<string, Consent[]>;
}
