/**
 * Facts by number, without gaps: after a break the server is asked for what was missed, and where
 * that is too much, everything is read again. A socket; where sockets are shut, long polling; where
 * that is missing too, reading anew every five seconds.
 */
import type { Event, Told } from '../types';
import { Away, post } from './api';

export interface Listener {
  events(events: Event[]): void;
  refresh(): void;
  presence(seen: Seen): void;
  buyerTyping(conversation: number): void;
  /** How many each list holds, as the server counts. */
  counters(counters: Record<string, number>): void;
  connected(isUp: boolean): void;
  /** From here on facts come; what was read before may miss some. */
  began(): void;
  /** Something this person wants to know of. */
  told(told: Told): void;
}

export interface Seen {
  user: number;
  name?: string;
  conversation: number | null;
  typing?: boolean;
}

export interface Polled {
  events: Event[];
  seq: number;
  refresh?: boolean;
  counters?: Record<string, number>;
}

export interface Ways {
  open(): WebSocket;
  poll(after: number, waitS: number): Promise<Polled>;
}

const WAYS: Ways = {
  open: () =>
    new WebSocket(
      `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live/console/`,
    ),
  poll: (after, wait) => post<Polled>('/live/console/poll/', { after, wait }),
};

// So many sockets that never said hello, and another way is taken.
const PATIENCE = 3;
const SOCKET_AGAIN_MS = 60_000;
const SLOW_MS = 5_000;

export class Live {
  seq = 0;
  private socket: WebSocket | null = null;
  private tries = 0;
  private unheard = 0;
  private timer = 0;
  private again = 0;
  private heard = 0;
  private isOver = false;
  private isPolling = false;
  private looking: number | null = null;

  constructor(
    private readonly listener: Listener,
    private readonly ways: Ways = WAYS,
  ) {}

  start(): void {
    this.isOver = false;
    window.clearTimeout(this.again);
    const socket = this.ways.open();
    this.socket = socket;
    socket.onmessage = (event) => this.hear(JSON.parse(String(event.data)));
    socket.onclose = () => this.lost(socket);
    window.clearInterval(this.timer);
    this.heard = Date.now();
    this.timer = window.setInterval(() => this.beat(), 15_000);
  }

  stop(): void {
    this.isOver = true;
    window.clearInterval(this.timer);
    window.clearTimeout(this.again);
    this.socket?.close();
  }

  /** The browser says the network is back, or the tab is looked at again: no need to wait. */
  hurry(): void {
    if (this.isOver || this.socket?.readyState === 1 || this.socket?.readyState === 0) return;
    this.tries = 0;
    this.start();
  }

  /** Whether facts come by another way than a socket: notices do not come with them. */
  get isWithoutSocket(): boolean {
    return this.isPolling;
  }

  say(message: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  look(conversation: number | null): void {
    this.looking = conversation;
    this.say({ type: 'look', conversation });
    this.focus();
  }

  /** What lies before the eyes makes no sound and no push elsewhere. */
  focus(): void {
    const sees = !document.hidden && document.hasFocus();
    this.say({ type: 'focus', conversation: sees ? this.looking : null });
  }

  private beat(): void {
    // A sleeping laptop leaves sockets that look open and say nothing.
    if (Date.now() - this.heard > 40_000) this.socket?.close();
    else {
      this.say({ type: 'ping' });
      this.focus();
      if (this.looking && !document.hidden) this.say({ type: 'look', conversation: this.looking });
    }
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket || this.isOver) return;
    this.socket = null;
    this.unheard += 1;
    if (this.unheard >= PATIENCE) {
      this.again = window.setTimeout(() => this.start(), SOCKET_AGAIN_MS);
      if (!this.isPolling) this.poll();
      return;
    }
    this.listener.connected(false);
    const wait = Math.min(500 * 2 ** this.tries, 15_000) * (0.7 + Math.random() * 0.6);
    this.tries += 1;
    this.again = window.setTimeout(() => this.start(), wait);
  }

  private async poll(): Promise<void> {
    this.isPolling = true;
    let waitS = 25;
    while (!this.isOver && this.unheard >= PATIENCE) {
      const begun = Date.now();
      try {
        const found = await this.ways.poll(this.seq, waitS);
        this.listener.connected(true);
        if (found.counters) this.listener.counters(found.counters);
        if (found.refresh) {
          this.seq = found.seq;
          this.listener.refresh();
        } else if (found.events.length) this.take(found.events);
        else if (!this.seq) this.seq = found.seq;
      } catch (error) {
        if (error instanceof Away) this.listener.connected(false);
        else {
          // No such way on this server: read anew, slowly.
          waitS = 0;
          this.listener.connected(true);
          this.listener.refresh();
        }
        await sleep(SLOW_MS);
        continue;
      }
      if (Date.now() - begun < 300) await sleep(waitS ? 300 : SLOW_MS);
    }
    this.isPolling = false;
  }

  hear(message: Record<string, unknown>): void {
    this.heard = Date.now();
    switch (message.type) {
      case 'hello': {
        const now = Number(message.seq);
        this.tries = this.unheard = 0;
        this.listener.connected(true);
        if (this.seq === 0) {
          this.seq = now;
          this.listener.began();
        } else if (now !== this.seq) this.say({ type: 'since', seq: this.seq });
        if (this.looking) this.say({ type: 'look', conversation: this.looking });
        break;
      }
      case 'events':
        this.take(message.events as Event[]);
        break;
      case 'refresh':
        this.seq = Number(message.seq);
        this.listener.refresh();
        break;
      case 'counters':
        this.listener.counters(message.counters as Record<string, number>);
        break;
      case 'presence':
        this.listener.presence(message as never);
        break;
      case 'notice':
        this.listener.told(message.notice as Told);
        break;
      case 'buyer_typing':
        this.listener.buyerTyping(Number(message.conversation));
        break;
    }
  }

  private take(events: Event[]): void {
    const fresh = events.filter((event) => event.seq > this.seq).sort((a, b) => a.seq - b.seq);
    const first = fresh[0];
    if (!first) return;
    if (this.seq && first.seq > this.seq + 1) {
      this.say({ type: 'since', seq: this.seq });
      return;
    }
    this.seq = fresh[fresh.length - 1]!.seq;
    this.listener.events(fresh);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
