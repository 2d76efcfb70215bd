/** Messages on their way: shown at once, sent oldest first, once by their key, from one tab. */
import { Away, call, Refused } from '../net/api';
import type { Shelf } from '../offline/shelf';
import { alone, type Tabs } from '../offline/tabs';
import type { Draft, Message, Mode, Outgoing } from '../types';
import { answeredText, t } from '../words';
import { EMPTY, type Store } from './core';
import type { Drafts } from './drafts';

export interface Afterwards {
  /** Written: the thread is read again. */
  sent(outgoing: Outgoing): void;
  /** Somebody else holds it, and the words are back in the composer. */
  taken(error: Refused, again: () => void): void;
  /** To the newest message. */
  show(): void;
  /** Written, but the dialogue could not be resolved after it. */
  unresolved(conversation: number, error: Refused): void;
  /** Refused while another conversation is open: the words wait in the draft. */
  elsewhere(outgoing: Outgoing, error: Refused): void;
}

export class Outbox {
  shelf: Shelf | null = null;
  tabs: Tabs | null = null;
  /** The draft in the buyer's language; null: not yet, it is to be looked at first. */
  inWords: (mode: Mode, draft: Draft) => Draft | null = (_mode, draft) => draft;

  constructor(
    private readonly store: Store,
    private readonly drafts: Drafts,
    private readonly after: Afterwards,
  ) {
    drafts.arrived = (messages) => this.arrived(messages);
  }

  private get all(): Outgoing[] {
    return this.store.state.outbox;
  }

  /** `insist`: sent although somebody has written since. */
  send(mode: Mode, insist = false, after: Outgoing['after'] = ''): Outgoing | null {
    const id = this.store.state.open;
    const typed = this.drafts.of(mode);
    if (!id || (!typed.text.trim() && !typed.files.length && !typed.cards.length)) return null;
    const draft = this.inWords(mode, typed);
    if (!draft) return null;
    const hold = this.store.state.prefs.hold_s ?? 0;
    const outgoing = this.queued(id, draft, {
      mode,
      baseSeq: insist || mode === 'note' ? null : this.baseOf(draft),
      notBefore: mode === 'reply' && hold ? Date.now() + hold * 1000 : 0,
      after,
    });
    this.drafts.forget(`${id}:${mode}`);
    void this.flush();
    return outgoing;
  }

  private queued(conversation: number, draft: Draft, how: Partial<Outgoing>): Outgoing {
    const outgoing: Outgoing = {
      key: crypto.randomUUID(),
      conversation,
      mode: 'reply',
      draft: { ...draft, text: draft.text.trim() },
      baseSeq: null,
      at: new Date().toISOString(),
      notBefore: 0,
      after: '',
      ...how,
    };
    this.put(outgoing);
    this.store.set({ notice: null });
    return outgoing;
  }

  /** A prepared reply where nothing else may be sent; what was typed waits for the window. */
  sendTemplate(text: string, template: number, files: Draft['files']): void {
    const id = this.store.state.open;
    if (!id || !text.trim()) return;
    this.queued(id, { ...EMPTY, text, template, files }, {});
    void this.flush();
  }

  /** The newest message there was when these words were begun. */
  private baseOf(draft: Draft): number {
    return draft.base || (this.store.state.thread?.messages.at(-1)?.seq ?? 0);
  }

  /** The newest one that is still held comes back into the composer. */
  takeBack(): boolean {
    const held = this.all.findLast((o) => o.notBefore > Date.now());
    if (!held) return false;
    this.drop(held.key);
    this.drafts.bring(held.mode, asTyped(held.draft), held.conversation);
    return true;
  }

  private put(outgoing: Outgoing): void {
    this.store.set({ outbox: [...this.all.filter((o) => o.key !== outgoing.key), outgoing] });
    void this.shelf
      ?.put('outbox', { id: outgoing.key, outgoing })
      .then(() => this.tabs?.tell({ type: 'outbox' }))
      .catch(() => undefined);
  }

  private drop(key: string): void {
    this.store.set({ outbox: this.all.filter((o) => o.key !== key) });
    void this.shelf
      ?.remove('outbox', key)
      .then(() => this.tabs?.tell({ type: 'outbox' }))
      .catch(() => undefined);
  }

