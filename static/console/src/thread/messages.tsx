import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Episode, Message, Outgoing, Thread } from '../types';
import { Icon } from '../ui/icons';
import { clock, codeText, dayText, outcomeText, t } from '../words';
import { Bubble } from './bubble';
import { CallLine } from './call';
import { itemsOf } from './items';

const NEAR = 60;

export function Messages({
  desk,
  state,
  thread,
  now,
}: {
  desk: Desk;
  state: State;
  thread: Thread;
  now: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const before = useRef({ height: 0, first: 0, id: 0, outgoing: 0 });
  const items = useMemo(
    () => itemsOf(thread, state.newFrom),
    [thread.messages, thread.episodes, state.newFrom],
  );
  const id = thread.conversation.id;
  const first = thread.messages[0]?.seq ?? 0;
  const outgoing = state.outbox.filter((o) => o.conversation === id);
  const typing = now - (state.buyerTyping[id] ?? 0) < 6000;

  // What is read stays where it is: older messages grow upwards, new ones scroll only at the end
  // and where one's own is sent.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const was = before.current;
    const isOther = was.id !== id;
    if (isOther) {
      const line = element.querySelector<HTMLElement>('.new-line');
      element.scrollTop = element.scrollHeight;
      if (line && line.offsetTop < element.scrollTop)
        element.scrollTop = Math.max(0, line.offsetTop - 40);
    } else if (outgoing.length > was.outgoing) void desk.threads.toEnd();
    else if (desk.threads.isAtEnd) element.scrollTop = element.scrollHeight;
    else if (first < was.first) element.scrollTop += element.scrollHeight - was.height;
    before.current = { height: element.scrollHeight, first, id, outgoing: outgoing.length };
  }, [items, outgoing.length, typing, id]);

  useLayoutEffect(() => {
    const { jump } = state;
    const element = box.current;
    if (!jump || !element) return;
    if (!jump.seq) {
      element.scrollTop = element.scrollHeight;
      return;
    }
    const found = element.querySelector<HTMLElement>(`[data-seq="${jump.seq}"]`);
    if (!found) return;
    found.scrollIntoView({ block: 'center' });
    found.classList.remove('is-lit');
    void found.offsetWidth; // begins the animation anew
    found.classList.add('is-lit');
  }, [state.jump]);

  return (
    <div class="messages-box">
      <div
        class="messages"
        ref={box}
        role="log"
        aria-live="polite"
        aria-relevant="additions"
        aria-label={t('messages')}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrows scroll it, so it takes the focus
        tabIndex={0}
        onScroll={(event) => {
          const element = event.currentTarget;
          const left = element.scrollHeight - element.scrollTop - element.clientHeight;
          const isAtEnd = left < NEAR && !thread.newer;
          if (isAtEnd !== desk.threads.isAtEnd) {
            desk.threads.isAtEnd = isAtEnd;
            if (isAtEnd && state.below) desk.store.set({ below: 0 });
          }
          if (element.scrollTop < NEAR && thread.more) void desk.threads.readOlder();
          if (left < NEAR && thread.newer) void desk.threads.readNewer();
        }}
      >
        {thread.more && (
          <button type="button" class="quiet" onClick={() => void desk.threads.readOlder()}>
            {t('older')}
          </button>
        )}
        {items.map((item) => {
          switch (item.kind) {
            case 'day':
              return (
                <h3 class="day" key={item.key}>
                  {dayText(item.at)}
                </h3>
              );
            case 'episode':
              return <EpisodeLine key={item.key} episode={item.episode} />;
            case 'new':
              return (
                <p class="new-line" key={item.key}>
                  <span>{t('newLine')}</span>
                </p>
              );
            case 'call':
              return <CallLine key={item.key} message={item.message} />;
            case 'events':
              return <Events key={item.key} events={item.events} />;
            default:
              return (
                <Bubble
                  key={item.key}
                  desk={desk}
                  state={state}
                  message={item.message}
                  isFirst={item.isFirst}
                />
              );
          }
        })}
        {outgoing.map((message) => (
          <Waiting key={message.key} message={message} state={state} desk={desk} now={now} />
        ))}
        {typing && (
          <p class="muted typing">
            <i />
            <i />
            <i /> {t('typing')}
          </p>
        )}
      </div>
      {state.unreadFrom !== null && (
        <button type="button" class="to-unread" onClick={() => void desk.threads.jumpToUnread()}>
          <Icon name="up" /> {t('toUnread')}
        </button>
      )}
      {(state.below > 0 || thread.newer) && (
        <button type="button" class="to-end" onClick={() => void desk.threads.toEnd()}>
          <Icon name="down" /> {state.below > 0 ? t('newMessages', state.below) : t('toEnd')}
        </button>
      )}
    </div>
  );
}

function EpisodeLine({ episode }: { episode: Episode }) {
  return (
    <p class="episode">
      <span>
        <Icon name="flag" size={14} /> {outcomeText(episode)}
      </span>
    </p>
  );
}

/** Several inner facts in a row are one line, opened by a click. */
function Events({ events }: { events: Message[] }) {
  const last = events.at(-1)!;
  const line = (event: Message): string =>
    `${codeText(event.meta.code ?? '', event.meta.name ?? '', event.meta.request)} · ${clock(event.at)}`;
  if (events.length === 1)
    return (
      <p class="event" data-seq={last.seq}>
        {line(last)}
      </p>
    );
  return (
    <details class="event" data-seq={last.seq}>
      <summary>
        {line(last)} <span class="muted">{t('andMore', events.length - 1)}</span>
      </summary>
      {events.slice(0, -1).map((event) => (
        <p key={event.seq}>{line(event)}</p>
      ))}
    </details>
  );
}

function Waiting({
  message,
  state,
  desk,
  now,
}: {
  message: Outgoing;
  state: State;
  desk: Desk;
  now: number;
}) {
  const { draft } = message;
  const isHeld = message.notBefore > now;
  return (
    <article class={`bubble ${message.mode === 'note' ? 'note' : 'out by-agent'} is-waiting`}>
      {draft.text && <p dir="auto">{draft.original?.text ?? draft.text}</p>}
      {draft.files.map((file) => (
        <span class="file" key={file.id}>
          <Icon name="file" /> {file.name}
        </span>
      ))}
      {draft.cards.map((card) => (
        <span class="file" key={card.id}>
          <Icon name="goods" /> {card.title}
        </span>
      ))}
      <span class="mark">
        <Icon name="clock" size={14} />
        {isHeld ? t('held') : state.isUp ? clock(message.at) : t('pending')}
        {isHeld && (
          <button type="button" class="quiet" onClick={() => desk.outbox.takeBack()}>
            {t('undo')}
          </button>
        )}
      </span>
    </article>
  );
}
