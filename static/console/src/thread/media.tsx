import { useEffect, useRef, useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Message, StoredFile } from '../types';
import { Icon } from '../ui/icons';
import { sizeText, t } from '../words';
import { Voice } from './voice';

const address = (file: StoredFile): string => `/files/${file.id}/`;
const isPicture = (file: StoredFile): boolean =>
  Boolean(file.id) && /^image\/(png|jpeg|gif|webp)$/.test(file.mime);
const isSound = (file: StoredFile): boolean =>
  Boolean(file.id) && (file.kind === 'voice' || file.mime.startsWith('audio/'));
const isFilm = (file: StoredFile): boolean => Boolean(file.id) && file.mime === 'video/mp4';

export function Files({ desk, state, message }: { desk: Desk; state: State; message: Message }) {
  const [shown, setShown] = useState<number | null>(null);
  if (!message.files.length) return null;
  const pictures = message.files.filter(isPicture);
  return (
    <span class="files">
      {pictures.map((file, at) => (
        <button
          type="button"
          class="picture"
          key={file.id}
          title={file.name || t('picture')}
          onClick={() => setShown(at)}
        >
          <img src={address(file)} alt={file.name || t('picture')} loading="lazy" />
        </button>
      ))}
      {message.files
        .filter((file) => !isPicture(file))
        .map((file) =>
          isSound(file) ? (
            <Voice key={file.id} desk={desk} state={state} message={message} file={file} />
          ) : isFilm(file) ? (
            // biome-ignore lint/a11y/useMediaCaption: what buyers send has no captions
            <video key={file.id} controls preload="metadata" src={address(file)} />
          ) : (
            <span class="file" key={`${file.id}${file.name}`}>
              <Icon name="file" />
              {file.id ? (
                <a href={address(file)}>{file.name || t('file')}</a>
              ) : (
                file.name || t('file')
              )}
              {file.size > 0 && <span class="muted">{sizeText(file.size)}</span>}
              {file.error && <i>{file.error}</i>}
            </span>
          ),
        )}
      {shown !== null && (
        <Lightbox pictures={pictures} at={shown} onMove={setShown} onClose={() => setShown(null)} />
      )}
    </span>
  );
}

const MOST = 5;

/** A picture over everything: wheel, keys and pinch zoom up to five times, dragging moves it. */
function Lightbox({
  pictures,
  at,
  onMove,
  onClose,
}: {
  pictures: StoredFile[];
  at: number;
  onMove: (at: number) => void;
  onClose: () => void;
}) {
  const [view, setView] = useState({ zoom: 1, x: 0, y: 0 });
  const root = useRef<HTMLDivElement>(null);
  const file = pictures[at]!;
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    root.current?.focus();
    return () => before?.focus?.();
  }, []);
  useEffect(() => setView({ zoom: 1, x: 0, y: 0 }), [at]);
  const zoom = (by: number): void =>
    setView((now) => {
      const next = Math.min(MOST, Math.max(1, now.zoom * by));
      return next === 1
        ? { zoom: 1, x: 0, y: 0 }
        : { zoom: next, x: (now.x * next) / now.zoom, y: (now.y * next) / now.zoom };
    });
  const press = (event: KeyboardEvent): void => {
    if (event.code === 'Escape') onClose();
    else if (event.code === 'ArrowRight' && pictures[at + 1]) onMove(at + 1);
    else if (event.code === 'ArrowLeft' && pictures[at - 1]) onMove(at - 1);
    else if (event.code === 'Equal' || event.code === 'NumpadAdd') zoom(1.5);
    else if (event.code === 'Minus' || event.code === 'NumpadSubtract') zoom(1 / 1.5);
    else if (event.code === 'Tab') return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="lightbox"
      role="dialog"
      aria-modal="true"
      aria-label={file.name || t('picture')}
      tabIndex={-1}
      ref={root}
      onKeyDown={press}
      onWheel={(event) => zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2)}
      onClick={(event) => event.target === event.currentTarget && onClose()}
      onPointerMove={(event) => {
        if (event.buttons === 1 && view.zoom > 1)
          setView({ ...view, x: view.x + event.movementX, y: view.y + event.movementY });
      }}
    >
      <img
        src={address(file)}
        alt={file.name || t('picture')}
        draggable={false}
        style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})` }}
        onDblClick={() => zoom(view.zoom > 1 ? 0.01 : 2.5)}
      />
      <span class="lightbox-bar">
        <span>
          {file.name} {pictures.length > 1 && `${at + 1} / ${pictures.length}`}
        </span>
        <span aria-live="polite">{Math.round(view.zoom * 100)} %</span>
        <button type="button" class="icon" title={t('zoomOut')} onClick={() => zoom(1 / 1.5)}>
          <Icon name="minus" size={20} />
        </button>
        <button type="button" class="icon" title={t('zoomIn')} onClick={() => zoom(1.5)}>
          <Icon name="plus" size={20} />
        </button>
        <a class="icon" title={t('download')} href={address(file)} download={file.name}>
          <Icon name="download" size={20} />
        </a>
        <button type="button" class="icon" title={t('close')} onClick={onClose}>
          <Icon name="close" size={20} />
        </button>
      </span>
    </div>
  );
}
