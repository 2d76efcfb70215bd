import { useEffect, useState } from 'preact/hooks';
import type { TemplateFound } from '../composer/picker';
import { call } from '../net/api';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { plural, t } from '../words';

/** A prepared reply to all that are chosen: looked at first, for it cannot be taken back. */
export function SendTemplate({
  desk,
  state,
  count,
  close,
}: {
  desk: Desk;
  state: State;
  count: number;
  close: () => void;
}) {
  const [found, setFound] = useState<TemplateFound[] | null>(null);
  const [query, setQuery] = useState('');
  const [id, setId] = useState(0);
  useEffect(() => {
    let isOld = false;
    const timer = setTimeout(() => {
      const asked = `lang=${state.boot.lang}&q=${encodeURIComponent(query)}`;
      call<{ results: TemplateFound[] }>('GET', `/desk/templates/?${asked}`).then(
        ({ results }) => {
          if (isOld) return;
          setFound(results);
          setId((now) => (results.some((one) => one.id === now) ? now : (results[0]?.id ?? 0)));
        },
        (error) => desk.acts.complain(error),
      );
    }, 150);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [query, desk, state.boot.lang]);
  const chosen = found?.find((one) => one.id === id);
  return (
    <form
      class="form send-template"
      onSubmit={(event) => {
        event.preventDefault();
        if (!chosen) return;
        close();
        void desk.acts.bulk({ name: 'send_template', body: { template: chosen.id } });
      }}
    >
      <input
        type="search"
        value={query}
        placeholder={t('templates')}
        aria-label={t('templates')}
        autofocus
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      {found && found.length > 0 && (
        <select
          aria-label={t('chooseTemplate')}
          value={String(id)}
          onChange={(event) => setId(Number(event.currentTarget.value))}
        >
          {found.map((one) => (
            <option key={one.id} value={String(one.id)}>
              {one.name}
            </option>
          ))}
        </select>
      )}
      {found && !found.length && <p class="muted">{t('noTemplates')}</p>}
      {chosen && <p dir="auto">{chosen.text}</p>}
      <p class="muted">{t('bulkSendNote')}</p>
      <span class="line acts">
        <button type="submit" class="main" disabled={!chosen}>
          {t('bulkSend', plural(count, 'buyer'))}
        </button>
        <button type="button" onClick={close}>
          {t('cancel')}
        </button>
      </span>
    </form>
  );
}
