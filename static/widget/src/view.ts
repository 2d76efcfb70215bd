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

/** The shop wants to know whom to answer before anything is written. */
export const asksFirst = ({ chat, config }: View): boolean =>
  !!config.form && !chat.hasContact && !chat.state.messages.length;
