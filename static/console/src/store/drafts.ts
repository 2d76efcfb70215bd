/** What is typed and not sent, one per conversation and mode: here, in the browser, on the server. */
import { call } from '../net/api';
import type { Live } from '../net/live';
import type { Shelf } from '../offline/shelf';
import type { Tabs } from '../offline/tabs';
import type { Draft, DraftMore, Message, Mode, ServerDraft } from '../types';
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
    this.toShelf(name, draft);
    this.store.later(`draft:${name}`, 700, () => this.save(name));
  }

  /** What comes back into the field stands before what was typed there since, not instead of it. */
  bring(mode: Mode, draft: Partial<Draft>, id = this.store.state.open): void {
    const typed = this.of(mode, id);
    this.change(
      mode,
      isEmpty(typed)
        ? draft
        : { ...both(draft, typed), base: Math.max(draft.base ?? 0, typed.base) },
      id,
    );
  }

  private toShelf(name: string, draft: Draft, isSaved = false): void {
    const kept = isEmpty(draft)
      ? this.shelf?.remove('drafts', name)
      : this.shelf?.put('drafts', { id: name, draft, isSaved });
    void kept?.catch(() => undefined);
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
        more: isEmpty(draft) ? {} : moreOf(draft),
      });
      this.told.set(name, ++this.now);
      if (this.unsaved.get(name) === since) {
        this.unsaved.delete(name);
        this.toShelf(name, draft, true);
      }
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
      } else {
        const told = { ...EMPTY, text: found.text, files: found.files, ...found.more };
        if (before && isSame(before, told)) continue;
        all[name] = { ...told, base: found.base_seq };
      }
      this.toShelf(name, all[name]!, true);
      isOther = true;
    }
    if (isOther) this.store.set({ drafts: all });
  }

  async fromShelf(): Promise<void> {
    const kept = (await this.shelf?.all('drafts').catch(() => [])) ?? [];
    const all = { ...this.store.state.drafts };
    for (const { id, draft, isSaved } of kept) {
      all[id] ??= draft;
      if (!isSaved) this.unsaved.set(id, ++this.now);
    }
    this.store.set({ drafts: all });
    this.saveAll();
  }
}

export const isEmpty = (draft: Draft): boolean =>
  !draft.text && !draft.files.length && !draft.cards.length && !draft.quote;

/** What goes with the words, where there is something. */
function moreOf(draft: Draft): DraftMore {
  const { cards, quote, mentions, template, isInternal, original } = draft;
  return {
    ...(cards.length ? { cards } : {}),
    ...(quote ? { quote } : {}),
    ...(mentions.length ? { mentions } : {}),
    ...(template ? { template } : {}),
    ...(isInternal ? { isInternal } : {}),
    ...(original ? { original } : {}),
  };
}

const isSame = (one: Draft, other: Draft): boolean =>
  one.text === other.text && marks(one) === marks(other);

/** Of files, goods and the rest only what tells them apart: the server keeps no order of keys. */
const marks = ({ files, ...draft }: Draft): string => {
  const {
    cards = [],
    quote,
    mentions = [],
    template,
    isInternal,
    original,
  } = moreOf({
    ...draft,
    files,
  });
  const numbers = [files, cards].map((all) => all.map((one) => one.id));
  return JSON.stringify([
    numbers,
    quote?.id,
    mentions,
    template,
    isInternal,
    original?.text,
    original?.language,
  ]);
};

/** Two drafts as one, the first one's words first. */
function both(first: Partial<Draft>, second: Draft): Partial<Draft> {
  const files = [...(first.files ?? []), ...second.files];
  const cards = [...(first.cards ?? []), ...second.cards];
  return {
    text: [first.text, second.text].filter(Boolean).join('\n\n'),
    files: files.filter((file, at) => files.findIndex((one) => one.id === file.id) === at),
    cards: cards.filter((card, at) => cards.findIndex((one) => one.id === card.id) === at),
    mentions: [...new Set([...(first.mentions ?? []), ...second.mentions])],
    template: second.template ?? first.template ?? null,
    quote: second.quote ?? first.quote ?? null,
    isInternal: Boolean(first.isInternal || second.isInternal),
  };
}
