/** What every part of the chat needs to draw itself. */

import type { Chat } from './chat';
import type { Config } from './protocol';
import type { Lang, Words } from './words';

export interface View {
  chat: Chat;
  config: Config;
  words: Words;
  lang: Lang;
  emit: (name: string, data?: unknown) => void;
}
