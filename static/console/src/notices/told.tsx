import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Told } from '../types';
import { Icon } from '../ui/icons';
import { ageText, t } from '../words';

function go(desk: Desk, told: Told): void {
  desk.store.set({ panel: '' });
  if (told.conversation) {
    void desk.threads.open(told.conversation);
    if (location.hash !== `#${told.conversation}`) location.hash = `${told.conversation}`;
  } else void desk.notices.seen({ ids: [told.id] });
  desk.notices.drop(told.id);
}

/** The newest things told, above the page; what somebody has to come for stays. */
export function ToldCards({ desk, state }: { desk: Desk; state: State }) {
  return (
    <div class="told-cards" role="status">
      {state.cards.map((one) => (
        <div class={`told-card ${one.repeat_s ? 'is-urgent' : ''}`} key={one.id}>
          <button type="button" class="told-what" onClick={() => go(desk, one)}>
            <b>
              <Icon name="bell" size={14} /> {one.title}
            </b>
            {one.body && <span dir="auto">{one.body}</span>}
          </button>
          <button
            type="button"
            class="icon"
            title={t('close')}
            onClick={() => {
              if (one.conversation) desk.notices.over(one.conversation);
              desk.notices.drop(one.id);
              void desk.notices.seen({ ids: [one.id] });
            }}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

/** What was told, the newest first. */
export function ToldList({ desk, state }: { desk: Desk; state: State }) {
  const now = Date.now();
  return (
    <div class="told-list">
      {state.unseen > 0 && (
        <button type="button" onClick={() => void desk.notices.seen({})}>
          {t('noticesSeen')}
        </button>
      )}
      {state.told.map((one) => (
        <button
          type="button"
          class={`told-what ${one.seen_at ? '' : 'is-new'}`}
          key={one.id}
          onClick={() => go(desk, one)}
        >
          <span class="line">
            <b>{one.title}</b>
            <time dateTime={one.at}>{ageText(one.at, now)}</time>
          </span>
          {one.body && <span dir="auto">{one.body}</span>}
        </button>
      ))}
      {!state.told.length && <p class="muted">{t('noticesNone')}</p>}
      <a href="/admin/notices/">{t('noticesAll')}</a>
    </div>
  );
}
