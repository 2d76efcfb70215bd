import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../ui/icons';
import { leftText, t } from '../words';

const SOON_MS = 3 * 3_600_000;
const BY_SECONDS_MS = 3_600_000;

/** The present: to the second while something is near its end, else as the page has it. */
export function useMoment(now: number, ends: string | null): number {
  const [own, setOwn] = useState(now);
  const left = ends ? Date.parse(ends) - Math.max(now, own) : 0;
  const isNear = left > 0 && left < BY_SECONDS_MS + 30_000;
  useEffect(() => {
    if (!isNear) return;
    const timer = setInterval(() => setOwn(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isNear]);
  return Math.max(now, own);
}

/** How long the channel still takes a reply; by seconds in the last hour. */
export function Countdown({ left }: { left: number }) {
  return (
    <span class={`chip ${left < SOON_MS ? 'amber' : ''}`} title={t('windowTitle')} role="timer">
      <Icon name="window" size={14} />{' '}
      {t('windowLeft', left < BY_SECONDS_MS ? clockText(left) : leftText(left))}
    </span>
  );
}

export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
