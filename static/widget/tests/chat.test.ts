import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Chat } from '../src/chat';
import { box } from '../src/store';
import { FakeServer } from './fakes';

let server: FakeServer;
let looking = true;

class Store {
  private values = new Map<string, string>();
  getItem = (name: string): string | null => this.values.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.values.set(name, value);
}

function open(store: Store = new Store(), channel: BroadcastChannel | null = null): Chat {
  return new Chat({
    host: 'https://chat.example',
    key: 'k'.repeat(32),
    box: box('t:', store as unknown as Storage),
    locale: () => 'ru',
    fetch: server.fetch as typeof fetch,
    WebSocket: server.Socket,
    channel,
    isLooking: () => looking,
  });
}

const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms);
const said = () => server.messages.filter((m) => m.author === 'buyer').map((m) => m.text);
const shown = (chat: Chat) => chat.state.messages.map((m) => m.text);

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  looking = true;
});
afterEach(() => vi.useRealTimers());

test('somebody who only looks at the shop costs no call', async () => {
  const chat = open();
  chat.resume();
  await settle();
  expect([server.tokens, server.sockets.length]).toEqual([0, 0]);
});

test('a message is sent, acknowledged and gone from the queue', async () => {
  const store = new Store();
  const chat = open(store);
  chat.say('Привет');
  expect(chat.state.messages[0]).toMatchObject({ text: 'Привет', state: 'queued' });
  await settle();
  expect(said()).toEqual(['Привет']);
  expect(chat.state.messages[0]!.state).toBe('sent');
  expect(JSON.parse(store.getItem('t:outbox')!)).toEqual([]);
});

test('what is written offline goes in order when the line is back, each once', async () => {
  const chat = open();
  await chat.start();
  await settle();
  server.isDown = true;
  server.sockets[0]!.lose();
  chat.say('раз');
  chat.say('два');
  chat.say('три');
  await settle(3000);
  expect(chat.state.link).not.toBe('online');
  expect(said()).toEqual([]);

  server.isDown = false;
  await settle(60_000);
  expect(said()).toEqual(['раз', 'два', 'три']);
  expect(chat.state.messages.map((m) => m.state)).toEqual(['sent', 'sent', 'sent']);
});

test('a lost acknowledgement makes no second message', async () => {
  const chat = open();
  await chat.start();
  await settle();
  server.losesAcks = true;
  chat.say('раз');
  await settle();
  server.sockets.at(-1)!.lose();
  server.losesAcks = false;
  await settle(30_000);
  expect(said()).toEqual(['раз']);
  expect(shown(chat)).toEqual(['раз']);
  expect(chat.state.messages[0]!.state).toBe('sent');
});

test('what was written while away is asked for by sequence', async () => {
  const chat = open();
  chat.say('Вопрос');
  await settle();
  server.put({ text: 'Ответ 1' });
  server.nudge();
  await settle();
  server.sockets.at(-1)!.lose();
  server.put({ text: 'Ответ 2' });
  server.put({ text: 'Ответ 3' });
  await settle(5000);
  expect(shown(chat)).toEqual(['Вопрос', 'Ответ 1', 'Ответ 2', 'Ответ 3']);
  expect(server.hellos.at(-1)!.after).toBe(2);
});

test('a page that is closed before it could send leaves its words to the next one', async () => {
  const store = new Store();
  server.isDown = true;
  open(store).say('Успею?');
  await settle();

  server.isDown = false;
  const next = open(store);
  expect(shown(next)).toEqual(['Успею?']);
  next.resume(); // what a page does by itself; nobody opens the chat
  await settle();
  expect(said()).toEqual(['Успею?']);
  expect(next.state.messages[0]!.state).toBe('sent');
  expect(JSON.parse(store.getItem('t:outbox')!)).toEqual([]);
});

test('a page that is closed while it sends makes no second message', async () => {
  const store = new Store();
  const first = open(store);
  await first.start();
  await settle();
  server.losesAcks = server.isBusy = true;
  first.say('раз');
  first.say('два');
  await settle();
  expect(server.taken.map((say) => say.text)).toEqual(['раз']);
  server.sockets[0]!.readyState = 3; // the page is gone and hears no more

  server.losesAcks = false;
  const next = open(store);
  next.resume();
  await settle();
  expect(server.taken.map((say) => say.text)).toEqual(['раз', 'раз', 'два']);
  expect(server.taken[0]!.key).toBe(server.taken[1]!.key);

  server.isBusy = false;
  server.work();
  server.nudge();
  await settle();
  expect(said()).toEqual(['раз', 'два']);
  expect(next.state.messages.map((m) => [m.text, m.state])).toEqual([
    ['раз', 'sent'],
    ['два', 'sent'],
  ]);
});

test('what two tabs wrote offline goes once, in the order of writing', async () => {
  const store = new Store();
  const [one, two] = pair();
  const first = open(store, one);
  const second = open(store, two);
  server.isDown = true;
  first.say('раз');
  await settle(10);
  second.say('два');
  await settle(10);
  first.say('три');
  await settle(10);

  server.isDown = false;
  await settle(60_000);
  expect(said()).toEqual(['раз', 'два', 'три']);
  for (const tab of [first, second]) {
    expect(tab.state.messages.map((m) => [m.text, m.state])).toEqual([
      ['раз', 'sent'],
      ['два', 'sent'],
      ['три', 'sent'],
    ]);
  }
});

