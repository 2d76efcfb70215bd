import { useEffect, useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Row } from '../types';
import { t } from '../words';

/** A conversation offered to me: accepted or not before the time is over. */
export function Offer({ desk, state, row }: { desk: Desk; state: State; row: Row }) {
  const [now, setNow] = useState(Date.now());
  const isMine = row.offered_to === state.boot.me && row.speaker === 'queue';
  useEffect(() => {
    if (!isMine) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isMine]);
  const left = row.offer_until ? Math.ceil((Date.parse(row.offer_until) - now) / 1000) : 0;
  if (!isMine || left <= 0) return null;
  return (
    <div class="notice offer" role="alert">
      <span>{t('offered', left)}</span>
      <button type="button" class="main" onClick={() => void desk.acts.run({ name: 'accept' })}>
        {t('accept')}
      </button>
      <button type="button" onClick={() => void desk.acts.run({ name: 'decline' })}>
        {t('decline')}
      </button>
    </div>
  );
}
