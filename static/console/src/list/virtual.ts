/** Which rows of a long list are drawn: those in sight and a few around them. */
export interface Span {
  from: number;
  to: number; // not drawn any more
}

const AROUND = 6;

export function inSight(count: number, top: number, height: number, rowHeight: number): Span {
  const from = Math.max(0, Math.floor(top / rowHeight) - AROUND);
  const to = Math.min(count, Math.ceil((top + height) / rowHeight) + AROUND);
  return { from: Math.min(from, Math.max(0, count - 1)), to: Math.max(to, 0) };
}

/** Where to scroll so that a row is wholly in sight; null when it is. */
export function revealed(
  at: number,
  top: number,
  height: number,
  rowHeight: number,
): number | null {
  const [begin, end] = [at * rowHeight, (at + 1) * rowHeight];
  if (begin < top) return begin;
  if (end > top + height) return end - height;
  return null;
}
