import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { focusComposer } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { isOwn, whyNot } from '../store/said';
import type { Message } from '../types';
import { type Item, Menu } from '../ui/menu';
import { t } from '../words';

/** What can be done with a message that was said: changed and taken back if it is mine. */
export function BubbleMenu({
  desk,
  state,
  message,
  onDelete,
}: {
  desk: Desk;
  state: State;
  message: Message;
  onDelete: () => void;
}) {
  const items: Item[] = [];
  const channel = state.thread?.channel ?? null;
  if (isOwn(message, state.boot.me))
    items.push(
      {
        text: t('editSent'),
        why: whyNot('edit', message, channel),
        run: () => desk.said.begin(message.id),
      },
      { text: t('deleteSent'), why: whyNot('delete', message, channel), run: onDelete },
    );
  if (
    message.author === 'buyer' &&
    message.text &&
    !message.deleted &&
    !message.meta.translations?.[state.boot.lang]
  )
    items.push({ text: t('translate'), run: () => void desk.said.translate(message.id) });
  if (!items.length) return null;
  return (
    <span class="bubble-menu">
      <Menu icon="more" title={t('messageActs')} items={items} />
    </span>
  );
}

/** Another text for a sent message; the buyer's is changed first, then ours. */
export function EditBox({ desk, message }: { desk: Desk; message: Message }) {
  const { change } = message.meta;
  const [text, setText] = useState(
    change?.act === 'edit' && change.text ? change.text : message.text,
  );
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.closest('.bubble')?.scrollIntoView({ block: 'nearest' });
  }, []);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(area.scrollHeight + 2, 260)}px`;
  }, [text]);
  const close = (): void => {
    desk.said.begin(null);
    focusComposer();
  };
  const save = async (): Promise<void> => {
    if (text.trim() === message.text) close();
    else if (text.trim() && (await desk.said.edit(message.id, text.trim()))) close();
  };
  return (
    <form
      class="edit-box"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <textarea
        ref={field}
        value={text}
        dir="auto"
        maxLength={20_000}
        aria-label={t('editSent')}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          const isSave = event.code === 'Enter' && (event.ctrlKey || event.metaKey);
          if (event.code !== 'Escape' && !isSave) return;
          event.preventDefault();
          event.stopPropagation();
          if (isSave) void save();
          else close();
        }}
      />
      <span class="line">
        <button type="submit" class="main" disabled={!text.trim()}>
          {t('save')}
        </button>
        <button type="button" onClick={close}>
          {t('cancel')}
        </button>
      </span>
    </form>
  );
}

/** Asked once: at the buyer's it cannot be brought back. */
export function DeleteAsk({
  desk,
  message,
  close,
}: {
  desk: Desk;
  message: Message;
  close: () => void;
}) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    button.current?.focus();
    button.current?.closest('.bubble')?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <span
      class="delete-ask"
      role="alertdialog"
      aria-label={t('deleteSent')}
      onKeyDown={(event) => {
        if (event.code !== 'Escape') return;
        event.preventDefault();
        event.stopPropagation();
        close();
        focusComposer();
      }}
    >
      {t('deleteAsk')}
      <button
        type="button"
        class="danger"
        ref={button}
        onClick={async () => {
          if (await desk.said.takeBack(message.id)) close();
        }}
      >
        {t('deleteSent')}
      </button>
      <button type="button" onClick={close}>
        {t('cancel')}
      </button>
    </span>
  );
}

/** What the channel says to a change: it is asked, or it has refused and why. */
export function ChangeState({
  desk,
  message,
  onDelete,
}: {
  desk: Desk;
  message: Message;
  onDelete: () => void;
}) {
  const { change } = message.meta;
  if (!change || message.deleted) return null;
  const isEdit = change.act === 'edit';
  if (change.state === 'waiting')
    return <span class="both">{t(isEdit ? 'editGoes' : 'deleteGoes')}</span>;
  return (
    <span class="failed">
      {t(isEdit ? 'editRefused' : 'deleteRefused', change.detail ?? '')}
      <button
        type="button"
        class="quiet"
        onClick={() => (isEdit ? desk.said.begin(message.id) : onDelete())}
      >
        {t('again')}
      </button>
    </span>
  );
}
