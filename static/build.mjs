// Builds every part that has a `vite.<part>.config.ts`: one command, however many parts there are.
import { readdirSync } from 'node:fs';
import { build } from 'vite';

const root = new URL('.', import.meta.url).pathname;
for (const name of readdirSync(root).sort()) {
  if (/^vite\.\w+\.config\.ts$/.test(name)) {
    await build({ root, configFile: root + name, logLevel: 'warn' });
  }
}
