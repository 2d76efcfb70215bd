/** The live board: every number opens the list behind it. Read again when something has happened. */
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../net/api';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Row } from '../types';
import { Dialog } from '../ui/dialog';
import { useNow } from '../ui/now';
import { clock, waitText } from '../words';
import { told } from '../words/told';
import { Rebalance } from './rebalance';
import { Table } from './reports';
import { type Key, lengthText, type Words, wordsOf } from './words';

interface Short {
  n: number;
  queue: number;
  people: number;
  capacity: number;
  room: number;
  handling_s: number;
  formula: string;
}
type Counts = Record<string, number>;
interface TeamRow {
  id: number;
  name: string;
  waiting: number;
  queue: number;
  held: number;
  overdue: number;
  oldest: string | null;
  short: Short;
}
interface PersonRow {
  id: number;
  name: string;
  presence: string;
  is_here: boolean;
  on_shift: boolean;
  load: number;
  waiting: number;
  silence: string | null;
  capacity: number;
}
interface Board {
  at: string;
  counts: Counts;
  oldest: string | null;
  teams: TeamRow[];
  agents: PersonRow[];
  bot: {
    answered: number;
    closed_alone: number;
    handed: number;
    late: number;
    breach: number;
    reasons: { reason: string; title: string; value: number }[];
  };
  providers: { name: string; state: string; state_label: string; detail: string }[];
  channels: {
    id: number;
    kind: string;
    name: string;
    state: string;
    error: string;
    last_in_at: string | null;
    last_out_at: string | null;
  }[];
}
export interface Wanted {
  what: string;
  title: string;
  team?: number;
  agent?: number;
  channel?: number;
  reason?: string;
}

// Facts come in bursts: read at most so often, and now and then without any.
const LOOK_MS = 1_500;
const ANYWAY_MS = 20_000;
const TILES: [string, Key, string][] = [
  ['waiting', 'waiting', 'waiting'],
  ['overdue', 'overdue', 'late'],
  ['short', 'short', 'late'],
  ['windows', 'windows', 'waiting'],
  ['held', 'held', ''],
  ['bot', 'bot', 'bot'],
];

