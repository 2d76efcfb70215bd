import type { State } from '../store/core';
import type { Context } from '../types';
import { reasonText, t } from '../words';
import { Pair } from './contact';

/** What the bot leaves to the person: its words, and why it stopped. */
export function Summary({ context, state }: { context: Context; state: State }) {
  const reason = state.thread?.conversation.reason || context.episodes[0]?.reason;
  if (!context.summary && !reason) return null;
  return (
    <>
      {reason && <Pair name={t('why_reason')} value={reasonText(reason)} />}
      {context.summary && (
        <p class="summary" dir="auto">
          {context.summary}
        </p>
      )}
    </>
  );
}
