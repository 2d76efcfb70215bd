/**
 * The language strip: what buyers write is translated by the server beside everything else; what is
 * written to them is translated on demand, looked at, and sent with the writer's own words beside
 * it. Whatever fails is told in words, and the next press sends the words as they are.
 */
import { help, NoHelp } from '../composer/assist';
import { call } from '../net/api';
import type { Draft, Mode, TranslationState } from '../types';
import { t } from '../words';
import { told } from '../words/told';
import type { Made, Store, Strip } from './core';
import type { Threads } from './threads';

// So many of the buyer's last messages are translated when it is switched on.
const LOOK_BACK = 5;

export class Translation {
  constructor(
    private readonly store: Store,
    private readonly threads: Threads,
    private readonly complain: (error: unknown) => void,
  ) {}

  private get strip(): Strip | null {
    const { strip, open } = this.store.state;
    return strip?.conversation === open ? strip : null;
  }

  private show(id: number, state: TranslationState): void {
    if (this.store.state.open !== id) return;
    const before = this.strip;
    this.store.set({
      strip: { conversation: id, state, isWorking: false, made: before?.made ?? null },
    });
  }

  async read(id = this.store.state.open): Promise<void> {
    if (!id) return;
    try {
      this.show(id, await call<TranslationState>('GET', `/conversations/${id}/translation/`));
    } catch {
      // Without the strip the dialogue is as it is without translation.
    }
  }

  /** Switch it for this dialogue, or say what the buyer writes in. */
  async change(change: { on?: boolean; buyer?: string }): Promise<void> {
    const id = this.store.state.open;
    if (!id) return;
    try {
      const found = await call<TranslationState>(
        'PUT',
        `/conversations/${id}/translation/`,
        change,
      );
      this.show(id, found);
      this.put(null);
      if (found.on && found.differ && found.available) await this.translateLast(found.mine);
    } catch (error) {
      this.complain(error);
    }
  }

  private async translateLast(mine: string): Promise<void> {
    const last = (this.store.state.thread?.messages ?? [])
      .filter((one) => one.author === 'buyer' && one.text && !one.meta.translations?.[mine])
      .slice(-LOOK_BACK);
    for (const one of last) await call('POST', `/messages/${one.id}/translate/`);
    if (last.length) await this.threads.read();
  }

  /** What is written goes out as a translation: it is on, there is one to be had, and it is needed. */
  get isActive(): boolean {
    const state = this.strip?.state;
    return Boolean(state?.on && state.differ && state.available);
  }

  /** The draft as it goes out; null while its translation is being made or was not seen yet. */
  inWords(mode: Mode, draft: Draft): Draft | null {
    const { strip } = this;
    // A prepared reply is in the buyer's language already.
    if (mode !== 'reply' || !strip || !this.isActive || draft.template || !draft.text.trim())
      return draft;
    if (strip.isWorking) return null;
    const of = draft.text.trim();
    if (strip.made?.of !== of) {
      void this.make(of);
      return null;
    }
    const { text } = strip.made;
    return text ? { ...draft, text, original: { text: of, language: strip.state.mine } } : draft;
  }

  /** Translate and show it; nothing is sent. */
  async make(of: string): Promise<void> {
    const { strip } = this;
    if (!strip || !of) return;
    const id = strip.conversation;
    this.store.set({ strip: { ...strip, isWorking: true, made: null } });
    const made: Made = { of, text: '', why: '', doubt: '' };
    try {
      const found = await help(id, 'translate', of, () => undefined, new AbortController().signal);
      made.text = found?.text ?? '';
      made.doubt = found?.checks.find((one) => !one.ok)?.detail ?? '';
      if (!made.text) made.why = t('aiFailed');
    } catch (error) {
      made.why = error instanceof NoHelp ? error.message || t('aiFailed') : told(error);
    }
    const now = this.strip;
    if (now?.conversation === id) this.store.set({ strip: { ...now, isWorking: false, made } });
  }

  /** These words go as they are. */
  asItIs(of: string): void {
    this.put({ of: of.trim(), text: '', why: '', doubt: '' });
  }

  private put(made: Made | null): void {
    const { strip } = this;
    if (strip) this.store.set({ strip: { ...strip, made, isWorking: false } });
  }
}
