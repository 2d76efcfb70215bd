/**
 * Messages that no server has confirmed yet. They outlive the page and are shared by its tabs.
 *
 * Whichever page of the browser has a line sends all that waits, oldest first: the one they were
 * written in may be closed by now. The server takes each key once, so two senders do no harm.
 */

import type { FileRow, SayFrame } from './protocol';
import type { Box } from './store';

export interface Waiting {
  say: SayFrame;
  files: FileRow[];
  at: string;
}

const KEPT = 50;

export class Outbox {
  // Storage may be full, and another tab may write at the same moment: this page knows its own.
  private mine: Waiting[] = [];
  private gone = new Set<string>();

  constructor(private box: Box) {}

  all(): Waiting[] {
    const kept = this.box.get<Waiting[]>('outbox') ?? [];
    const missing = this.mine.filter((w) => !kept.some((k) => k.say.key === w.say.key));
    return [...kept, ...missing]
      .filter((w) => !this.gone.has(w.say.key))
      .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  }

  add(say: SayFrame, files: FileRow[], at: string): void {
    this.gone.delete(say.key);
    this.mine = [...this.mine.filter((w) => w.say.key !== say.key), { say, files, at }];
    this.box.set('outbox', this.all().slice(-KEPT));
  }

  remove(key: string): void {
    this.gone.add(key);
    this.mine = this.mine.filter((w) => w.say.key !== key);
    this.box.set('outbox', this.all());
  }

  /** The message to send next. */
  next(): Waiting | undefined {
    return this.all()[0];
  }
}