test('a full storage keeps no words back, and sends none for ever', async () => {
  const store = new Store();
  const chat = open(store);
  await chat.start();
  await settle();
  server.isDown = true;
  server.sockets[0]!.lose();
  chat.say('раз');
  await settle();
  store.setItem = () => {
    throw new DOMException('', 'QuotaExceededError');
  };
  chat.say('два');
  await settle();

  server.isDown = false;
  await settle(60_000);
  expect(said()).toEqual(['раз', 'два']);
  expect(server.taken).toHaveLength(2);
});

test('tabs whose key expires at once are one new visitor', async () => {
  const store = new Store();
  const first = open(store);
  await first.start();
  const second = open(store);
  await second.start();
  await settle();
  server.expired.add('token-1');
  server.sockets[0]!.lose();
  await settle(5000);
  server.sockets[1]!.lose();
  await settle(5000);
  expect(server.tokens).toBe(2);
  expect(server.hellos.slice(-1)[0]!.token).toBe('token-2');
  expect(store.getItem('t:token')).toBe('"token-2"');
});

test('where websockets are shut the same talk goes over long polling', async () => {
  server.socketsWork = false;
  const chat = open();
  chat.say('Вопрос');
  await settle(5000);
  expect(said()).toEqual(['Вопрос']);
  server.put({ text: 'Ответ' });
  await settle(2000);
  expect(shown(chat)).toEqual(['Вопрос', 'Ответ']);
  expect(chat.state.link).toBe('online');
});

test('a silent line is given up after a heartbeat without an answer', async () => {
  const chat = open();
  await chat.start();
  await settle();
  server.sockets[0]!.send = () => {}; // a dead network swallows everything
  await settle(40_000);
  expect(server.sockets.length).toBeGreaterThan(1);
  expect(chat.state.link).toBe('online');
});

test('pauses between tries grow, and a tab that is looked at again does not sit them out', async () => {
  const chat = open();
  await chat.start();
  await settle();
  server.isDown = true;
  server.sockets[0]!.lose();
  await settle(120_000);
  const tries = server.sockets.length;
  expect(tries).toBeLessThan(20);
  server.isDown = false;
  chat.kick();
  await settle();
  expect(chat.state.link).toBe('online');
});

test('writing while the line is being opened does not open a second one', async () => {
  const chat = open();
  void chat.start();
  chat.say('Сразу');
  await settle();
  expect(server.sockets).toHaveLength(1);
  expect(said()).toEqual(['Сразу']);
});

test('an expired key is replaced and nothing unsent is lost', async () => {
  const chat = open();
  await chat.start();
  await settle();
  server.expired.add('token-1');
  server.sockets[0]!.lose();
  chat.say('Ещё тут?');
  await settle(10_000);
  expect(server.tokens).toBe(2);
  expect(said()).toEqual(['Ещё тут?']);
});

test('haste is obeyed: the message waits and is sent by itself', async () => {
  const chat = open();
  await chat.start();
  await settle();
  const answer = server.answer.bind(server);
  let hasty = true;
  server.answer = (frame) => {
    if (frame.t === 'say' && hasty) {
      hasty = false;
      return [{ t: 'refused', key: frame.key, code: 'pace', wait: 2 }];
    }
    return answer(frame);
  };
  chat.say('раз');
  await settle(1000);
  expect(said()).toEqual([]);
  await settle(2000);
  expect(said()).toEqual(['раз']);
});

test('what is seen is told once; what is not looked at counts as unread and is told as got', async () => {
  const chat = open();
  chat.say('Вопрос');
  await settle();
  looking = false;
  server.put({ text: 'Ответ' });
  server.nudge();
  await settle(1500);
  expect(server.heard.filter((f) => f.t === 'got')).toEqual([{ t: 'got', ids: [20] }]);
  looking = true;
  chat.look();
  chat.look();
  await settle();
  expect(server.heard.filter((f) => f.t === 'seen')).toEqual([{ t: 'seen', ids: [20] }]);
});

test('the first answer is news; what was said before the page was opened is not', async () => {
  const store = new Store();
  const chat = open(store);
  const news: unknown[] = [];
  chat.on('message', (message) => news.push((message as { text: string }).text));
  looking = false;
  chat.say('Вопрос');
  await settle();
  server.put({ text: 'Ответ' });
  server.nudge();
  await settle();
  expect(news).toEqual(['Ответ']);

  const next = open(store);
  next.on('message', (message) => news.push((message as { text: string }).text));
  next.resume();
  await settle();
  expect(shown(next)).toEqual(['Вопрос', 'Ответ']);
  expect(news).toEqual(['Ответ']);
});

test('two tabs are one visitor and one talk', async () => {
  const store = new Store();
  const [one, two] = pair();
  const first = open(store, one);
  const second = open(store, two);
  first.say('Из первой');
  await settle();
  expect(shown(second)).toEqual(['Из первой']);
  await settle(3000);
  expect(server.tokens).toBe(1);
  expect(said()).toEqual(['Из первой']);
  expect(second.state.messages[0]!.state).toBe('sent');
  server.put({ text: 'Ответ' });
  server.nudge();
  await settle();
  expect([shown(first), shown(second)]).toEqual(Array(2).fill(['Из первой', 'Ответ']));
});

function pair(): [BroadcastChannel, BroadcastChannel] {
  const make = (other: () => { onmessage: ((e: { data: unknown }) => void) | null }) => ({
    onmessage: null as ((e: { data: unknown }) => void) | null,
    postMessage: (data: unknown) => other().onmessage?.({ data: structuredClone(data) }),
  });
  const one: ReturnType<typeof make> = make(() => two);
  const two: ReturnType<typeof make> = make(() => one);
  return [one, two] as unknown as [BroadcastChannel, BroadcastChannel];
}
