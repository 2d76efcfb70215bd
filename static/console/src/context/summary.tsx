import { Pair } from '../people/parts';
import type { State } from '../store/core';
import type { Context } from '../types';
import { reasonText, t } from '../words';

const reasonOf = (context: Context, state: State): string | undefined =>
  state.thread?.conversation.reason || context.reason;

export const hasSummary = (context: Context, state: State): boolean =>
  Boolean(context.summary || reasonOf(context, state));

/** What the bot leaves to the person: its words, and why it stopped. */
export function Summary({ context, state }: { context: Context; state: State }) {
  const reason = reasonOf(context, state);
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
