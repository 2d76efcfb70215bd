import { h, render } from 'preact';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OrderAct } from '../src/orders/act';
import { Store } from '../src/store/core';
import type { Desk } from '../src/store/desk';
import { codeText, speak } from '../src/words';
import { BOOT, type Call, refusal, server, settled } from './fakes';

const ACT = { conversation: 7, number: '727', kind: 'return' as const };
const LINE = { line: 0, name: 'Лампа', most: '2', price: '990.00', was: '990.00', is_sold: true };

function look({ body }: Call): object {
  const [asked] = (body.lines as { qty: string }[]) ?? [{ qty: '2' }];
  const sum = (990 * Number(asked!.qty)).toFixed(2);
  return {
    ...{ status: 'delivered', status_text: '', currency: 'RUB', doubts: ['Проверьте чек'] },
    ...{ mark: `m${asked!.qty}`, sum, text: `Возврат ${asked!.qty}` },
    lines: [{ ...LINE, qty: asked!.qty, sum }],
  };
}

const store = new Store(BOOT);
const desk = {
  store,
  state: store.state,
  drafts: { bring: vi.fn() },
  threads: { read: vi.fn() },
  acts: { toast: vi.fn() },
} as unknown as Desk;

beforeEach(() => {
  speak('ru', 'UTC');
  store.set({ order: ACT });
});
afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

const button = (text: string): HTMLButtonElement =>
  [...document.querySelectorAll('button')].find((one) => one.textContent === text)!;
const type = (field: HTMLInputElement, value: string): void => {
  field.value = value;
  field.dispatchEvent(new Event('input', { bubbles: true }));
};

it('a return is looked at, reckoned anew for fewer things, noted once by its key, and told', async () => {
  let refuses = true;
  const calls = server((call) => {
    if (call.path.endsWith('/look/')) return look(call);
    if (refuses) return refusal(409, 'order_changed');
    const lines = [{ name: 'Лампа', qty: '1' }];
    return { request: { id: 12, lines, sum: '990.00', currency: 'RUB' }, message: { id: 5 } };
  });
  render(h(OrderAct, { desk, act: ACT }), document.body);
  await settled(30);
  expect(document.body.textContent!.replace(/\s/g, ' ')).toContain('1 980 ₽');
  expect(document.body.textContent).toContain('Проверьте чек');

  type(document.querySelector('input[type=number]')!, '1');
  await settled(320);
  expect(document.querySelector('textarea')!.value).toBe('Возврат 1');
  button('Оформить и написать').click();
  await settled(30);
  refuses = false;
  button('Оформить и написать').click();
  await settled(30);

  const [first, second] = calls.filter((one) => one.path === '/conversations/7/order/');
  expect(first!.body.client_key).toBe(second!.body.client_key);
  expect(second!.body).toMatchObject({
    ...{ number: '727', kind: 'return', mark: 'm1', text: 'Возврат 1' },
    lines: [{ line: 0, qty: '1' }],
  });
  expect(document.body.textContent).toContain('Заявка № 12 принята');
  button('Готово').click();
  expect(store.state.order).toBeNull();
});

it('the status goes into the reply, and what an agent has changed is theirs', async () => {
  server(look);
  render(h(OrderAct, { desk, act: { ...ACT, kind: 'status' } }), document.body);
  await settled(30);
  expect(document.body.textContent).toContain('Слово в слово по заказу');
  const field = document.querySelector('textarea')!;
  type(field as unknown as HTMLInputElement, 'Скоро будет');
  await settled(20);
  expect(document.body.textContent).toContain('Текст изменён');
  button('В поле ответа').click();
  expect(desk.drafts.bring).toHaveBeenCalledWith('reply', { text: 'Скоро будет' }, 7);
});

it('what became of a request is one line of the thread', () => {
  const request = { id: 3, order: '727', sum: '990.00', currency: 'RUB' };
  const said = (code: string, name: string) => codeText(code, name, request).replace(/\s/g, ' ');
  expect(said('order_return', 'Анна')).toBe(
    'Анна оформляет возврат по заказу 727: 990 ₽, заявка № 3',
  );
  expect(said('order_return_done', 'деньги ушли')).toBe(
    'Возврат по заказу 727 выполнен, заявка № 3: деньги ушли',
  );
  expect(said('order_repeat_refused', '')).toBe('Повтор заказа 727 отклонён, заявка № 3');
});
