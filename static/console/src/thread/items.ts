/** Messages as they are drawn: days, episodes, the «new» line, groups, folded events. */
import type { Episode, Message, Thread } from '../types';
import { sameDay } from '../words';

export type Item =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'episode'; key: string; episode: Episode }
  | { kind: 'new'; key: string }
  | { kind: 'events'; key: string; events: Message[] }
  | { kind: 'call'; key: string; message: Message }
  | { kind: 'message'; key: string; message: Message; isFirst: boolean };

const TOGETHER_MS = 5 * 60_000;

const isEvent = (message: Message): boolean => message.kind === 'system';

/** One writer, one kind, soon after: shown as one group under one name. */
function follows(before: Message | undefined, message: Message): boolean {
  return Boolean(
    before &&
      !isEvent(before) &&
      before.author === message.author &&
      before.user === message.user &&
      (before.kind === 'note') === (message.kind === 'note') &&
      Date.parse(message.at) - Date.parse(before.at) < TOGETHER_MS,
  );
}

export function itemsOf(thread: Thread, newFrom: number | null): Item[] {
  const items: Item[] = [];
  let before: Message | undefined;
  for (const message of thread.messages) {
    if (!before || !sameDay(before.at, message.at))
      items.push({ kind: 'day', key: `day-${message.seq}`, at: message.at });
    if (before && before.episode !== message.episode) {
      const ended = thread.episodes[before.episode];
      if (ended) items.push({ kind: 'episode', key: `episode-${message.seq}`, episode: ended });
    }
    if (newFrom === message.seq) items.push({ kind: 'new', key: 'new' });
    const last = items.at(-1);
    if (message.meta.call) items.push({ kind: 'call', key: `m-${message.seq}`, message });
    else if (isEvent(message)) {
      if (last?.kind === 'events') last.events.push(message);
      else items.push({ kind: 'events', key: `events-${message.seq}`, events: [message] });
    } else
      items.push({
        kind: 'message',
        key: `m-${message.seq}`,
        message,
        isFirst: last?.kind !== 'message' || !follows(before, message),
      });
    before = message;
  }
  return items;
}
