import { useEffect, useRef } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { SORTS, type Sort, VIEWS } from '../types';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { count, t } from '../words';

export function Views({ desk, state }: { desk: Desk; state: State }) {
  const { view, saved, sort, query } = state.list;
  const base = saved ? state.views.find((one) => one.id === saved)?.filters.view : view;
  const isWork = base !== 'resolved' && base !== 'all' && base !== undefined;
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const chosen = strip.current?.querySelector<HTMLElement>('[aria-selected="true"]');
    chosen?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [view, saved]);
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.code];
    if (!by) return;
    const tabs = [...(strip.current?.querySelectorAll<HTMLElement>('[role=tab]') ?? [])];
    const at = tabs.indexOf(document.activeElement as HTMLElement);
    tabs[(at + by + tabs.length) % tabs.length]?.focus();
    event.preventDefault();
  };
  return (
    <>
      <div class="views" role="tablist" aria-label={t('views')} ref={strip} onKeyDown={press}>
        {VIEWS.map((one, at) => (
          <Tab
            key={one}
            isChosen={!saved && view === one}
            title={`${t(one)} · ${at + 1}`}
            name={t(one)}
            count={state.counters[one]}
            onClick={() => desk.rows.choose(one)}
          />
        ))}
        {state.views.map((one) => (
          <Tab
            key={`saved-${one.id}`}
            isChosen={saved === one.id}
            title={one.is_shared ? t('sharedView') : t('ownView')}
            name={one.name}
            count={state.counters[`saved_${one.id}`]}
            onClick={() => desk.rows.choose('all', one.id)}
          />
        ))}
      </div>
      <div class="order">
        <label>
          <span class="muted">{t('sort')}</span>
          <select value={sort} onChange={(event) => desk.sortBy(event.currentTarget.value as Sort)}>
            {SORTS.filter((one) => isWork || one === 'newest' || one === 'oldest').map((one) => (
              <option key={one} value={one}>
                {t(`sort_${one}`)}
              </option>
            ))}
          </select>
        </label>
        <Menu
          icon="more"
          title={t('listMenu')}
          items={[
            { text: t('chooseAll'), run: () => desk.rows.chooseAll() },
            { text: t('saveView'), run: () => desk.store.set({ panel: 'view' }) },
            ...(saved ? [{ text: t('dropView'), run: () => void desk.dropView(saved) }] : []),
            ...(query ? [{ text: t('clearSearch'), run: () => desk.rows.choose('waiting') }] : []),
          ]}
        />
      </div>
    </>
  );
}

function Tab({
  isChosen,
  name,
  title,
  count: held,
  onClick,
}: {
  isChosen: boolean;
  name: string;
  title: string;
  count: number | undefined;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      role="tab"
      aria-selected={isChosen}
      tabIndex={isChosen ? 0 : -1}
      title={title}
      onClick={onClick}
    >
      <span dir="auto">{name}</span>
      {held ? <span class="count">{count(held)}</span> : null}
    </button>
  );
}

/** Keep the shown list under a name: a small form in a panel. */
export function SaveView({ desk, state }: { desk: Desk; state: State }) {
  const mayShare = state.boot.role !== 'agent';
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const all = (name: string) => data.getAll(name).map(String);
        const filters: Record<string, unknown> = { view: data.get('view') };
        if (all('labels').length) filters.labels = all('labels');
        if (all('channels').length) filters.channels = all('channels').map(Number);
        if (data.get('agent')) filters.agents = [data.get('agent')];
        if (data.get('unread')) filters.unread = true;
        const whose = String(data.get('whose') ?? '');
        void desk.saveView({
          name: String(data.get('name')),
          filters,
          sort: state.list.sort,
          ...(whose === 'all' ? { is_shared: true } : {}),
          ...(Number(whose) ? { team: Number(whose) } : {}),
        });
      }}
    >
      <label>
        {t('viewName')}
        <input name="name" required maxLength={60} autofocus />
      </label>
      <label>
        {t('viewBase')}
        <select name="view" value={state.list.view}>
          {VIEWS.map((one) => (
            <option key={one} value={one}>
              {t(one)}
            </option>
          ))}
        </select>
      </label>
      <Checks
        name="channels"
        title={t('channel')}
        items={state.channels.map((one) => [String(one.id), one.name])}
      />
      <Checks
        name="labels"
        title={t('labels')}
        items={state.labels.map((one) => [one.name, one.name])}
      />
      <label>
        {t('viewAgent')}
        <select name="agent">
          <option value="">{t('anybody')}</option>
          <option value="me">{t('you')}</option>
          <option value="none">{t('unassigned')}</option>
        </select>
      </label>
      <label class="check">
        <input type="checkbox" name="unread" /> {t('onlyUnread')}
      </label>
      {mayShare && (
        <label>
          {t('viewWhose')}
          <select name="whose">
            <option value="">{t('ownView')}</option>
            <option value="all">{t('sharedView')}</option>
            {state.teams.map((team) => (
              <option key={team.id} value={team.id}>
                {team.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <footer>
        <button type="submit" class="main">
          {t('save')}
        </button>
      </footer>
    </form>
  );
}

function Checks({
  name,
  title,
  items,
}: {
  name: string;
  title: string;
  items: [string, string][];
}) {
  if (items.length < 1) return null;
  return (
    <fieldset>
      <legend>{title}</legend>
      {items.map(([value, text]) => (
        <label class="check" key={value}>
          <input type="checkbox" name={name} value={value} /> {text}
        </label>
      ))}
    </fieldset>
  );
}

export const ViewIcon = () => <Icon name="list" />;
