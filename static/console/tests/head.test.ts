import { h, render } from 'preact';
import { afterEach, expect, it, vi } from 'vitest';
import { Desk } from '../src/store/desk';
import { Head } from '../src/thread/head';
import { speak } from '../src/words';
import { BOOT, message, row, server, settled, thread } from './fakes';

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

it('the menu of a thread leads to the card, blocks with a way back, and exports for admins only', async () => {
  speak('ru', 'UTC');
  const channel = { id: 1, kind: 'web', name: 'Чат' };
  const talk = thread([message(4)], {
    conversation: row(7, { person: 3, status: 'open', channel }),
  });
  const calls = server(({ path }) => (path.startsWith('/desk/') ? talk : {}));
  const items = async (role: string) => {
    render(null, document.body);
    const desk = new Desk({ ...BOOT, role });
    desk.store.set({ open: 7, thread: talk });
    const now = Date.now();
    render(h(Head, { desk, state: desk.state, thread: talk, now }), document.body);
    document.querySelector<HTMLElement>('.acts .menu > button')!.click();
    await settled(20);
    const all = [...document.querySelectorAll<HTMLElement>('[role^=menuitem]')];
    return { desk, of: (text: string) => all.find((one) => one.textContent!.includes(text)) };
  };
  const agent = await items('agent');
  expect([Boolean(agent.of('Карточка')), agent.of('Выгрузить')]).toEqual([true, undefined]);
  agent.of('Заблокировать')!.click();
  await settled(20);
  expect(agent.desk.state.toast).toMatchObject({ isUndo: true });
  agent.desk.state.toast!.run!();
  await settled(20);

  const admin = await items('admin');
  admin.of('Выгрузить')!.click();
  await settled(20);
  expect(calls.filter((one) => one.method === 'POST').map((one) => one.path)).toEqual([
    '/people/3/block/',
    '/people/3/unblock/',
    '/people/3/export/',
  ]);
});
