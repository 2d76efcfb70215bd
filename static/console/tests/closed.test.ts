import { h, render } from 'preact';
import { afterEach, expect, it, vi } from 'vitest';
import { Closed } from '../src/composer/closed';
import { Desk } from '../src/store/desk';
import { speak } from '../src/words';
import { BOOT, message, row, server, settled, thread } from './fakes';

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

const press = (element: Element, code: string): void => {
  element.dispatchEvent(new KeyboardEvent('keydown', { code, bubbles: true, cancelable: true }));
};

it('past the window a prepared reply goes by keyboard, its gaps filled, the draft untouched', async () => {
  speak('ru', 'UTC');
  const found = { code: 'c', text: '', files: 0 };
  const calls = server(({ path }) => {
    if (path.startsWith('/desk/templates/'))
      return { results: [1, 2].map((id) => ({ ...found, id, name: `Т${id}` })) };
    if (path === '/desk/conversations/7/') return thread([message(4)]);
    if (path.endsWith('/render/'))
      return { text: '', draft: 'Привезём ⟦день⟧ к ⟦час⟧.', attachments: [] };
    return {};
  });
  const desk = new Desk(BOOT);
  const talk = thread([message(4)], {
    conversation: row(7, { status: 'open', language: 'ru' }),
    channel: { window: { actions: ['template'] } } as never,
  });
  desk.store.set({ open: 7, thread: talk });
  desk.drafts.change('reply', { text: 'Начато до закрытия' });
  const draw = () =>
    render(h(Closed, { desk, state: desk.state, thread: talk, isGone: false }), document.body);
  draw();
  expect(document.body.textContent).toContain('Окно закрыто. Выберите шаблон.');
  document.querySelector('.composer')!.dispatchEvent(new CustomEvent('do', { detail: '/' }));
  await settled(200);
  const search = document.querySelector('input')!;
  press(search, 'ArrowDown');
  await settled(20);
  press(search, 'Enter');
  await settled(20);
  expect(calls.at(-1)!.path).toBe('/templates/2/render/');

  const gaps = [...document.querySelectorAll('form input')] as HTMLInputElement[];
  ['завтра', '12'].forEach((value, at) => {
    gaps[at]!.value = value;
    gaps[at]!.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await settled(20);
  document.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }));
  await settled(20);
  expect(calls.find((one) => one.path.endsWith('/reply/'))!.body).toMatchObject({
    text: 'Привезём завтра к 12.',
    template_id: 2,
  });
  expect(desk.drafts.of('reply').text).toBe('Начато до закрытия');
});
