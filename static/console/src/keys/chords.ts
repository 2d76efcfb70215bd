/** Keys by their place on the keyboard (`code`), so that they work in the Russian layout too. */
export interface Pressed {
  code: string;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
}

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform ?? '');
const ALONE = /^(Alt|Control|Meta|Shift|CapsLock|Fn)/;

/** "Ctrl+Alt+KeyE"; Ctrl is ⌘ on a Mac. Empty while only a modifier is held. */
export function chordOf(event: Pressed): string {
  if (!event.code || ALONE.test(event.code)) return '';
  const code = event.code === 'NumpadEnter' ? 'Enter' : event.code;
  return [
    (event.ctrlKey || event.metaKey) && 'Ctrl',
    event.altKey && 'Alt',
    event.shiftKey && 'Shift',
    code,
  ]
    .filter(Boolean)
    .join('+');
}

export const hasModifier = (chord: string): boolean => /^(Ctrl|Alt)\+/.test(chord);

const NAMES: Record<string, string> = {
  Slash: '/',
  Enter: 'Enter',
  Escape: 'Esc',
  Space: '␣',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Semicolon: ';',
  Comma: ',',
  Period: '.',
  Backspace: '⌫',
};

/** As it stands on the keys. */
export function chordText(chord: string): string {
  return chord
    .split(' ')
    .map((one) =>
      one
        .split('+')
        .map((part) => {
          if (part === 'Ctrl') return IS_MAC ? '⌘' : 'Ctrl';
          if (part === 'Alt') return IS_MAC ? '⌥' : 'Alt';
          return NAMES[part] ?? part.replace(/^(Key|Digit)/, '');
        })
        .join(' '),
    )
    .join(' → ');
}
