import { h, render } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { afterwards, changeOf, presetName } from '../src/composer/later';
import { LaterForm, LaterList, useLater } from '../src/composer/waiting';
import { EMPTY } from '../src/store/core';
import { Desk } from '../src/store/desk';
import { PASSING_MS } from '../src/store/threads';
import type { Draft, Later } from '../src/types';
import { shopField, shopMoment, speak, zoneNote } from '../src/words';
import { momentOf } from '../src/words/zone';
import { at, BOOT, row, server, settled, thread } from './fakes';

const later = (id: number, more: Partial<Later> = {}): Later => ({
  id,
  text: `L${id}`,
  original: {},
  cards: [],
  send_at: at(id),
  cancels_on_reply: true,
  state: 'waiting',
  reason: '',
  ended_at: null,
  ...more,
});

describe('messages for later', () => {
  it('show what waits, the soonest first, and the last one that the buyer overtook', () => {
    const all = [
      later(9, {}),
      later(4, {}),
      later(1, { state: 'sent', ended_at: at(1) }),
      later(2, { state: 'cancelled', reason: 'buyer_wrote', ended_at: at(2) }),
      later(3, { state: 'cancelled', reason: 'buyer_wrote', ended_at: at(3) }),
      later(5, { state: 'cancelled', reason: 'person', ended_at: at(5) }),
    ];
    const now = Date.parse(at(10));
    expect(afterwards(all, now).map((one) => one.id)).toEqual([4, 9, 3]);
    expect(afterwards(all, now + 2 * 86_400_000).map((one) => one.id)).toEqual([4, 9]);
  });
});

it('after hours a preset is called by what it is', () => {
  const now = Date.parse('2026-11-22T17:00:00Z');
  expect(presetName({ key: 'hour', at: '2026-11-22T18:00:00Z' }, now)).toBe('hour');
  expect(presetName({ key: 'hour', at: '2026-11-23T07:00:00Z' }, now)).toBe('opening');
  expect(presetName({ key: 'opening', at: '2026-11-24T07:00:00Z' }, now)).toBe('day');
  expect(presetName({ key: 'monday', at: '2026-11-23T07:00:00Z' }, now)).toBe('monday');
});

describe('a time of one’s own', () => {
  beforeEach(() => {
    process.env.TZ = 'UTC';
    speak('ru', 'Asia/Vladivostok');
  });

  it('is the shop’s, wherever the browser is', () => {
    expect(shopField('2026-11-22T12:30:00Z')).toBe('2026-11-22T22:30');
    expect(shopMoment('2026-11-22T22:30')).toBe('2026-11-22T12:30:00.000Z');
    expect(shopMoment('')).toBeNull();
  });

  it('holds over the change of clocks', () => {
    const zone = 'America/New_York';
    const told = (field: string): string => new Date(momentOf(field, zone)!).toISOString();
    expect(told('2026-03-08T01:30')).toBe('2026-03-08T06:30:00.000Z');
    expect(told('2026-03-08T03:30')).toBe('2026-03-08T07:30:00.000Z');
    expect(told('2026-11-01T12:00')).toBe('2026-11-01T17:00:00.000Z');
  });

  it('says whose clock it is only where one’s own shows another', () => {
    const now = Date.parse('2026-11-22T12:00:00Z');
    expect(zoneNote('', now)).toBe('по часам магазина (UTC+10), там сейчас 22:00');
    expect(zoneNote('2026-11-23T09:00', now)).toBe(
      'по часам магазина (UTC+10); на ваших это 22 ноября в 23:00',
    );
    speak('ru', 'Africa/Abidjan');
    expect([zoneNote('', now), zoneNote('2026-11-23T09:00', now)]).toEqual(['', '']);
  });
});

describe('a message put off', () => {
  const draft: Draft = {
    ...EMPTY,
    text: 'Сәлем',
    cards: [{ id: 5, title: 'Плащ' }],
    original: { text: 'Привет', language: 'ru' },
  };
  const both = later(4, {
    text: 'Сәлем',
    original: { text: 'Привет', language: 'ru' },
    cards: [{ id: 5, title: 'Плащ' }],
  });
  let desk: Desk;
  let rows: Later[];
  const Waiting = ({ form }: { form?: boolean }) => {
    const one = useLater(desk, thread([], { conversation: row(7, { last_seq: 1 }) }));
    return h('div', {}, [
      h(LaterList, { later: one }),
      form && h(LaterForm, { later: one, close: () => undefined }),
    ]);
  };
  const house = async (form = false) => {
    speak('ru', 'UTC');
    rows = [both];
    const calls = server(({ method, path }) => {
      if (path.startsWith('/desk/')) return thread([]);
      return method === 'GET' ? { results: rows, presets: [{ key: 'hour', at: at(60) }] } : {};
    });
    desk = new Desk(BOOT);
    desk.store.set({ open: 7 });
    render(h(Waiting, { form }), document.body);
    await settled(PASSING_MS + 30);
    return calls;
  };
  const press = (title: string): void =>
    [...document.querySelectorAll('button')].find((one) => one.textContent === title)!.click();

  afterEach(() => {
    render(null, document.body);
    vi.unstubAllGlobals();
  });

  it('goes with its goods and the words before translation', async () => {
    const calls = await house(true);
    desk.drafts.change('reply', draft);
    desk.translation.inWords = (_mode, one) => one;
    document.querySelector<HTMLButtonElement>('.later-form .choices button')!.click();
    await settled(20);
    expect(calls.find((call) => call.method === 'POST')).toEqual({
      method: 'POST',
      path: '/conversations/7/later/',
      body: {
        text: 'Сәлем',
        files: [],
        cards: [5],
        original: 'Привет',
        original_language: 'ru',
        send_at: at(60),
        cancels_on_reply: true,
      },
    });
  });

  it('shows both texts and its goods', async () => {
    await house();
    const shown = document.querySelector('.later li')!.textContent;
    for (const part of ['Сәлем', 'Привет', 'Плащ']) expect(shown).toContain(part);
  });

  it('is heard of when a colleague changes it, and not while it is being changed', async () => {
    const calls = await house();
    press('Изменить');
    await settled();
    const field = document.querySelectorAll('textarea')[1]!;
    field.value = 'Сәлем!';
    field.dispatchEvent(new Event('input'));
    rows = [{ ...both, text: 'Другое' }];
    (desk as unknown as { happened: (events: object[]) => void }).happened([
      { seq: 9, name: 'later.changed', data: { conversation: 7, later: 4 } },
    ]);
    await settled(60);
    expect(calls.filter((call) => call.path === '/conversations/7/later/')).toHaveLength(2);
    expect(document.querySelectorAll('textarea')[1]!.value).toBe('Сәлем!');
    press('Отмена');
    await settled(30);
    expect(document.querySelector('.later li')!.textContent).toContain('Другое');
  });

  it('given up by mistake comes back into the field', async () => {
    await house();
    press('Не отправлять');
    await settled(20);
    desk.state.toast!.run!();
    expect(desk.drafts.of('reply')).toMatchObject({ text: 'Привет', cards: both.cards });
  });

  it('is changed in what was changed here', () => {
    const same = { text: 'Сәлем', own: 'Привет', cards: both.cards, at: both.send_at };
    expect(changeOf(both, same)).toEqual({});
    expect(changeOf(both, { ...same, at: at(90), cards: [] })).toEqual({
      send_at: at(90),
      cards: [],
    });
    expect(changeOf(both, { ...same, own: 'Привет вам' })).toEqual({
      text: 'Сәлем',
      original: 'Привет вам',
      original_language: 'ru',
    });
  });
});
