/** One table of everything the keyboard and the palette can do. */
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { mayWhisper } from '../thread/head';
import { VIEWS } from '../types';
import { t, type Word } from '../words';
import {
  back,
  focusList,
  focusSearch,
  goToArea,
  leadsSomebody,
  openHelp,
  sendAndResolve,
  step,
  toComposer,
  write,
} from './moves';

export interface Command {
  id: string;
  word: Word;
  /** Usual keys by place; empty: palette only, until somebody gives it some. */
  keys: string;
  group: 'go' | 'talk' | 'write' | 'list' | 'app';
  run(desk: Desk): void;
  when?(state: State): boolean;
  /** Does nothing by itself but is listed in the help: the field's own keys. */
  isShown?: boolean;
}

const isOpen = (state: State): boolean => Boolean(state.thread);
const isMine = (state: State): boolean =>
  state.thread?.conversation.speaker === 'agent' &&
  state.thread.conversation.agent?.id === state.boot.me;

export const COMMANDS: Command[] = [
  {
    id: 'palette',
    word: 'palette',
    keys: 'Ctrl+KeyK',
    group: 'app',
    run: (desk) => desk.store.set({ panel: desk.state.panel === 'palette' ? '' : 'palette' }),
  },
  {
    id: 'next',
    word: 'nextDialogue',
    keys: 'Alt+KeyJ',
    group: 'go',
    run: (desk) => step(desk, 1),
  },
  {
    id: 'previous',
    word: 'previousDialogue',
    keys: 'Alt+KeyK',
    group: 'go',
    run: (desk) => step(desk, -1),
  },
  ...VIEWS.map(
    (view, at): Command => ({
      id: `view-${view}`,
      word: view,
      keys: `Digit${at + 1}`,
      group: 'go',
      run: (desk) => {
        desk.rows.choose(view);
        focusList();
      },
    }),
  ),
  {
    id: 'view-saved',
    word: 'firstSaved',
    keys: 'Digit0',
    group: 'go',
    when: (state) => state.views.length > 0,
    run: (desk) => {
      desk.rows.choose('all', desk.state.views[0]!.id);
      focusList();
    },
  },
  {
    id: 'inbox',
    word: 'dialogues',
    keys: 'KeyG KeyI',
    group: 'go',
    run: (desk) => {
      if (/^#[a-z]/.test(location.hash)) location.hash = '';
      desk.rows.choose('waiting');
      focusList();
    },
  },
  {
    id: 'settings-page',
    word: 'admin',
    keys: 'KeyG KeyS',
    group: 'go',
    run: () => {
      location.href = '/admin/';
    },
  },
  {
    id: 'notices',
    word: 'notices',
    keys: 'KeyG KeyN',
    group: 'go',
    run: (desk) => desk.store.set({ panel: 'notices' }),
  },
  {
    id: 'reports',
    word: 'reports',
    keys: 'KeyG KeyR',
    group: 'go',
    when: leadsSomebody,
    run: () => goToArea('reports'),
  },
  {
    id: 'board',
    word: 'board',
    keys: 'KeyG KeyB',
    group: 'go',
    when: leadsSomebody,
    run: () => goToArea('board'),
  },
  {
    id: 'people',
    word: 'customers',
    keys: 'KeyG KeyC',
    group: 'go',
    run: () => goToArea('people'),
  },
  {
    id: 'visitors',
    word: 'onSite',
    keys: 'KeyG KeyV',
    group: 'go',
    run: () => goToArea('visitors'),
  },
  { id: 'search', word: 'searchList', keys: 'KeyF', group: 'go', run: () => focusSearch() },
  { id: 'back', word: 'back', keys: 'Escape', group: 'go', run: back },
  {
    id: 'take',
    word: 'take',
    keys: 'Alt+KeyT',
    group: 'talk',
    when: (state) => isOpen(state) && !isMine(state),
    run: (desk) => void desk.acts.take(),
  },
  {
    id: 'return',
    word: 'toBot',
    keys: 'Alt+KeyB',
    group: 'talk',
    when: isOpen,
    run: (desk) => desk.store.set({ ask: 'return' }),
  },
  {
    id: 'resolve',
    word: 'resolve',
    keys: 'Alt+KeyE',
    group: 'talk',
    when: isOpen,
    run: (desk) => void desk.acts.resolve(),
  },
  {
    id: 'send-resolve',
    word: 'sendResolve',
    keys: 'Ctrl+Alt+KeyE',
    group: 'talk',
    when: isOpen,
    run: sendAndResolve,
  },
  {
    id: 'snooze',
    word: 'snooze',
    keys: 'Alt+KeyM',
    group: 'talk',
    when: isOpen,
    run: (desk) => desk.store.set({ ask: 'snooze' }),
  },
  {
    id: 'assign',
    word: 'assign',
    keys: 'Alt+KeyA',
    group: 'talk',
    when: isOpen,
    run: (desk) => desk.store.set({ ask: 'assign' }),
  },
  {
    id: 'label',
    word: 'label',
    keys: 'Alt+KeyG',
    group: 'talk',
    when: isOpen,
    run: (desk) => desk.store.set({ ask: 'label' }),
  },
  {
    id: 'macro',
    word: 'macro',
    keys: 'Alt+KeyR',
    group: 'talk',
    when: isOpen,
    run: (desk) => desk.store.set({ ask: 'macro' }),
  },
  {
    id: 'whisper',
    word: 'whisperAct',
    keys: '',
    group: 'talk',
    when: (state) => Boolean(state.thread && mayWhisper(state, state.thread.conversation)),
    run: (desk) => desk.store.set({ ask: 'whisper' }),
  },
  {
    id: 'unread',
    word: 'markUnread',
    keys: 'KeyU',
    group: 'talk',
    when: isOpen,
    run: (desk) => void desk.acts.markUnread(),
  },
  {
    id: 'date',
    word: 'jumpDate',
    keys: 'Alt+KeyD',
    group: 'talk',
    when: isOpen,
    run: (desk) => desk.store.set({ ask: 'date' }),
  },
  {
    id: 'first-unread',
    word: 'toUnread',
    keys: 'Alt+KeyU',
    group: 'talk',
    when: (state) => state.unreadFrom !== null,
    run: (desk) => void desk.threads.jumpToUnread(),
  },
  {
    id: 'link',
    word: 'copyLink',
    keys: '',
    group: 'talk',
    when: isOpen,
    run: (desk) => {
      void navigator.clipboard?.writeText(location.href);
      desk.acts.toast({ text: t('copied') });
    },
  },
  {
    id: 'context',
    word: 'context',
    keys: 'Alt+KeyO',
    group: 'talk',
    run: (desk) => desk.store.set({ showContext: !desk.state.showContext }),
  },
  {
    id: 'reply',
    word: 'reply',
    keys: 'Alt+KeyL',
    group: 'write',
    when: isOpen,
    run: (desk) => write(desk, 'reply'),
  },
  {
    id: 'note',
    word: 'note',
    keys: 'Alt+KeyP',
    group: 'write',
    when: isOpen,
    run: (desk) => write(desk, 'note'),
  },
  {
    id: 'send',
    word: 'send',
    keys: 'Ctrl+Enter',
    group: 'write',
    when: isOpen,
    run: () => toComposer('send'),
  },
  {
    id: 'templates',
    word: 'templates',
    keys: 'Slash',
    group: 'write',
    when: isOpen,
    run: () => toComposer('/'),
  },
  {
    id: 'templates-in-field',
    word: 'templates',
    keys: 'Ctrl+Slash',
    group: 'write',
    when: isOpen,
    run: () => toComposer('/'),
  },
  {
    id: 'mention',
    word: 'mention',
    keys: 'Alt+Digit2',
    group: 'write',
    when: isOpen,
    run: (desk) => {
      desk.store.set({ mode: 'note' });
      toComposer('@');
    },
  },
  {
    id: 'suggest',
    word: 'ai_suggest',
    keys: 'Alt+KeyS',
    group: 'write',
    when: isOpen,
    run: (desk) => {
      desk.store.set({ mode: 'reply' });
      toComposer('suggest');
    },
  },
  {
    id: 'knowledge',
    word: 'knowledge',
    keys: 'Alt+Digit3',
    group: 'write',
    when: isOpen,
    run: () => toComposer('#'),
  },
  {
    id: 'emoji',
    word: 'emoji',
    keys: 'Alt+Semicolon',
    group: 'write',
    when: isOpen,
    run: () => toComposer(':'),
  },
  {
    id: 'attach',
    word: 'attach',
    keys: 'Ctrl+Alt+KeyA',
    group: 'write',
    when: isOpen,
    run: () => toComposer('attach'),
  },
  {
    id: 'edit-last',
    word: 'editLast',
    keys: 'Alt+ArrowUp',
    group: 'write',
    when: isOpen,
    run: (desk) => void desk.said.beginLast(),
  },
  {
    id: 'translation',
    word: 'translation',
    keys: '',
    group: 'talk',
    when: isOpen,
    run: (desk) => void desk.translation.read(),
  },
  {
    id: 'undo',
    word: 'undo',
    keys: 'KeyZ',
    group: 'list',
    run: (desk) => {
      if (!desk.outbox.takeBack()) desk.acts.undoLast();
    },
  },
  {
    id: 'choose',
    word: 'choose',
    keys: 'Space',
    group: 'list',
    isShown: true,
    run: () => undefined,
  },
  {
    id: 'choose-all',
    word: 'chooseAll',
    keys: 'Ctrl+Shift+KeyA',
    group: 'list',
    run: (desk) => desk.rows.chooseAll(),
  },
  {
    id: 'open',
    word: 'openDialogue',
    keys: 'Enter',
    group: 'list',
    isShown: true,
    run: () => undefined,
  },
  {
    id: 'keep-view',
    word: 'saveView',
    keys: '',
    group: 'list',
    run: (desk) => desk.store.set({ panel: 'view' }),
  },
  {
    id: 'settings',
    word: 'prefs',
    keys: 'Ctrl+Comma',
    group: 'app',
    run: (desk) => desk.store.set({ panel: 'settings' }),
  },
  {
    id: 'help',
    word: 'help',
    keys: 'Shift+Slash',
    group: 'app',
    run: (desk) => openHelp(desk),
  },
  ...(['online', 'busy', 'away', 'invisible'] as const).map(
    (presence): Command => ({
      id: `presence-${presence}`,
      word: presence,
      keys: '',
      group: 'app',
      run: (desk) => void desk.setPresence(presence),
    }),
  ),
];
