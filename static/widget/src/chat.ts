/** One chat in one page: puts state, outbox, line and other tabs together. Knows no pixels. */

import { named, trouble } from './files';
import { Link } from './link';
import { Outbox } from './outbox';
import { about } from './page';
import type { About, Config, FileRow, Message, SayFrame, ServerEvent } from './protocol';
import { empty, type LocalEvent, lastSeq, reduce, type State, unread } from './state';
import type { Box } from './store';

export interface Env {
  host: string; // origin of the server
  key: string;
  box: Box;
  locale: () => string;
  fetch: typeof fetch;
  WebSocket: typeof WebSocket | undefined;
  channel: BroadcastChannel | null;
  isLooking: () => boolean; // the panel is open and the tab is in front
}

export interface Upload {
  id: string;
  name: string;
  size: number;
  kind: FileRow['kind'];
  url: string; // to show it here
  handle?: string;
  code?: string; // why it was refused
}

export interface ContactData {
  name: string;
  phone: string;
  email: string;
  given: Record<string, boolean>;
  shown: Record<string, string>; // the version of each consent the buyer was shown
}

export interface Trouble {
  code: string; // "consent", a field's name, or "offline"
  consents?: Config['consents']; // the words have changed: these are to be shown and asked
}

export const randomKey = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
};

const GOT_AFTER_MS = 1000;
const ACK_WITHIN_MS = 15_000;
const TYPING_EVERY_MS = 4000;

type Heard = 'message' | 'unread' | 'identified' | 'change' | 'shut';

export class Chat {
  state: State;
  uploads: Upload[] = [];
  draft = '';
  isShut = false;
  readonly tab = randomKey();

  private link: Link;
  private outbox: Outbox;
  private base: string;
  private identity = '';
  private cart: unknown;
  private events: { name: string; data?: unknown }[] = [];
  private token: Promise<string> | null = null;
  private tokenNow = '';
  private started = false;
  private greeted = false; // what comes after the first look is news
  private sendingKey = '';
  private sendTimer: ReturnType<typeof setTimeout> | undefined;
  private got = new Set<number>();
  private gotTimer: ReturnType<typeof setTimeout> | undefined;
  private typedAt = 0;
  private listeners: [Heard, (data?: unknown) => void][] = [];

  constructor(private env: Env) {
    this.base = `${env.host}/live/chat/${env.key}/`;
    this.outbox = new Outbox(env.box);
    this.state = { ...empty, seen: env.box.get<number>('seen') ?? 0 };
    this.tokenNow = env.box.get<string>('token') ?? '';
    this.link = new Link({
      url: this.base,
      fetch: env.fetch,
      WebSocket: env.WebSocket,
      onEvent: (event) => this.hear(event),
      onState: (link) => {
        this.apply({ t: 'link', link });
        if (link === 'online') {
          this.onLine();
        } else {
          this.sendingKey = '';
          clearTimeout(this.sendTimer);
        }
      },
      onShut: () => {
        this.isShut = true;
        this.tell('shut');
      },
      hello: () => ({
        token: this.tokenNow,
        me: this.tab,
        after: this.state.cursor,
        about: this.about(),
        ...(this.identity ? { identity: this.identity } : {}),
      }),
    });
    for (const { say, files, at } of this.outbox.all()) {
      this.apply({ t: 'local', message: this.own(say, files, at) });
    }
    if (env.channel) {
      env.channel.onmessage = (raw: MessageEvent) => this.hearTab(raw.data);
    }
  }

  on(what: Heard, listener: (data?: unknown) => void): () => void {
    const entry: [Heard, (data?: unknown) => void] = [what, listener];
    this.listeners.push(entry);
    return () => {
      this.listeners = this.listeners.filter((known) => known !== entry);
    };
  }

  /** Who has written before is listened to at once, and what waits is sent; others open the chat. */
  resume(): void {
    if (this.outbox.next() || (this.tokenNow && this.env.box.get('talked'))) {
      void this.start();
    }
  }

  async start(): Promise<void> {
    if (this.started || this.isShut) {
      this.link.kick();
      return;
    }
    this.started = true;
    this.apply({ t: 'link', link: 'connecting' });
    try {
      await this.ensureToken();
      this.link.start();
    } catch {
      this.started = false;
      this.apply({ t: 'link', link: 'offline' });
      setTimeout(() => void this.start(), 3000 + Math.random() * 4000);
    }
  }

  kick(): void {
    this.link.kick();
  }

  /** Tell where the buyer is, where the shop shows that to its people; what they say first. */
  async beat(about: {
    returning: boolean;
    open: boolean;
    opened: number;
  }): Promise<{ again: number; greeting?: { id?: number; text: string } }> {
    const answer = await this.env.fetch(`${this.base}visit/`, {
      method: 'POST',
      body: JSON.stringify({
        token: await this.ensureToken(),
        about: this.about(),
        locale: this.env.locale(),
        ...about,
      }),
    });
    if (!answer.ok) {
      throw new Error('beat');
    }
    return answer.json();
  }

