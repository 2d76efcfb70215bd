/** A buyer's card as the server tells it (bots/selectors/people.py), and what can be done with it. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call, Refused } from '../net/api';
import type { Desk } from '../store/desk';
import { PASSING_MS } from '../store/threads';
import type { Event } from '../types';
import { told } from '../words/told';
import { type Words, wordsOf } from './words';

export interface CardContact {
  id: number;
  person: number;
  channel: { id: number; kind: string; name: string };
  name: string;
  username: string;
  is_reachable: boolean;
  is_blocked: boolean;
  talk: Talk | null;
}

export interface Talk {
  id: number;
  status: 'open' | 'snoozed' | 'resolved';
  speaker: string;
  preview: string;
  preview_author: string;
  updated_at: string | null;
}

export interface PersonRow {
  id: number;
  name: string;
  language: string;
  is_blocked: boolean;
  contacts: CardContact[];
  last_seen: string | null;
  since: string;
}

export type Value = string | number | boolean | null;

export interface Field {
  code: string;
  name: string;
  kind: 'text' | 'number' | 'date' | 'bool' | 'choice' | 'url';
  choices: string[];
  value: Value;
}

export interface Fact {
  id: number;
  kind: 'fact' | 'note';
  text: string;
  by: string;
  at: string;
  expires_at: string | null;
  message: number | null;
  source: { conversation: number; seq: number } | null;
}

export interface Suggestion {
  person: number;
  name: string;
  contacts: CardContact[];
  reason: 'phone' | 'email' | 'customer';
  value: string;
}

export interface Card extends Omit<PersonRow, 'fields'> {
  identities: { contact: number; kind: string; value: string; is_proven: boolean }[];
  fields: Field[];
  facts: Fact[];
  consents: { contact: number; kind: string; is_given: boolean; text: string; at: string }[];
  orders: {
    number: string;
    status: string;
    sum: string;
    currency: string;
    placed_at: string;
    lines: string[];
    track: string;
    requests: {
      id: number;
      kind: 'return' | 'repeat';
      state: 'open' | 'done' | 'refused';
      sum: string;
    }[];
  }[];
  episodes: {
    id: number;
    conversation: number;
    channel: { kind: string; name: string };
    started_at: string;
    resolved_at: string | null;
    by: string;
    outcome: string;
    reason: string;
    start_seq: number;
    ratings: { about: string; score: number; comment: string }[];
  }[];
  merges: { id: number; one: number; other: number; reason: string; at: string; by: string }[];
  suggestions: Suggestion[];
  acts: { action: string; by: string; at: string }[];
}

export interface NewFact {
  text: string;
  kind: Fact['kind'];
  message?: number;
  expires_at?: string;
}

/** The acts of one card; each shows what came of it, or says why nothing did. */
export class Cards {
  constructor(
    private readonly desk: Desk,
    private readonly w: Words,
    private readonly show: (card: Card) => void,
    private readonly again: () => Promise<void>,
  ) {}

  private async run(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.desk.acts.toast({ text: this.w('failed', told(error)) });
      return false;
    }
  }

  private undoable(text: string, undo: () => Promise<void>): void {
    this.desk.acts.toast({
      text,
      action: this.w('undo'),
      isUndo: true,
      run: () =>
        void this.run(async () => {
          await undo();
          this.desk.acts.toast({ text: this.w('undone') });
        }),
    });
  }

  merge(card: Card, other: Suggestion): Promise<boolean> {
    return this.run(async () => {
      const path = `/people/${card.id}`;
      const made = await call<Card & { merge: number }>('POST', `${path}/merge/`, {
        other: other.person,
      });
      this.show(made);
      this.undoable(this.w('merged'), async () => {
        this.show(await call<Card>('POST', `/people/${made.id}/unmerge/`, { merge: made.merge }));
      });
    });
  }

  unmerge(card: Card, merge: number): Promise<boolean> {
    return this.run(async () => {
      this.show(await call<Card>('POST', `/people/${card.id}/unmerge/`, { merge }));
      this.desk.acts.toast({ text: this.w('unmerged') });
    });
  }

  differ(card: Card, other: Suggestion): Promise<boolean> {
    return this.run(async () => {
      const body = { other: other.person };
      this.show(await call<Card>('POST', `/people/${card.id}/differ/`, body));
      this.desk.acts.toast({ text: this.w('differs') });
    });
  }

  split(card: Card, contact: CardContact): Promise<boolean> {
    return this.run(async () => {
      const made = await call<Card>('POST', `/people/${card.id}/split/`, { contact: contact.id });
      await this.again();
      this.undoable(this.w('split', contact.channel.name), async () => {
        await call('POST', `/people/${card.id}/merge/`, { other: made.id });
        await this.again();
      });
    });
  }

  save(card: Card, change: { name?: string; fields?: Record<string, Value> }): Promise<boolean> {
    return this.run(async () => {
      this.show(await call<Card>('PATCH', `/people/${card.id}/`, change));
    });
  }

  block(card: Card, is_blocked: boolean): Promise<boolean> {
    return this.run(async () => {
      const act = is_blocked ? 'block' : 'unblock';
      this.show(await call<Card>('POST', `/people/${card.id}/${act}/`, {}));
      this.desk.acts.toast({ text: this.w(is_blocked ? 'blocked' : 'unblocked') });
    });
  }

  remember(card: Card, fact: NewFact): Promise<boolean> {
    return this.run(async () => {
      const made = await call<Fact>('POST', `/people/${card.id}/facts/`, fact);
      this.show({ ...card, facts: [made, ...card.facts] });
    });
  }

  forgetFact(card: Card, fact: Fact): Promise<boolean> {
    return this.run(async () => {
      await call('DELETE', `/people/${card.id}/facts/${fact.id}/`);
      this.show({ ...card, facts: card.facts.filter((one) => one.id !== fact.id) });
      this.undoable(this.w('factGone'), async () => {
        await call('POST', `/people/${card.id}/facts/`, {
          text: fact.text,
          kind: fact.kind,
          ...(fact.message ? { message: fact.message } : {}),
          ...(fact.expires_at ? { expires_at: fact.expires_at } : {}),
        });
        await this.again();
      });
    });
  }
}

