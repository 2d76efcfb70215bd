import { h, render } from 'preact';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HelpPage } from '../src/help/page';
import { chapters, found } from '../src/help/text';
import { Store } from '../src/store/core';
import type { Desk } from '../src/store/desk';
import { speak } from '../src/words';
import { BOOT, settled } from './fakes';

beforeEach(() => speak('ru', 'UTC'));
afterEach(() => render(null, document.body));

it('says the same in both languages, chapter by chapter', () => {
  const shape = (lang: string) =>
    chapters(lang).map((one) => [
      one.id,
      one.lines.length,
      one.marks?.map(([icon]) => icon),
      one.pairs?.length,
    ]);
  expect(shape('en')).toEqual(shape('ru'));
});

it('finds by the beginnings of words, ё or е, and of lists only what fits', () => {
  const ids = (query: string) => found(chapters('ru'), query).map((one) => one.id);
  expect(ids('песочн')).toEqual(['time', 'marks']);
  expect(found(chapters('ru'), 'песочн')[1]!.marks).toHaveLength(1);
  expect(ids('шепот')).toEqual(['writing', 'unseen']);
  expect(ids('нет звука')).toEqual(['fails']);
  expect(ids('есочн (')).toEqual([]);
  expect(ids('')).toHaveLength(chapters('ru').length);
});

it('shows the keys as this person has them, found by what they do', async () => {
  const store = new Store(BOOT);
  store.set({ prefs: { keys: { take: 'Alt+KeyQ' } } });
  const desk = { store, state: store.state } as unknown as Desk;
  render(h(HelpPage, { desk, state: store.state }), document.body);
  expect(document.body.textContent).toContain('Alt Q');
  const field = document.querySelector('input')!;
  field.value = 'отложить';
  field.dispatchEvent(new Event('input', { bubbles: true }));
  await settled(20);
  expect(document.querySelector('[data-chapter=keys]')).not.toBeNull();
  expect(document.querySelector('[data-chapter=unseen]')).toBeNull();
});
