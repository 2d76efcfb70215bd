/** Which command a key press means, with the person's own keys before the usual ones. */

import type { Desk } from '../store/desk';
import { chordOf, hasModifier, type Pressed } from './chords';
import { COMMANDS, type Command } from './commands';
import { back } from './moves';

export const keysOf = (command: Command, own: Record<string, string> = {}): string =>
  own[command.id] ?? command.keys;

/** Chord (or sequence of chords) → command. What somebody gave away to another is gone. */
export function tableOf(own: Record<string, string> = {}): Map<string, Command> {
  const table = new Map<string, Command>();
  for (const command of COMMANDS)
    if (!own[command.id] && command.keys && !command.isShown) table.set(command.keys, command);
  for (const command of COMMANDS) {
    const keys = own[command.id];
    if (keys) table.set(keys, command);
  }
  return table;
}

const SEQUENCE_MS = 1200;

export class Keys {
  private first = '';
  private at = 0;
  private table = new Map<string, Command>();
  private own: Record<string, string> | undefined;
  private isBuilt = false;

  constructor(private readonly desk: Desk) {}

  /** The command, or null: a text field keeps its keys unless there is a modifier. */
  find(event: Pressed, isInField: boolean, now = Date.now()): Command | null {
    const { keys } = this.desk.state.prefs;
    if (!this.isBuilt || keys !== this.own) {
      this.own = keys;
      this.isBuilt = true;
      this.table = tableOf(keys);
    }
    const chord = chordOf(event);
    if (!chord) return null;
    if (isInField && !hasModifier(chord) && chord !== 'Escape') {
      this.first = '';
      return null;
    }
    const both = this.first && now - this.at < SEQUENCE_MS ? `${this.first} ${chord}` : '';
    this.first = '';
    const found = (both && this.table.get(both)) || this.table.get(chord);
    if (!found && [...this.table.keys()].some((keys) => keys.startsWith(`${chord} `))) {
      this.first = chord;
      this.at = now;
    }
    if (!found || (found.when && !found.when(this.desk.state))) return null;
    return found;
  }

  listen(): () => void {
    const press = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      const target = event.target as HTMLElement;
      const isInField = Boolean(
        target.matches?.('textarea, select, [contenteditable], input:not([type=checkbox])'),
      );
      // An open panel has its own keys: only Escape reaches past it.
      if (this.desk.state.panel && event.code !== 'Escape' && !hasModifier(chordOf(event))) return;
      const command = this.find(event, isInField);
      if (!command) return;
      event.preventDefault();
      if (command.run === back && target.matches?.('.picker-open')) return;
      command.run(this.desk);
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }
}
