import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { FoundPane } from '../found/pane';
import { focusComposer } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { SHORTEST } from '../store/finder';
import { Icon } from '../ui/icons';
import { useNow } from '../ui/now';
import { clock, count, plural, t } from '../words';
import { Bulk } from './bulk';
import { Line } from './row';
import { Views } from './views';
import { inSight, revealed } from './virtual';

const ROW = 76; // pixels at the usual size of letters; the style sheet has the same

export function List({ desk, state }: { desk: Desk; state: State }) {
  const { list } = state;
  const now = useNow();
  const isFinding = state.find.query.trim().length >= SHORTEST;
  return (
    <section
      class="list"
      aria-label={t('dialogues')}
      onPointerEnter={(event) => {
        desk.rows.isPointerInside = event.pointerType === 'mouse';
      }}
      onPointerLeave={() => desk.rows.pointerLeft()}
    >
      <header>
        <label class="search">
          <Icon name="search" />
          <input
            type="search"
            value={list.query || state.find.query}
            placeholder={t('search')}
            aria-label={t('search')}
            onInput={(event) => desk.finder.type(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.code === 'Escape' && (state.find.query || list.query)) {
                desk.finder.type('');
                event.preventDefault();
                return;
              }
              const first = document.querySelector<HTMLElement>('.found button');
              if (event.code !== 'ArrowDown' || !first) return;
              first.focus();
              event.preventDefault();
            }}
          />
        </label>
        <Views desk={desk} state={state} />
      </header>
      {list.selected.size > 0 && <Bulk desk={desk} state={state} />}
      {list.moved > 0 && (
        <button type="button" class="held" onClick={() => desk.rows.release()}>
          {plural(list.moved, 'newRow')}
        </button>
      )}
      {list.asOf && (
        <p class="as-of">
          <Icon name="offline" size={14} /> {t('shownAt', clock(list.asOf))}
        </p>
      )}
      {isFinding ? (
        <FoundPane desk={desk} state={state} now={now} />
      ) : (
        <>
          <Scroller desk={desk} state={state} />
          <Empty desk={desk} state={state} />
        </>
      )}
    </section>
  );
}

function Scroller({ desk, state }: { desk: Desk; state: State }) {
  const { rows, selected, next } = state.list;
  const cursor = state.list.cursor ?? rows[0]?.id ?? null;
  const now = useNow();
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ top: 0, height: 800 });
  const height = (ROW * (state.prefs.font ?? 100)) / 100;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setPlace({ top: element.scrollTop, height: element.clientHeight || 800 });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // The row of the cursor stays in sight when the keyboard moves it, not when rows move.
  const at = rows.findIndex((row) => row.id === cursor);
  useEffect(() => {
    const element = box.current;
    if (!element || at < 0) return;
    const top = revealed(at, element.scrollTop, element.clientHeight, height);
    if (top !== null) element.scrollTop = top;
  }, [cursor]);

  useEffect(() => {
    if (next && rows.length * height < place.top + place.height * 2.5) void desk.rows.readMore();
  }, [place, rows.length, next]);

  const span = inSight(rows.length, place.top, place.height, height);
  const total = state.counters[desk.rows.key];
  const press = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -1e9, End: 1e9 }[
      event.code
    ];
    if (by) {
      const was = cursor;
      const moved = desk.rows.move(by);
      if (event.shiftKey && moved && was) {
        if (!selected.has(was)) desk.rows.toggle(was);
        desk.rows.stretch(moved.id);
      }
    } else if (event.code === 'Enter' && cursor) {
      void desk.threads.open(cursor);
      focusComposer();
    } else if (event.code === 'Space' && cursor) desk.rows.toggle(cursor);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="rows"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-multiselectable="true"
      aria-label={t('dialogues')}
      aria-busy={state.list.isLoading}
      aria-activedescendant={cursor ? `row-${cursor}` : undefined}
      onKeyDown={press}
      onScroll={(event) => {
        const element = event.currentTarget;
        setPlace({ top: element.scrollTop, height: element.clientHeight });
      }}
    >
      <div style={{ height: `${rows.length * height}px`, position: 'relative' }}>
        {rows.slice(span.from, span.to).map((row, index) => {
          const isChosen = selected.has(row.id);
          return (
            <div
              key={row.id}
              id={`row-${row.id}`}
              role="option"
              tabIndex={-1}
              aria-selected={isChosen}
              aria-current={row.id === state.open ? 'true' : undefined}
              aria-posinset={span.from + index + 1}
              aria-setsize={total ?? (next ? -1 : rows.length)}
              class={[
                'row',
                row.id === state.open && 'is-open',
                row.id === cursor && 'is-cursor',
                isChosen && 'is-chosen',
                row.unread && 'is-new',
              ]
                .filter(Boolean)
                .join(' ')}
              style={{ transform: `translateY(${(span.from + index) * height}px)` }}
              onClick={(event) => {
                if (event.shiftKey) desk.rows.stretch(row.id);
                else if (event.ctrlKey || event.metaKey) desk.rows.toggle(row.id);
                else void desk.threads.open(row.id);
              }}
              onKeyDown={() => undefined}
            >
              <Line row={row} now={now} state={state} />
            </div>
          );
        })}
      </div>
      {state.list.isLoading && rows.length > 0 && <p class="muted more">{t('loading')}</p>}
    </div>
  );
}

function Empty({ desk, state }: { desk: Desk; state: State }) {
  const { list } = state;
  if (list.failure)
    return (
      <p class="empty" role="alert">
        {list.failure}{' '}
        <button type="button" class="quiet" onClick={() => desk.refresh()}>
          {t('again')}
        </button>
      </p>
    );
  if (list.rows.length) return null;
  if (list.isLoading) return <p class="empty">{state.isUp ? t('loading') : ''}</p>;
  return (
    <p class="empty">
      {list.query
        ? t('emptySearch')
        : list.view === 'waiting' && !list.saved
          ? t('emptyWaiting')
          : t('empty')}
    </p>
  );
}

export const countText = (value: number | undefined): string => (value ? count(value) : '');
