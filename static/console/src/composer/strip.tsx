import { useEffect } from 'preact/hooks';
import { focusComposer } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Thread } from '../types';
import { Icon } from '../ui/icons';
import { languageName, t } from '../words';

/** Whether this dialogue may need a translation: then the server is asked about it. */
const mayNeed = (thread: Thread, lang: string): boolean =>
  Boolean(thread.writes && thread.writes !== lang) ||
  thread.messages.some((one) => one.meta.translations || one.meta.original);

/** From which language into which; on and off; and the translation before it is sent. */
export function TranslationStrip({
  desk,
  state,
  thread,
}: {
  desk: Desk;
  state: State;
  thread: Thread;
}) {
  const { id } = thread.conversation;
  const isNeeded = mayNeed(thread, state.boot.lang);
  useEffect(() => {
    if (isNeeded)
      void desk.threads.stays(id).then((stays) => (stays ? desk.translation.read(id) : undefined));
  }, [id, thread.writes, isNeeded]);
  const strip = state.strip?.conversation === id ? state.strip : null;
  if (!strip) return null;
  const { on, buyer, mine, differ, available, why_not: whyNone, languages } = strip.state;
  return (
    <div class="translation">
      <span class="line">
        <Icon name="languages" />
        <label class="check">
          <input
            type="checkbox"
            checked={on}
            onChange={(event) => void desk.translation.change({ on: event.currentTarget.checked })}
          />{' '}
          {on && differ && available
            ? t('stripTo', languageName(mine), languageName(buyer))
            : t('stripOn')}
        </label>
        <label>
          <span class="muted">{t('buyerWrites')}</span>{' '}
          <select
            value={buyer}
            onChange={(event) => void desk.translation.change({ buyer: event.currentTarget.value })}
          >
            {!languages.some((one) => one.code === buyer) && (
              <option value={buyer}>{buyer ? languageName(buyer) : '—'}</option>
            )}
            {languages.map((one) => (
              <option key={one.code} value={one.code}>
                {languageName(one.code)}
              </option>
            ))}
          </select>
        </label>
      </span>
      {on && differ && !available && (
        <span class="failure" role="status">
          {t('stripNone', whyNone)}
        </span>
      )}
      {state.mode === 'reply' && desk.translation.isActive && (
        <Preview desk={desk} state={state} thread={thread} />
      )}
    </div>
  );
}

function Preview({ desk, state, thread }: { desk: Desk; state: State; thread: Thread }) {
  const { made, isWorking } = state.strip!;
  const text = desk.drafts.of('reply').text.trim();
  const isFor = made?.of === text;
  const asItIs = (): void => {
    desk.translation.asItIs(text);
    desk.outbox.send('reply');
    focusComposer();
  };
  if (!text || thread.conversation.id !== state.open) return null;
  return (
    <div role="status" aria-busy={isWorking} class="preview-box">
      {isWorking ? (
        <span class="muted">{t('translates')}</span>
      ) : isFor && made?.text ? (
        <>
          <span class="muted">{t('willGo')}</span>
          <p dir="auto" lang={state.strip!.state.buyer}>
            {made.text}
          </p>
          {made.doubt && (
            <span class="chip amber">
              <Icon name="alert" size={14} /> {t('figuresDiffer', made.doubt)}
            </span>
          )}
          <span class="line">
            <button
              type="button"
              class="main"
              onClick={() => {
                desk.outbox.send('reply');
                focusComposer();
              }}
            >
              {t('sendTranslation')}
            </button>
            <button type="button" onClick={asItIs}>
              {t('sendAsItIs')}
            </button>
          </span>
        </>
      ) : isFor && made?.why ? (
        <span class="line">
          <span class="failure">{t('stripFailed', made.why)}</span>
          <button type="button" onClick={() => void desk.translation.make(text)}>
            {t('again')}
          </button>
          <button type="button" class="main" onClick={asItIs}>
            {t('sendAsItIs')}
          </button>
        </span>
      ) : (
        <button type="button" class="quiet" onClick={() => void desk.translation.make(text)}>
          {t('showTranslation')}
        </button>
      )}
    </div>
  );
}
