/** Where a row stands in a list: the server's own order, known here so that one row can move. */
import type { Message, Row, Sort } from '../types';

const MOMENT: Record<Sort, (row: Row) => string | null> = {
  deadline: dueAt,
  waiting: (row) => row.waiting_since,
  newest: (row) => row.updated_at,
  oldest: (row) => row.updated_at,
};

/** What comes first: the engine's deadline or what was promised to the buyer. */
export function dueAt(row: Row): string | null {
  const [one, other] = [row.deadline_at, row.sla_due_at];
  if (!one || !other) return one || other || null;
  return Date.parse(one) <= Date.parse(other) ? one : other;
}

/** By when the buyer is to hear from us: a promise about an answer, else the engine's deadline. */
export const answerDue = (row: Row): string | null =>
  row.sla_due_at && row.sla_kind !== 'resolve' ? row.sla_due_at : row.deadline_at;

/** Negative when `a` stands above `b`; those without a moment come last. */
export function compare(a: Row, b: Row, sort: Sort): number {
  const [one, other] = [MOMENT[sort](a), MOMENT[sort](b)];
  const sign = sort === 'newest' ? -1 : 1;
  if (one === other) return sign * (a.id - b.id);
  if (one === null) return 1;
  if (other === null) return -1;
  const [x, y] = [Date.parse(one), Date.parse(other)];
  return x === y ? sign * (a.id - b.id) : sign * (x - y);
}

/** The list with changed rows in their places and those that left taken out. */
export function placed(
  rows: Row[],
  changed: Row[],
  gone: number[],
  sort: Sort,
  hasMore: boolean,
): Row[] {
  const touched = new Set([...gone, ...changed.map((row) => row.id)]);
  const last = rows[rows.length - 1];
  const kept = rows.filter((row) => !touched.has(row.id));
  // What stands below the last loaded row comes with the next page.
  const here = changed.filter((row) => !(hasMore && last && compare(row, last, sort) > 0));
  return [...kept, ...here].sort((a, b) => compare(a, b, sort));
}

/** How many rows are new in the list or have moved up past others. */
export function movedIn(shown: Row[], now: Row[]): number {
  const places = new Map(shown.map((row, at) => [row.id, at]));
  let highest = -1;
  let moved = 0;
  for (const row of [...now].reverse()) {
    const at = places.get(row.id);
    if (at === undefined || (highest >= 0 && at > highest)) moved += 1;
    else highest = at;
  }
  return moved;
}

export function merge(rows: Row[], more: Row[]): Row[] {
  const known = new Set(rows.map((row) => row.id));
  return [...rows, ...more.filter((row) => !known.has(row.id))];
}

export const moves = (now: Row[], next: Row[]): boolean =>
  now.length > 0 && now.some((row, at) => next[at]?.id !== row.id);

/** New contents in old places. */
export function update(now: Row[], next: Row[]): Row[] {
  const fresh = new Map(next.map((row) => [row.id, row]));
  return now.map((row) => fresh.get(row.id) ?? row);
}

/** Messages of two pages as one, each once, the newer copy winning. */
export function join(one: Message[], other: Message[]): Message[] {
  const bySeq = new Map(one.map((m) => [m.seq, m]));
  for (const message of other) bySeq.set(message.seq, message);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
