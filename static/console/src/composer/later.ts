/** Messages that wait for their time: what of them is worth showing. */
import type { Later, Preset } from '../types';

const TOLD_FOR_MS = 24 * 3_600_000;
const AN_HOUR_MS = 65 * 60_000;

/** What a preset is called: after hours “in an hour” is the next opening, which is not the one of
 * the next working day. */
export function presetName(one: Preset, now = Date.now()): Preset['key'] | 'day' {
  if (one.key === 'opening') return 'day';
  return one.key === 'hour' && Date.parse(one.at) - now > AN_HOUR_MS ? 'opening' : one.key;
}

/** What waits, the soonest first; then the last one that was given up within a day. */
export function afterwards(all: Later[], now = Date.now()): Later[] {
  const waiting = all
    .filter((one) => one.state === 'waiting')
    .sort((a, b) => Date.parse(a.send_at) - Date.parse(b.send_at));
  const ended = all
    .filter((one) => one.ended_at && (one.state === 'cancelled' || one.state === 'failed'))
    .filter((one) => one.reason !== 'person' && now - Date.parse(one.ended_at!) < TOLD_FOR_MS)
    .sort((a, b) => Date.parse(b.ended_at!) - Date.parse(a.ended_at!));
  return [...waiting, ...ended.slice(0, 1)];
}

const minuteOf = (iso: string): number => Math.floor(Date.parse(iso) / 60_000);

/** What a change tells the server. */
export interface Changed {
  text?: string;
  original?: string;
  original_language?: string;
  cards?: number[];
  send_at?: string;
}

/** Only what was changed here: a colleague's change of the rest stays. */
export function changeOf(
  began: Later,
  now: { text: string; own: string; cards: Later['cards']; at: string | null },
): Changed {
  const { language } = began.original;
  const isOther = now.text !== began.text || now.own !== (began.original.text ?? '');
  const hasMoved = now.at !== null && minuteOf(now.at) !== minuteOf(began.send_at);
  return {
    ...(isOther ? { text: now.text } : {}),
    ...(isOther && language && now.own.trim()
      ? { original: now.own, original_language: language }
      : {}),
    ...(now.cards.length !== began.cards.length ? { cards: now.cards.map((card) => card.id) } : {}),
    ...(hasMoved ? { send_at: now.at! } : {}),
  };
}
