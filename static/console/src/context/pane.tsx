import type { ComponentChildren } from 'preact';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Context } from '../types';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { t, type Word } from '../words';
import { Contact } from './contact';
import { Orders } from './orders';
import { Past } from './past';
import { hasSummary, Summary } from './summary';

interface Card {
  id: string;
  word: Word;
  render(context: Context, state: State, desk: Desk): ComponentChildren;
}

/** The cards about the buyer, in their usual order; each is a module of its own. */
const CARDS: Card[] = [
  {
    id: 'contact',
    word: 'contact',
    render: (context, state) => <Contact context={context} state={state} />,
  },
  {
    id: 'summary',
    word: 'summary',
    render: (context, state) =>
      hasSummary(context, state) ? <Summary context={context} state={state} /> : null,
  },
  { id: 'orders', word: 'orders', render: (context) => <Orders context={context} /> },
  {
    id: 'past',
    word: 'past',
    render: (context, _state, desk) => <Past context={context} desk={desk} />,
  },
];

export function ContextPane({ desk, state }: { desk: Desk; state: State }) {
  const context = state.thread?.context;
  const own = state.prefs.cards ?? [];
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
          const shown = card.render(context, state, desk);
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
                  <Icon name={isFolded ? 'right' : 'down'} size={14} /> {t(card.word)}
                </button>
                {at > 0 && (
                  <Menu
                    icon="more"
                    title={t(card.word)}
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
