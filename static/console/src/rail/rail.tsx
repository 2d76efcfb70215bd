import { AreaLinks, HelpLink } from '../board/area';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Shift } from '../types';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { t, whenText } from '../words';
import { ShopMenu } from './shops';

const PRESENCES = ['online', 'busy', 'away', 'invisible'] as const;

const shiftText = ({ is_on, changes_at }: Shift): string =>
  t(is_on ? 'shiftTill' : 'shiftFrom', whenText(changes_at));

export function Rail({ desk, state }: { desk: Desk; state: State }) {
  const waiting = state.counters.waiting ?? 0;
  const online = state.people.filter((one) => one.presence === 'online').length;
  return (
    <nav class="rail" aria-label={state.boot.brand}>
      <ShopMenu desk={desk} state={state} />
      <a class="icon is-on" href="/console/" title={t('dialogues')} aria-current="page">
        <Icon name="chat" size={20} />
        {waiting > 0 && <span class="badge">{waiting > 99 ? '99+' : waiting}</span>}
      </a>
      <AreaLinks state={state} />
      <a class="icon wide" href="/admin/bots/article/" title={t('knowledgeBase')}>
        <Icon name="book" size={20} />
      </a>
      <a class="icon" href="/admin/" title={t('admin')}>
        <Icon name="settings" size={20} />
      </a>
      <span class="gap" />
      <button
        type="button"
        class="icon"
        title={t('notices')}
        onClick={() => desk.store.set({ panel: 'notices' })}
      >
        <Icon name="bell" size={20} />
        {state.unseen > 0 && <span class="badge">{state.unseen > 99 ? '99+' : state.unseen}</span>}
      </button>
      <button
        type="button"
        class="icon wide"
        title={t('palette')}
        onClick={() => desk.store.set({ panel: 'palette' })}
      >
        <Icon name="search" size={20} />
      </button>
      <HelpLink desk={desk} />
      <button
        type="button"
        class="icon"
        title={t('prefs')}
        onClick={() => desk.store.set({ panel: 'settings' })}
      >
        <Icon name="prefs" size={20} />
      </button>
      <span class={`presence is-${state.presence}`} title={t('onlineNow', online)}>
        <Menu
          text=""
          title={`${t('myStatus')}: ${t(state.presence as 'online')}`}
          items={[
            ...PRESENCES.map((presence) => ({
              text: t(presence),
              isChosen: presence === state.presence,
              run: () => void desk.setPresence(presence),
            })),
            ...(state.shift
              ? [{ text: shiftText(state.shift), why: t('shiftOwn'), run: () => undefined }]
              : []),
          ]}
        />
        <span class="dot" aria-hidden="true" />
        <span class="presence-name">{t(state.presence as 'online')}</span>
      </span>
    </nav>
  );
}
