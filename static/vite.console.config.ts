import { defineConfig } from 'vite';
import { wishedDark } from './shared/themes.ts';

// The agents' console: one script and one style sheet, named for good by Django's static files.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [wishedDark()],
  build: {
    outDir: 'dist/console',
    emptyOutDir: true,
    target: 'es2022',
    cssMinify: 'lightningcss',
    rollupOptions: {
      input: 'console/src/main.tsx',
      output: { entryFileNames: 'console.js', assetFileNames: 'console[extname]' },
    },
  },
});
