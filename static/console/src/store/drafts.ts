/** What is typed and not sent, one per conversation and mode: here, in the browser, on the server. */
import { call } from '../net/api';
import type { Live } from '../net/live';
import type { Shelf } from '../offline/shelf';
import type { Tabs } from '../offline/tabs';
import type { Draft, Message, Mode, ServerDraft } from '../types';
import { EMPTY, type Store } from './core';

export class Drafts {
  shelf: Shelf | null = null;
  live: Live | null = null;
  tabs: Tabs | null = null;
  /** Told of every page of messages: what has arrived leaves the outbox. */
  arrived: (messages: Message[]) => void = () => undefined;
  /** Counts what happens to drafts: whoever reads the server's notes it before asking. */
  now = 0;
  // Typed here and not yet taken by the server: it wins over what the server has. Since when.
  private readonly unsaved = new Map<string, number>();
  // When the server last took or forgot one: what was read of it before is old.
  private readonly told = new Map<string, number>();

  constructor(private readonly store: Store) {}

  of(mode: Mode, id = this.store.state.open): Draft {
    return this.store.state.drafts[`${id}:${mode}`] ?? EMPTY;
  }

  typed(mode: Mode, text: string): void {
    this.change(mode, { text });
    const id = this.store.state.open;
    this.store.soon('typing', 1000, () =>
      this.live?.say({ type: 'typing', conversation: id, mode }),
    );
  }

  change(mode: Mode, change: Partial<Draft>, id = this.store.state.open): void {
    if (!id) return;
    const before = this.of(mode, id);
    const base = isEmpty(before)
      ? (this.store.state.thread?.messages.at(-1)?.seq ?? 0)
      : before.base;
    const name = `${id}:${mode}`;
    const draft = { ...before, base, ...change };
    this.store.set({ drafts: { ...this.store.state.drafts, [name]: draft } });
    this.unsaved.set(name, ++this.now);
    const kept = isEmpty(draft)
      ? this.shelf?.remove('drafts', name)
      : this.shelf?.put('drafts', { id: name, draft });
    void kept?.catch(() => undefined);
    this.store.later(`draft:${name}`, 700, () => this.save(name));
  }

  private async save(name: string): Promise<void> {
    const [id, mode] = name.split(':');
    const draft = this.store.state.drafts[name] ?? EMPTY;
    const since = this.unsaved.get(name);
    try {
      await call('PUT', `/desk/conversations/${id}/draft/`, {
        text: draft.text,
        mode,
        base_seq: draft.base,
        files: draft.files.map((file) => file.id),
      });
      this.told.set(name, ++this.now);
      if (this.unsaved.get(name) === since) this.unsaved.delete(name);
      this.tabs?.tell({ type: 'draft', id: name });
    } catch {
      // Kept in the browser; saved when the connection is back.
    }
  }

  /** The connection is back: the server gets what it missed. */
  saveAll(): void {
    for (const name of this.unsaved.keys())
      this.store.later(`draft:${name}`, 50, () => this.save(name));
  }

  /** It is on its way: nothing of it is saved late. */
  forget(name: string): void {
    this.store.never(`draft:${name}`);
    this.unsaved.delete(name);
    this.told.set(name, ++this.now);
    void this.shelf?.remove('drafts', name).catch(() => undefined);
    this.store.set({ drafts: { ...this.store.state.drafts, [name]: EMPTY } });
  }

  /** A message went, and the server forgot its draft: what was typed since is told again. */
  sent(name: string): void {
    this.told.set(name, ++this.now);
    if (isEmpty(this.store.state.drafts[name] ?? EMPTY)) return;
    this.unsaved.set(name, this.now);
    this.store.later(`draft:${name}`, 50, () => this.save(name));
  }

  /** `asOf`: `now` when they were asked for. */
  fromServer(id: number, drafts: Record<string, ServerDraft>, asOf = this.now): void {
    const all = { ...this.store.state.drafts };
    let isOther = false;
    for (const mode of ['reply', 'note'] as const) {
      const name = `${id}:${mode}`;
      const isLeaving = this.store.state.outbox.some(
        (o) => o.conversation === id && o.mode === mode,
      );
      const isOld = (this.told.get(name) ?? 0) > asOf;
      if (this.unsaved.has(name) || isLeaving || isOld) continue;
      const [found, before] = [drafts[mode], all[name]];
      if (!found) {
        if (!before || before === EMPTY) continue;
        all[name] = EMPTY;
      } else if (found.text !== before?.text || found.files.length !== before.files.length)
        all[name] = { ...EMPTY, text: found.text, files: found.files, base: found.base_seq };
      else continue;
      isOther = true;
    }
    if (isOther) this.store.set({ drafts: all });
  }

  async fromShelf(): Promise<void> {
    const kept = (await this.shelf?.all('drafts').catch(() => [])) ?? [];
    const all = { ...this.store.state.drafts };
    for (const { id, draft } of kept) {
      all[id] ??= draft;
      this.unsaved.set(id, ++this.now);
    }
    this.store.set({ drafts: all });
    this.saveAll();
  }
}

export const isEmpty = (draft: Draft): boolean =>
  !draft.text && !draft.files.length && !draft.cards.length && !draft.quote;
