import { useState } from 'preact/hooks';
import { call } from '../net/api';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Thread } from '../types';
import { Icon } from '../ui/icons';
import { t } from '../words';
import { Modes } from './modes';
import { Picker, useChoices } from './picker';

/** In place of the field where nothing may be written: what still may be done. */
export function Closed({
  desk,
  state,
  thread,
  isGone,
}: {
  desk: Desk;
  state: State;
  thread: Thread;
  isGone: boolean;
}) {
  const [isPicking, setPicking] = useState(false);
  const mayTemplate = thread.channel?.window?.actions.includes('template') ?? true;
  const lang = thread.conversation.language || state.boot.lang;
  const choices = useChoices(
    isPicking ? { sign: '/', query: '', from: 0, to: 0 } : null,
    state,
    lang,
  );
  return (
    <div class="composer is-closed">
      <Modes desk={desk} mode="reply" />
      <p>
        <Icon name={isGone ? 'alert' : 'window'} size={14} />{' '}
        {t(isGone ? 'unreachable' : mayTemplate ? 'windowIsClosed' : 'windowIsShut')}
      </p>
      {choices && (
        <Picker
          choices={choices}
          chosen={0}
          sign="/"
          query=""
          onChoose={async (choice) => {
            setPicking(false);
            if (choice.kind !== 'template') return;
            try {
              const made = await call<{ text: string; draft: string }>(
                'POST',
                `/templates/${choice.template.id}/render/`,
                { conversation: thread.conversation.id, lang },
              );
              if (!made.text) {
                desk.store.set({ notice: { text: t('gaps') } });
                return;
              }
              desk.drafts.change('reply', { text: made.text, template: choice.template.id });
              desk.outbox.send('reply');
            } catch (error) {
              desk.acts.complain(error);
            }
          }}
        />
      )}
      <span class="tools">
        {!isGone && mayTemplate && (
          <button type="button" class="main" onClick={() => setPicking(!isPicking)}>
            {t('chooseTemplate')}
          </button>
        )}
        <button type="button" onClick={() => desk.store.set({ mode: 'note' })}>
          {t('note')}
        </button>
        {thread.conversation.status === 'open' && (
          <button type="button" onClick={() => desk.store.set({ ask: 'snooze' })}>
            {t('snooze')}
          </button>
        )}
        {thread.conversation.status !== 'resolved' && (
          <button type="button" onClick={() => void desk.acts.resolve()}>
            {t('resolve')}
          </button>
        )}
      </span>
    </div>
  );
}
