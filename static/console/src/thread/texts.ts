/** Both texts of a message: in the reader's language, and as it was written or sent. */
import type { Message } from '../types';

export interface Texts {
  text: string; // shown first
  language: string;
  other: string; // one press away; empty where there is one text only
  otherLanguage: string;
  state: '' | 'waiting' | 'failed';
  why: string;
}

export function textsOf(message: Message, lang: string): Texts {
  const one: Texts = {
    text: message.text,
    language: '',
    other: '',
    otherLanguage: '',
    state: '',
    why: '',
  };
  const { original, translations = {} } = message.meta;
  if (original)
    return { ...one, text: original.text, language: original.language, other: message.text };
  const [to, found] =
    Object.entries(translations).find(([language]) => language === lang) ??
    Object.entries(translations)[0] ??
    [];
  if (!found || !to) return one;
  if (found.state !== 'done') return { ...one, state: found.state, why: found.detail ?? '' };
  return {
    ...one,
    text: found.text ?? message.text,
    language: to,
    other: found.text ? message.text : '',
    otherLanguage: found.from && found.from !== 'auto' ? found.from : '',
  };
}
