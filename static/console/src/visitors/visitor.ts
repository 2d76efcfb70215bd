/** Somebody on a site (bots/services/visits.py). */
export interface Visitor {
  channel: number;
  visitor: string;
  page: string;
  title: string;
  on_page_s: number;
  here_s: number;
  pages: { page: string; title: string; at: number }[];
  cart: {
    items?: { name?: string; qty?: string; price?: string }[];
    total?: string;
    currency?: string;
  } | null;
  referrer: string;
  utm: Record<string, string>;
  is_returning: boolean;
  chat_is_open: boolean;
  greeted: string;
  conversation: number | null;
  name: string;
}

const addressOf = (text: string): URL | null => {
  try {
    return new URL(text);
  } catch {
    return null;
  }
};

export const hostOf = (text: string): string => addressOf(text)?.host ?? text;

/** A page as people know it: its path, readable. */
export function pathOf(text: string): string {
  const found = addressOf(text);
  if (!found) return text;
  try {
    return decodeURI(found.pathname + found.search);
  } catch {
    return found.pathname;
  }
}
