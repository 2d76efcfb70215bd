import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../words';
import { Icon } from './icons';

/** A panel over the page: focus stays in it and goes back to where it was. */
export function Dialog({
  title,
  onClose,
  children,
  isWide,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  isWide?: boolean;
}) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const first = root.current?.querySelector<HTMLElement>('[autofocus], input, select');
    (first ?? root.current)?.focus();
    return () => before?.focus?.();
  }, []);
  const press = (event: KeyboardEvent): void => {
    if (event.code !== 'Tab') return;
    const all = [
      ...(root.current?.querySelectorAll<HTMLElement>('button, input, select, textarea, a[href]') ??
        []),
    ].filter((one) => !one.hasAttribute('disabled') && one.tabIndex >= 0);
    const [first, last] = [all[0], all.at(-1)];
    const at = document.activeElement;
    if (event.shiftKey && (at === first || at === root.current)) last?.focus();
    else if (!event.shiftKey && at === last) first?.focus();
    else return;
    event.preventDefault();
  };
  return (
    <div class="shade" onPointerDown={(event) => event.target === event.currentTarget && onClose()}>
      <div
        class={`sheet ${isWide ? 'is-wide' : ''}`}
        role="dialog"
        aria-modal="true"
        aria-label={title}
        tabIndex={-1}
        ref={root}
        onKeyDown={press}
      >
        <header>
          <b>{title}</b>
          <button type="button" class="icon" onClick={onClose} title={t('close')}>
            <Icon name="close" size={20} />
          </button>
        </header>
        {children}
      </div>
    </div>
  );
}
