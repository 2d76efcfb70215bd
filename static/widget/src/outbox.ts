/** Messages that no server has confirmed yet. They outlive the page and are shared by its tabs. */

import type { FileRow, SayFrame } from './protocol';
import type { Box } from './store';

export interface Waiting {
  say: SayFrame;
  files: FileRow[];
  at: string;
  tab: string;
}

// Another tab's message is left to that tab for so long; then whoever is here sends it.
export const OTHERS_AFTER_MS = 20_000;
const KEPT = 50;

export class Outbox {
  constructor(
    private box: Box,
    private tab: string,
  ) {}

  all(): Waiting[] {
    return this.box.get<Waiting[]>('outbox') ?? [];
  }

  add(say: SayFrame, files: FileRow[], at: string): void {
    const waiting = [
      ...this.all().filter((w) => w.say.key !== say.key),
      { say, files, at, tab: this.tab },
    ];
    this.box.set('outbox', waiting.slice(-KEPT));
  }

  remove(key: string): void {
    this.box.set(
      'outbox',
      this.all().filter((w) => w.say.key !== key),
    );
  }

  /** The message to send next, oldest first; none of another tab that may be sending it now. */
  next(now: number): Waiting | null {
    return (
      this.all().find((w) => w.tab === this.tab || now - Date.parse(w.at) > OTHERS_AFTER_MS) ?? null
    );
  }
}
