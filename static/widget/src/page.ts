/** What the page tells of itself: address, where the buyer came from, campaign marks. */

import type { About } from './protocol';
import type { Box } from './store';

// Never kept, whatever a shop puts into its addresses.
const PRIVATE = /token|code|key|pass|secret|session|sid|auth|mail|phone|tel|name/i;

export function clean(address: string): string {
  try {
    const url = new URL(address);
    for (const name of [...url.searchParams.keys()]) {
      if (PRIVATE.test(name)) {
        url.searchParams.delete(name);
      }
    }
    url.hash = '';
    url.username = url.password = '';
    return url.href.slice(0, 500);
  } catch {
    return '';
  }
}

export function utmOf(search: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (/^utm_\w+$|^(yclid|gclid)$/.test(name) && value) {
      found[name] = value.slice(0, 120);
    }
  }
  return found;
}

/** The first referrer from outside and the newest campaign stay while the buyer walks the shop. */
export function about(box: Box, doc: Document, where: Location): About {
  const outside = doc.referrer && !doc.referrer.startsWith(where.origin) ? clean(doc.referrer) : '';
  const referrer = outside || box.get<string>('referrer') || '';
  const marks = utmOf(where.search);
  const utm = Object.keys(marks).length ? marks : (box.get<Record<string, string>>('utm') ?? {});
  if (outside) {
    box.set('referrer', outside);
  }
  if (utm === marks) {
    box.set('utm', marks);
  }
  return {
    page: clean(where.href),
    title: doc.title.slice(0, 200),
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(referrer ? { referrer } : {}),
    ...(Object.keys(utm).length ? { utm } : {}),
  };
}
