import { h, render } from 'preact';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Helper } from '../src/context/helper';
import { orderFor } from '../src/context/pane';
import { Product, spokenOf } from '../src/context/product';
import { Store } from '../src/store/core';
import { speak } from '../src/words';
import { BOOT, message, server, settled, thread } from './fakes';

beforeEach(() => speak('ru', 'UTC'));
afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

it('the product the talk is about is the one of the newest answer, as the shop has it today', async () => {
  const source = (id: number) => ({ kind: 'product', id, title: `P${id}` });
  const claims = [{ text: '2 490 ₽', kind: 'price', value: '2490', source: 'product:8' }];
  const talk = thread([
    message(1, { author: 'bot', meta: { sources: [source(7)] } }),
    message(2, { author: 'bot', meta: { sources: [source(8)], claims } }),
    message(3),
  ]);
  expect([spokenOf(talk)!.id, spokenOf(thread([message(1)]))]).toEqual([8, null]);

  const goods = { title: 'Лампа', text: 'Цоколь E27', url: '', price: '2490.00', currency: 'RUB' };
  const calls = server(() => ({ ...goods, stock: 3, picture: '' }));
  const store = new Store(BOOT);
  store.set({ open: 7, thread: talk });
  render(h(Product, { state: store.state }), document.body);
  await settled(60);
  expect(calls.map((one) => one.path)).toEqual(['/desk/passage/?kind=product&id=8']);
  const shown = document.body.textContent!.replace(/\s/g, ' ');
  for (const part of ['Лампа', '2 490 ₽', 'в наличии: 3', 'Цоколь E27'])
    expect(shown).toContain(part);
});

it('the helper answers from a source and says so where it has none', async () => {
  const said: string[] = [];
  let made = { text: 'Два дня.', sources: [{ kind: 'article', id: 1, title: 'Доставка' }] };
  vi.stubGlobal('fetch', async (_address: string, init: RequestInit) => {
    said.push(String(init.body));
    return new Response(`${JSON.stringify({ t: 'done', act: 'ask', checks: [], ...made })}\n`);
  });
  render(h(Helper, { conversation: 7 }), document.body);
  const ask = async (text: string): Promise<string> => {
    const field = document.querySelector('input')!;
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await settled(20);
    document.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }));
    await settled(40);
    return document.querySelector('[role=status]')!.textContent!;
  };
  expect(await ask('Сколько идёт?')).toBe('Два дня.Откуда это:Доставка');
  expect(JSON.parse(said[0]!)).toMatchObject({ act: 'ask', text: 'Сколько идёт?' });
  made = { text: '', sources: [] };
  expect(await ask('Кто директор?')).toContain('без источника помощник не отвечает');
});

it('the cards go by their person’s order, else by that of the dialogue’s team', () => {
  const store = new Store(BOOT);
  const teams = [
    { id: 1, name: 'Main', is_default: true, cards: ['orders'] },
    { id: 2, name: 'Returns', cards: ['past', 'orders'] },
  ];
  const talk = thread([]);
  store.set({ teams, thread: talk });
  expect(orderFor(store.state)).toEqual(['orders']);
  store.set({ thread: { ...talk, conversation: { ...talk.conversation, team: 2 } } });
  expect(orderFor(store.state)).toEqual(['past', 'orders']);
  store.set({ prefs: { cards: ['facts'] } });
  expect(orderFor(store.state)).toEqual(['facts']);
});
