import type { Desk } from '../store/desk';
import { t } from '../words';
import { Icon } from './icons';

/** On a phone: from a dialogue to the list. */
export function Back({ desk }: { desk: Desk }) {
  return (
    <button
      type="button"
      class="icon back"
      onClick={() => void desk.threads.open(null)}
      title={t('back')}
    >
      <Icon name="back" size={20} />
    </button>
  );
}
