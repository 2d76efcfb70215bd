import { beforeEach, describe, expect, it, vi } from 'vitest';
import { chordOf, chordText, type Pressed } from '../src/keys/chords';
import { COMMANDS } from '../src/keys/commands';
import { Keys, tableOf } from '../src/keys/dispatch';
import { beginning, type State } from '../src/store/core';
import type { Desk } from '../src/store/desk';
import { BOOT, message, thread } from './fakes';

const press = (code: string, modifiers = ''): Pressed => ({
  code,
  altKey: modifiers.includes('alt'),
  ctrlKey: modifiers.includes('ctrl'),
  metaKey: modifiers.includes('meta'),
  shiftKey: modifiers.includes('shift'),
});

describe('keys', () => {
  let state: State;
  let keys: Keys;
  const found = (code: string, modifiers = '', inField = false, now = 0): string | null =>
    keys.find(press(code, modifiers), inField, now)?.id ?? null;

  beforeEach(() => {
    state = { ...beginning(BOOT), thread: thread([message(1)]) };
    keys = new Keys({
      get state() {
        return state;
      },
    } as Desk);
  });

  it('go by their place: what the layout writes on them does not matter', () => {
    // In the Russian layout KeyJ gives «о»; only the code is looked at.
    expect(found('KeyJ', 'alt')).toBe('next');
    expect(found('KeyE', 'ctrl alt')).toBe('send-resolve');
    expect(found('KeyK', 'ctrl')).toBe('palette');
    expect(found('KeyK', 'meta')).toBe('palette');
    expect(found('KeyU')).toBe('unread');
    expect(found('Slash', 'shift')).toBe('help');
    expect(found('Digit2')).toBe('view-mine');
  });

  it('are the text’s inside a field, unless there is a modifier', () => {
    expect(found('KeyU', '', true)).toBeNull();
    expect(found('Slash', 'shift', true)).toBeNull();
    expect(found('KeyJ', 'alt', true)).toBe('next');
    expect(found('Enter', 'ctrl', true)).toBe('send');
    expect(found('Escape', '', true)).toBe('back');
  });

  it('follow one another within a second', () => {
    expect(found('KeyG', '', false, 0)).toBeNull();
    expect(found('KeyI', '', false, 900)).toBe('inbox');
    expect(found('KeyG', '', false, 5000)).toBeNull();
    expect(found('KeyI', '', false, 7000)).toBeNull();
  });

  it('do nothing where there is nothing to do', () => {
    state = { ...state, thread: null };
    expect(found('KeyT', 'alt')).toBeNull();
  });

  it('can be a person’s own, and the usual ones give way', () => {
    state = { ...state, prefs: { keys: { take: 'Alt+KeyJ', next: 'Alt+ArrowDown', unread: '' } } };
    expect(found('KeyJ', 'alt')).toBe('take');
    expect(found('ArrowDown', 'alt')).toBe('next');
    expect(found('KeyT', 'alt')).toBeNull();
  });

  it('have one meaning each', () => {
    const usual = COMMANDS.filter((one) => one.keys && !one.isShown).map((one) => one.keys);
    expect(new Set(usual).size).toBe(usual.length);
    expect(tableOf().size).toBe(usual.length);
    expect(new Set(COMMANDS.map((one) => one.id)).size).toBe(COMMANDS.length);
  });

  it('are written as they stand on the keyboard', () => {
    vi.stubGlobal('navigator', { platform: 'Linux' });
    expect(chordText('Ctrl+Alt+KeyE')).toBe('Ctrl Alt E');
    expect(chordText('KeyG KeyI')).toBe('G → I');
    expect(chordOf(press('ShiftLeft', 'shift'))).toBe('');
    vi.unstubAllGlobals();
  });
});
