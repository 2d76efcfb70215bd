/** Text cut at the places of a search, as pieces: a page shows them as text, never as markup. */
export interface Piece {
  text: string;
  isFound: boolean;
}

export function pieces(text: string, marks: [number, number][]): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const [from, to] of [...marks].sort((a, b) => a[0] - b[0])) {
    const start = Math.max(at, from);
    const end = Math.min(text.length, to);
    if (end <= start) continue;
    if (start > at) found.push({ text: text.slice(at, start), isFound: false });
    found.push({ text: text.slice(start, end), isFound: true });
    at = end;
  }
  if (at < text.length) found.push({ text: text.slice(at), isFound: false });
  return found;
}
