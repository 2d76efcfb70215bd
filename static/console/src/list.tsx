import { channelIcon, Icon } from './icons';
import { useNow } from './now';
import type { State, Store } from './store';
import { ageText, t, urgency, waitText } from './text';
import { type Row, VIEWS, type View } from './types';

export function List({ store, state }: { store: Store; state: State }) {
  const now = useNow();
  const held = state.waitingRows
    ? state.waitingRows.filter((row) => !state.rows.some((shown) => shown.id === row.id)).length
    : 0;
  return (
    <section
      class="list"
      aria-label={t('dialogues')}
      onPointerEnter={() => {
        store.isPointerInside = true;
      }}
      onPointerLeave={() => store.pointerLeft()}
    >
      <header>
        <label class="search">
          <Icon name="search" />
          <input
            type="search"
            value={state.query}
            placeholder={t('search')}
            aria-label={t('search')}
            onInput={(event) => store.search(event.currentTarget.value)}
          />
        </label>
        <div class="views" role="tablist">
          {VIEWS.map((view: View) => (
            <button
              type="button"
              role="tab"
              key={view}
              aria-selected={state.view === view}
              onClick={() => store.choose(view)}
            >
              {t(view)}
              {state.counters[view] ? <span class="count">{state.counters[view]}</span> : null}
            </button>
          ))}
        </div>
      </header>
      {held > 0 && (
        <button type="button" class="held" onClick={() => store.pointerLeft()}>
          + {held}
        </button>
      )}
      <ul class="rows">
        {state.rows.map((row) => (
          <li key={row.id}>
            <button
              type="button"
              class={`row ${row.id === state.open ? 'is-open' : ''} ${row.unread ? 'is-new' : ''}`}
              onClick={() => store.openThread(row.id)}
            >
              <Line row={row} now={now} state={state} />
            </button>
          </li>
        ))}
      </ul>
      {state.next && (
        <button type="button" class="quiet" onClick={() => store.readRows(true)}>
          {t('more')}
        </button>
      )}
      {!state.rows.length && !state.isLoading && !state.failure && (
        <p class="empty">
          {state.query
            ? t('emptySearch')
            : state.view === 'waiting'
              ? t('emptyWaiting')
              : t('empty')}
        </p>
      )}
      {state.failure && (
        <p class="empty" role="alert">
          {state.failure}{' '}
          <button type="button" class="quiet" onClick={() => store.refresh()}>
            {t('again')}
          </button>
        </p>
      )}
    </section>
  );
}

function Line({ row, now, state }: { row: Row; now: number; state: State }) {
  const level = row.waiting_since ? urgency(row.waiting_since, row.deadline_at, now) : '';
  const typing = now - (state.buyerTyping[row.id] ?? 0) < 6000;
  return (
    <>
      <span class="line">
        <span class="who">
          <Icon name={channelIcon(row.channel.kind)} />
          <b dir="auto">{row.name || t('noName')}</b>
        </span>
        <time>{ageText(row.updated_at, now)}</time>
      </span>
      <span class="line">
        <span class="preview" dir="auto">
          {row.has_draft && <i class="draft">{t('draft')}</i>}
          {!row.has_draft && row.preview_author === 'bot' && <Icon name="bot" size={14} />}
          {!row.has_draft && row.preview_author === 'agent' && <Icon name="check" size={14} />}
          {typing ? t('typing') : row.preview}
        </span>
        {row.unread > 0 && <span class="count">{row.unread}</span>}
      </span>
      <span class="line chips">
        {row.waiting_since && (
          <span class={`chip wait ${level}`}>
            <Icon name={level === 'red' ? 'alert' : 'clock'} size={14} />
            {t('waits', waitText(row.waiting_since, now))}
          </span>
        )}
        <Speaker row={row} me={state.boot.me} />
      </span>
    </>
  );
}

export function Speaker({ row, me }: { row: Row; me: number }) {
  if (row.speaker === 'bot')
    return (
      <span class="chip bot">
        <Icon name="bot" size={14} /> {t('botName')}
      </span>
    );
  if (row.speaker === 'agent')
    return (
      <span class="chip">
        <Icon name="person" size={14} />{' '}
        {row.agent ? (row.agent.id === me ? t('you') : row.agent.name) : t('phone')}
      </span>
    );
  if (row.speaker === 'queue') return <span class="chip">{t('queue')}</span>;
  return (
    <span class="chip done">
      <Icon name="check" size={14} /> {t('nobody')}
    </span>
  );
}
