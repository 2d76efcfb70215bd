/** Pages of one thread put together. */
import type { Thread } from '../types';
import { join } from './order';

/** Where what was not read begins above the page; nothing where it is on it. */
export const unreadAbove = (thread: Thread): number | null =>
  thread.conversation.unread && thread.more && thread.read_seq + 1 < (thread.messages[0]?.seq ?? 0)
    ? thread.read_seq + 1
    : null;

export const firstNew = (thread: Thread): number | null =>
  thread.conversation.unread && !unreadAbove(thread)
    ? (thread.messages.find((m) => m.seq > thread.read_seq && m.author === 'buyer')?.seq ?? null)
    : null;

/** Whether two pages of one thread follow each other without a gap. */
export function touches(one: Thread, other: Thread): boolean {
  const [a, b] = [one.messages, other.messages];
  if (!a.length || !b.length || one.conversation.id !== other.conversation.id) return false;
  return a[0]!.seq <= b.at(-1)!.seq + 1 && b[0]!.seq <= a.at(-1)!.seq + 1;
}

export function together(now: Thread, page: Thread): Thread {
  const isOlder = now.messages[0]!.seq < page.messages[0]!.seq;
  const isNewest = page.messages.at(-1)!.seq >= now.messages.at(-1)!.seq;
  return {
    ...now,
    conversation: page.conversation,
    messages: join(now.messages, page.messages),
    episodes: { ...now.episodes, ...page.episodes },
    context: page.context ?? now.context,
    channel: page.channel ?? now.channel,
    read_seq: page.read_seq,
    writes: page.writes ?? now.writes ?? '',
    more: isOlder ? now.more : page.more,
    newer: isNewest ? page.newer : now.newer,
  };
}
