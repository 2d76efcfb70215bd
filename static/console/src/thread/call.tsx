import type { Call, Message } from '../types';
import { Icon, type IconName } from '../ui/icons';
import { clock, t } from '../words';

/** A telephone call: one line of the thread, drawn anew as the call goes on. */
export function CallLine({ message }: { message: Message }) {
  const call = message.meta.call!;
  return (
    <p class={`event call ${isMissed(call) ? 'is-missed' : ''}`} data-seq={message.seq}>
      <Icon name={iconOf(call)} size={14} />
      <span dir="auto">{callText(call)}</span>
      <span>{clock(message.at)}</span>
      {call.recording && (
        <a href={`/recordings/${message.id}/`} target="_blank" rel="noopener noreferrer">
          {t('recording')}
        </a>
      )}
    </p>
  );
}

const isMissed = (call: Call): boolean => call.state === 'missed' && call.direction === 'in';

function iconOf(call: Call): IconName {
  if (isMissed(call)) return 'callMissed';
  return call.direction === 'in' ? 'callIn' : 'callOut';
}

/** What it was, with whom and how long: “Incoming call · Anna · 1:05”. */
export function callText(call: Call): string {
  const isIn = call.direction === 'in';
  const what = isMissed(call)
    ? t('callMissed')
    : call.state === 'missed'
      ? t('callNoAnswer')
      : t(isIn ? 'callIn' : 'callOut');
  const now =
    call.state === 'ringing' ? t('callRinging') : call.state === 'answered' ? t('callNow') : '';
  const { seconds } = call;
  const lasted = seconds
    ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    : '';
  return [what, now, call.answered_by, lasted, call.line].filter(Boolean).join(' · ');
}
