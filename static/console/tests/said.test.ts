import { afterEach, describe, expect, it, vi } from 'vitest';
import { clockText } from '../src/composer/countdown';
import { Store } from '../src/store/core';
import { Drafts } from '../src/store/drafts';
import { Outbox } from '../src/store/outbox';
import { isOwn, whyNot } from '../src/store/said';
import type { Threads } from '../src/store/threads';
import { Translation } from '../src/store/translation';
import { textsOf } from '../src/thread/texts';
import type { Capabilities, TranslationState } from '../src/types';
import { BOOT, message, offline, refusal, server, settled, thread } from './fakes';

afterEach(() => vi.unstubAllGlobals());

const written = (text: string): Response =>
  new Response(`${JSON.stringify({ t: 'done', act: 'translate', text, checks: [] })}\n`);

describe('both texts of a message', () => {
  it('the reader’s first, the other one press away', () => {
    const heard = message(1, {
      text: 'Сәлем',
      meta: { translations: { ru: { state: 'done', from: 'kk', text: 'Привет' } } },
    });
    expect(textsOf(heard, 'ru')).toMatchObject({
      text: 'Привет',
      language: 'ru',
      other: 'Сәлем',
      otherLanguage: 'kk',
    });
    const own = message(2, {
      text: 'Сәлем',
      meta: { original: { text: 'Здравствуйте', language: 'ru' } },
    });
    expect(textsOf(own, 'ru')).toMatchObject({ text: 'Здравствуйте', other: 'Сәлем' });
    expect(textsOf(message(3), 'ru')).toMatchObject({ text: 'm3', other: '', state: '' });
  });

  it('a failure leaves the words as they are and says why', () => {
    const failed = message(1, {
      text: 'Сәлем',
      meta: { translations: { ru: { state: 'failed', detail: 'Бюджет кончился.' } } },
    });
    expect(textsOf(failed, 'ru')).toMatchObject({
      text: 'Сәлем',
      state: 'failed',
      why: 'Бюджет кончился.',
    });
  });
});

describe('an own message', () => {
  const channel = (more: Partial<Capabilities>): Capabilities => ({
    text_limit: 100,
    files: [],
    max_file_bytes: 0,
    trouble: '',
    can_edit: true,
    can_delete: true,
    edit_within_s: null,
    delete_within_s: 3600,
    ...more,
  });
  const mine = message(5, { author: 'agent', user: 1, state: 'sent' });
  const sent = Date.parse(mine.at);

  it('is mine while it was sent and is there', () => {
    expect(isOwn(mine, 1)).toBe(true);
    expect(isOwn(mine, 2)).toBe(false);
    for (const other of [{ deleted: true }, { state: 'failed' }, { kind: 'note' }])
      expect(isOwn({ ...mine, ...other }, 1)).toBe(false);
  });

  it('is changed where the channel and the time allow it; else the reason is told', () => {
    expect(whyNot('edit', mine, channel({}), sent)).toBe('');
    expect(whyNot('edit', mine, channel({ can_edit: false }), sent)).toBe('Канал этого не умеет');
    expect(whyNot('delete', mine, channel({}), sent + 3_599_000)).toBe('');
    expect(whyNot('delete', mine, channel({}), sent + 3_601_000)).toBe(
      'Канал даёт на это 1 ч после отправки',
    );
    const queued = { ...mine, state: 'queued' };
    expect(whyNot('delete', queued, channel({ can_delete: false }), sent)).toBe('');
    expect(whyNot('edit', { ...mine, text: '' }, channel({}), sent)).toBe('Меняется только текст');
  });
});

