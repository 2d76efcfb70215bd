import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Row } from '../types';
import { t } from '../words';

/** From the list of missed chats: one press takes it and writes to the buyer. */
export function Missed({ desk, state, row }: { desk: Desk; state: State; row: Row }) {
  const { view, saved } = state.list;
  const isMine = row.speaker === 'agent' && row.agent?.id === state.boot.me;
  if (view !== 'missed' || saved || !row.waiting_since || row.status !== 'open' || isMine)
    return null;
  return (
    <div class="notice missed">
      <span>{t('missedLong')}</span>
      <button type="button" onClick={() => void desk.acts.run({ name: 'follow-up' })}>
        {t('followUp')}
      </button>
    </div>
  );
}