  // ── what a buyer does ──
  say(text: string, payload = ''): void {
    const files = this.uploads.filter((u) => u.handle);
    if (!text.trim() && !files.length && !payload) {
      return;
    }
    this.uploads = [];
    const say: SayFrame = {
      t: 'say',
      key: randomKey(),
      text: text.trim(),
      locale: this.env.locale(),
      about: this.about(),
      ...(payload ? { payload } : {}),
      ...(files.length ? { files: files.map((u) => u.handle!) } : {}),
    };
    const rows = files.map(({ kind, name, size, url }) => ({ kind, name, size, url, mime: '' }));
    const at = new Date().toISOString();
    this.outbox.add(say, rows, at);
    const message = this.own(say, rows, at);
    this.apply({ t: 'local', message });
    this.env.channel?.postMessage({ t: 'local', message });
    this.env.box.set('talked', true);
    void this.start().then(() => this.flush());
  }

  retry(message: Message): void {
    const { key, text } = message;
    if (key) {
      const say: SayFrame = { t: 'say', key, text, locale: this.env.locale(), about: this.about() };
      this.outbox.add(say, message.files ?? [], message.at);
      this.apply({ t: 'retry', key });
      this.flush();
    }
  }

  typing(): void {
    const now = Date.now();
    if (now - this.typedAt > TYPING_EVERY_MS && this.link.send({ t: 'typing' })) {
      this.typedAt = now;
    }
  }

  older(): void {
    const first = this.state.messages.find((m) => m.seq !== undefined)?.seq;
    if (first && this.state.more) {
      this.link.send({ t: 'older', before: first });
    }
  }

  /** The buyer looks at the thread: what is there counts as seen, here and in other tabs. */
  look(): void {
    if (!this.env.isLooking()) {
      return;
    }
    const seq = lastSeq(this.state);
    if (seq <= this.state.seen) {
      return;
    }
    const ids = this.state.messages
      .filter((m) => m.author !== 'buyer' && (m.seq ?? 0) > this.state.seen && m.id)
      .map((m) => m.id!);
    this.apply({ t: 'seen', seq });
    this.env.box.set('seen', seq);
    this.env.channel?.postMessage({ t: 'seen', seq });
    if (ids.length) {
      this.link.send({ t: 'seen', ids });
    }
  }

  async attach(list: Iterable<File>): Promise<void> {
    for (const raw of list) {
      const file = named(raw);
      const kind = file.type.startsWith('image/') ? 'image' : 'file';
      const upload: Upload = {
        id: randomKey(),
        name: file.name,
        size: file.size,
        kind,
        url: kind === 'image' ? URL.createObjectURL(file) : '',
      };
      const code = trouble(file);
      this.uploads = [...this.uploads, code ? { ...upload, code } : upload];
      this.tell('change');
      if (!code) {
        await this.upload(upload, file);
      }
    }
  }

  detach(id: string): void {
    this.uploads = this.uploads.filter((u) => u.id !== id);
    this.tell('change');
  }

  private async upload(upload: Upload, file: File): Promise<void> {
    let done: Partial<Upload>;
    try {
      const form = new FormData();
      form.set('token', await this.ensureToken());
      form.set('file', file, file.name);
      const answer = await this.env.fetch(`${this.base}upload/`, { method: 'POST', body: form });
      const body = await answer.json();
      done = answer.ok
        ? { handle: body.handle, kind: body.kind, url: this.absolute(body.url), name: body.name }
        : { code: body.error.code };
    } catch {
      done = { code: 'offline' };
    }
    this.uploads = this.uploads.map((u) => (u.id === upload.id ? { ...u, ...done } : u));
    this.tell('change');
  }

  get hasContact(): boolean {
    return this.env.box.get<boolean>('contact') ?? false;
  }

