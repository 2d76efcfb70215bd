import { Composer } from '../composer/pane';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { Back } from '../ui/back';
import { Icon } from '../ui/icons';
import { useNow } from '../ui/now';
import { buyerName, t } from '../words';
import { Asks } from './asks';
import { Head } from './head';
import { Messages } from './messages';
import { Missed } from './missed';
import { Offer } from './offer';

export function ThreadPane({ desk, state }: { desk: Desk; state: State }) {
  const now = useNow();
  const { thread } = state;
  if (!state.open)
    return (
      <main class="thread is-empty">
        <div class="empty">
          <Icon name="chat" size={20} />
          <b>{t('pick')}</b>
          <p>{t('pickHint')}</p>
        </div>
      </main>
    );
  if (!thread)
    return (
      <main class="thread" aria-busy={state.isUp}>
        <header>
          <Back desk={desk} />
        </header>
        {!state.isUp && <p class="empty">{t('notKept')}</p>}
      </main>
    );
  const others = Object.values(state.others).filter(
    (o) => o.conversation === thread.conversation.id && o.name && now - o.at < 30_000,
  );
  const typing = others.filter((o) => o.typing && now - o.at < 6_000);
  return (
    <main class="thread" aria-label={buyerName(thread.conversation)}>
      <Head desk={desk} state={state} thread={thread} now={now} />
      <Missed desk={desk} state={state} row={thread.conversation} />
      <Offer desk={desk} state={state} row={thread.conversation} />
      {state.ask && <Asks desk={desk} state={state} key={`${state.ask}${state.open}`} />}
      <Messages desk={desk} state={state} thread={thread} now={now} />
      {typing.length > 0 ? (
        <p class="others is-typing" role="status">
          <Icon name="pencil" size={14} /> {typing.map((o) => t('alsoTyping', o.name)).join(', ')}
        </p>
      ) : (
        others.length > 0 && (
          <p class="others">
            <Icon name="eye" size={14} /> {others.map((o) => t('alsoHere', o.name)).join(', ')}
          </p>
        )
      )}
      {state.notice && (
        <div class="notice" role="alert">
          <span>{state.notice.text}</span>
          {state.notice.show && (
            <button type="button" onClick={state.notice.show}>
              {t('show')}
            </button>
          )}
          {state.notice.run && (
            <button type="button" onClick={state.notice.run}>
              {state.notice.action}
            </button>
          )}
          <button
            type="button"
            class="icon"
            title={t('close')}
            onClick={() => desk.store.set({ notice: null })}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
      <Composer desk={desk} state={state} thread={thread} now={now} key={thread.conversation.id} />
    </main>
  );
}
