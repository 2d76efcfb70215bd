/** A model's help as it is written: lines of JSON (bots/api/composer.py, Assist). */
import { stream } from '../net/api';
import type { Source } from '../types';

export const ACTS = ['suggest', 'shorter', 'politer', 'fix', 'translate', 'summary'] as const;
export type AssistAct = (typeof ACTS)[number];

/** They say the same in other words: their words take the place of what was written. */
export const REWRITES: readonly AssistAct[] = ['shorter', 'politer', 'fix', 'translate'];

export interface Help {
  act: AssistAct;
  text: string;
  sources: Source[];
  checks: { name: string; ok: boolean; detail: string }[];
  decision: string;
  reason: string;
}

type Line =
  | { t: 'text'; text: string }
  | ({ t: 'done' } & Help)
  | { t: 'error'; error: { code: string; message: string } };

/** What cannot be helped with, in the server's words. */
export class NoHelp extends Error {}

export async function help(
  conversation: number,
  act: AssistAct | 'ask',
  text: string,
  show: (text: string) => void,
  signal: AbortSignal,
): Promise<Help | null> {
  let made: Help | null = null;
  const body = { act, text, stream: true };
  await stream(
    `/conversations/${conversation}/assist/`,
    body,
    (raw) => {
      const line = raw as Line;
      if (line.t === 'text') show(line.text);
      else if (line.t === 'done') made = line;
      else throw new NoHelp(line.error.message);
    },
    signal,
  );
  return made;
}
