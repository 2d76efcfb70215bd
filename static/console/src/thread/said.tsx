import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Message } from '../types';
import { Icon } from '../ui/icons';
import { languageName, t } from '../words';
import { textsOf } from './texts';

/** The words of a message, with the other of its two texts one press away. */
export function Said({
  desk,
  state,
  message,
  children,
}: {
  desk: Desk;
  state: State;
  message: Message;
  children?: ComponentChildren; // instead of the plain text
}) {
  const [isOther, setOther] = useState(false);
  const texts = textsOf(message, state.boot.lang);
  const isOut = Boolean(message.meta.original);
  const [text, language] =
    isOther && texts.other
      ? [texts.other, texts.otherLanguage]
      : [texts.text, texts.other ? texts.language : ''];
  return (
    <>
      {message.text && (
        <p dir="auto" lang={language || undefined} class={message.deleted ? 'gone' : ''}>
          {children ?? text}
        </p>
      )}
      {texts.other && (
        <span class="both">
          <Icon name="languages" size={14} />
          {isOut
            ? t('wentTranslated')
            : isOther
              ? t('original')
              : texts.otherLanguage
                ? t('translatedFrom', languageName(texts.otherLanguage))
                : t('translated')}
          <button type="button" class="quiet" onClick={() => setOther(!isOther)}>
            {t(isOther !== isOut ? 'showTranslation' : 'showOriginal')}
          </button>
        </span>
      )}
      {texts.state === 'waiting' && <span class="both">{t('translates')}</span>}
      {texts.state === 'failed' && (
        <span class="both">
          {t('notTranslated', texts.why)}
          <button type="button" class="quiet" onClick={() => void desk.said.translate(message.id)}>
            {t('again')}
          </button>
        </span>
      )}
    </>
  );
}

/** That it was changed, with what it said before. */
export function Edited({ message }: { message: Message }) {
  if (!message.edited) return null;
  const before = message.meta.before ?? [];
  if (!before.length) return <span>{t('edited')} · </span>;
  return (
    <details class="before">
      <summary title={t('editedShow')}>{t('edited')}</summary>
      {before.map((text, at) => (
        <p key={`${at}${text}`} dir="auto">
          {text}
        </p>
      ))}
    </details>
  );
}

/** The earlier letters that came along, folded away. */
export function Quoted({ message }: { message: Message }) {
  const { quoted } = message.meta;
  if (!quoted) return null;
  return (
    <details class="before">
      <summary>{t('quoted')}</summary>
      <p dir="auto">{quoted}</p>
    </details>
  );
}

/** That it is gone from the buyer's eyes, and by whom. */
export function Deleted({ message }: { message: Message }) {
  if (!message.deleted) return null;
  const { deleted_by: by } = message.meta;
  return (
    <span class="muted small">
      {by ? t('deletedBy', by) : t(message.author === 'buyer' ? 'deleted' : 'deletedHere')}
    </span>
  );
}
