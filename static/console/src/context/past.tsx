import type { Desk } from '../store/desk';
import type { Context } from '../types';
import { dayText, outcomeText, t } from '../words';

export function Past({ context, desk }: { context: Context; desk: Desk }) {
  const past = context.episodes.slice(1);
  if (!past.length) return <p class="muted">{t('noPast')}</p>;
  return (
    <>
      {past.map((episode) => (
        <button
          type="button"
          class="past"
          key={episode.started_at}
          onClick={() => void desk.threads.jumpToDate(episode.started_at.slice(0, 10))}
        >
          <span>{dayText(episode.started_at)}</span>
          <span class="muted">{outcomeText(episode)}</span>
        </button>
      ))}
    </>
  );
}
