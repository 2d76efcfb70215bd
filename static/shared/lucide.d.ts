declare module 'lucide/dist/esm/icons/*.mjs' {
  const node: [tag: 'path' | 'circle' | 'rect' | 'line', attributes: Record<string, string>][];
  export default node;
}
