/** Who gets what waits: shown, then done, then taken back if wished. */
import { useEffect, useState } from 'preact/hooks';
import { call } from '../net/api';
import { useNow } from '../ui/now';
import { waitText } from '../words';
import { told } from '../words/told';
import type { Words } from './words';

interface Named {
  id: number;
  name: string;
}
interface Move {
  conversation: number;
  name: string;
  waiting_since: string;
  from: Named;
  to: Named;
}
interface Job {
  id: number;
  state: string;
  result: { changed?: number };
  undo?: string;
}

async function finished(job: Job): Promise<Job> {
  let now = job;
  while (now.state === 'queued' || now.state === 'running') {
    await new Promise((go) => setTimeout(go, 500));
    now = await call<Job>('GET', `/jobs/${job.id}/`);
  }
  return now;
}

export function Rebalance({ w, done }: { w: Words; done: () => void }) {
  const [moves, setMoves] = useState<Move[] | null>(null);
  const [undo, setUndo] = useState('');
  const [said, setSaid] = useState('');
  const [isBusy, setBusy] = useState(false);
  const now = useNow();
  const fail = (error: unknown): void => setSaid(w('failed', told(error)));
  useEffect(() => {
    call<{ moves: Move[] }>('GET', '/board/rebalance/').then(
      (found) => setMoves(found.moves),
      fail,
    );
  }, []);
  const work = async (act: () => Promise<void>): Promise<void> => {
    setBusy(true);
    try {
      await act();
      done();
    } catch (error) {
      fail(error);
    } finally {
      setBusy(false);
    }
  };
  const move = (): Promise<void> =>
    work(async () => {
      setSaid(w('moving'));
      const body = {
        moves: moves?.map((one) => ({ conversation: one.conversation, to: one.to.id })),
      };
      const job = await call<Job>('POST', '/board/rebalance/', body);
      const end = await finished(job);
      setUndo(job.undo ?? '');
      setMoves([]);
      setSaid(w('moved', end.result.changed ?? 0));
    });
  const back = (): Promise<void> =>
    work(async () => {
      await finished(await call<Job>('POST', '/conversations/bulk/undo/', { token: undo }));
      setUndo('');
      setSaid(w('undone'));
    });
  return (
    <div class="rebalance">
      {moves && !moves.length && !said && <p class="muted">{w('rebalanceNone')}</p>}
      <ul>
        {moves?.map((one) => (
          <li key={one.conversation}>
            <strong>{one.name}</strong>{' '}
            <span class="muted">{waitText(one.waiting_since, now)}</span>
            <br />
            {one.from.name} → {one.to.name}
          </li>
        ))}
      </ul>
      <p class="line">
        {moves && moves.length > 0 && (
          <button type="button" class="primary" disabled={isBusy} onClick={() => void move()}>
            {w('move', moves.length)}
          </button>
        )}
        {undo && (
          <button type="button" disabled={isBusy} onClick={() => void back()}>
            {w('undo')}
          </button>
        )}
        <span role="status">{said}</span>
      </p>
    </div>
  );
}
