import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from 'vitest';
import { MemoryShelf, OWN_WORDS, THREADS_KEPT, trim } from '../src/offline/shelf';
import { EMPTY, Store } from '../src/store/core';
import { Drafts } from '../src/store/drafts';
import { type Afterwards, Outbox } from '../src/store/outbox';
import { speak } from '../src/words';
import { BOOT, type Call, message, offline, refusal, server, settled, thread } from './fakes';

describe('the outbox', () => {
  let store: Store;
  let drafts: Drafts;
  let shelf: MemoryShelf;
  let taken: Mock<Afterwards['taken']>;
  let elsewhere: Mock<Afterwards['elsewhere']>;
  let unresolved: Mock<Afterwards['unresolved']>;
  let answer: (call: Call) => unknown;
  let calls: Call[];

  const outbox = (): Outbox => {
    const found = new Outbox(store, drafts, {
      sent: () => undefined,
      taken,
      elsewhere,
      unresolved,
      show: () => undefined,
    });
    found.shelf = shelf;
    return found;
  };
  const replies = () => calls.filter((one) => one.path.endsWith('/reply/')).map((one) => one.body);

  beforeEach(() => {
    speak('ru', 'UTC');
    shelf = new MemoryShelf();
    store = new Store(BOOT);
    drafts = new Drafts(store);
    drafts.shelf = shelf;
    taken = vi.fn();
    elsewhere = vi.fn();
    unresolved = vi.fn();
    answer = () => ({});
    calls = server((call) => answer(call));
    store.set({ open: 7, thread: thread([message(4)]) });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('sends with a key and the newest message there was when it was begun', async () => {
    drafts.typed('reply', ' Привет ');
    store.set({ thread: thread([message(4), message(5)]) });
    drafts.typed('reply', ' Привет ');
    outbox().send('reply');
    expect(drafts.of('reply').text).toBe('');
    expect(store.state.outbox).toHaveLength(1);
    await settled(5);

    expect(replies()).toEqual([{ text: 'Привет', client_key: expect.any(String), base_seq: 4 }]);
    expect(store.state.outbox).toEqual([]);
    expect(await shelf.all('outbox')).toEqual([]);
  });

  it('keeps what cannot go, over a reload, and sends it once with the same key', async () => {
    answer = offline;
    drafts.typed('reply', 'Без связи');
    outbox().send('reply');
    await settled(5);
    expect(store.state.outbox).toHaveLength(1);
    const key = store.state.outbox[0]!.key;

    // Another page of the same person, later.
    answer = () => ({});
    store = new Store(BOOT);
    drafts = new Drafts(store);
    const again = outbox();
    await again.fromShelf();
    await settled(5);
    await again.flush();

    expect(replies().map((one) => one.client_key)).toEqual([key, key]);
    expect(store.state.outbox).toEqual([]);
    expect(await shelf.all('outbox')).toEqual([]);
  });

  it('stops once when somebody has written, with the words back in the composer', async () => {
    answer = () => refusal(409, 'newer_messages', { last_seq: 6 });
    drafts.typed('reply', 'Отвечаю');
    outbox().send('reply');
    await settled(5);
    expect(drafts.of('reply')).toMatchObject({ text: 'Отвечаю', base: 6 });
    expect(store.state.notice?.text).toMatch('Пришли новые сообщения');

    answer = () => ({});
    store.state.notice!.run!();
    await settled(5);
    expect(replies().map((one) => one.base_seq)).toEqual([4, undefined]);
    expect(store.state.outbox).toEqual([]);
  });

  it('goes at the second press of Send, which has seen what the first one had not', async () => {
    answer = ({ body }) =>
      body.base_seq === 4 ? refusal(409, 'newer_messages', { last_seq: 6 }) : {};
    drafts.typed('reply', 'Отвечаю');
    const found = outbox();
    found.send('reply');
    await settled(5);
    found.send('reply');
    await settled(5);
    expect(replies().map((one) => one.base_seq)).toEqual([4, 6]);
    expect(store.state.outbox).toEqual([]);
  });

  it('takes files with a note, too', async () => {
    drafts.change('note', { text: 'Чек', files: [{ id: 9, name: 'a.pdf', size: 1, mime: '' }] });
    outbox().send('note');
    await settled(5);
    const note = calls.find((one) => one.path.endsWith('/note/'))!;
    expect(note.body).toMatchObject({ text: 'Чек', files: [9] });
  });

  it('says which colleague has answered, how long ago, and leads there', async () => {
    answer = () => refusal(409, 'newer_messages', { answered_by: 'Анна', answered_ago_s: 3 });
    drafts.typed('reply', 'Отвечаю');
    outbox().send('reply');
    await settled(5);
    expect(store.state.notice).toMatchObject({
      text: 'Анна ответила 3 с назад. Показать?',
      show: expect.any(Function),
    });
  });

  it('gives the words back when a colleague holds it', async () => {
    answer = () => refusal(409, 'already_taken', { agent_id: 2 });
    drafts.typed('reply', 'Отвечаю');
    outbox().send('reply');
    await settled(5);
    expect(taken).toHaveBeenCalledOnce();
    expect(drafts.of('reply').text).toBe('Отвечаю');
  });

  it('tells of a refusal in a conversation that is not open any more', async () => {
    answer = () => refusal(409, 'newer_messages');
    drafts.typed('reply', 'Отвечаю');
    outbox().send('reply', false, 'resolve');
    store.set({ open: 8 });
    await settled(5);
    expect(elsewhere).toHaveBeenCalledOnce();
    expect(drafts.of('reply', 7).text).toBe('Отвечаю');
    expect([drafts.of('reply', 8).text, store.state.notice]).toEqual(['', null]);
  });

  it('holds a message for as long as somebody wants, and Z takes it back', async () => {
    store.set({ prefs: { hold_s: 10 } });
    const found = outbox();
    drafts.typed('reply', 'Подожди');
    found.send('reply');
    await settled(5);
    expect(replies()).toEqual([]);
    expect(found.takeBack()).toBe(true);
    expect([drafts.of('reply').text, store.state.outbox.length]).toEqual(['Подожди', 0]);
    expect(found.takeBack()).toBe(false);
  });

  it('resolves after it has sent', async () => {
    drafts.typed('reply', 'Готово');
    outbox().send('reply', false, 'resolve');
    await settled(5);
    expect(calls.map((one) => one.path)).toEqual([
      '/conversations/7/reply/',
      '/conversations/7/resolve/',
    ]);
  });

  it('gives words back before what was typed since, never instead of it', async () => {
    answer = () => refusal(409, 'already_taken', { agent_id: 2 });
    drafts.typed('reply', 'первое');
    const found = outbox();
    found.send('reply');
    drafts.change('reply', { text: 'второе', cards: [{ id: 5, title: 'Лампа' }] });
    await settled(5);
    expect(drafts.of('reply')).toMatchObject({ text: 'первое\n\nвторое', cards: [{ id: 5 }] });

    store.set({ prefs: { hold_s: 10 } });
    found.send('reply');
    drafts.typed('reply', 'третье');
    expect(found.takeBack()).toBe(true);
    expect(drafts.of('reply').text).toBe('первое\n\nвторое\n\nтретье');
  });

  it('what is written and cannot be resolved does not come back to be sent twice', async () => {
    answer = ({ path }) => (path.endsWith('/resolve/') ? refusal(409, 'already_taken') : {});
    drafts.typed('reply', 'Готово');
    outbox().send('reply', false, 'resolve');
    await settled(5);
    expect(unresolved).toHaveBeenCalledOnce();
    expect([drafts.of('reply').text, store.state.outbox]).toEqual(['', []]);
  });

  it('carries files, goods, a quote, and whom a note calls', async () => {
    const found = outbox();
    drafts.change('reply', {
      files: [{ id: 3, name: 'a', size: 1, mime: '' }],
      cards: [{ id: 5, title: 'Лампа' }],
      quote: { id: 9, text: '', name: '' },
      template: 2,
    });
    found.send('reply');
    store.set({ mode: 'note' });
    drafts.change('note', { text: '@Анна', mentions: [2] });
    found.send('note');
    await settled(10);

    expect(replies()[0]).toMatchObject({ files: [3], cards: [5], reply_to: 9, template_id: 2 });
    expect(calls.find((one) => one.path.endsWith('/note/'))!.body).toMatchObject({ mentions: [2] });
  });
});

describe('drafts', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('typed without a line are kept, win over the server’s and are saved when it is back', async () => {
    const shelf = new MemoryShelf();
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    drafts.shelf = shelf;
    store.set({ open: 7, thread: thread([message(4)]) });
    let isUp = false;
    const calls = server(() => (isUp ? {} : offline()));
    drafts.typed('reply', 'Не потеряй');
    await settled(760);
    expect(calls.filter((one) => one.body.text === 'Не потеряй')).toHaveLength(1);
    drafts.fromServer(7, { reply: { text: 'старое', base_seq: 1, files: [], at: '' } });
    expect(drafts.of('reply').text).toBe('Не потеряй');

    const later = new Store(BOOT);
    const again = new Drafts(later);
    again.shelf = shelf;
    isUp = true;
    await again.fromShelf();
    await settled(80);
    expect(calls.at(-1)!.body).toMatchObject({ text: 'Не потеряй', mode: 'reply', base_seq: 4 });
    again.fromServer(7, {
      reply: { text: 'с другого компьютера', base_seq: 5, files: [], at: '' },
    });
    expect(again.of('reply', 7).text).toBe('с другого компьютера');
  });

  it('typed while a message is under way outlive the server’s forgetting', async () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    const outbox = new Outbox(store, drafts, {
      sent: () => undefined,
      taken: () => undefined,
      elsewhere: () => undefined,
      unresolved: () => undefined,
      show: () => undefined,
    });
    store.set({ open: 7, thread: thread([message(4)]) });
    const calls = server(() => ({}));
    drafts.typed('reply', 'первое');
    outbox.send('reply');
    drafts.typed('reply', 'второе');
    await settled(10);
    drafts.fromServer(7, {}); // the server has forgotten the draft with the first message
    expect(drafts.of('reply').text).toBe('второе');
    await settled(100);
    expect(calls.filter((one) => one.method === 'PUT').at(-1)!.body.text).toBe('второе');
  });

  it('outlive it too when the message is seen in the thread before its answer comes', async () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    const outbox = new Outbox(store, drafts, {
      sent: () => undefined,
      taken: () => undefined,
      elsewhere: () => undefined,
      unresolved: () => undefined,
      show: () => undefined,
    });
    store.set({ open: 7, thread: thread([message(4)]) });
    server(({ path }) => (path.endsWith('/reply/') ? new Promise(() => undefined) : {}));
    drafts.typed('reply', 'первое');
    const { key } = outbox.send('reply')!;
    drafts.typed('reply', 'второе');
    await settled(760); // the second is saved before the first has gone
    drafts.arrived([message(5, { client_key: key })]);
    drafts.fromServer(7, {});
    expect([drafts.of('reply').text, store.state.outbox]).toEqual(['второе', []]);
  });

  it('stay when a page comes late that was asked for before they were saved', async () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    store.set({ open: 7, thread: thread([message(4)]) });
    server(() => ({}));
    drafts.typed('reply', 'второе');
    const asOf = drafts.now;
    await settled(760);
    drafts.fromServer(7, {}, asOf);
    expect(drafts.of('reply').text).toBe('второе');
    drafts.fromServer(7, {});
    expect(drafts.of('reply').text).toBe('');
  });

  it('stay when an older saving ends after the message has gone', async () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    store.set({ open: 7, thread: thread([message(4)]) });
    const saved: (() => void)[] = [];
    const calls = server(() => new Promise((done) => saved.push(() => done({}))));
    drafts.typed('reply', 'второе');
    await settled(760);
    drafts.sent('7:reply'); // the server has forgotten what was being saved
    saved[0]!();
    await settled(10);
    drafts.fromServer(7, {});
    expect(drafts.of('reply').text).toBe('второе');
    await settled(100);
    expect(calls.filter((one) => one.body.text === 'второе')).toHaveLength(2);
  });

  it('do not come back with a page from before they were sent', () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    store.set({ open: 7, thread: thread([message(4)]) });
    server(() => ({}));
    const asOf = drafts.now;
    drafts.typed('reply', 'ушло');
    drafts.forget('7:reply');
    drafts.fromServer(7, { reply: { text: 'ушло', base_seq: 4, files: [], at: '' } }, asOf);
    expect(drafts.of('reply').text).toBe('');
  });

  it('of a card or a quote alone are kept, and the server is told of them', async () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    store.set({ open: 7, thread: thread([message(4)]) });
    const calls = server(() => ({}));
    const cards = [{ id: 5, title: 'Лампа' }];
    drafts.change('reply', { cards, isInternal: true });
    await settled(760);
    const { more } = calls.at(-1)!.body as { more: object };
    expect(more).toEqual({ cards, isInternal: true });
    const told = { text: '', base_seq: 4, files: [], at: '' };
    drafts.fromServer(7, { reply: { ...told, more: { isInternal: true, cards } } });
    expect(drafts.of('reply')).toMatchObject({ cards, isInternal: true });

    const elsewhere = new Drafts(new Store(BOOT));
    elsewhere.fromServer(7, { reply: { ...told, more: { cards, isInternal: true } } });
    expect(elsewhere.of('reply', 7)).toMatchObject({ cards, isInternal: true });
  });

  it('that the server has give way to what was written on another computer since', async () => {
    const shelf = new MemoryShelf();
    const drafts = new Drafts(new Store(BOOT));
    drafts.shelf = shelf;
    const calls = server(() => ({}));
    drafts.change('reply', { text: 'утром' }, 7);
    await settled(760);

    const again = new Drafts(new Store(BOOT));
    again.shelf = shelf;
    await again.fromShelf();
    expect(again.of('reply', 7).text).toBe('утром');
    await settled(80);
    expect(calls).toHaveLength(1);
    again.fromServer(7, { reply: { text: 'днём', base_seq: 5, files: [], at: '' } });
    expect(again.of('reply', 7).text).toBe('днём');
    await settled(5);
    expect((await shelf.get('drafts', '7:reply'))!.draft.text).toBe('днём');
  });

  it('of a note and of a reply are two', () => {
    const store = new Store(BOOT);
    const drafts = new Drafts(store);
    server(() => ({}));
    store.set({ open: 7 });
    drafts.typed('reply', 'покупателю');
    drafts.typed('note', 'коллегам');
    expect([drafts.of('reply').text, drafts.of('note').text]).toEqual(['покупателю', 'коллегам']);
  });
});

it('a session that runs out leaves the words of its person, and nothing of buyers', async () => {
  const shelf = new MemoryShelf();
  await shelf.put('threads', { id: 7, at: 1, thread: thread([]) });
  await shelf.put('drafts', { id: '7:reply', draft: { ...EMPTY, text: 'моё' } });
  await shelf.clear(OWN_WORDS);
  expect([await shelf.count('threads'), await shelf.count('drafts')]).toEqual([0, 1]);
});

it('fifty threads are kept, the newest; all are read for it only now and then', async () => {
  const shelf = new MemoryShelf();
  const all = vi.spyOn(shelf, 'all');
  const put = async (from: number, to: number): Promise<void> => {
    for (let id = from; id <= to; id += 1)
      await shelf.put('threads', { id, at: id, thread: thread([]) });
    await trim(shelf);
  };
  await put(1, THREADS_KEPT + 5);
  expect(all).not.toHaveBeenCalled();
  await put(THREADS_KEPT + 6, THREADS_KEPT + 25);
  const kept = (await shelf.all('threads')).map((one) => one.id);
  expect([kept.length, Math.min(...kept)]).toEqual([THREADS_KEPT, 26]);
});
