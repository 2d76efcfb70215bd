/** Signs that open a list while somebody types: `/` templates, `#` knowledge, `@` people, `:` emoji. */
import type { Mode } from '../types';

export type Sign = '/' | '#' | '@' | ':';

export interface Trigger {
  sign: Sign;
  query: string;
  from: number; // where the sign stands
  to: number; // the caret
}

// № stands on the key of # in the Russian layout.
const OPENING = /(^|[\s(«"])([/#№@:])([^\n/#№@:]{0,40})$/u;

export function triggerAt(text: string, caret: number, mode: Mode): Trigger | null {
  const found = OPENING.exec(text.slice(0, caret));
  if (!found) return null;
  const sign = (found[2] === '№' ? '#' : found[2]) as Sign;
  const query = found[3] ?? '';
  if (sign === '@' && mode !== 'note') return null;
  if (sign === '/' && mode !== 'reply') return null;
  // A number after # is a number, ":)" is a face, and two words after ":" are a sentence.
  if (sign === ':' && !/^[\p{L}_]{2,20}$/u.test(query)) return null;
  if (sign === '#' && (/^\s|^\d/.test(query) || query.split(' ').length > 4)) return null;
  if (sign === '/' && /^\s|\s{2}/.test(query)) return null;
  if (sign === '@' && /\s.*\s/.test(query)) return null;
  const from = found.index + found[1]!.length;
  return { sign, query: query.trim(), from, to: caret };
}

/** The text with the sign and its word replaced, and where the caret goes. */
export function replaced(
  text: string,
  trigger: Trigger,
  by: string,
): { text: string; caret: number } {
  const caret = trigger.from + by.length;
  return { text: text.slice(0, trigger.from) + by + text.slice(trigger.to), caret };
}
