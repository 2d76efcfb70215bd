import { readdirSync, readFileSync } from 'node:fs';
import { loadConfigFromFile } from 'vite';
import { describe, expect, test } from 'vitest';
import { withWishedDark } from './themes';
import { brandTokens, contrast, scale, toHex, toLch } from './tokens';

const css = readFileSync('shared/tokens.css', 'utf8');

function hues(): string[] {
  const found = ['#000000', '#ffffff', '#808080', '#ffff00', '#00ff00', '#0000ff', '#767676'];
  for (let h = 0; h < 360; h += 24) {
    for (const l of [0.25, 0.45, 0.6, 0.75, 0.92]) {
      found.push(toHex({ l, c: 0.16, h }));
    }
  }
  return found;
}

/** Value of a token in one theme, resolved to hex. */
function token(theme: 'light' | 'dark', name: string): string {
  const part =
    theme === 'light'
      ? css.split(':root[data-theme="dark"]')[0]!
      : css.split(':root[data-theme="dark"]')[1]!;
  const value = new RegExp(`--${name}: oklch\\(([\\d.]+) ([\\d.]+) ?([\\d.]*)`).exec(part)!;
  return toHex({ l: Number(value[1]), c: Number(value[2]), h: Number(value[3]) });
}

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  const page = token(theme, 'n-0');
  const raised = token(theme, 'n-2');

  test('every brand colour keeps AA in every pair we use', () => {
    for (const hex of hues()) {
      const brand = brandTokens(hex, theme);
      const pairs: [string, string, number][] = [
        [brand['--brand-on']!, brand['--brand-solid']!, 4.5],
        [brand['--brand-on']!, brand['--brand-solid-hover']!, 4.5],
        [brand['--brand-text']!, page, 4.5],
        [brand['--brand-text']!, raised, 4.5],
        [brand['--brand-text']!, brand['--brand-tint']!, 4.5],
        [brand['--brand-solid']!, page, 3],
      ];
      for (const [ink, ground, goal] of pairs) {
        expect(contrast(ink, ground), `${hex}: ${ink} on ${ground}`).toBeGreaterThanOrEqual(goal);
      }
    }
  });

  test('text and the four meanings keep AA', () => {
    for (const ink of ['n-10', 'n-7', 'waiting', 'late', 'done', 'bot']) {
      for (const ground of [page, raised]) {
        expect(contrast(token(theme, ink), ground), ink).toBeGreaterThanOrEqual(4.5);
      }
    }
    for (const name of ['waiting', 'late', 'done', 'bot']) {
      const tint = token(theme, `${name}-tint`);
      expect(contrast(token(theme, name), tint), name).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(token(theme, 'n-6'), page)).toBeGreaterThanOrEqual(3);
  });
});

test('a colour comes back as it went in', () => {
  for (const hex of ['#3b5bdb', '#2f6f4f', '#ff8800', '#123456']) {
    expect(toHex(toLch(hex))).toBe(hex);
  }
});

test('a colour that is readable as it is stays the merchant’s own', () => {
  expect(brandTokens('#2f6f4f', 'light')['--brand-solid']).toBe('#2f6f4f');
});

test('the scale has eleven steps, each darker than the one before', () => {
  const steps = scale('#2f6f4f').map((hex) => toLch(hex).l);
  expect(steps).toHaveLength(11);
  expect([...steps].sort((a, b) => b - a)).toEqual(steps);
});

describe('the build', () => {
  const rule = (sheet: string, theme: string): string | undefined =>
    new RegExp(
      `:root\\[data-theme="${theme}"\\],\\s*:host\\(\\[data-theme="${theme}"\\]\\) \\{([^}]*)\\}`,
    ).exec(sheet)?.[1];

  test('gives dark to a dark system, too, and to nobody who chose light', () => {
    const built = withWishedDark(css);
    const [outside, wished] = built.split('@media (prefers-color-scheme: dark) {');

    expect(rule(css, 'dark')).toContain('--n-0');
    expect(rule(outside!, 'dark')).toBe(rule(css, 'dark'));
    expect(rule(wished!, 'auto')).toBe(rule(css, 'dark'));
    expect(outside).not.toContain('"auto"]');
    expect(built).not.toContain('data-theme="light"');
  });

  test('reaches every part that uses the tokens', async () => {
    const parts = readdirSync('.').filter((name) => /^vite\.\w+\.config\.ts$/.test(name));
    const dressed: string[] = [];
    for (const name of parts) {
      const loaded = await loadConfigFromFile({ command: 'build', mode: 'production' }, name);
      if (!loaded?.config.oxc) continue; // a part without elements, such as the service worker
      const plugins = (loaded.config.plugins ?? []) as { name: string }[];
      expect(
        plugins.map((plugin) => plugin.name),
        name,
      ).toContain('wished-dark');
      dressed.push(name);
    }
    expect(dressed.sort()).toEqual([
      'vite.areas.config.ts',
      'vite.console.config.ts',
      'vite.widget.config.ts',
    ]);
  });

  test('does not pass over a sheet without dark values', () => {
    expect(() => withWishedDark(':root { --n-0: red }')).toThrow();
  });
});
