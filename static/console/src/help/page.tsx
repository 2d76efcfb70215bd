import { useRef, useState } from 'preact/hooks';
import { COMMANDS } from '../keys/commands';
import { leaveHelp } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { Icon } from '../ui/icons';
import { t } from '../words';
import { KeyList } from './keys';
import { chapters, found, PAGE_WORDS } from './text';

/** The help as a page of its own: chapters, a search, the keys as they are for this person. */
export function HelpPage({ desk, state }: { desk: Desk; state: State }) {
  const [query, setQuery] = useState('');
  const root = useRef<HTMLDivElement>(null);
  const w = PAGE_WORDS[state.boot.lang === 'en' ? 'en' : 'ru'];
  const all = chapters(state.boot.lang);
  const names = COMMANDS.map((one) => t(one.word));
  const shown = found(all, query, names);
  const go = (id: string): void =>
    root.current?.querySelector(`[data-chapter=${id}]`)?.scrollIntoView({ block: 'start' });
  return (
    <div class="help-page" ref={root}>
      <header>
        <h1>{w.title}</h1>
        <button type="button" class="quiet" onClick={() => leaveHelp(desk)}>
          <Icon name="back" /> {w.back}
        </button>
      </header>
      <input
        type="search"
        value={query}
        placeholder={w.find}
        aria-label={w.find}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      {!query.trim() && (
        <nav aria-label={w.contents}>
          {all.map((one) => (
            <button type="button" class="chip" key={one.id} onClick={() => go(one.id)}>
              {one.title}
            </button>
          ))}
        </nav>
      )}
      <div role="status">{!shown.length && <p class="muted">{w.nothing}</p>}</div>
      {shown.map((one) => (
        <section key={one.id} data-chapter={one.id}>
          <h2>{one.title}</h2>
          {one.lines.map((line) => (
            <p key={line}>{line}</p>
          ))}
          {one.marks && (
            <dl class="marks">
              {one.marks.map(([icon, name, means]) => (
                <div key={name}>
                  <dt>
                    <Icon name={icon} /> {name}
                  </dt>
                  <dd>{means}</dd>
                </div>
              ))}
            </dl>
          )}
          {one.pairs && (
            <dl class="marks is-wide">
              {one.pairs.map(([seen, means]) => (
                <div key={seen}>
                  <dt>{seen}</dt>
                  <dd>{means}</dd>
                </div>
              ))}
            </dl>
          )}
          {one.id === 'keys' && (
            <>
              <button
                type="button"
                class="change"
                onClick={() => desk.store.set({ panel: 'settings' })}
              >
                <Icon name="pencil" size={14} /> {w.change}
              </button>
              <KeyList state={state} />
            </>
          )}
        </section>
      ))}
    </div>
  );
}