/** What the server says, again whenever the log has moved on. */
function useLive<T>(
  desk: Desk,
  read: () => Promise<T>,
): { found: T | null; failure: string; again(): void } {
  const [found, set] = useState<T | null>(null);
  const [failure, setFailure] = useState('');
  const seen = useRef({ seq: -1, at: 0, isBusy: false });
  const again = useCallback(async () => {
    if (seen.current.isBusy) return;
    seen.current = { seq: desk.live.seq, at: Date.now(), isBusy: true };
    try {
      set(await read());
      setFailure('');
    } catch (error) {
      setFailure(told(error));
    } finally {
      seen.current.isBusy = false;
    }
  }, [desk, read]);
  useEffect(() => {
    void again();
    const timer = setInterval(() => {
      const hasNews = desk.live.seq !== seen.current.seq;
      if (!document.hidden && (hasNews || Date.now() - seen.current.at > ANYWAY_MS)) void again();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [again, desk]);
  return { found, failure, again: () => void again() };
}

const readBoard = (): Promise<Board> => call<Board>('GET', '/board/');

export function BoardPage({ desk, state }: { desk: Desk; state: State }) {
  const w = wordsOf(state.boot.lang);
  const { found: board, failure, again } = useLive(desk, readBoard);
  const [wanted, want] = useState<Wanted | null>(null);
  const [isEvening, setEvening] = useState(false);
  const now = useNow();
  return (
    <>
      <header class="area-head">
        <h1>
          {w('board')} {board && <span class="muted small">{w('updated', clock(board.at))}</span>}
        </h1>
        <button type="button" onClick={() => setEvening(true)}>
          {w('rebalance')}
        </button>
      </header>
      {failure && (
        <p class="failure" role="alert">
          {w('failed', failure)}
        </p>
      )}
      {board && <Numbers board={board} want={want} now={now} w={w} />}
      {board && <Lists board={board} want={want} now={now} w={w} lang={state.boot.lang} />}
      {wanted && (
        <Behind desk={desk} wanted={wanted} me={state.boot.me} w={w} close={() => want(null)} />
      )}
      {isEvening && (
        <Dialog title={w('rebalanceTitle')} onClose={() => setEvening(false)} isWide>
          <Rebalance w={w} done={again} />
        </Dialog>
      )}
    </>
  );
}

type Part = { board: Board; want: (wanted: Wanted) => void; now: number; w: Words };

function Numbers({ board, want, now, w }: Part) {
  return (
    <section class="tiles">
      {TILES.map(([what, title, tone]) => (
        <button
          key={what}
          type="button"
          class={`tile ${board.counts[what] ? tone : ''}`}
          onClick={() => want({ what, title: w(title) })}
        >
          <span>{w(title)}</span>
          <strong>{board.counts[what] ?? 0}</strong>
          <span class="muted small">
            {what === 'waiting' &&
              (board.oldest ? `${w('oldest')} ${waitText(board.oldest, now)}` : w('nobody'))}
          </span>
        </button>
      ))}
    </section>
  );
}

function Lists({ board, want, now, w, lang }: Part & { lang: string }) {
  const leading = (text: string | number, wanted: Wanted) => (
    <button type="button" class="number" onClick={() => want(wanted)}>
      {text}
    </button>
  );
  const cell = (n: number, wanted: Wanted) => (n > 0 ? leading(n, wanted) : 0);
  const isRed = board.providers.some((one) => one.state === 'broken');
  return (
    <div class="board-grid">
      <Listed
        title={w('teams')}
        keys={['team', 'waiting', 'queue', 'silence', 'overdue', 'held', 'short']}
        w={w}
      >
        {board.teams.map((team) => {
          const of = (what: string, key: Key): Wanted => ({
            what,
            title: `${w(key)}: ${team.name}`,
            team: team.id,
          });
          const { short } = team;
          const why = w(
            'shortParts', short.queue, short.people, short.capacity, short.room,
            lengthText(short.handling_s, lang),
          ); // biome-ignore format: one line of numbers
          return (
            <tr key={team.id}>
              <th scope="row">{team.name}</th>
              <td>{cell(team.waiting, of('waiting', 'waiting'))}</td>
              <td>{cell(team.queue, of('queue', 'queue'))}</td>
              <td>{team.oldest ? waitText(team.oldest, now) : '–'}</td>
              <td>{cell(team.overdue, of('overdue', 'overdue'))}</td>
              <td>{cell(team.held, of('held', 'held'))}</td>
              <td>
                <details class="why">
                  <summary title={why}>{short.n}</summary>
                  <p class="small">
                    {why} {short.formula}
                  </p>
                  {cell(short.n, of('short', 'short'))}
                </details>
              </td>
            </tr>
          );
        })}
      </Listed>
      <Listed title={w('people')} keys={['person', 'state', 'load', 'silence']} w={w}>
        {board.agents.map((one) => (
          <tr key={one.id}>
            <th scope="row">{one.name}</th>
            <td>
              <span class={`state is-${one.presence}`}>{w(one.presence as Key)}</span>
              <span class="muted small">
                {' '}
                {one.on_shift ? w('shift') : w('offShift')}
                {one.is_here ? '' : ` · ${w('gone')}`}
              </span>
            </td>
            <td class={one.load > one.capacity ? 'bad' : ''}>
              {cell(one.load, { what: 'held', title: one.name, agent: one.id })} / {one.capacity}
            </td>
            <td>
              {one.silence
                ? leading(waitText(one.silence, now), {
                    what: 'silent',
                    title: one.name,
                    agent: one.id,
                  })
                : '–'}
            </td>
          </tr>
        ))}
      </Listed>
      <section>
        <h2>{w('assistant')}</h2>
        <dl class="pairs">
          {(
            [
              ['answered', 'answered', board.bot.answered],
              ['closedAlone', 'closed_alone', board.bot.closed_alone],
              ['handed', 'handed', board.bot.handed],
              ['late', 'late', board.bot.late],
              ['breach', 'breach', board.bot.breach],
            ] as [Key, string, number][]
          ).map(([key, what, n]) => (
            <div key={key}>
              <dt>{w(key)}</dt>
              <dd>{cell(n, { what, title: w(key) })}</dd>
            </div>
          ))}
        </dl>
        {board.bot.reasons.length > 0 && (
          <Listed title="" keys={['reasons', 'handed']} w={w}>
            {board.bot.reasons.map((one) => (
              <tr key={one.reason}>
                <th scope="row">{one.title}</th>
                <td>{cell(one.value, { what: 'handed', title: one.title, reason: one.reason })}</td>
              </tr>
            ))}
          </Listed>
        )}
        {board.providers.length > 0 && (
          <>
            <h3 class={isRed ? 'bad' : ''}>{w('models')}</h3>
            <Table
              head={[w('models'), w('state')]}
              rows={board.providers.map((one) => [
                one.name,
                [one.state_label, one.detail].filter(Boolean).join(': '),
              ])}
            />
          </>
        )}
      </section>
      <Listed title={w('channels')} keys={['channel', 'state', 'lastIn', 'lastOut']} w={w}>
        {board.channels.map((one) => (
          <tr key={one.id}>
            <th scope="row">
              {leading(one.name, { what: 'waiting', title: one.name, channel: one.id })}
            </th>
            <td class={one.error ? 'bad' : ''}>{one.error || w('works')}</td>
            <td>{one.last_in_at ? waitText(one.last_in_at, now) : '–'}</td>
            <td>{one.last_out_at ? waitText(one.last_out_at, now) : '–'}</td>
          </tr>
        ))}
      </Listed>
    </div>
  );
}

/** The dialogues behind a number, and what a supervisor does with one. */
function Behind({
  desk,
  wanted,
  me,
  w,
  close,
}: {
  desk: Desk;
  wanted: Wanted;
  me: number;
  w: Words;
  close: () => void;
}) {
  const { what, team, agent, channel, reason } = wanted;
  const read = useCallback(() => {
    const query = new URLSearchParams({ what });
    for (const [name, value] of Object.entries({ team, agent, channel, reason }))
      if (value !== undefined) query.set(name, String(value));
    return call<{ rows: Row[]; total: number }>('GET', `/board/list/?${query}`);
  }, [what, team, agent, channel, reason]);
  const { found, failure, again } = useLive(desk, read);
  const now = useNow();
  const open = (id: number, isWatching: boolean): void => {
    location.hash = '';
    void desk.threads.open(id, isWatching);
  };
  const take = async (id: number): Promise<void> => {
    try {
      await call('POST', `/conversations/${id}/take-over/`, { force: true });
      open(id, false);
    } catch (error) {
      desk.acts.complain(error);
    }
  };
  return (
    <Dialog title={wanted.title} onClose={close} isWide>
      {failure && (
        <p class="failure" role="alert">
          {w('failed', failure)}
        </p>
      )}
      {found && !found.rows.length && <p class="muted">{w('empty')}</p>}
      <ul class="behind">
        {found?.rows.map((row) => (
          <li key={row.id}>
            <p class="who">
              <strong>{row.name || `#${row.id}`}</strong>
              <span class="muted small">
                {[
                  row.channel.name,
                  row.agent?.name,
                  row.waiting_since && waitText(row.waiting_since, now),
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
              <span class="preview">{row.preview}</span>
            </p>
            <p class="doing">
              <button type="button" onClick={() => open(row.id, true)}>
                {w('watch')}
              </button>
              {row.agent && row.agent.id !== me && <Whisper row={row} w={w} done={again} />}
              {row.agent?.id !== me && row.status !== 'resolved' && (
                <button type="button" onClick={() => void take(row.id)}>
                  {w('take')}
                </button>
              )}
            </p>
          </li>
        ))}
      </ul>
      {found && found.total > found.rows.length && (
        <p class="muted">{w('more', found.rows.length, found.total)}</p>
      )}
    </Dialog>
  );
}

function Whisper({ row, w, done }: { row: Row; w: Words; done: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const [said, setSaid] = useState('');
  const key = useRef(crypto.randomUUID());
  const name = row.agent?.name ?? '';
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get('text') ?? '');
    if (!text.trim()) return;
    try {
      await call('POST', `/conversations/${row.id}/whisper/`, { text, client_key: key.current });
      key.current = crypto.randomUUID();
      setSaid(w('whispered', name));
      setOpen(false);
      done();
    } catch (error) {
      setSaid(w('failed', told(error)));
    }
  };
  return (
    <>
      <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {w('whisper')}
      </button>
      {isOpen && (
        <form class="whisper" onSubmit={(event) => void send(event)}>
          <input
            name="text"
            maxLength={4000}
            aria-label={w('whisperTo', name)}
            placeholder={w('whisperTo', name)}
          />
          <button type="submit">{w('send')}</button>
        </form>
      )}
      <span role="status" class="muted small">
        {said}
      </span>
    </>
  );
}

/** A list of the board with its heads. */
function Listed({
  title,
  keys,
  w,
  children,
}: {
  title: string;
  keys: Key[];
  w: Words;
  children: ComponentChildren;
}) {
  return (
    <section>
      {title && <h2>{title}</h2>}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              {keys.map((key) => (
                <th key={key} scope="col">
                  {w(key)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </section>
  );
}
