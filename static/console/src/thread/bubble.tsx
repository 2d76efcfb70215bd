import { useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Message } from '../types';
import { Icon } from '../ui/icons';
import { clock, failureAdvice, t, whenText } from '../words';
import { Cards } from './cards';
import { Checks } from './checks';
import { Files } from './media';
import { BubbleMenu, ChangeState, DeleteAsk, EditBox } from './own';
import { Deleted, Edited, Quoted, Said } from './said';

export function Bubble({
  desk,
  state,
  message,
  isFirst,
}: {
  desk: Desk;
  state: State;
  message: Message;
  isFirst: boolean;
}) {
  const [isDeleting, setDeleting] = useState(false);
  const side = message.kind === 'note' ? 'note' : message.author === 'buyer' ? 'in' : 'out';
  const name = {
    bot: t('botName'),
    automation: t('automation'),
    echo: t('phone'),
    agent: message.user === state.boot.me ? t('you') : message.name,
    buyer: '',
    system: '',
  }[message.author];
  const quote = (): void => {
    desk.drafts.change('reply', {
      quote: {
        id: message.id,
        text: message.text.slice(0, 200),
        name: message.author === 'buyer' ? (state.thread?.conversation.name ?? '') : name,
      },
    });
    desk.store.set({ mode: 'reply' });
    document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
  };
  return (
    <article
      class={`bubble ${side} by-${message.author} ${isFirst ? 'is-first' : ''}`}
      data-seq={message.seq}
      data-id={message.id}
    >
      {isFirst && side === 'note' && (
        <span class="by">
          <Icon name="lock" size={14} /> {t(message.meta.code === 'whisper' ? 'whisper' : 'note')}
          {name && ` · ${name}`}
        </span>
      )}
      {isFirst && side === 'out' && (
        <span class="by">
          {message.author === 'bot' && <Icon name="bot" size={14} />}
          {name}
        </span>
      )}
      {message.quote && (
        <button
          type="button"
          class="quote"
          title={t('toQuoted')}
          onClick={() => void desk.threads.jumpTo(message.quote!.seq)}
        >
          <b>
            {message.quote.author === 'buyer'
              ? state.thread?.conversation.name || t('noName')
              : message.quote.name || t('botName')}
          </b>
          <span dir="auto">{message.quote.text || t('file')}</span>
        </button>
      )}
      {state.editing === message.id ? (
        <EditBox desk={desk} message={message} />
      ) : (
        <Said desk={desk} state={state} message={message}>
          {side === 'note' ? <Called message={message} state={state} /> : undefined}
        </Said>
      )}
      {message.meta.code === 'proposal' && <Proposal desk={desk} message={message} />}
      <Deleted message={message} />
      <ChangeState desk={desk} message={message} onDelete={() => setDeleting(true)} />
      {isDeleting && !message.deleted && (
        <DeleteAsk desk={desk} message={message} close={() => setDeleting(false)} />
      )}
      <Quoted message={message} />
      <Files desk={desk} state={state} message={message} />
      {message.meta.location && (
        <a
          class="file"
          rel="noreferrer"
          target="_blank"
          href={`https://yandex.ru/maps/?pt=${message.meta.location.lon},${message.meta.location.lat}&z=16`}
        >
          <Icon name="pin" /> {t('location')}
        </a>
      )}
      <Cards cards={message.meta.cards ?? []} />
      {message.meta.buttons && message.meta.buttons.length > 0 && (
        <span class="buttons">
          {message.meta.buttons.map((button) => {
            const title = typeof button === 'string' ? button : button.title;
            return (
              <span class="chip" key={title}>
                {title}
              </span>
            );
          })}
        </span>
      )}
      {message.author === 'bot' && <Checks desk={desk} message={message} />}
      <span class="mark">
        {side !== 'note' && !message.deleted && (
          <button type="button" class="icon small reply-to" title={t('quote')} onClick={quote}>
            <Icon name="quote" size={14} />
          </button>
        )}
        {side !== 'note' && (
          <BubbleMenu
            desk={desk}
            state={state}
            message={message}
            onDelete={() => setDeleting(true)}
          />
        )}
        <Edited message={message} />
        {message.meta.reaction && (
          <span class="reaction" role="img" aria-label={t('reacted', message.meta.reaction)}>
            {message.meta.reaction}
          </span>
        )}
        <time dateTime={message.at} title={whenText(message.at)}>
          {clock(message.at)}
        </time>
        {side === 'out' && <Progress state={message.state} />}
      </span>
      {message.state === 'failed' && (
        <span class="failed">
          <Icon name="alert" size={14} /> {t('failed')}
          {message.failure && `: ${message.failure}`}
          {side === 'out' && (
            <button type="button" class="quiet" onClick={() => retry(desk, message)}>
              {failureAdvice(message.failure)}
            </button>
          )}
        </span>
      )}
      {message.state === 'dropped' && (
        <span class="failed is-calm">
          <Icon name="info" size={14} /> {message.failure || t('dropped')}
        </span>
      )}
    </article>
  );
}

/** What the bot would say, where it writes drafts only: one press puts it into the composer. */
function Proposal({ desk, message }: { desk: Desk; message: Message }) {
  return (
    <button
      type="button"
      class="quiet"
      onClick={() => {
        desk.drafts.bring('reply', { text: message.text });
        desk.store.set({ mode: 'reply' });
        document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
      }}
    >
      {t('useDraft')}
    </button>
  );
}

/** The words come back into the composer: a person decides what may be sent now. */
function retry(desk: Desk, message: Message): void {
  desk.drafts.bring('reply', {
    text: message.text,
    files: message.files
      .filter((file) => file.id)
      .map((file) => ({ id: file.id!, name: file.name, size: file.size, mime: file.mime })),
  });
  desk.store.set({ mode: 'reply' });
  document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
}

/** A note with the names of those it calls lit up. */
function Called({ message, state }: { message: Message; state: State }) {
  const names = state.people
    .filter((one) => message.mentions.includes(one.id))
    .map((one) => `@${one.name}`);
  if (!names.length) return <>{message.text}</>;
  const parts = message.text.split(
    new RegExp(`(${names.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`),
  );
  return (
    <>
      {parts.map((part, at) => (names.includes(part) ? <b key={`${at}${part}`}>{part}</b> : part))}
    </>
  );
}

function Progress({ state }: { state: string }) {
  const [icon, word] =
    state === 'queued' || state === 'sending'
      ? (['clock', 'state_queued'] as const)
      : state === 'sent'
        ? (['check', 'state_sent'] as const)
        : state === 'delivered'
          ? (['checks', 'state_delivered'] as const)
          : state === 'read'
            ? (['checks', 'state_read'] as const)
            : [null, null];
  if (!icon) return null;
  return (
    <span class={state === 'read' ? 'read' : ''} title={t(word)}>
      <Icon name={icon} size={14} />
      <span class="unseen">{t(word)}</span>
    </span>
  );
}
