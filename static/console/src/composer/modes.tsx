import type { Desk } from '../store/desk';
import type { Mode } from '../types';
import { Icon } from '../ui/icons';
import { t } from '../words';

export function Modes({ desk, mode }: { desk: Desk; mode: Mode }) {
  return (
    <div class="modes" role="toolbar" aria-label={t('mode')}>
      {(['reply', 'note'] as const).map((one) => (
        <button
          type="button"
          key={one}
          data-mode={one}
          aria-pressed={mode === one}
          onClick={() => {
            desk.store.set({ mode: one });
            document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
          }}
        >
          {one === 'note' && <Icon name="lock" size={14} />} {t(one)}
        </button>
      ))}
    </div>
  );
}