export interface Held {
  card: Card | null;
  failure: string;
  acts: Cards;
}

// What was shown last by its address: at once when the thread is opened again, and offline.
const kept = new Map<string, Card>();
const KEPT = 50;

function keep(path: string, card: Card): void {
  kept.delete(path);
  kept.set(path, card);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}

/** Whether a fact is about a card: it, one that went into it or may, or one of its contacts. */
export function isAbout(card: Card, { name, data }: Event): boolean {
  if (name.startsWith('person.')) {
    const cards = [
      card.id,
      ...card.contacts.map((contact) => contact.person),
      ...card.merges.flatMap((merge) => [merge.one, merge.other]),
      ...card.suggestions.map((one) => one.person),
    ];
    return [data.person, data.other].some((one) => one !== undefined && cards.includes(one));
  }
  return (
    (name.startsWith('contact.') || name.startsWith('consent.')) &&
    card.contacts.some((contact) => contact.id === data.contact)
  );
}

/** Whether something was said or done in a conversation of theirs. */
export const isIn = (card: Pick<PersonRow, 'contacts'>, { data }: Event): boolean =>
  card.contacts.some(({ talk }) => talk !== null && talk.id === data.conversation);

/** Whether an order that came or changed may be theirs: the fact names no buyer. */
export const mayBeTheirs = (card: Pick<Card, 'identities'>, { name }: Event): boolean =>
  name.startsWith('order.') && card.identities.some((one) => one.is_proven);

/** Whether a person has done something with an order of theirs, it seems. */
const isAsked = (card: Card, event: Event): boolean =>
  event.name.startsWith('order.request') && mayBeTheirs(card, event);

// Facts come in groups; a card is read once for them.
const TOGETHER_MS = 150;
// A shop sends its orders by the hundred, most of them somebody else's.
const ORDERS_MS = 3000;

/**
 * The card behind an address: read again when `mark` is another, after what was done, and when
 * anybody has changed it. `isWhole`: what happens in its conversations shows, too.
 */
export function useCard(desk: Desk, path: string, mark: unknown = 0, isWhole = false): Held {
  const w = wordsOf(desk.state.boot.lang);
  const [shown, set] = useState<{ path: string; card: Card } | null>(null);
  const [failure, setFailure] = useState('');
  const now = useRef(path);
  now.current = path;
  // By its address: an answer that was asked for before what is shown is older than it.
  const asked = useRef(new Map<string, number>());
  const ask = (): number => {
    const count = (asked.current.get(path) ?? 0) + 1;
    asked.current.set(path, count);
    return count;
  };
  const show = useCallback(
    (card: Card) => {
      ask();
      keep(path, card);
      if (now.current === path) set({ path, card });
    },
    [path],
  );
  const again = useCallback(async () => {
    if (!path) return;
    const mine = ask();
    const isOld = (): boolean => asked.current.get(path) !== mine;
    try {
      const found = await call<Card>('GET', path);
      if (isOld()) return;
      show(found);
      setFailure('');
    } catch (error) {
      if (isOld()) return;
      if (error instanceof Refused && error.status === 404) {
        // Not theirs to see any more: what was kept goes, too.
        kept.delete(path);
        if (now.current === path) set(null);
      }
      if (now.current === path) setFailure(told(error));
    }
  }, [path, show]);
  useEffect(() => {
    if (!kept.has(path)) {
      void again();
      return;
    }
    const timer = window.setTimeout(() => void again(), PASSING_MS);
    return () => window.clearTimeout(timer);
  }, [again, path, mark]);
  const card = shown?.path === path ? shown.card : (kept.get(path) ?? null);
  const held = useRef(card);
  held.current = card;
  useEffect(() => {
    let timer = 0;
    let orders = 0;
    const read = (): void => {
      window.clearTimeout(orders);
      orders = 0;
      void again();
    };
    const end = desk.hear((events) => {
      const one = held.current;
      const isNews = events?.some(
        (event) =>
          one && (isAbout(one, event) || isAsked(one, event) || (isWhole && isIn(one, event))),
      );
      if (!events || isNews) {
        window.clearTimeout(timer);
        timer = window.setTimeout(read, TOGETHER_MS);
      } else if (!orders && one && events.some((event) => mayBeTheirs(one, event))) {
        orders = window.setTimeout(read, ORDERS_MS);
      }
    });
    return () => {
      window.clearTimeout(timer);
      window.clearTimeout(orders);
      end();
    };
  }, [desk, again, isWhole]);
  return { card, failure: card ? '' : failure, acts: new Cards(desk, w, show, again) };
}

/** To a conversation, and to a place in it. */
export async function goTo(desk: Desk, conversation: number, seq = 0): Promise<void> {
  location.hash = '';
  if (desk.state.open !== conversation) await desk.threads.open(conversation);
  else history.replaceState(null, '', `#${conversation}`);
  if (seq) await desk.threads.jumpTo(seq);
}
