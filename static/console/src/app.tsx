import { useEffect, useMemo, useReducer } from 'preact/hooks';
import { applyBrand } from '../../shared/tokens';
import { Areas } from './board/area';
import { ContextPane } from './context/pane';
import { Keys } from './keys/dispatch';
import { Palette } from './keys/palette';
import { List } from './list/pane';
import { SaveView } from './list/views';
import { ToldCards, ToldList } from './notices/told';
import { OrderAct } from './orders/act';
import { Check } from './rail/notices';
import { Rail } from './rail/rail';
import { Settings } from './rail/settings';
import { ShopList } from './rail/shops';
import type { State } from './store/core';
import type { Desk } from './store/desk';
import { ThreadPane } from './thread/pane';
import { Dialog } from './ui/dialog';
import { Icon } from './ui/icons';
import { clock, t } from './words';

export function useDesk(desk: Desk): State {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => desk.store.subscribe(() => again(0)), [desk]);
  return desk.state;
}

/** A pane is drawn anew only where the state it reads has changed. */
function usePane<T>(draw: () => T, state: State, reads: readonly (keyof State)[]): T {
  return useMemo(
    draw,
    reads.map((name) => state[name]),
  );
}

const RAIL = [
  'boot',
  'counters',
  'panel',
  'people',
  'presence',
  'shift',
  'teams',
  'unseen',
] as const;
const LIST = [
  ...(['boot', 'buyerTyping', 'channels', 'counters', 'drafts', 'find', 'isUp', 'labels'] as const),
  ...(['list', 'open', 'others', 'people', 'prefs', 'teams', 'views'] as const),
] as const;
const CONTEXT = ['boot', 'open', 'prefs', 'teams', 'thread'] as const;

export function App({ desk }: { desk: Desk }) {
  const state = useDesk(desk);
  const rail = usePane(() => <Rail desk={desk} state={state} />, state, RAIL);
  const list = usePane(() => <List desk={desk} state={state} />, state, LIST);
  const context = usePane(() => <ContextPane desk={desk} state={state} />, state, CONTEXT);
  useEffect(() => new Keys(desk).listen(), [desk]);
  useLook(desk, state);
  const close = (): void => desk.store.set({ panel: '' });
  return (
    <div class={`desk ${state.open ? 'has-open' : ''} ${state.showContext ? 'has-context' : ''}`}>
      {rail}
      <div class="strips">
        <Check desk={desk} />
        {!state.isUp && (
          <div class="strip" role="status">
            <Icon name="offline" />{' '}
            {t(`down_${state.down}`, state.downSince ? clock(state.downSince) : '')}
          </div>
        )}
        {state.modelDown && (
          <div class="strip is-late" role="alert">
            <Icon name="bot" /> {t('modelDown', clock(state.modelDown))}
          </div>
        )}
        {state.channels
          .filter((channel) => channel.trouble)
          .map((channel) => (
            <div class="strip is-late" role="alert" key={channel.id}>
              <Icon name="alert" />
              <span>
                {channel.name}: {channel.trouble}
              </span>
              <a href={`/admin/bots/channel/${channel.id}/change/`}>{t('mend')}</a>
            </div>
          ))}
      </div>
      {list}
      <ThreadPane desk={desk} state={state} />
      {context}
      <Areas desk={desk} state={state} />
      {state.showContext && (
        <div class="drawer-shade" onPointerDown={() => desk.store.set({ showContext: false })} />
      )}
      <ToldCards desk={desk} state={state} />
      {state.toast && (
        <div class="toast" role="status">
          <span>{state.toast.text}</span>
          {state.toast.run && (
            <button
              type="button"
              onClick={() => {
                state.toast?.run?.();
              }}
            >
              {state.toast.action}
            </button>
          )}
        </div>
      )}
      {state.panel === 'notices' && (
        <Dialog title={t('notices')} onClose={close}>
          <ToldList desk={desk} state={state} />
        </Dialog>
      )}
      {state.panel === 'palette' && (
        <Dialog title={t('palette')} onClose={close}>
          <Palette desk={desk} state={state} />
        </Dialog>
      )}
      {state.panel === 'settings' && (
        <Dialog title={t('prefs')} onClose={close}>
          <Settings desk={desk} state={state} />
        </Dialog>
      )}
      {state.panel === 'shops' && (
        <Dialog title={t('shops')} onClose={close}>
          <ShopList />
        </Dialog>
      )}
      {state.panel === 'view' && (
        <Dialog title={t('saveView')} onClose={close}>
          <SaveView desk={desk} state={state} />
        </Dialog>
      )}
      {state.order && <OrderAct desk={desk} act={state.order} key={JSON.stringify(state.order)} />}
      <p class="unseen" aria-live="assertive">
        {state.said}
      </p>
    </div>
  );
}

/** What of the state shows outside of the page's tree: title, theme, size of letters. */
function useLook(desk: Desk, state: State): void {
  const waiting = state.counters.waiting ?? 0;
  useEffect(() => {
    document.title = `${waiting ? `(${waiting}) ` : ''}${t('dialogues')} · ${state.boot.brand}`;
    void navigator.setAppBadge?.(waiting)?.catch?.(() => undefined);
  }, [waiting]);
  const { theme, font } = state.prefs;
  useEffect(() => {
    document.documentElement.style.setProperty('--zoom', String((font ?? 100) / 100));
  }, [font]);
  useEffect(() => {
    if (theme) applyBrand(document.documentElement, state.boot.colour, theme);
  }, [theme]);
  useEffect(() => {
    const seen = (): void => {
      if (document.hidden) return;
      desk.live.hurry();
      desk.threads.markRead();
    };
    const back = (): void => desk.live.hurry();
    document.addEventListener('visibilitychange', seen);
    window.addEventListener('online', back);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      window.removeEventListener('online', back);
    };
  }, [desk]);
}
