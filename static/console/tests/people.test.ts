import { h, render } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { personOf, queryOf } from '../src/people/area';
import { type Card, Cards, isAbout, isIn, type Suggestion, useCard } from '../src/people/card';
import { Facts, factOf } from '../src/people/facts';
import { readValue } from '../src/people/fields';
import { once, Who } from '../src/people/parts';
import { wordsOf } from '../src/people/words';
import type { Toast } from '../src/store/core';
import { Desk } from '../src/store/desk';
import type { Event as Fact } from '../src/types';
import { at, BOOT, server, settled } from './fakes';

const card = (more: Partial<Card> = {}): Card =>
  ({
    id: 3,
    name: 'Анна',
    language: 'ru',
    since: at(0),
    contacts: [],
    identities: [],
    facts: [],
    merges: [],
    suggestions: [],
    ...more,
  }) as unknown as Card;
const other: Suggestion = { person: 9, name: '', contacts: [], reason: 'phone', value: '+7916' };
const w = wordsOf('ru');

let toasts: Toast[];
let shown: Card[];
let again: ReturnType<typeof vi.fn>;
let desk: Desk;
let acts: Cards;

beforeEach(() => {
  toasts = [];
  shown = [];
  again = vi.fn(async () => undefined);
  const state = { boot: { ...BOOT, role: 'agent' } };
  desk = { acts: { toast: (one: Toast) => toasts.push(one) }, state } as unknown as Desk;
  acts = new Cards(desk, w, (one) => shown.push(one), again as unknown as () => Promise<void>);
});

afterEach(() => render(null, document.body));

describe('two cards of probably the same person', () => {
  it('are merged, and the toast takes it back', async () => {
    const calls = server(({ path }) => ({ id: 3, ...(/\/merge/.test(path) ? { merge: 5 } : {}) }));
    await acts.merge(card(), other);
    expect(toasts[0]!.action).toBe('Отменить');
    toasts[0]!.run!();
    await vi.waitFor(() => expect(shown).toHaveLength(2));
    expect(calls.map(({ path, body }) => [path, body])).toEqual([
      ['/people/3/merge/', { other: 9 }],
      ['/people/3/unmerge/', { merge: 5 }],
    ]);
  });

  it('stay two where the server says that they are, in its words', async () => {
    server(
      () =>
        new Response(
          JSON.stringify({ error: { code: 'different_people', message: 'Это разные люди.' } }),
          { status: 409 },
        ),
    );
    expect(await acts.merge(card(), other)).toBe(false);
    expect([shown, toasts.map((one) => one.text)]).toEqual([
      [],
      ['Не получилось: Это разные люди.'],
    ]);
  });

  it('are suggested with the reason', () => {
    const held = card({ suggestions: [other] });
    render(h(Who, { card: held, acts, w, desk }), document.body);
    const said = document.querySelector('.same')!.textContent;
    expect(said).toContain('Покупатель №');
    expect(said).toContain('подтверждён тот же телефон: +7916');
  });
});

describe('what is remembered', () => {
  const form = (values: Record<string, string>): FormData => {
    const data = new FormData();
    for (const [name, value] of Object.entries(values)) data.set(name, value);
    return data;
  };

  it('has its source and its end', () => {
    const now = Date.parse(at(0));
    expect(factOf(form({ text: ' ', kind: 'fact' }), now)).toBeNull();
    expect(factOf(form({ text: 'Кошка', kind: 'fact', message: '7', days: '30' }), now)).toEqual({
      text: 'Кошка',
      kind: 'fact',
      message: 7,
      expires_at: '2026-12-22T12:00:00.000Z',
    });
    expect(factOf(form({ text: 'Спорит', kind: 'note', message: '', days: '' }), now)).toEqual({
      text: 'Спорит',
      kind: 'note',
    });
  });

  it('comes back with all it had when forgetting is undone', async () => {
    const calls = server(() => ({}));
    const fact = {
      id: 4, kind: 'fact' as const, text: 'Кошка', by: '', at: at(0),
      expires_at: at(9), message: 7, source: { conversation: 1, seq: 2 },
    }; // biome-ignore format: one fact
    await acts.forgetFact(card({ facts: [fact] }), fact);
    expect(shown[0]!.facts).toEqual([]);
    toasts[0]!.run!();
    await vi.waitFor(() => expect(again).toHaveBeenCalled());
    expect(calls.map(({ method, path }) => [method, path])).toEqual([
      ['DELETE', '/people/3/facts/4/'],
      ['POST', '/people/3/facts/'],
    ]);
    expect(calls[1]!.body).toEqual({
      text: 'Кошка',
      kind: 'fact',
      message: 7,
      expires_at: at(9),
    });
  });
});

describe('small things', () => {
  it('a telephone of two channels is told once, proven where it is in one', () => {
    const one = { contact: 1, kind: 'phone', value: '+7916', is_proven: false };
    expect(once([one, { ...one, contact: 2, is_proven: true }])).toEqual([
      { ...one, contact: 2, is_proven: true },
    ]);
  });

  it('a value is of its type, and nothing takes it away', () => {
    expect([readValue({ kind: 'number' }, '4.5'), readValue({ kind: 'text' }, '4.5')]).toEqual([
      4.5,
      '4.5',
    ]);
    expect(readValue({ kind: 'date' }, '')).toBeNull();
  });

  it('an address leads to a person, a search asks for what is chosen', () => {
    expect(['#people/12', '#people', '#12', '#people/x'].map(personOf)).toEqual([12, 0, 0, 0]);
    const nothing = { q: '', segment: '', channel: '', label: '', is_blocked: '' };
    expect(queryOf(nothing)).toBe('');
    expect(queryOf({ ...nothing, q: 'Анна', segment: '3' }, 'MTA=')).toBe(
      'q=%D0%90%D0%BD%D0%BD%D0%B0&segment=3&after=MTA%3D',
    );
  });
});

