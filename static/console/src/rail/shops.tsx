import { useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { t } from '../words';

/** A shop somebody works for, too: its address, nothing of its session. */
export interface Shop {
  name: string;
  host: string;
}

const PLACE = 'shops';
const AT_MOST = 20;
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/;

export function hostOf(address: string): string {
  const host = address
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/[/?#].*$/, '');
  return HOST.test(host) ? host : '';
}

export function shops(): Shop[] {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? '[]') as Shop[];
    return kept
      .filter((one) => hostOf(String(one.host)) === one.host && one.name)
      .slice(0, AT_MOST);
  } catch {
    return []; // a private window, or something else's
  }
}

export function keep(all: Shop[]): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify(all.slice(0, AT_MOST)));
  } catch {
    // A browser that keeps nothing has no list.
  }
}

/** The logo: which shop this is, and the way to the others, each with its own log-in. */
export function ShopMenu({ desk, state }: { desk: Desk; state: State }) {
  const { brand, mark } = state.boot;
  const others = shops().filter((one) => one.host !== location.host);
  return (
    <span class="shops">
      <img src={mark} alt={brand} title={brand} />
      <Menu
        text=""
        title={`${brand}: ${t('shops')}`}
        items={[
          { text: brand, isChosen: true, run: () => undefined },
          ...others.map((one) => ({
            text: one.name,
            run: () => location.assign(`${location.protocol}//${one.host}/console/`),
          })),
          { text: t('shopsEdit'), run: () => desk.store.set({ panel: 'shops' }) },
        ]}
      />
    </span>
  );
}

export function ShopList() {
  const [all, setAll] = useState(shops);
  const [failure, setFailure] = useState('');
  const change = (next: Shop[]): void => {
    keep(next);
    setAll(next);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const data = new FormData(form);
        const host = hostOf(String(data.get('host')));
        setFailure(host ? '' : t('shopsWrong'));
        if (!host) return;
        const name = String(data.get('name') || host).trim();
        change([...all.filter((one) => one.host !== host), { name, host }]);
        form.reset();
      }}
    >
      <p class="muted">{t('shopsNote')}</p>
      {all.map((one) => (
        <span class="line" key={one.host}>
          <span dir="auto">
            {one.name} <span class="muted">{one.host}</span>
          </span>
          <button
            type="button"
            class="icon"
            title={`${t('remove')}: ${one.name}`}
            onClick={() => change(all.filter((other) => other.host !== one.host))}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      <label>
        {t('shopsHost')}
        <input name="host" required maxLength={120} placeholder="shop.example" autofocus />
      </label>
      {failure && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      <label>
        {t('viewName')}
        <input name="name" maxLength={60} />
      </label>
      <footer>
        <button type="submit" class="main">
          {t('shopsAdd')}
        </button>
      </footer>
    </form>
  );
}
