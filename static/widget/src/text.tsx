/** Plain text with its addresses made into links. Nothing a shop or a bot writes becomes markup. */

import type { ComponentChildren } from 'preact';

const ADDRESS = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]»”]/g;

/** "8 000 ₽" stays on one line, whoever typed an ordinary space. */
function whole(text: string): string {
  return text.replace(/(\d) (?=\d{3}(?!\d)|[₽%$€]|руб)/g, '$1\u00a0');
}

export function linked(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    parts.push(whole(text.slice(end, match.index)));
    end = match.index + match[0].length;
    parts.push(
      <a href={match[0]} target="_blank" rel="noopener noreferrer">
        {match[0].replace(/^https?:\/\/(www\.)?/, '').replace(/\/$/, '')}
      </a>,
    );
  }
  return [...parts, whole(text.slice(end))];
}

/** An address we may follow: never a script. */
export function safe(url: string | undefined): string | undefined {
  return url && /^(https?:\/\/|\/|mailto:|tel:)/i.test(url) ? url : undefined;
}

export function timeOf(at: string, lang: string): string {
  return new Date(at).toLocaleTimeString(lang, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
}

export function dayOf(at: string): string {
  return new Date(at).toDateString();
}

export function dayName(at: string, lang: string, today: string, yesterday: string): string {
  const date = new Date(at);
  const days = Math.round(
    (new Date().setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86_400_000,
  );
  if (days < 2) {
    return days < 1 ? today : yesterday;
  }
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(lang, { day: 'numeric', month: 'long', year });
}

export function sizeOf(bytes: number, lang: string): string {
  const units = lang === 'ru' ? ['Б', 'КБ', 'МБ'] : ['B', 'KB', 'MB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < 2) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toLocaleString(lang, { maximumFractionDigits: unit === 2 ? 1 : 0 })} ${units[unit]}`;
}
