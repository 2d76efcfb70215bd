/** Messages that wait for their time: what of them is worth showing. */
import type { Later, Preset } from '../types';

const TOLD_FOR_MS = 24 * 3_600_000;
const AN_HOUR_MS = 65 * 60_000;

/** What a preset is called: after hours “in an hour” is the next opening. */
export const presetName = (one: Preset, now = Date.now()): Preset['key'] =>
  one.key === 'hour' && Date.parse(one.at) - now > AN_HOUR_MS ? 'opening' : one.key;

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

/** A moment as a field for day and time wants it. */
export function local(iso: string): string {
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
