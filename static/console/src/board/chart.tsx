/** Bars from zero with their labels; the period before in grey; a table behind. */
import type { Words } from './words';

export interface Day {
  day: string;
  opened: number;
  closed: number;
  handed: number;
  opened_before: number;
}

const WIDTH = 720;
// Room for letters of 18 units, as a phone shows them.
const HEIGHT = 164;
const TOP = 26;
const FOOT = 24;

export function DaysChart({ days, lang, w }: { days: Day[]; lang: string; w: Words }) {
  const most = Math.max(1, ...days.map((one) => Math.max(one.opened, one.opened_before)));
  const step = WIDTH / Math.max(1, days.length);
  const high = (value: number): number => ((HEIGHT - TOP - FOOT) * value) / most;
  const every = Math.ceil(days.length / 8);
  const short = new Intl.DateTimeFormat(lang, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const label = (day: string): string => short.format(new Date(`${day}T00:00:00Z`));
  const bar = (x: number, value: number, width: number, of: string) =>
    value > 0 && (
      <rect
        x={x}
        y={HEIGHT - FOOT - high(value)}
        width={width}
        height={high(value)}
        class={of}
        rx={1}
      />
    );
  return (
    <figure class="chart">
      <figcaption>
        {w('chart')}: <span class="key opened">{w('chartOpened')}</span>{' '}
        <span class="key handed">{w('chartHanded')}</span>{' '}
        <span class="key before">{w('chartBefore')}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={w('chart')}>
        <line x1={0} x2={WIDTH} y1={HEIGHT - FOOT} y2={HEIGHT - FOOT} class="axis" />
        {days.map((one, n) => (
          <g key={one.day}>
            <title>{`${label(one.day)}: ${one.opened}`}</title>
            {bar(n * step + step * 0.08, one.opened_before, step * 0.26, 'before')}
            {bar(n * step + step * 0.36, one.opened, step * 0.48, 'opened')}
            {bar(n * step + step * 0.36, Math.min(one.handed, one.opened), step * 0.48, 'handed')}
            {days.length <= 31 && one.opened > 0 && (
              <text x={n * step + step * 0.6} y={HEIGHT - FOOT - high(one.opened) - 4} class="n">
                {one.opened}
              </text>
            )}
            {n % every === 0 && (
              <text x={n * step + step * 0.5} y={HEIGHT - 5} class="day">
                {label(one.day)}
              </text>
            )}
          </g>
        ))}
      </svg>
      <details>
        <summary>{w('asTable')}</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">{w('day')}</th>
                <th scope="col">{w('chartOpened')}</th>
                <th scope="col">{w('chartHanded')}</th>
                <th scope="col">{w('chartBefore')}</th>
              </tr>
            </thead>
            <tbody>
              {days.map((one) => (
                <tr key={one.day}>
                  <th scope="row">{label(one.day)}</th>
                  <td>{one.opened}</td>
                  <td>{one.handed}</td>
                  <td>{one.opened_before}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
