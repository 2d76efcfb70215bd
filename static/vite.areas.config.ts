import { defineConfig } from 'vite';
import { wishedDark } from './shared/themes.ts';

// Board and reports of the console: a file of its own, fetched when one of them is first opened.
// Whole in itself: Django names the console's script by its content, so nothing can import that.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [wishedDark()],
  build: {
    outDir: 'dist/areas',
    emptyOutDir: true,
    target: 'es2022',
    rollupOptions: {
      input: 'console/src/board/mount.tsx',
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: 'areas.js' },
    },
  },
});
