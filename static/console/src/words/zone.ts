/** The shop's clock where a field of the browser knows none. */

const MINUTE_MS = 60_000;

/** What a clock on the wall shows there and then, as if it were UTC. */
function wall(at: number, zone: string | undefined): number {
  if (!zone) return at - new Date(at).getTimezoneOffset() * MINUTE_MS;
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(new Date(at));
  const of = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}

const wholeMinute = (at: number): number => Math.floor(at / MINUTE_MS) * MINUTE_MS;

/** Minutes east of Greenwich there and then. */
export const offsetOf = (at: number, zone: string | undefined): number =>
  Math.round((wall(at, zone) - Math.floor(at / 1000) * 1000) / MINUTE_MS);

/** A moment as a field for day and time has it. */
export const fieldOf = (at: number, zone: string | undefined): string =>
  new Date(wholeMinute(wall(at, zone))).toISOString().slice(0, 16);

/** The moment that such a field names; null where it names none. An hour that a clock leaves out
 * in spring is the one after it. */
export function momentOf(field: string, zone: string | undefined): number | null {
  const as_utc = Date.parse(`${field}Z`);
  if (Number.isNaN(as_utc)) return null;
  const near = as_utc - offsetOf(as_utc, zone) * MINUTE_MS;
  return as_utc - offsetOf(near, zone) * MINUTE_MS;
}

/** `UTC+3`, `UTC-3:30`. */
export function offsetText(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const sign = minutes < 0 ? '\u2212' : '+';
  return `UTC${sign}${hours}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`;
}
