/**
 * Dark by the system's wish, made at build time from the one list of dark values.
 *
 * CSS alone would need `light-dark()`, which browsers know only since 2024; the widget stands on
 * any shop's page, and OKLCH, which it needs anyway, is a year or two older.
 */
import type { Plugin } from 'vite';

const CHOSEN = /[^{}]*\[data-theme="dark"\][^{}]*\{[^{}]*\}/;

/** A sheet with its rule for `[data-theme="dark"]`, and the same for `auto` on a dark system. */
export function withWishedDark(css: string): string {
  const rule = CHOSEN.exec(css.replace(/\/\*[\s\S]*?\*\//g, ''))?.[0];
  if (!rule) {
    throw new Error('no rule for [data-theme="dark"]');
  }
  const wished = rule.replaceAll('[data-theme="dark"]', '[data-theme="auto"]');
  return `${css}\n@media (prefers-color-scheme: dark) {${wished}}\n`;
}

/** Vite's part of it: for `tokens.css`, wherever it is imported and however. */
export function wishedDark(): Plugin {
  return {
    name: 'wished-dark',
    enforce: 'pre',
    transform(code, id) {
      return id.split('?')[0]!.endsWith('/shared/tokens.css') ? withWishedDark(code) : undefined;
    },
  };
}