  private arrived(messages: Message[]): void {
    const keys = new Set(messages.map((m) => m.client_key).filter(Boolean));
    for (const one of this.all)
      if (keys.has(one.key)) {
        this.left(one);
        if (!one.after) this.drop(one.key);
      }
  }

  /** It is with the server, which has forgotten the draft: what was typed since is told again. */
  private left({ conversation, mode }: Outgoing): void {
    this.drafts.sent(`${conversation}:${mode}`);
  }

  /** What was waiting when the page was closed, and what another tab has put or sent. */
  async fromShelf(): Promise<void> {
    const kept = (await this.shelf?.all('outbox').catch(() => [])) ?? [];
    const outbox = kept.map((one) => one.outgoing).sort((a, b) => a.at.localeCompare(b.at));
    const keys = new Set(outbox.map((one) => one.key));
    for (const one of this.all) if (!keys.has(one.key)) this.left(one);
    this.store.set({ outbox });
    if (outbox.length) void this.flush();
  }

  /** One tab sends for all; the key makes a repeat harmless anyway. */
  async flush(): Promise<void> {
    const done = await alone('outbox', () => this.sendAll());
    if (!done && this.all.length) this.store.later('flush', 2000, () => void this.flush());
  }

  private async sendAll(): Promise<void> {
    for (;;) {
      const next = this.all[0];
      if (!next) return;
      const wait = next.notBefore - Date.now();
      if (wait > 0) {
        this.store.later('flush', wait + 20, () => void this.flush());
        return;
      }
      try {
        await this.sendOne(next);
        this.left(next);
        this.after.sent(next);
        this.drop(next.key);
      } catch (error) {
        if (error instanceof Away) {
          this.store.later('flush', 3000, () => void this.flush());
          return;
        }
        this.refused(next, error);
      }
    }
  }

  private async sendOne({
    conversation,
    mode,
    draft,
    key,
    baseSeq,
    after,
  }: Outgoing): Promise<void> {
    const where = `/conversations/${conversation}`;
    const { text, mentions } = draft;
    const files = draft.files.length ? { files: draft.files.map((file) => file.id) } : {};
    if (mode === 'note')
      await call('POST', `${where}/note/`, { text, client_key: key, mentions, ...files });
    else
      await call('POST', `${where}/reply/`, {
        text,
        client_key: key,
        ...(baseSeq === null ? {} : { base_seq: baseSeq }),
        ...files,
        ...(draft.cards.length ? { cards: draft.cards.map((card) => card.id) } : {}),
        ...(draft.template ? { template_id: draft.template } : {}),
        ...(draft.quote ? { reply_to: draft.quote.id } : {}),
        ...(draft.original
          ? { original: draft.original.text, original_language: draft.original.language }
          : {}),
      });
    if (after !== 'resolve') return;
    try {
      await call('POST', `${where}/resolve/`);
    } catch (error) {
      // It is written: the words do not come back, only the dialogue stays open.
      if (!(error instanceof Refused)) throw error;
      this.after.unresolved(conversation, error);
    }
  }

  private refused(next: Outgoing, error: unknown): void {
    this.drop(next.key);
    // The words go back into the composer: nothing typed is lost.
    const isNewer = error instanceof Refused && error.code === 'newer_messages';
    // What has come is shown now: the next press goes by it.
    const base = isNewer ? Number(error.data.last_seq ?? next.draft.base) : next.draft.base;
    this.drafts.bring(next.mode, { ...asTyped(next.draft), base }, next.conversation);
    if (!(error instanceof Refused)) throw error;
    if (this.store.state.open !== next.conversation) {
      this.after.elsewhere(next, error);
      return;
    }
    const again = () => {
      if (this.store.state.open === next.conversation) this.send(next.mode, true, next.after);
    };
    if (isNewer) {
      this.after.sent(next);
      const { answered_by: name, answered_ago_s: ago } = error.data;
      this.store.set({
        notice: {
          text: name ? answeredText(String(name), Number(ago ?? 0)) : t('newer'),
          action: t('sendAnyway'),
          run: again,
          ...(name ? { show: this.after.show } : {}),
        },
      });
    } else this.after.taken(error, again);
  }
}

/** The writer's own words again, where a translation was to go out. */
const asTyped = ({ original, ...draft }: Draft): Draft =>
  original ? { ...draft, text: original.text } : draft;