  /** Null when it was kept; else what to mend. */
  async leaveContact(data: ContactData): Promise<Trouble | null> {
    try {
      const answer = await this.env.fetch(`${this.base}contact/`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: JSON.stringify({ ...data, token: await this.ensureToken() }),
      });
      if (answer.ok) {
        this.env.box.set('contact', true);
        return null;
      }
      const { error } = await answer.json();
      return { code: error.field ?? error.code, consents: error.consents };
    } catch {
      return { code: 'offline' };
    }
  }

  // ── what the shop's page tells ──
  identify(token: string): void {
    this.identity = token;
    this.link.send({ t: 'identify', token });
  }

  setCart(cart: unknown): void {
    this.cart = cart;
    this.link.send({ t: 'about', about: this.about() });
  }

  event(name: string, data?: unknown): void {
    if (!this.link.send({ t: 'event', name, data })) {
      this.events = [...this.events, { name, data }].slice(-10);
    }
  }

  async config(): Promise<Config> {
    const answer = await this.env.fetch(`${this.base}config/`);
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    return answer.json();
  }

  absolute(url: string): string {
    return url.startsWith('/') ? this.env.host + url : url;
  }

  private about(): About {
    const found = about(this.env.box, document, location);
    return this.cart === undefined ? found : { ...found, cart: this.cart };
  }

  // ── the line ──
  private ensureToken(): Promise<string> {
    // Another tab may have got one meanwhile: a browser is one visitor.
    this.tokenNow ||= this.env.box.get<string>('token') ?? '';
    if (this.tokenNow) {
      return Promise.resolve(this.tokenNow);
    }
    this.token ??= this.env
      .fetch(`${this.base}session/`, { method: 'POST' })
      .then(async (answer) => {
        if (!answer.ok) {
          throw new Error(String(answer.status));
        }
        const { token } = (await answer.json()) as { token: string };
        // Another tab asked at the same moment: the first one kept is the browser's.
        this.tokenNow = this.env.box.get<string>('token') || token;
        this.env.box.set('token', this.tokenNow);
        return this.tokenNow;
      })
      .finally(() => {
        this.token = null;
      });
    return this.token;
  }

  private onLine(): void {
    for (const { name, data } of this.events.splice(0)) {
      this.link.send({ t: 'event', name, data });
    }
    this.flush();
    this.look();
  }

  /** One message at a time, so that they arrive in the order they were written. */
  private flush(): void {
    if (this.sendingKey) {
      return;
    }
    const next = this.outbox.next();
    if (next && this.link.send(next.say)) {
      this.sendingKey = next.say.key;
      this.sendTimer = setTimeout(() => {
        this.sendingKey = '';
        this.flush(); // the key makes a second try harmless
      }, ACK_WITHIN_MS);
    }
  }

  private settled(key: string): void {
    this.outbox.remove(key);
    if (this.sendingKey === key) {
      this.sendingKey = '';
      clearTimeout(this.sendTimer);
    }
    this.flush();
  }

  private hear(event: ServerEvent): void {
    switch (event.t) {
      case 'expired':
        if (this.env.box.get('token') === this.tokenNow) {
          this.env.box.set('token', ''); // else another tab has a new one already: one visitor
          this.env.box.set('seen', 0);
        }
        this.tokenNow = '';
        this.link.stop();
        this.started = this.greeted = false;
        this.apply({ t: 'reset' });
        void this.start();
        return;
      case 'messages':
      case 'history':
        event.messages = event.messages.map((m) => this.local(m));
        break;
      case 'echo':
        event.message = this.local(event.message);
        break;
      case 'identified':
        this.tell('identified', { ok: event.ok, code: event.code });
        break;
      case 'ack':
        event.files = event.files?.map((f) => ({ ...f, url: this.absolute(f.url) }));
        this.env.channel?.postMessage({ t: 'ack', key: event.key });
        break;
      case 'refused':
        if (event.code === 'pace') {
          clearTimeout(this.sendTimer);
          this.sendTimer = setTimeout(
            () => {
              this.sendingKey = '';
              this.flush();
            },
            1000 * (event.wait ?? 2) + 100,
          );
          return;
        }
        break;
    }
    const known = new Set(this.state.messages.map((m) => m.id));
    this.apply(event);
    if (event.t === 'ack' || event.t === 'refused') {
      this.settled(event.key);
    }
    if (event.t === 'messages') {
      for (const message of event.messages) {
        if (message.key) {
          this.settled(message.key); // it is there, whether or not the ack arrived
        }
        if (message.author !== 'buyer' && message.id && !known.has(message.id)) {
          this.fresh(message, this.greeted || event.after > 0);
        }
      }
      this.greeted = true;
    }
  }

  private fresh(message: Message, isNews: boolean): void {
    if (this.env.isLooking()) {
      this.look();
    } else {
      this.got.add(message.id!);
      this.gotTimer ??= setTimeout(() => {
        this.gotTimer = undefined;
        this.link.send({ t: 'got', ids: [...this.got] });
        this.got.clear();
      }, GOT_AFTER_MS);
    }
    if (isNews && (message.seq ?? 0) > this.state.seen) {
      this.tell('message', message);
    }
  }

  private hearTab(event: { t: string; seq: number; key: string; message: Message }): void {
    if (event.t === 'seen') {
      this.apply({ t: 'seen', seq: event.seq });
    } else if (event.t === 'ack') {
      this.apply({ t: 'ack', key: event.key });
      this.settled(event.key);
      void this.start(); // by now there is a token to share
    } else if (event.t === 'local') {
      this.apply({ t: 'local', message: event.message });
    }
  }

  private local(message: Message): Message {
    return message.files
      ? { ...message, files: message.files.map((f) => ({ ...f, url: this.absolute(f.url) })) }
      : message;
  }

  private own(say: SayFrame, files: FileRow[], at: string): Message {
    return { key: say.key, author: 'buyer', text: say.text, at, files, state: 'queued' };
  }

  private apply(event: ServerEvent | LocalEvent): void {
    const before = this.state;
    this.state = reduce(before, event, Date.now());
    if (this.state !== before) {
      this.tell('change');
      if (unread(before) !== unread(this.state)) {
        this.tell('unread', unread(this.state));
      }
    }
  }

  private tell(what: Heard, data?: unknown): void {
    for (const [name, listener] of this.listeners) {
      if (name === what) {
        listener(data);
      }
    }
  }
}
