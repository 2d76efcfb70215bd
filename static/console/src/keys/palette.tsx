import { useEffect, useState } from 'preact/hooks';
import { call } from '../net/api';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Row } from '../types';
import { channelIcon, Icon } from '../ui/icons';
import { buyerName, t } from '../words';
import { chordText } from './chords';
import { COMMANDS } from './commands';
import { keysOf } from './dispatch';

interface Entry {
  id: string;
  text: string;
  more: string;
  icon?: 'chat' | 'list';
  channel?: string;
  run: () => void;
}

/** Everything by a few letters: commands, lists, conversations. */
export function Palette({ desk, state }: { desk: Desk; state: State }) {
  const [query, setQuery] = useState('');
  const [rows, setRows] = useState<Row[]>(state.list.rows.slice(0, 5));
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    if (query.trim().length < 2) return;
    let isOld = false;
    const timer = setTimeout(async () => {
      try {
        const page = await call<{ rows: Row[] }>(
          'GET',
          `/desk/conversations/?view=all&q=${encodeURIComponent(query)}`,
        );
        if (!isOld) setRows(page.rows.slice(0, 7));
      } catch {
        if (!isOld) setRows([]);
      }
    }, 180);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [query]);
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
    ...rows.map((row) => ({
      id: `row-${row.id}`,
      text: buyerName(row),
      more: row.preview,
      channel: row.channel.kind,
      run: () => {
        close();
        void desk.threads.open(row.id);
      },
    })),
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
            <span class="muted">{entry.more}</span>
          </button>
        ))}
        {!entries.length && <p class="muted">{t('emptySearch')}</p>}
      </div>
    </div>
  );
}
