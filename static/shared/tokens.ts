/**
 * The brand's scale, computed from one colour so that every pair we use keeps WCAG AA.
 *
 * OKLab and OKLCH: Björn Ottosson, https://bottosson.github.io/posts/oklab/. Contrast: WCAG 2.2,
 * https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.
 */

export interface Lch {
  l: number; // 0…1
  c: number; // 0…0.4
  h: number; // degrees
}

export type Theme = 'light' | 'dark';

type Rgb = [number, number, number]; // linear light, 0…1 inside the gamut

const toLinear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const fromLinear = (v: number): number =>
  v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055;

function parse(hex: string): Rgb {
  const match = /^#?([0-9a-f]{6})$/i.exec(hex.trim());
  const number = Number.parseInt(match?.[1] ?? '3b5bdb', 16);
  return [number >> 16, (number >> 8) & 255, number & 255].map((v) => toLinear(v / 255)) as Rgb;
}

export function toLch(hex: string): Lch {
  const [r, g, b] = parse(hex);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const A = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const B = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  return {
    l: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    c: Math.hypot(A, B),
    h: (Math.atan2(B, A) * 180) / Math.PI,
  };
}

function linear({ l, c, h }: Lch): Rgb {
  const a = c * Math.cos((h * Math.PI) / 180);
  const b = c * Math.sin((h * Math.PI) / 180);
  const L = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const M = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const S = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * L - 3.3077115913 * M + 0.2309699292 * S,
    -1.2684380046 * L + 2.6097574011 * M - 0.3413193965 * S,
    -0.0041960863 * L - 0.7034186147 * M + 1.707614701 * S,
  ];
}

/** sRGB hex; chroma is given up until the colour exists on a screen. */
export function toHex(colour: Lch): string {
  let c = colour.c;
  let rgb = linear(colour);
  while (c > 0 && rgb.some((v) => v < -0.0005 || v > 1.0005)) {
    c = Math.max(0, c - 0.004);
    rgb = linear({ ...colour, c });
  }
  const byte = (v: number): string =>
    Math.round(fromLinear(Math.min(1, Math.max(0, v))) * 255)
      .toString(16)
      .padStart(2, '0');
  return `#${rgb.map(byte).join('')}`;
}

function luminance(hex: string): number {
  const [r, g, b] = parse(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

const STEPS = [0.975, 0.94, 0.88, 0.8, 0.72, 0.64, 0.56, 0.48, 0.4, 0.32, 0.24];

/** Eleven steps of one hue, light to dark. Ends are calmer than the middle. */
export function scale(hex: string): string[] {
  const { c, h } = toLch(hex);
  return STEPS.map((l) => toHex({ l, c: c * Math.min(1, 4.2 * (1 - l) * (0.35 + l)), h }));
}

/** The surfaces the brand's inks are read on: --n-0 … --n-2 of tokens.css. */
const SURFACES: Record<Theme, readonly string[]> = {
  light: ['#ffffff', '#f2f4f6'],
  dark: ['#101316', '#1e2226'],
};

const AA = 4.5;

/** Move lightness until the ink is readable on every ground. */
function readable(from: Lch, grounds: readonly string[], step: number, goal = AA): string {
  let colour = from;
  let hex = toHex(colour);
  while (grounds.some((ground) => contrast(hex, ground) < goal)) {
    const l = colour.l + step;
    if (l < 0 || l > 1) {
      return step < 0 ? '#000000' : '#ffffff';
    }
    colour = { ...colour, l };
    hex = toHex(colour);
  }
  return hex;
}

/**
 * Custom properties of one brand in one theme.
 *
 * The solid keeps the merchant's own colour wherever white or near-black text is readable on it
 * and it stands out of the page (3:1); else it moves the least that makes it so.
 */
export function brandTokens(hex: string, theme: Theme): Record<string, string> {
  const brand = toLch(hex);
  const dark = theme === 'dark';
  const page = SURFACES[theme][0]!;
  const away = dark ? 0.01 : -0.01;
  const solid = readable(brand, [page], away, 3);
  const white = contrast(solid, '#ffffff') >= AA;
  const on = white ? '#ffffff' : '#14161a';
  const ground = white ? solid : readable(toLch(solid), [on], 0.01);
  const solidLch = toLch(ground);
  const steps = scale(hex);
  const tint = dark ? toHex({ l: 0.28, c: Math.min(brand.c, 0.05), h: brand.h }) : steps[0]!;
  const tokens: Record<string, string> = {
    '--brand-solid': ground,
    // Away from the text on it, so that hovering never costs contrast.
    '--brand-solid-hover': toHex({ ...solidLch, l: solidLch.l + (white ? -0.05 : 0.05) }),
    '--brand-on': on,
    '--brand-text': readable(
      { ...brand, l: dark ? Math.max(brand.l, 0.72) : Math.min(brand.l, 0.55) },
      [...SURFACES[theme], tint],
      away,
    ),
    '--brand-tint': tint,
    '--brand-line': dark ? toHex({ l: 0.42, c: Math.min(brand.c, 0.09), h: brand.h }) : steps[2]!,
  };
  steps.forEach((value, index) => {
    tokens[`--brand-${index}`] = value;
  });
  return tokens;
}

/** The theme a page shows now, given what was asked for. */
export function themeOf(wish: string | null | undefined): Theme {
  if (wish === 'light' || wish === 'dark') {
    return wish;
  }
  return globalThis.matchMedia?.('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Put a brand on an element (a root or a shadow host); follows the system's theme when `auto`. */
export function applyBrand(target: HTMLElement, hex: string, wish = 'auto'): void {
  const paint = (): void => {
    for (const [name, value] of Object.entries(brandTokens(hex, themeOf(target.dataset.theme)))) {
      target.style.setProperty(name, value);
    }
  };
  target.dataset.theme = wish;
  paint();
  globalThis.matchMedia?.('(prefers-color-scheme: dark)').addEventListener('change', paint);
}
