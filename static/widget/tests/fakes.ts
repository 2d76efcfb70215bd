/** A server in memory that speaks the frames: enough of it to break the line in every way. */

import type { ClientFrame, Message, SayFrame, ServerEvent } from '../src/protocol';

export class FakeServer {
  messages: Message[] = [];
  sockets: FakeSocket[] = [];
  heard: ClientFrame[] = [];
  hellos: Record<string, unknown>[] = [];
  tokens = 0;
  socketsWork = true;
  isDown = false;
  losesAcks = false;
  isBusy = false; // takes messages, shows them later
  taken: SayFrame[] = []; // every accepted frame, its repetitions included
  expired = new Set<string>();

  take(say: SayFrame): void {
    this.taken.push(say);
    if (this.taken.length > 100) {
      throw new Error('the same again and again');
    }
    if (!this.isBusy) {
      this.work();
    }
  }

  /** Show what was taken: each key once. */
  work(): void {
    for (const { key, text } of this.taken) {
      if (!this.messages.some((m) => m.key === key)) {
        this.put({ key, author: 'buyer', text });
      }
    }
  }

  put(message: Partial<Message>): Message {
    const seq = this.messages.length + 1;
    const full = {
      id: seq * 10,
      seq,
      author: 'bot',
      text: '',
      at: '2026-11-22T10:00:00Z',
      ...message,
    };
    this.messages.push(full as Message);
    return full as Message;
  }

  since(after: number): ServerEvent {
    const messages = this.messages.filter((m) => m.seq! > after);
    return {
      t: 'messages',
      messages: structuredClone(messages),
      after,
      cursor: this.messages.length,
      who: { speaker: 'bot' },
      read: 0,
      more: false,
    };
  }

  answer(frame: ClientFrame): ServerEvent[] {
    this.heard.push(frame);
    if (frame.t === 'say') {
      this.take(frame);
      return this.losesAcks ? [] : [{ t: 'ack', key: frame.key }];
    }
    return frame.t === 'ping' ? [{ t: 'pong' }] : [];
  }

  /** Tell every open socket what it lacks. */
  nudge(): void {
    for (const socket of this.sockets.filter((s) => s.readyState === 1)) {
      socket.hear(this.since(socket.after));
      socket.after = this.messages.length;
    }
  }

  fetch = async (address: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const path = new URL(String(address)).pathname;
    if (this.isDown) {
      throw new TypeError('offline');
    }
    if (path.endsWith('/session/')) {
      this.tokens += 1;
      return Response.json({ token: `token-${this.tokens}` });
    }
    const body = JSON.parse(String(init?.body)) as Record<string, unknown>;
    if (this.expired.has(body.token as string)) {
      return Response.json({}, { status: 401 });
    }
    const events: ServerEvent[] = [];
    for (const frame of (body.frames ?? []) as ClientFrame[]) {
      events.push(...this.answer(frame));
    }
    const fresh = this.since(body.after as number);
    if (body.hello || (fresh as { messages: unknown[] }).messages.length) {
      events.push(fresh);
    } else if (body.wait) {
      await new Promise((resolve, reject) => {
        setTimeout(resolve, 500);
        init?.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      });
    }
    return Response.json({ events });
  };

  get Socket(): typeof WebSocket {
    const server = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(url, server);
      }
    } as unknown as typeof WebSocket;
  }
}

export class FakeSocket {
  readyState = 0;
  after = 0;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(
    readonly url: string,
    private server: FakeServer,
  ) {
    server.sockets.push(this);
    queueMicrotask(() => {
      if (server.isDown || !server.socketsWork) {
        this.lose();
      } else if (this.readyState === 0) {
        this.readyState = 1;
        this.onopen?.();
      }
    });
  }

  send(raw: string): void {
    const frame = JSON.parse(raw) as ClientFrame | ({ t: 'hello' } & Record<string, unknown>);
    queueMicrotask(() => {
      if (this.readyState !== 1 || this.server.isDown) {
        return; // on the wire when it broke
      }
      if (frame.t === 'hello') {
        this.server.hellos.push(frame);
        if (this.server.expired.has(frame.token as string)) {
          this.hear({ t: 'expired' });
          this.lose(4401);
          return;
        }
        this.after = frame.after as number;
        this.hear(this.server.since(this.after));
        this.after = this.server.messages.length;
      } else {
        for (const event of this.server.answer(frame)) {
          this.hear(event);
        }
      }
    });
  }

  hear(event: ServerEvent): void {
    this.onmessage?.({ data: JSON.stringify(event) });
  }

  lose(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  close(): void {
    this.readyState = 3;
  }
}
