import type { ComponentChildren } from 'preact';
import { Orders } from '../orders/card';
import { type Held, useCard } from '../people/card';
import { Facts } from '../people/facts';
import { Fields } from '../people/fields';
import { Consents, Done, type Part, Past, Who } from '../people/parts';
import { type Key, type Words, wordsOf } from '../people/words';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Context } from '../types';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { t } from '../words';
import { Known, Visit } from './contact';
import { Helper } from './helper';
import { Product, spokenOf } from './product';
import { hasSummary, Summary } from './summary';

interface Shown {
  context: Context;
  state: State;
  desk: Desk;
  held: Held;
  part: Part | null; // with the person's card, once it is there
}

interface Card {
  id: string;
  title: (w: Words) => string;
  render(shown: Shown): ComponentChildren;
}

const LAST_SAID = 5;

/** A card of the person's, by its own words. */
const personal = (id: string, word: Key, Body: (part: Part) => ComponentChildren): Card => ({
  id,
  title: (w) => w(word),
  render: ({ part }) => {
    const Shown = Body as (part: Part) => preact.JSX.Element;
    return part && <Shown {...part} />;
  },
});

/** The cards about the buyer, in their usual order; each is a module of its own. */
const CARDS: Card[] = [
  {
    id: 'contact',
    title: () => t('contact'),
    render: ({ context, state, held, part }) => (
      <>
        {part ? (
          <Who {...part} />
        ) : (
          <>
            <Known context={context} state={state} />
            {held.failure && <p class="muted">{held.failure}</p>}
          </>
        )}
        <Visit context={context} />
      </>
    ),
  },
  {
    id: 'summary',
    title: () => t('summary'),
    render: ({ context, state }) =>
      hasSummary(context, state) ? <Summary context={context} state={state} /> : null,
  },
  personal('orders', 'orders', Orders),
  {
    id: 'product',
    title: () => t('product'),
    render: ({ state }) =>
      spokenOf(state.thread) ? <Product state={state} key={state.open} /> : null,
  },
  personal('fields', 'fields', Fields),
  {
    id: 'facts',
    title: (w) => w('facts'),
    render: ({ part, state }) => part && <Facts key={part.at} {...part} said={lastSaid(state)} />,
  },
  personal('past', 'past', Past),
  {
    id: 'helper',
    title: () => t('helper'),
    render: ({ state }) =>
      state.open ? <Helper conversation={state.open} key={state.open} /> : null,
  },
  personal('consents', 'consents', Consents),
  personal('acts', 'acts', Done),
];

/** What the buyer said last: where a fact can be taken from. */
const lastSaid = (state: State) =>
  (state.thread?.messages ?? [])
    .filter((one) => one.author === 'buyer' && one.text)
    .slice(-LAST_SAID)
    .reverse();

/** Whose order of the cards goes: the person's own, else that of the dialogue's team. */
export function orderFor({ prefs, teams, thread }: State): string[] {
  if (prefs.cards?.length) return prefs.cards;
  const id = thread?.conversation.team;
  return teams.find((one) => (id ? one.id === id : one.is_default))?.cards ?? [];
}

export function ContextPane({ desk, state }: { desk: Desk; state: State }) {
  const context = state.thread?.context;
  const w = wordsOf(state.boot.lang);
  const held = useCard(
    desk,
    state.open ? `/desk/conversations/${state.open}/person/` : '',
    state.thread?.conversation.status,
  );
  const part = held.card && { card: held.card, acts: held.acts, w, desk, at: state.open ?? 0 };
  const own = orderFor(state);
  const folded = state.prefs.folded ?? [];
  const place = (card: Card): number => {
    const at = own.indexOf(card.id);
    return at < 0 ? 100 + CARDS.indexOf(card) : at;
  };
  const cards = [...CARDS].sort((a, b) => place(a) - place(b));
  const raise = (id: string): void => {
    const ids = cards.map((card) => card.id);
    const at = ids.indexOf(id);
    if (at < 1) return;
    ids.splice(at - 1, 0, ...ids.splice(at, 1));
    void desk.prefer({ cards: ids });
  };
  const fold = (id: string): void =>
    void desk.prefer({
      folded: folded.includes(id) ? folded.filter((one) => one !== id) : [...folded, id],
    });
  return (
    <aside class="context" aria-label={t('context')}>
      <header>
        <h2>{t('context')}</h2>
        <button
          type="button"
          class="icon"
          title={t('close')}
          onClick={() => desk.store.set({ showContext: false })}
        >
          <Icon name="close" size={20} />
        </button>
      </header>
      {context &&
        cards.map((card, at) => {
          const shown = card.render({ context, state, desk, held, part });
          if (!shown) return null;
          const isFolded = folded.includes(card.id);
          return (
            <section key={card.id}>
              <h3>
                <button
                  type="button"
                  class="fold"
                  aria-expanded={!isFolded}
                  onClick={() => fold(card.id)}
                >
                  <Icon name={isFolded ? 'right' : 'down'} size={14} /> {card.title(w)}
                </button>
                {at > 0 && (
                  <Menu
                    icon="more"
                    title={card.title(w)}
                    items={[{ text: t('raise'), run: () => raise(card.id) }]}
                  />
                )}
              </h3>
              {!isFolded && shown}
            </section>
          );
        })}
    </aside>
  );
}
