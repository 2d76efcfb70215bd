import { pieces } from './marks';

export function Marked({ text, marks }: { text: string; marks: [number, number][] }) {
  return (
    <>
      {pieces(text, marks).map((piece, at) =>
        piece.isFound ? <mark key={at}>{piece.text}</mark> : piece.text,
      )}
    </>
  );
}