describe('what is written in another language', () => {
  const STRIP: TranslationState = {
    on: true,
    buyer: 'kk',
    mine: 'ru',
    differ: true,
    available: true,
    why_not: '',
    languages: [],
  };
  const desk = (change: Partial<TranslationState> = {}) => {
    const store = new Store(BOOT);
    const state = { ...STRIP, ...change };
    store.set({
      open: 7,
      thread: thread([message(4)]),
      strip: { conversation: 7, state, isWorking: false, made: null },
    });
    const drafts = new Drafts(store);
    const translation = new Translation(store, {} as Threads, vi.fn());
    const after = {
      sent: vi.fn(),
      taken: vi.fn(),
      elsewhere: vi.fn(),
      unresolved: vi.fn(),
      show: vi.fn(),
    };
    const outbox = new Outbox(store, drafts, after);
    outbox.inWords = (mode, draft) => translation.inWords(mode, draft);
    drafts.change('reply', { text: 'Здравствуйте' });
    return { store, drafts, translation, outbox };
  };

  it('is shown in theirs first, then sent with the writer’s words beside it', async () => {
    const calls = server(({ path }) => (path.endsWith('/assist/') ? written('Сәлеметсіз бе') : {}));
    const { store, outbox } = desk();

    expect(outbox.send('reply')).toBeNull();
    await settled();
    expect(store.state.strip?.made).toMatchObject({ of: 'Здравствуйте', text: 'Сәлеметсіз бе' });
    expect(calls.filter(({ path }) => path.endsWith('/reply/'))).toEqual([]);

    expect(outbox.send('reply')).not.toBeNull();
    await settled();
    const sent = calls.find(({ path }) => path.endsWith('/reply/'));
    expect(sent?.body).toMatchObject({
      text: 'Сәлеметсіз бе',
      original: 'Здравствуйте',
      original_language: 'ru',
    });
  });

  it('words that were changed since are translated anew', async () => {
    const calls = server(() => written('x'));
    const { drafts, outbox } = desk();
    outbox.send('reply');
    await settled();
    drafts.change('reply', { text: 'Добрый день' });
    expect(outbox.send('reply')).toBeNull();
    await settled();
    const asked = calls.filter(({ path }) => path.endsWith('/assist/'));
    expect(asked.map(({ body }) => body.text)).toEqual(['Здравствуйте', 'Добрый день']);
  });

  it.each([
    ['a refusal', () => refusal(409, 'model_budget', { message: 'Бюджет кончился.' })],
    ['a broken line', () => offline()],
  ])('after %s the next press sends it as it is', async (_name, answer) => {
    const calls = server(({ path }) => (path.endsWith('/assist/') ? answer() : {}));
    const { store, outbox } = desk();
    outbox.send('reply');
    await settled();
    expect(store.state.strip?.made).toMatchObject({ text: '', why: expect.stringMatching(/./) });

    outbox.send('reply');
    await settled();
    const sent = calls.find(({ path }) => path.endsWith('/reply/'));
    expect(sent?.body.text).toBe('Здравствуйте');
    expect(sent?.body.original).toBeUndefined();
  });

  it.each([[{ on: false }], [{ differ: false }], [{ available: false }]])(
    'with %o nothing is asked and nothing waits',
    async (change) => {
      const calls = server(() => ({}));
      const { outbox } = desk(change);
      expect(outbox.send('reply')).not.toBeNull();
      await settled();
      expect(calls.map(({ path }) => path)).not.toContain('/conversations/7/assist/');
    },
  );

  it('a refused send gives the writer’s own words back', async () => {
    server(({ path }) =>
      path.endsWith('/assist/') ? written('x') : refusal(409, 'already_taken'),
    );
    const { drafts, outbox } = desk();
    outbox.send('reply');
    await settled();
    outbox.send('reply');
    await settled();
    expect(drafts.of('reply')).toMatchObject({ text: 'Здравствуйте' });
    expect(drafts.of('reply').original).toBeUndefined();
  });
});

it('a window counts down by the second in its last hour', () => {
  expect([3_599_000, 61_000, 59_400, 0].map(clockText)).toEqual(['59:59', '1:01', '1:00', '0:00']);
});
