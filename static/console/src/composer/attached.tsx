import type { Desk } from '../store/desk';
import type { Draft, Mode } from '../types';
import { Icon } from '../ui/icons';
import { sizeText, t } from '../words';
import type { Uploads } from './uploads';

/** What goes with the text: files, goods, pictures that could be smaller. */
export function Attached({
  desk,
  draft,
  mode,
  uploads,
}: {
  desk: Desk;
  draft: Draft;
  mode: Mode;
  uploads: Uploads;
}) {
  if (!draft.files.length && !draft.cards.length && !uploads.count && !uploads.offered.length)
    return null;
  const without = (change: Partial<Draft>) => () => desk.drafts.change(mode, change);
  return (
    <div class="attached">
      {uploads.offered.map((file) => (
        <span class="chip amber" key={file.name}>
          {t('shrinkAsk', file.name, sizeText(file.size))}
          <button type="button" class="quiet" onClick={() => uploads.answer(file, true)}>
            {t('shrink')}
          </button>
          <button type="button" class="quiet" onClick={() => uploads.answer(file, false)}>
            {t('asItIs')}
          </button>
        </span>
      ))}
      {draft.files.map((file) => (
        <span class="chip" key={file.id}>
          <Icon name="file" size={14} /> {file.name}
          {file.size > 0 && <span class="muted">{sizeText(file.size)}</span>}
          <Remove run={without({ files: draft.files.filter((one) => one.id !== file.id) })} />
        </span>
      ))}
      {draft.cards.map((card) => (
        <span class="chip" key={card.id}>
          <Icon name="goods" size={14} /> {card.title}
          <Remove run={without({ cards: draft.cards.filter((one) => one.id !== card.id) })} />
        </span>
      ))}
      {uploads.count > 0 && (
        <span class="muted" role="status">
          {t('uploading')}
        </span>
      )}
    </div>
  );
}

function Remove({ run }: { run: () => void }) {
  return (
    <button type="button" class="icon small" title={t('remove')} onClick={run}>
      <Icon name="close" size={14} />
    </button>
  );
}
