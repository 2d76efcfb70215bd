/** A period in figures, each with its formula, beside the period before; rows; a table to keep. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../net/api';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { money } from '../words';
import { told } from '../words/told';
import { type Day, DaysChart } from './chart';
import { figureText, type Key, type Words, wordsOf } from './words';

interface Figure {
  key: string;
  title: string;
  unit: string;
  formula: string;
  group: string;
  is_more_good: boolean | null;
  value: number | null;
  before: number | null;
  change: number | null;
}
interface Named {
  id: number;
  name: string;
}
interface Report {
  period: { first: string; last: string };
  zone: string;
  figures: Figure[];
  reasons: { reason: string; title: string; value: number; before: number }[];
  cost: { value: Record<string, string>; before: Record<string, string>; formula: string } | null;
  days: Day[];
  columns: string[];
  rows: { key: number | string; title: string; values: Record<string, number | null> }[];
  choices: { teams: Named[]; agents: Named[]; channels: Named[] };
}
interface Asked {
  first: string;
  last: string;
  team: string;
  agent: string;
  channel: string;
  by: string;
}
interface Job {
  id: number;
  url: string;
  state: string;
  done: number;
  total: number | null;
  message: string;
}

const GROUPS: [string, Key][] = [
  ['flow', 'flow'],
  ['people', 'people_group'],
  ['speed', 'speed'],
  ['quality', 'quality'],
  ['bot', 'bot_group'],
];

function lastDays(count: number, zone: string): { first: string; last: string } {
  const today = new Intl.DateTimeFormat('sv', { timeZone: zone || undefined }).format(new Date());
  const first = new Date(`${today}T00:00:00Z`);
  first.setUTCDate(first.getUTCDate() - count + 1);
  return { first: first.toISOString().slice(0, 10), last: today };
}

export function ReportsPage({ state }: { desk: Desk; state: State }) {
  const { lang, zone } = state.boot;
  const w = wordsOf(lang);
  const [asked, setAsked] = useState<Asked>(() => ({
    ...lastDays(7, zone),
    team: '',
    agent: '',
    channel: '',
    by: 'agent',
  }));
  const [report, setReport] = useState<Report | null>(null);
  const [failure, setFailure] = useState('');
  const turn = useRef(0);
  useEffect(() => {
    const mine = ++turn.current;
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ''));
    call<Report>('GET', `/reports/?${query}`).then(
      (found) => {
        if (mine !== turn.current) return;
        setReport(found);
        setFailure('');
      },
      (error: unknown) => mine === turn.current && setFailure(told(error)),
    );
  }, [asked]);
  const ask = (more: Partial<Asked>): void => setAsked({ ...asked, ...more });
  return (
    <>
      <header class="area-head">
        <h1>{w('reports')}</h1>
        <Exporter asked={asked} w={w} />
      </header>
      <Asking asked={asked} ask={ask} report={report} zone={zone} w={w} />
      {failure && (
        <p class="failure" role="alert">
          {w('failed', failure)}
        </p>
      )}
      {report && <Shown report={report} by={asked.by} lang={lang} w={w} />}
    </>
  );
}

function Asking({
  asked,
  ask,
  report,
  zone,
  w,
}: {
  asked: Asked;
  ask: (more: Partial<Asked>) => void;
  report: Report | null;
  zone: string;
  w: Words;
}) {
  const choice = (name: 'team' | 'agent' | 'channel', title: Key, from: Named[]) => (
    <label>
      {w(title)}
      <select value={asked[name]} onChange={(event) => ask({ [name]: event.currentTarget.value })}>
        <option value="">{w('all')}</option>
        {from.map((one) => (
          <option key={one.id} value={String(one.id)}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
  const day = (name: 'first' | 'last', title: Key) => (
    <label>
      {w(title)}
      <input
        type="date"
        value={asked[name]}
        onChange={(event) =>
          event.currentTarget.value && ask({ [name]: event.currentTarget.value })
        }
      />
    </label>
  );
  return (
    <form class="asking" onSubmit={(event) => event.preventDefault()}>
      <span class="presets">
        {(
          [
            [7, 'days7'],
            [30, 'days30'],
            [90, 'days90'],
          ] as [number, Key][]
        ).map(([n, title]) => {
          const period = lastDays(n, zone);
          const isOn = asked.first === period.first && asked.last === period.last;
          return (
            <button key={n} type="button" aria-pressed={isOn} onClick={() => ask(period)}>
              {w(title)}
            </button>
          );
        })}
      </span>
      {day('first', 'from')}
      {day('last', 'to')}
      {choice('team', 'team', report?.choices.teams ?? [])}
      {choice('agent', 'person', report?.choices.agents ?? [])}
      {choice('channel', 'channel', report?.choices.channels ?? [])}
      <label>
        {w('by')}
        <select value={asked.by} onChange={(event) => ask({ by: event.currentTarget.value })}>
          {['agent', 'team', 'channel', 'hour', 'day'].map((by) => (
            <option key={by} value={by}>
              {w(`by_${by}` as Key)}
            </option>
          ))}
        </select>
      </label>
      {report && <span class="muted small">{w('zone', report.zone)}</span>}
    </form>
  );
}

function Shown({ report, by, lang, w }: { report: Report; by: string; lang: string; w: Words }) {
  const known = new Map(report.figures.map((one) => [one.key, one]));
  const isEmpty = report.figures.every((one) => !one.value && !one.before);
  if (isEmpty && !report.rows.length) return <p class="nothing">{w('noData')}</p>;
  return (
    <>
      <DaysChart days={report.days} lang={lang} w={w} />
      {GROUPS.map(([group, title]) => (
        <section key={group} class="figures">
          <h2>{w(title)}</h2>
          <div>
            {report.figures
              .filter((one) => one.group === group)
              .map((one) => (
                <FigureCard key={one.key} one={one} lang={lang} w={w} />
              ))}
            {group === 'flow' && report.cost && (
              <Card
                title={w('cost')}
                value={sums(report.cost.value)}
                before={w('before', sums(report.cost.before))}
                formula={report.cost.formula}
                w={w}
              />
            )}
          </div>
          {group === 'bot' && report.reasons.length > 0 && (
            <Table
              head={[w('reasons'), w('handed')]}
              rows={report.reasons.map((one) => [one.title, String(one.value)])}
            />
          )}
        </section>
      ))}
      <section class="figures">
        <h2>{w(`by_${by}` as Key)}</h2>
        <Table
          head={['', ...report.columns.map((key) => known.get(key)?.title ?? key)]}
          hints={['', ...report.columns.map((key) => known.get(key)?.formula ?? '')]}
          rows={report.rows.map((row) => [
            row.title,
            ...report.columns.map((key) =>
              figureText(row.values[key] ?? null, known.get(key)?.unit ?? 'count', lang),
            ),
          ])}
        />
      </section>
    </>
  );
}

const sums = (found: Record<string, string>): string =>
  Object.entries(found)
    .map(([currency, sum]) => money(sum, currency))
    .join(' + ') || '0';

function FigureCard({ one, lang, w }: { one: Figure; lang: string; w: Words }) {
  const tone =
    one.change === null || one.change === 0 || one.is_more_good === null
      ? ''
      : one.change > 0 === one.is_more_good
        ? 'good'
        : 'bad';
  const change =
    one.change === null
      ? ''
      : `${one.change > 0 ? '+' : one.change < 0 ? '−' : ''}${Math.abs(one.change)}\u00a0%`;
  return (
    <Card
      title={one.title}
      value={figureText(one.value, one.unit, lang)}
      change={change}
      tone={tone}
      before={w('before', figureText(one.before, one.unit, lang))}
      formula={one.formula}
      w={w}
    />
  );
}

function Card({
  title,
  value,
  change = '',
  tone = '',
  before,
  formula,
  w,
}: {
  title: string;
  value: string;
  change?: string;
  tone?: string;
  before: string;
  formula: string;
  w: Words;
}) {
  return (
    <article class="figure">
      <h3>{title}</h3>
      <p class="value">{value}</p>
      <p class="muted small">
        {change && <span class={`change ${tone}`}>{change}</span>} {before}
      </p>
      <details>
        <summary>{w('formula')}</summary>
        <p class="small">{formula}</p>
      </details>
    </article>
  );
}

export function Table({
  head,
  rows,
  hints = [],
}: {
  head: string[];
  rows: string[][];
  hints?: string[];
}) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {head.map((title, n) => (
              <th key={title || n} scope="col" title={hints[n] || undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row[0]}>
              {row.map((cell, n) =>
                n ? (
                  <td key={n}>{cell}</td>
                ) : (
                  <th key={n} scope="row">
                    {cell}
                  </th>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A job that writes the table; it is fetched when it is done. */
function Exporter({ asked, w }: { asked: Asked; w: Words }) {
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      const body = Object.fromEntries(
        Object.entries(asked)
          .filter(([, value]) => value !== '')
          .map(([key, value]) => [key, /^\d+$/.test(value) ? Number(value) : value]),
      );
      let job = await call<Job>('POST', '/reports/export/', body);
      while (job.state === 'queued' || job.state === 'running') {
        setText(w('exporting', job.done, job.total ?? '…'));
        await new Promise((go) => setTimeout(go, 700));
        job = await call<Job>('GET', `/jobs/${job.id}/`);
      }
      setText(job.state === 'done' ? '' : w('failed', job.message));
      if (job.state === 'done') location.assign(`/api/v1/reports/export/${job.id}/`);
    } catch (error) {
      setText(w('failed', told(error)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <span class="line">
      <span role="status" class="muted">
        {text}
      </span>
      <button type="button" disabled={isBusy} onClick={() => void run()}>
        {w('export')}
      </button>
    </span>
  );
}
