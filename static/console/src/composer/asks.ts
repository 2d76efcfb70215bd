/** Gaps of a prepared reply: ⟦what is asked⟧. Tab goes from one to the next; none may be sent. */
const GAP = /⟦[^⟦⟧]*⟧/g;

export interface Gap {
  from: number;
  to: number;
}

export function gaps(text: string): Gap[] {
  return [...text.matchAll(GAP)].map((found) => ({
    from: found.index,
    to: found.index + found[0].length,
  }));
}

export const hasGaps = (text: string): boolean => gaps(text).length > 0;

/** The gap after (or before) a place, going round; null when there is none. */
export function nextGap(text: string, at: number, back = false): Gap | null {
  const all = gaps(text);
  if (!all.length) return null;
  return back
    ? (all.findLast((gap) => gap.to < at) ?? all.at(-1)!)
    : (all.find((gap) => gap.from >= at) ?? all[0]!);
}
