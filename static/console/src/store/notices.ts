/**
 * What its person is told of (bots/services/notices.py decides): shown on the page, heard once for
 * all tabs, and again and again where somebody has to come.
 */
import { Away, call } from '../net/api';
import { once, type Tabs } from '../offline/tabs';
import type { Event, Told } from '../types';
import type { Store } from './core';
import { ring } from './sound';

const CARDS = 3;
const CARD_MS = 12_000;
const KEPT = 30;
// Whoever has the dialogue before the eyes sees these there.
const SEEN_THERE = ['queue', 'assigned', 'reply', 'handover', 'mention'];
// Somebody has come, or nobody needs to any more.
const OVER = ['conversation.taken_over', 'conversation.resolved', 'conversation.returned'];

export class Notices {
  tabs: Tabs | null = null;
  private readonly ringing = new Set<number>(); // dialogues somebody has to come to
  private timer = 0;
  private looksAt: number | null = null;

  constructor(private readonly store: Store) {}

  start(): void {
    void this.read();
    this.store.subscribe(() => {
      if (this.store.state.open === this.looksAt) return;
      this.looksAt = this.store.state.open;
      this.looked();
    });
    window.addEventListener('focus', () => this.looked());
  }

  async read(): Promise<void> {
    try {
      const page = await call<{ notices: Told[]; unseen: number }>('GET', '/desk/notices/list/');
      this.store.set({ told: page.notices.slice(0, KEPT), unseen: page.unseen });
      // What was asked for before the page was loaded goes on.
      for (const one of page.notices) if (!this.isBefore(one.conversation)) this.ringOn(one);
    } catch (error) {
      if (!(error instanceof Away)) throw error;
    }
  }

  /** Where no socket brings them: the list is read, and what is new in it told. */
  async look(): Promise<void> {
    const known = this.store.state.told[0]?.id ?? 0;
    try {
      const path = `/desk/notices/list/?after=${known}`;
      const page = await call<{ notices: Told[]; unseen: number }>('GET', path);
      for (const one of page.notices.reverse()) this.hear(one);
      this.store.set({ unseen: page.unseen });
    } catch {
      // The next look comes by itself.
    }
  }

  hear(told: Told): void {
    const { cards, told: all, unseen, prefs } = this.store.state;
    if (all.some((one) => one.id === told.id)) return;
    const isHere = this.isBefore(told.conversation);
    const isShown = told.app !== false;
    const isCard = isShown && !(isHere && SEEN_THERE.includes(told.event));
    this.store.set({
      told: [told, ...all].slice(0, KEPT),
      ...(isShown && !isHere ? { unseen: unseen + 1 } : {}),
      ...(isCard ? { cards: [told, ...cards].slice(0, CARDS) } : {}),
    });
    if (isCard && !told.repeat_s)
      this.store.later(`notice-${told.id}`, CARD_MS, () => this.drop(told.id));
    if (isHere || !told.sound || prefs.sound === false) return;
    once(`notice-${told.id}`, ring);
    this.ringOn(told);
  }

  /** As long as anybody has to come there is one sound every so often, whatever their number. */
  private ringOn({ conversation, repeat_s: everyS }: Told): void {
    if (!conversation || !everyS) return;
    this.ringing.add(conversation);
    if (this.timer) return;
    const again = (): void => {
      if (this.store.state.prefs.sound === false) return;
      once(`notice-again-${Math.floor(Date.now() / 1000 / everyS)}`, ring);
    };
    this.timer = window.setInterval(again, everyS * 1000);
  }

  private isBefore(conversation: number | null): boolean {
    return conversation !== null && conversation === this.looksAt && document.hasFocus();
  }

  happened(events: Event[]): void {
    const { me } = this.store.state.boot;
    for (const { name, data } of events) {
      const isRead = name === 'conversation.read' && data.agent === me;
      if (data.conversation && (isRead || OVER.includes(name))) this.over(data.conversation);
    }
  }

  /** It lies before the eyes: no more of it, here and in other tabs. */
  looked(): void {
    const at = this.looksAt;
    if (!at || !document.hasFocus()) return;
    this.over(at);
    if (!this.store.state.told.some((one) => one.conversation === at && !one.seen_at)) return;
    this.tabs?.tell({ type: 'noticed', conversation: at });
    void this.seen({ conversation: at });
  }

  /** No longer worth a sound or a card. */
  over(conversation: number): void {
    this.ringing.delete(conversation);
    if (!this.ringing.size) {
      window.clearInterval(this.timer);
      this.timer = 0;
    }
    if (this.store.state.cards.some((one) => one.conversation === conversation))
      this.store.set({
        cards: this.store.state.cards.filter((one) => one.conversation !== conversation),
      });
  }

  drop(id: number): void {
    this.store.set({ cards: this.store.state.cards.filter((one) => one.id !== id) });
  }

  /** Of one dialogue, some by number, or all of them. */
  async seen(which: { conversation?: number; ids?: number[] }): Promise<void> {
    const { told } = this.store.state;
    const now = new Date().toISOString();
    const isMeant = (one: Told): boolean =>
      which.ids
        ? which.ids.includes(one.id)
        : which.conversation
          ? one.conversation === which.conversation
          : true;
    this.store.set({
      told: told.map((one) => (isMeant(one) && !one.seen_at ? { ...one, seen_at: now } : one)),
    });
    if (!which.ids && !which.conversation) {
      for (const conversation of [...this.ringing]) this.over(conversation);
      this.store.set({ cards: [] });
    }
    try {
      const { seen } = await call<{ seen: number }>('POST', '/desk/notices/seen/', which);
      this.store.set({ unseen: Math.max(0, this.store.state.unseen - seen) });
    } catch {
      // Told again at the next log-in.
    }
  }
}
