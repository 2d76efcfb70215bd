/** Areas beside the dialogues, loaded when first opened. By address: #people, #visitors, #board… */
import { useEffect, useRef, useState } from 'preact/hooks';
import { HelpPage } from '../help/page';
import { leadsSomebody, openHelp } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { Icon } from '../ui/icons';
import { t } from '../words';

type Pages = typeof import('./mount');
const LINKED = ['visitors', 'people', 'board', 'reports'] as const;
const NAMES = [...LINKED, 'help'] as const;
type Name = (typeof NAMES)[number];
// Whoever leads nobody has no use for the others, and the server refuses them.
const FOR_ALL: readonly Name[] = ['visitors', 'people'];
const TITLES = {
  ru: {
    visitors: 'На сайте сейчас',
    people: 'Клиенты',
    board: 'Табло',
    reports: 'Отчёты',
    help: 'Помощь',
    failed: 'Раздел не загрузился. Обновите страницу.',
  },
  en: {
    visitors: 'On the site now',
    people: 'Customers',
    board: 'Board',
    reports: 'Reports',
    help: 'Help',
    failed: 'This did not load. Reload the page.',
  },
};
const PATHS = {
  visitors: 'M3 4h18v12H3zM8 20h8M12 16v4M7 8h6M7 11h9',
  people:
    'M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2M9 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8M22 21v-2a4 4 0 0 0-3-3.87M16 3.13a4 4 0 0 1 0 7.75',
  board: 'M3 3h8v10H3zM13 3h8v6h-8zM13 11h8v10h-8zM3 15h8v6H3z',
  reports: 'M4 20V10M10 20V4M16 20v-7M22 20H2',
};

const titles = (state: State) => TITLES[state.boot.lang === 'en' ? 'en' : 'ru'];

function useArea(): Name | '' {
  const read = (): Name | '' => NAMES.find((name) => location.hash.startsWith(`#${name}`)) ?? '';
  const [area, set] = useState(read);
  useEffect(() => {
    const look = (): void => set(read());
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  return area;
}

/** For the rail: to each person what the server shows them. */
export function AreaLinks({ state }: { state: State }) {
  const area = useArea();
  const mayLook = leadsSomebody(state);
  return (
    <>
      {LINKED.filter((name) => mayLook || FOR_ALL.includes(name)).map((name) => (
        <a
          key={name}
          class={`icon ${area === name ? 'is-on' : ''}`}
          href={`#${name}`}
          title={titles(state)[name]}
          aria-current={area === name ? 'page' : undefined}
        >
          <svg viewBox="0 0 24 24" width="20" height="20" class="line-icon" aria-hidden="true">
            <path d={PATHS[name]} />
          </svg>
          <span class="unseen">{titles(state)[name]}</span>
        </a>
      ))}
    </>
  );
}

/** The help, by its mark. */
export function HelpLink({ desk }: { desk: Desk }) {
  const isOn = useArea() === 'help';
  return (
    <button
      type="button"
      class={`icon wide ${isOn ? 'is-on' : ''}`}
      title={t('help')}
      aria-current={isOn ? 'page' : undefined}
      onClick={() => openHelp(desk)}
    >
      <Icon name="help" size={20} />
    </button>
  );
}

export function Areas({ desk, state }: { desk: Desk; state: State }) {
  const area = useArea();
  const place = useRef<HTMLDivElement>(null);
  const [isFailed, setFailed] = useState(false);
  useEffect(() => {
    const node = place.current;
    const url = document.getElementById('console')?.dataset.areas;
    if (!area || area === 'help' || !node || !url) return;
    let pages: Pages | null = null;
    let isLeft = false;
    import(/* @vite-ignore */ url).then(
      (found: Pages) => {
        pages = found;
        if (!isLeft) found.mount(node, desk, area);
      },
      () => setFailed(true),
    );
    return () => {
      isLeft = true;
      pages?.unmount(node);
    };
  }, [area, desk]);
  if (!area) return null;
  return (
    <main class="area" aria-label={titles(state)[area]}>
      {isFailed && <p class="failure">{titles(state).failed}</p>}
      {area === 'help' && <HelpPage desk={desk} state={state} />}
      <div ref={place} />
    </main>
  );
}