describe('a card that colleagues change', () => {
  const contact = (id: number, person: number) =>
    ({ id, person, channel: { kind: 'telegram', name: 'T' }, talk: { id: 70 + id } }) as never;
  const fact = (name: string, data: Fact['data']): Fact => ({ seq: 1, name, data });

  it('is told by its number, those that went into it or may, and its contacts', () => {
    const held = card({
      contacts: [contact(1, 3), contact(2, 4)],
      merges: [{ id: 1, one: 3, other: 5, reason: '', at: at(0), by: '' }],
      suggestions: [other],
    });
    const about = (name: string, data: Fact['data']): boolean => isAbout(held, fact(name, data));
    expect([3, 4, 5, 9].map((person) => about('person.facts', { person }))).toEqual([
      true, true, true, true,
    ]); // biome-ignore format: four numbers
    expect(about('person.merged', { person: 11, other: 3 })).toBe(true);
    expect(about('consent.given', { contact: 2 })).toBe(true);
    expect(about('person.changed', { person: 6 })).toBe(false);
    expect(about('message.received', { conversation: 71 })).toBe(false);
    expect(isIn(held, fact('message.received', { conversation: 71 }))).toBe(true);
    expect(isIn(held, fact('message.received', { conversation: 3 }))).toBe(false);
  });

  it('is read once for a load of orders, and only where a telephone or e-mail is proven', async () => {
    const proven = [{ contact: 1, kind: 'phone', value: '+79161112233', is_proven: true }];
    let identities = [{ ...proven[0]!, is_proven: false }];
    const calls = server(() => card({ identities }));
    const whole = new Desk(BOOT);
    const orders = (count: number): Fact[] =>
      Array.from({ length: count }, (_, order) => ({
        seq: 1,
        name: 'order.changed',
        data: { order },
      }));
    const hear = (events: Fact[]): void =>
      (whole as unknown as { happened: (events: Fact[]) => void }).happened(events);
    const Pane = ({ talk }: { talk: number }) => {
      const held = useCard(whole, `/desk/conversations/${talk}/person/`);
      return h('p', {}, held.card?.name);
    };
    render(h(Pane, { talk: 81 }), document.body);
    await settled(20);
    vi.useFakeTimers();
    try {
      hear(orders(200));
      await vi.advanceTimersByTimeAsync(10_000);
      expect(calls).toHaveLength(1);

      identities = proven;
      hear([fact('person.changed', { person: 3 })]);
      await vi.advanceTimersByTimeAsync(1000);
      expect(calls).toHaveLength(2);
      hear(orders(200));
      await vi.advanceTimersByTimeAsync(2000);
      hear(orders(200));
      await vi.advanceTimersByTimeAsync(10_000);
      expect(calls).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is read again, and what is being typed stays', async () => {
    let name = 'Анна';
    const calls = server(({ method, body }) => {
      if (method === 'PATCH') name = String(body.name);
      return card({ name });
    });
    const whole = new Desk(BOOT);
    const hear = (events: Fact[]): void =>
      (whole as unknown as { happened: (events: Fact[]) => void }).happened(events);
    const Pane = ({ talk }: { talk: number }) => {
      const held = useCard(whole, `/desk/conversations/${talk}/person/`);
      const part = held.card && { card: held.card, acts: held.acts, w, desk: whole, at: talk };
      return part && h('div', {}, [h(Who, part), h(Facts, { ...part, key: talk })]);
    };
    const show = async (talk: number): Promise<void> => {
      render(h(Pane, { talk }), document.body);
      await settled(20);
    };
    const type = (text: string): void => {
      const field = document.querySelector<HTMLInputElement>('input.in-place')!;
      field.value = text;
      field.dispatchEvent(new Event('input'));
    };
    await show(71);
    document.querySelector<HTMLElement>('.person-name')!.click();
    document.querySelector<HTMLElement>('.add')!.click();
    await settled();
    type('Анна П');
    const memo = document.querySelector<HTMLTextAreaElement>('textarea[name=text]')!;
    memo.value = 'Любит зелёное';
    memo.dispatchEvent(new Event('input'));

    name = 'Аня';
    hear([fact('person.changed', { person: 8 })]);
    await settled(250);
    expect(calls).toHaveLength(1);
    hear([fact('person.changed', { person: 3 }), fact('person.facts', { person: 3 })]);
    await settled(250);
    expect(calls).toHaveLength(2);
    expect(document.querySelector<HTMLInputElement>('input.in-place')!.value).toBe('Анна П');
    expect(document.activeElement).toBe(document.querySelector('input.in-place'));
    expect(document.querySelector('.meanwhile')!.textContent).toContain('Коллега поставил: Аня');

    // A key leads to another conversation: what was typed is kept, and for this buyer alone.
    await show(72);
    await vi.waitFor(() => expect(calls.some((call) => call.method === 'PATCH')).toBe(true));
    const saved = calls.filter((call) => call.method === 'PATCH');
    expect(saved.map(({ path, body }) => [path, body])).toEqual([
      ['/people/3/', { name: 'Анна П' }],
    ]);
    expect(document.querySelector('input.in-place')).toBeNull();
    await show(71);
    expect(document.querySelector<HTMLTextAreaElement>('textarea[name=text]')!.value).toBe(
      'Любит зелёное',
    );
  });
});
