/**
 * Facts by number, without gaps: after a break the server is asked for what was missed, and where
 * that is too much, everything is read again.
 */
import type { Event } from './types';

export interface Listener {
  events(events: Event[]): void;
  refresh(): void;
  presence(seen: {
    user: number;
    name?: string;
    conversation: number | null;
    typing?: boolean;
  }): void;
  buyerTyping(conversation: number): void;
  connected(isUp: boolean): void;
}

export class Live {
  seq = 0;
  private socket: WebSocket | null = null;
  private tries = 0;
  private timer = 0;
  private heard = 0;
  private isOver = false;

  constructor(
    private readonly listener: Listener,
    private readonly open: () => WebSocket = () =>
      new WebSocket(
        `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live/console/`,
      ),
  ) {}

  start(): void {
    this.isOver = false;
    const socket = this.open();
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
    this.socket?.close();
  }

  say(message: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  private beat(): void {
    // A sleeping laptop leaves sockets that look open and say nothing.
    if (Date.now() - this.heard > 40_000) this.socket?.close();
    else this.say({ type: 'ping' });
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket || this.isOver) return;
    this.listener.connected(false);
    const wait = Math.min(500 * 2 ** this.tries, 15_000) * (0.7 + Math.random() * 0.6);
    this.tries += 1;
    window.setTimeout(() => this.start(), wait);
  }

  hear(message: Record<string, unknown>): void {
    this.heard = Date.now();
    switch (message.type) {
      case 'hello': {
        const now = Number(message.seq);
        this.tries = 0;
        this.listener.connected(true);
        if (this.seq === 0) this.seq = now;
        else if (now !== this.seq) this.say({ type: 'since', seq: this.seq });
        break;
      }
      case 'events':
        this.take(message.events as Event[]);
        break;
      case 'refresh':
        this.seq = Number(message.seq);
        this.listener.refresh();
        break;
      case 'presence':
        this.listener.presence(message as never);
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
