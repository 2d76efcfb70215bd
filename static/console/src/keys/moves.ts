/** What commands do with the focus and between conversations. */
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { isEmpty } from '../store/drafts';

export const focusComposer = (): void => {
  requestAnimationFrame(() =>
    document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus(),
  );
};

/** To a page beside the dialogues, by its address (board/area.tsx). */
export function goToArea(name: string): void {
  location.hash = name;
}

/** The help, over the dialogues, which stay as they are; again: back to them. */
export function openHelp(desk: Desk): void {
  if (location.hash === '#help') {
    leaveHelp(desk);
    return;
  }
  desk.store.set({ panel: '', showContext: false });
  location.hash = 'help';
}

export function leaveHelp(desk: Desk): void {
  location.hash = '';
  const { open } = desk.state;
  if (open) history.replaceState(null, '', `#${open}`);
}

/** Whoever leads nobody has no board and no reports. */
export const leadsSomebody = (state: State): boolean =>
  state.boot.role !== 'agent' || state.teams.some((team) => team.is_lead);

export const focusList = (): void => {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('.rows')?.focus());
};

/** Tell the composer to do something with its field (open a picker, attach). */
export const toComposer = (what: string): void => {
  focusComposer();
  requestAnimationFrame(() => {
    document.querySelector('.composer')?.dispatchEvent(new CustomEvent('do', { detail: what }));
  });
};

export function write(desk: Desk, mode: 'reply' | 'note'): void {
  desk.store.set({ mode });
  focusComposer();
}

export function step(desk: Desk, by: number): void {
  const next = desk.rows.move(by);
  if (next) void desk.threads.open(next.id);
}

/** Resolve and on to the next one that waits. */
export async function resolveAndNext(desk: Desk): Promise<void> {
  const { rows } = desk.state.list;
  const at = rows.findIndex((row) => row.id === desk.state.open);
  const next = rows[at + 1] ?? rows[at - 1];
  if ((await desk.acts.resolve()) && next) void desk.threads.open(next.id);
}

/** Send what is written; with nothing written, resolve. Then the next one. */
export function sendAndResolve(desk: Desk): void {
  if (desk.state.mode !== 'reply' || isEmpty(desk.drafts.of('reply'))) {
    void resolveAndNext(desk);
    return;
  }
  if (!desk.outbox.send('reply', false, 'resolve')) return;
  const { rows } = desk.state.list;
  const at = rows.findIndex((row) => row.id === desk.state.open);
  const next = rows[at + 1];
  if (next) void desk.threads.open(next.id);
}

export function back(desk: Desk): void {
  const { state, store } = desk;
  if (state.panel) store.set({ panel: '' });
  else if (state.order) store.set({ order: null });
  else if (location.hash === '#help') leaveHelp(desk);
  else if (state.ask) {
    store.set({ ask: '' });
    focusComposer();
  } else if (state.showContext && innerWidth < 1200) store.set({ showContext: false });
  else if (document.activeElement?.matches('textarea, input, select')) {
    (document.activeElement as HTMLElement).blur();
    focusList();
  } else if (state.list.selected.size) desk.rows.unchoose();
  else {
    if (innerWidth < 800) void desk.threads.open(null);
    focusList();
  }
}

export function focusSearch(): void {
  document.querySelector<HTMLInputElement>('.search input')?.focus();
}
