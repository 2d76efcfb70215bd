import { useEffect, useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Macro } from '../types';
import { t } from '../words';

/** Which macro: what cannot be taken back is said before the press. */
export function Macros({ desk, state, close }: { desk: Desk; state: State; close: () => void }) {
  const [query, setQuery] = useState('');
  useEffect(() => void desk.macros.read(), [desk]);
  const asked = query.trim().toLowerCase();
  const fit = state.macros.filter((one) => one.name.toLowerCase().includes(asked));
  const run = async (macro: Macro): Promise<void> => {
    if (await desk.macros.run(macro)) close();
  };
  return (
    <form
      class="ask macros"
      onSubmit={(event) => {
        event.preventDefault();
        if (fit[0] && (asked || fit.length === 1)) void run(fit[0]);
      }}
    >
      <label class="short">
        {t('macro')}
        <input
          value={query}
          ref={(field) => {
            if (field && !field.dataset.seen) {
              field.dataset.seen = '1';
              field.focus();
            }
          }}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      </label>
      <span class="choices" role="toolbar" aria-label={t('macros')}>
        {fit.map((macro) => (
          <button
            type="button"
            key={macro.id}
            title={macro.lasting.length ? lastingText(macro) : undefined}
            onClick={() => void run(macro)}
          >
            <span dir="auto">{macro.name}</span>
            {macro.lasting.length > 0 && <small class="muted">{lastingText(macro)}</small>}
          </button>
        ))}
        {!fit.length && <span class="muted">{t(asked ? 'emptySearch' : 'noMacros')}</span>}
      </span>
      <button type="button" onClick={close}>
        {t('cancel')}
      </button>
    </form>
  );
}

export const lastingText = (macro: Macro): string =>
  t('lasting', macro.lasting.map((act) => t(`act_${act}`)).join(', '));
