import { useEffect, useRef, useState } from 'preact/hooks';
import { type Help, help, NoHelp } from '../composer/assist';
import { t } from '../words';
import { told } from '../words/told';

/** A question of a colleague about the case: answered from the shop's own records or not at all. */
export function Helper({ conversation }: { conversation: number }) {
  const [text, setText] = useState('');
  const [state, setState] = useState<{ made?: Help; failure?: string; isBusy?: boolean }>({});
  const line = useRef<AbortController | null>(null);
  useEffect(() => () => line.current?.abort(), []);
  const ask = async (): Promise<void> => {
    line.current?.abort();
    const mine = new AbortController();
    line.current = mine;
    setState({ isBusy: true });
    const show = (next: typeof state): void => {
      if (line.current === mine) setState(next);
    };
    try {
      const made = await help(conversation, 'ask', text.trim(), () => undefined, mine.signal);
      show(made?.text && made.sources.length ? { made } : { failure: t('helperNothing') });
    } catch (error) {
      show({ failure: error instanceof NoHelp ? error.message || t('aiFailed') : told(error) });
    }
  };
  const { made, failure, isBusy } = state;
  return (
    <form
      class="form helper"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) void ask();
      }}
    >
      <input
        value={text}
        maxLength={500}
        placeholder={t('helperHint')}
        aria-label={t('helper')}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div role="status" aria-busy={Boolean(isBusy)}>
        {isBusy && <span class="muted">{t('aiWorks')}</span>}
        {failure && <span class="muted">{failure}</span>}
        {made && (
          <>
            <p class="summary" dir="auto">
              {made.text}
            </p>
            <span class="line sources">
              <span class="muted">{t('sources')}:</span>
              {made.sources.map((one) => (
                <span key={`${one.kind}${one.id}`} class={`chip ${one.internal ? 'amber' : ''}`}>
                  {one.title}
                  {one.internal && ` · ${t('internal')}`}
                </span>
              ))}
            </span>
          </>
        )}
      </div>
    </form>
  );
}
