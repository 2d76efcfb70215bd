import { defineConfig } from 'vite';

// The console's service worker: its own script, served at /console/sw.js (bots/console.py).
export default defineConfig({
  build: {
    outDir: 'dist/worker',
    emptyOutDir: true,
    target: 'es2022',
    rollupOptions: {
      input: 'console/src/offline/worker.ts',
      output: { entryFileNames: 'worker.js' },
    },
  },
});
