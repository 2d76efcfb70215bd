import { useEffect, useState } from 'preact/hooks';
import { Marked } from '../found/marked';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { SHORTEST, found as search } from '../store/finder';
import { lastingText } from '../thread/macros';
import type { Found, Jump, Row } from '../types';
import { channelIcon, Icon } from '../ui/icons';
import { buyerName, money, statusText, t } from '../words';
import { chordText } from './chords';
import { COMMANDS } from './commands';
import { keysOf } from './dispatch';

interface Entry {
  id: string;
  text: string;
  more: string;
  marks?: [number, number][];
  icon?: 'goods' | 'list' | 'macro';
  channel?: string;
  run: () => void;
}

const entryOf = (
  row: Row,
  desk: Desk,
  close: () => void,
  hit?: { text: string; marks: [number, number][]; jump: Jump },
): Entry => ({
  id: `row-${row.id}`,
  text: buyerName(row),
  more: hit?.text ?? row.preview,
  ...(hit ? { marks: hit.marks } : {}),
  channel: row.channel.kind,
  run: () => {
    close();
    void desk.finder.go(hit?.jump ?? { conversation: row.id, seq: 0 }, Boolean(hit));
  },
});

/** What a search found, a few of each kind: people, orders, what was said. */
function entriesOf(found: Found, desk: Desk, close: () => void): Entry[] {
  return [
    ...found.contacts.slice(0, 4).map((one) => ({
      id: `contact-${one.contact}`,
      text: buyerName({ id: one.jump.conversation, name: one.name }),
      more: one.identities.map((identity) => identity.value).join(' · ') || one.username,
      channel: one.channel.kind,
      run: () => {
        close();
        void desk.finder.go(one.jump, false);
      },
    })),
    ...found.orders.slice(0, 3).flatMap(({ jump, ...one }) =>
      jump
        ? [
            {
              id: `order-${one.id}`,
              text: one.number,
              more: `${statusText(one.status)} · ${money(one.sum, one.currency || 'RUB')}`,
              icon: 'goods' as const,
              run: () => {
                close();
                void desk.finder.go(jump, false);
              },
            },
          ]
        : [],
    ),
    ...found.conversations.slice(0, 6).map((one) => entryOf(one.row, desk, close, one.hits[0])),
  ];
}

/** Everything by a few letters: commands, lists, conversations. */
export function Palette({ desk, state }: { desk: Desk; state: State }) {
  const [query, setQuery] = useState('');
  const rows = state.list.rows.slice(0, 5);
  const [found, setFound] = useState<Found | null>(null);
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    if (query.trim().length < SHORTEST) {
      setFound(null);
      return;
    }
    let isOld = false;
    const timer = setTimeout(async () => {
      try {
        const page = await search(query);
        if (!isOld) setFound(page);
      } catch {
        if (!isOld) setFound(null);
      }
    }, 180);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [query]);
  const isOpen = Boolean(state.thread);
  const close = (): void => desk.store.set({ panel: '' });
  const asked = query.trim().toLowerCase();
  const fits = (text: string): boolean =>
    !asked ||
    text
      .toLowerCase()
      .split(/\s+/)
      .some((word) => word.startsWith(asked)) ||
    text.toLowerCase().includes(asked);
  const seen = new Set<string>();
  const entries: Entry[] = [
    ...COMMANDS.filter(
      (one) =>
        one.id !== 'palette' && !one.isShown && fits(t(one.word)) && (!one.when || one.when(state)),
    )
      .filter((one) => !seen.has(one.word) && seen.add(one.word))
      .slice(0, asked ? 8 : 6)
      .map((one) => ({
        id: one.id,
        text: t(one.word),
        more: keysOf(one, state.prefs.keys) ? chordText(keysOf(one, state.prefs.keys)) : '',
        run: () => {
          close();
          // After the panel has given the focus back.
          setTimeout(() => one.run(desk));
        },
      })),
    ...state.views
      .filter((one) => asked && fits(one.name))
      .map((one) => ({
        id: `saved-${one.id}`,
        text: one.name,
        more: t('views'),
        icon: 'list' as const,
        run: () => {
          close();
          desk.rows.choose('all', one.id);
        },
      })),
    ...(isOpen
      ? state.macros
          .filter((one) => asked && fits(one.name))
          .slice(0, 5)
          .map((one) => ({
            id: `macro-${one.id}`,
            text: one.name,
            more: one.lasting.length ? lastingText(one) : t('macro'),
            icon: 'macro' as const,
            run: () => {
              close();
              void desk.macros.run(one);
            },
          }))
      : []),
    ...(found ? entriesOf(found, desk, close) : rows.map((row) => entryOf(row, desk, close))),
  ];
  const at = Math.min(chosen, entries.length - 1);
  return (
    <div class="palette">
      <input
        type="text"
        value={query}
        autofocus
        placeholder={t('paletteHint')}
        aria-label={t('palette')}
        aria-controls="palette-list"
        aria-activedescendant={entries.length ? `palette-${at}` : undefined}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          const by = { ArrowDown: 1, ArrowUp: -1 }[event.code];
          if (by) setChosen((at + by + entries.length) % entries.length);
          else if (event.code === 'Enter') entries[at]?.run();
          else return;
          event.preventDefault();
        }}
      />
      <div role="listbox" id="palette-list" aria-label={t('palette')}>
        {entries.map((entry, index) => (
          <button
            key={entry.id}
            id={`palette-${index}`}
            type="button"
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={entry.run}
          >
            {entry.channel && <Icon name={channelIcon(entry.channel)} />}
            {entry.icon && <Icon name={entry.icon} />}
            <span class="name">{entry.text}</span>
            <span class="muted">
              <Marked text={entry.more} marks={entry.marks ?? []} />
            </span>
          </button>
        ))}
        {!entries.length && <p class="muted">{t('emptySearch')}</p>}
      </div>
    </div>
  );
}
