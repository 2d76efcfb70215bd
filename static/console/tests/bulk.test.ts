import { afterEach, expect, it, vi } from 'vitest';
import { Desk } from '../src/store/desk';
import { speak } from '../src/words';
import { BOOT, row, server, settled } from './fakes';

afterEach(() => vi.unstubAllGlobals());

it('an act on many says how many it was refused for, and why', async () => {
  speak('ru', 'UTC');
  const job = { id: 4, url: '/api/v1/jobs/4/', state: 'done', done: 3, total: 3 };
  const errors = [{ row: 2, field: 'already_taken', message: 'Этот диалог уже взят.' }];
  const calls = server(({ path }) =>
    path.endsWith('/bulk/') ? { job: { ...job, refused: 1, errors }, undo: 'token' } : { rows: [] },
  );
  const desk = new Desk(BOOT);
  const rows = [row(1), row(2), row(3)];
  desk.store.setList({ rows, selected: new Set([1, 2, 3]) });

  await desk.acts.bulk({ name: 'return_to_bot' });
  expect(desk.state.toast).toMatchObject({
    text: 'Готово: 2 диалога. Не получилось: 1 диалог. Этот диалог уже взят.',
    isUndo: true,
  });

  desk.store.setList({ selected: new Set([1, 2, 3]) });
  await desk.acts.bulk({ name: 'send_template', body: { template: 5 } });
  expect(calls.filter((one) => one.path.endsWith('/bulk/')).at(-1)!.body).toEqual({
    act: 'send_template',
    params: { template: 5 },
    ids: [1, 2, 3],
  });
  expect(desk.state.toast!.isUndo).toBeUndefined();
  await settled(1);
});
