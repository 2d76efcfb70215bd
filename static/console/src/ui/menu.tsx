import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons';

export interface Item {
  text: string;
  run: () => void;
  isChosen?: boolean;
  why?: string; // why it cannot be done: shown with it, and it does nothing
}

/** A button with a list below it; arrows, Enter, Escape; focus goes back to the button. */
export function Menu({
  items,
  title,
  text,
  icon,
}: {
  items: Item[];
  title: string;
  text?: string;
  icon?: IconName;
}) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  // With the list on the screen, not after it: a key pressed at once meets the focus in its place.
  useLayoutEffect(() => {
    if (!isOpen) return;
    root.current?.querySelector<HTMLElement>('[role^=menuitem]')?.focus();
    const away = (event: PointerEvent): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [isOpen]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  const press = (event: KeyboardEvent): void => {
    if (!isOpen) return;
    const all = [...(root.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.code];
    if (by) all[(at + by + all.length) % all.length]?.focus();
    else if (event.code === 'Escape') close();
    else if (event.code === 'Tab') setOpen(false);
    else return;
    if (event.code !== 'Tab') event.preventDefault();
    event.stopPropagation();
  };
  if (!items.length) return null;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the button and the list inside
    <span class="menu" ref={root} onKeyDown={press}>
      <button
        type="button"
        ref={button}
        class={icon ? 'icon' : ''}
        title={title}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {icon && <Icon name={icon} size={20} />}
        {text}
      </button>
      {isOpen && (
        <span class="menu-list" role="menu" aria-label={title}>
          {items.map((item) => (
            <button
              key={item.text}
              type="button"
              role="menuitem"
              aria-current={item.isChosen ? 'true' : undefined}
              aria-disabled={item.why ? 'true' : undefined}
              onClick={() => {
                if (item.why) return;
                close();
                item.run();
              }}
            >
              {item.isChosen && <Icon name="check" size={14} />} {item.text}
              {item.why && <small>{item.why}</small>}
            </button>
          ))}
        </span>
      )}
    </span>
  );
}
