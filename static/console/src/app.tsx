import { useEffect, useReducer, useState } from 'preact/hooks';
import { Context } from './context';
import { Icon } from './icons';
import { List } from './list';
import { ring, type State, type Store } from './store';
import { clock, t } from './text';
import { ThreadPane } from './thread';

export function useStore(store: Store): State {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => store.subscribe(() => again(0)), [store]);
  return store.state;
}

const KEYS: [string, Parameters<typeof t>[0]][] = [
  ['Alt J / Alt K', 'dialogues'],
  ['Alt T', 'take'],
  ['Alt B', 'toBot'],
  ['Alt E', 'resolve'],
  ['Alt L / Alt P', 'reply'],
  ['Ctrl Enter', 'send'],
  ['/', 'templates'],
  ['Alt O', 'context'],
  ['Esc', 'back'],
];

export function App({ store }: { store: Store }) {
  const state = useStore(store);
  const [showKeys, setKeys] = useState(false);

  useEffect(() => {
    const waiting = state.counters.waiting ?? 0;
    document.title = `${waiting ? `(${waiting}) ` : ''}${t('dialogues')} · ${state.boot.brand}`;
  }, [state.counters.waiting, state.boot.brand]);

  useEffect(() => {
    // By the place of the key, so that it works in the Russian layout too.
    const press = (event: KeyboardEvent): void => {
      const inField = (event.target as HTMLElement).matches?.('input, textarea, select');
      if (event.altKey && !event.ctrlKey && !event.metaKey) {
        const run = {
          KeyJ: () => step(store, 1),
          KeyK: () => step(store, -1),
          KeyT: () => store.act('take-over'),
          KeyB: () => store.act('return-to-bot'),
          KeyE: () => store.act('resolve'),
          KeyL: () => focusOn('reply'),
          KeyP: () => focusOn('note'),
          KeyO: () => store.set({ showContext: !store.state.showContext }),
        }[event.code];
        if (run) {
          event.preventDefault();
          run();
        }
      } else if (event.key === 'Escape') {
        if (showKeys) setKeys(false);
        else if (store.state.showContext) store.set({ showContext: false });
        else if (!inField) store.openThread(null);
        else (event.target as HTMLElement).blur();
      } else if (event.key === '?' && !inField) setKeys(true);
    };
    window.addEventListener('keydown', press);
    const seen = (): void => store.markRead();
    document.addEventListener('visibilitychange', seen);
    return () => {
      window.removeEventListener('keydown', press);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [store, showKeys]);

  return (
    <div class={`desk ${state.open ? 'has-open' : ''} ${state.showContext ? 'has-context' : ''}`}>
      <Rail store={store} state={state} />
      {!state.isUp && (
        <div class="strip" role="status">
          <Icon name="alert" /> {t('offline', state.downSince ? clock(state.downSince) : '')}
        </div>
      )}
      <List store={store} state={state} />
      <ThreadPane store={store} state={state} />
      <Context store={store} state={state} />
      {showKeys && (
        <div class="sheet" role="dialog" aria-label={t('keys')}>
          <header>
            <b>{t('keys')}</b>
            <button type="button" class="icon" onClick={() => setKeys(false)} title={t('close')}>
              <Icon name="close" size={20} />
            </button>
          </header>
          <dl>
            {KEYS.map(([keys, word]) => (
              <div key={keys}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{t(word)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </div>
  );
}

function step(store: Store, by: number): void {
  const { rows, open } = store.state;
  const at = rows.findIndex((row) => row.id === open);
  const next = rows[at < 0 ? 0 : at + by];
  if (next) store.openThread(next.id);
}

function focusOn(mode: string): void {
  document.querySelector<HTMLButtonElement>(`[data-mode="${mode}"]`)?.click();
  document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
}

function Rail({ store, state }: { store: Store; state: State }) {
  const themes = ['auto', 'light', 'dark'];
  const change = (): void => {
    const root = document.documentElement;
    const next = themes[(themes.indexOf(root.dataset.theme ?? 'auto') + 1) % 3]!;
    localStorage.setItem('console-theme', next);
    root.dataset.theme = next;
    // The brand's colours follow the theme.
    window.matchMedia('(prefers-color-scheme: dark)').dispatchEvent(new Event('change'));
  };
  return (
    <nav class="rail" aria-label={state.boot.brand}>
      <img src={state.boot.mark} alt={state.boot.brand} title={state.boot.brand} />
      <a class="icon is-on" href="/console/" title={t('dialogues')} aria-current="page">
        <Icon name="chat" size={20} />
      </a>
      <a class="icon" href="/admin/" title={t('admin')}>
        <Icon name="settings" size={20} />
      </a>
      <span class="gap" />
      <button type="button" class="icon" title={t('sound')} onClick={ring}>
        <Icon name="sound" size={20} />
      </button>
      <button type="button" class="icon" title={t('theme')} onClick={change}>
        <Icon name="theme" size={20} />
      </button>
      <label class={`presence is-${state.presence}`} title={t(state.presence as 'online')}>
        <span class="dot" />
        <select
          value={state.presence}
          aria-label={t(state.presence as 'online')}
          onChange={(event) => store.setPresence(event.currentTarget.value)}
        >
          <option value="online">{t('online')}</option>
          <option value="busy">{t('busy')}</option>
          <option value="away">{t('away')}</option>
        </select>
      </label>
    </nav>
  );
}
