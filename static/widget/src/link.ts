/**
 * The line to the server: a websocket, or long polling where websockets are shut. Both carry the
 * same frames. It only ever promises "probably sent": what counts is the `ack`.
 */

import type { ClientFrame, ServerEvent } from './protocol';
import type { LinkState } from './state';

export interface LinkEnv {
  url: string; // https://host/live/chat/<key>/
  hello: () => Record<string, unknown>; // token, me, after, about, identity
  onEvent: (event: ServerEvent) => void;
  onState: (state: LinkState) => void;
  onShut: () => void; // the channel is gone or this site may not show it
  WebSocket: typeof WebSocket | undefined;
  fetch: typeof fetch;
}

const OPEN_WITHIN_MS = 6000;
const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
const POLL_WAIT_S = 20;
const SOCKET_AGAIN_MS = 120_000;

export class Link {
  private socket: WebSocket | null = null;
  private poll: AbortController | null = null;
  private timers = new Set<ReturnType<typeof setTimeout>>();
  private tries = 0;
  private badSockets = 0;
  private running = false;
  private online = false;
  private pausing = false;

  constructor(private env: LinkEnv) {}

  start(): void {
    if (!this.running) {
      this.running = true;
      this.dial();
    }
  }

  stop(): void {
    this.running = false;
    this.drop();
    this.env.onState('idle');
  }

  /** Network is back, or somebody looks at the page: do not sit out the pause. */
  kick(): void {
    if (this.running && this.pausing) {
      this.tries = 0;
      this.drop();
      this.dial();
    }
  }

  /** False when there is no line now. True promises nothing: wait for the `ack`. */
  send(frame: ClientFrame): boolean {
    if (!this.online) {
      return false;
    }
    if (this.socket) {
      this.socket.send(JSON.stringify(frame));
    } else {
      void this.post({ frames: [frame] })
        .then((events) => this.hear(events))
        .catch(() => this.fail());
    }
    return true;
  }

  private later(ms: number, what: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      what();
    }, ms);
    this.timers.add(timer);
  }

  private dial(): void {
    this.pausing = false;
    this.env.onState('connecting');
    if (this.env.WebSocket && this.badSockets < 2) {
      this.openSocket(this.env.WebSocket);
    } else {
      void this.openPoll();
    }
  }

  private drop(): void {
    this.online = false;
    for (const timer of this.timers) {
      clearTimeout(timer);
    }
    this.timers.clear();
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = socket.onmessage = socket.onopen = socket.onerror = null;
      socket.close();
    }
    this.poll?.abort();
    this.poll = null;
  }

  private fail(): void {
    if (!this.running) {
      return;
    }
    this.drop();
    this.env.onState('offline');
    // Half a second to half a minute, never two browsers in step.
    const pause = Math.min(30_000, 500 * 2 ** this.tries) * (0.6 + Math.random() * 0.8);
    this.tries += 1;
    this.pausing = true;
    this.later(pause, () => this.dial());
  }

  private up(): void {
    this.online = true;
    this.tries = 0;
    this.env.onState('online');
  }

  private hear(events: ServerEvent[]): void {
    for (const event of events) {
      this.env.onEvent(event);
    }
  }

  // ── websocket ──
  private openSocket(Socket: typeof WebSocket): void {
    let socket: WebSocket;
    try {
      socket = new Socket(this.env.url.replace(/^http/, 'ws'));
    } catch {
      this.badSockets = 2; // forbidden by the page's policy
      void this.openPoll();
      return;
    }
    this.socket = socket;
    let heard = Date.now();
    const lost = (): void => {
      if (!this.online) {
        this.badSockets += 1;
        if (this.badSockets === 2) {
          this.later(SOCKET_AGAIN_MS, () => {
            this.badSockets = 0;
          });
        }
      }
      this.fail();
    };
    socket.onopen = () => socket.send(JSON.stringify({ t: 'hello', ...this.env.hello() }));
    socket.onmessage = (raw) => {
      heard = Date.now();
      const event = JSON.parse(raw.data as string) as ServerEvent;
      if (event.t === 'messages' && !this.online) {
        this.badSockets = 0;
        this.env.onEvent(event);
        this.up();
        return;
      }
      this.env.onEvent(event);
    };
    socket.onclose = (closed) => {
      if (closed.code === 4404 || closed.code === 4403) {
        this.stop();
        this.env.onShut();
      } else if (closed.code !== 4401) {
        lost();
      }
    };
    const beat = (): void => {
      if (this.socket !== socket) {
        return;
      }
      if (this.online) {
        const asked = Date.now();
        socket.send('{"t":"ping"}');
        this.later(PONG_WITHIN_MS, () => {
          if (this.socket === socket && heard < asked) {
            this.fail();
          }
        });
      }
      this.later(PING_EVERY_MS, beat);
    };
    this.later(PING_EVERY_MS, beat);
    this.later(OPEN_WITHIN_MS, () => {
      if (this.socket === socket && !this.online) {
        lost();
      }
    });
  }

  // ── long polling ──
  private async post(body: Record<string, unknown>, signal?: AbortSignal): Promise<ServerEvent[]> {
    const answer = await this.env.fetch(this.env.url, {
      method: 'POST',
      // A plain text body needs no preflight on another site.
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify({ ...this.env.hello(), ...body }),
      signal: signal ?? null,
    });
    if (answer.status === 401) {
      return [{ t: 'expired' }];
    }
    if (answer.status === 404 || answer.status === 403) {
      this.stop();
      this.env.onShut();
      return [];
    }
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    return ((await answer.json()) as { events: ServerEvent[] }).events;
  }

  private async openPoll(): Promise<void> {
    const poll = new AbortController();
    this.poll = poll;
    const current = (): boolean => this.running && this.poll === poll;
    try {
      this.hear(await this.post({ hello: true }, poll.signal));
      if (!current()) {
        return;
      }
      this.up();
      while (current() && (this.badSockets >= 2 || !this.env.WebSocket)) {
        const events = await this.post({ wait: POLL_WAIT_S }, poll.signal);
        if (current()) {
          this.hear(events);
        }
      }
      if (current()) {
        this.drop();
        this.dial(); // websockets may work again
      }
    } catch {
      if (current()) {
        this.fail();
      }
    }
  }
}
