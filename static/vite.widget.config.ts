import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';
import { wishedDark } from './shared/themes.ts';

// One file and nothing after it: what a shop's page loads is what it needs to send a message.
const OUT = 'dist/widget';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    cssMinify: 'lightningcss',
    lib: {
      entry: 'widget/src/main.tsx',
      formats: ['iife'],
      name: 'shopChat',
      fileName: () => 'widget.js',
    },
  },
  plugins: [
    wishedDark(),
    {
      name: 'compressed-copies',
      closeBundle() {
        const code = readFileSync(`${OUT}/widget.js`);
        writeFileSync(`${OUT}/widget.js.gz`, gzipSync(code, { level: 9 }));
        writeFileSync(`${OUT}/widget.js.br`, brotliCompressSync(code));
      },
    },
  ],
});
