/** Several acts by one press, all or none, taken back as one (bots/services/macros.py). */
import { Away, call } from '../net/api';
import type { Macro } from '../types';
import { t } from '../words';
import type { Acts } from './acts';
import type { Store } from './core';
import type { Rows } from './rows';
import type { Threads } from './threads';

export const UNDO_FOR_MS = 10 * 60_000; // the server takes nothing back after that

export class Macros {
  constructor(
    private readonly store: Store,
    private readonly rows: Rows,
    private readonly threads: Threads,
    private readonly acts: Acts,
  ) {}

  async read(): Promise<void> {
    try {
      this.store.set({ macros: await call<Macro[]>('GET', '/macros/') });
    } catch (error) {
      if (!(error instanceof Away)) throw error;
    }
  }

  async run(macro: Macro): Promise<boolean> {
    const id = this.store.state.open;
    if (!id) return false;
    try {
      const { undo } = await call<{ undo: number }>('POST', `/conversations/${id}/macro/`, {
        macro: macro.id,
      });
      const run = (): void => void this.undo(undo, id, macro);
      this.acts.toast({ text: t('macroDone', macro.name), action: t('undo'), run, isUndo: true });
      this.acts.canUndo(run, UNDO_FOR_MS);
      await this.seen(id);
      return true;
    } catch (error) {
      this.acts.complain(error);
      return false;
    }
  }

  private async undo(press: number, id: number, macro: Macro): Promise<void> {
    this.acts.canUndo(null);
    this.store.set({ toast: null });
    try {
      const { left } = await call<{ left: string[] }>('POST', `/macros/runs/${press}/undo/`);
      this.acts.toast({ text: t(left.length ? 'macroUndoneSome' : 'macroUndone', macro.name) });
      await this.seen(id);
    } catch (error) {
      this.acts.complain(error);
    }
  }

  private async seen(id: number): Promise<void> {
    this.rows.touch([id], true);
    if (this.store.state.open === id) await this.threads.read();
  }
}
