import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Composer } from './composer';
import { Icon } from './icons';
import { Speaker } from './list';
import { useNow } from './now';
import type { State, Store } from './store';
import { clock, codeText, dayText, reasonText, sameDay, t, urgency, waitText } from './text';
import type { Message, Outgoing } from './types';

export function ThreadPane({ store, state }: { store: Store; state: State }) {
  const thread = state.thread;
  const now = useNow();
  const scroller = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const height = useRef(0);
  const [asks, setAsks] = useState<string | null>(null);
  const count = (thread?.messages.length ?? 0) + state.outbox.length;
  const first = thread?.messages[0]?.seq;

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    if (sticks.current) box.scrollTop = box.scrollHeight;
    else if (height.current && box.scrollTop < 80)
      box.scrollTop += box.scrollHeight - height.current;
    height.current = box.scrollHeight;
  }, [count, first, thread?.conversation.id]);

  if (!state.open)
    return (
      <main class="thread is-empty">
        <div class="empty">
          <Icon name="chat" size={20} />
          <b>{t('pick')}</b>
          <p>{t('pickHint')}</p>
        </div>
      </main>
    );
  if (!thread) return <main class="thread" aria-busy="true" />;

  const row = thread.conversation;
  const others = Object.values(state.others).filter(
    (o) => o.conversation === row.id && o.name && now - o.at < 30_000,
  );
  const level = row.waiting_since ? urgency(row.waiting_since, row.deadline_at, now) : '';
  const mine = row.speaker === 'agent' && row.agent?.id === state.boot.me;
  const outgoing = state.outbox.filter((o) => o.conversation === row.id);
  return (
    <main class="thread">
      <header>
        <button
          type="button"
          class="icon back"
          onClick={() => store.openThread(null)}
          title={t('back')}
        >
          <Icon name="back" size={20} />
        </button>
        <div class="title">
          <b dir="auto">{row.name || t('noName')}</b>
          <span class="sub">
            <Speaker row={row} me={state.boot.me} />
            <span class="muted">{row.channel.name}</span>
            {row.waiting_since && (
              <span class={`chip wait ${level}`}>
                {t('waits', waitText(row.waiting_since, now))}
              </span>
            )}
            {row.speaker === 'queue' && row.reason && (
              <span class="muted">{reasonText(row.reason)}</span>
            )}
          </span>
        </div>
        <div class="acts">
          {!mine && (
            <button type="button" class="main" onClick={() => store.act('take-over')}>
              {t('take')}
            </button>
          )}
          {(row.speaker === 'agent' || row.speaker === 'queue') && (
            <button type="button" onClick={() => setAsks('')}>
              {t('toBot')}
            </button>
          )}
          {row.status !== 'resolved' && (
            <button type="button" onClick={() => store.act('resolve')}>
              {t('resolve')}
            </button>
          )}
          <button
            type="button"
            class="icon about"
            title={t('context')}
            onClick={() => store.set({ showContext: !state.showContext })}
          >
            <Icon name="info" size={20} />
          </button>
        </div>
      </header>
      {asks !== null && (
        <form
          class="ask"
          onSubmit={async (event) => {
            event.preventDefault();
            if (await store.act('return-to-bot', { instruction: asks })) setAsks(null);
          }}
        >
          <label>
            {t('instruction')}
            <input
              value={asks}
              maxLength={2000}
              autofocus
              onInput={(event) => setAsks(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="main">
            {t('toBot')}
          </button>
          <button type="button" onClick={() => setAsks(null)}>
            {t('cancel')}
          </button>
        </form>
      )}
      <div
        class="messages"
        ref={scroller}
        role="log"
        aria-live="polite"
        onScroll={(event) => {
          const box = event.currentTarget;
          sticks.current = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
          if (box.scrollTop < 60 && thread.more) store.later('older', 100, () => store.readOlder());
        }}
      >
        {thread.more && (
          <button type="button" class="quiet" onClick={() => store.readOlder()}>
            {t('older')}
          </button>
        )}
        {thread.messages.map((message, at) => (
          <One
            key={message.seq}
            message={message}
            before={thread.messages[at - 1]}
            me={state.boot.me}
          />
        ))}
        {outgoing.map((message) => (
          <Waiting key={message.key} message={message} isUp={state.isUp} />
        ))}
        {now - (state.buyerTyping[row.id] ?? 0) < 6000 && <p class="muted">{t('typing')}</p>}
      </div>
      {others.map((other) => (
        <p class="others" key={other.name}>
          {other.typing ? t('alsoTyping', other.name) : t('alsoHere', other.name)}
        </p>
      ))}
      {state.notice && (
        <div class="notice" role="alert">
          <span>{state.notice.text}</span>
          {state.notice.run && (
            <button type="button" onClick={state.notice.run}>
              {state.notice.action}
            </button>
          )}
          <button
            type="button"
            class="icon"
            title={t('close')}
            onClick={() => store.set({ notice: null })}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
      {thread.context?.is_reachable === false ? (
        <p class="others">{t('unreachable')}</p>
      ) : (
        <Composer store={store} state={state} key={row.id} />
      )}
    </main>
  );
}

function One({
  message,
  before,
  me,
}: {
  message: Message;
  before: Message | undefined;
  me: number;
}) {
  const newDay = !before || !sameDay(before.at, message.at);
  const side =
    message.kind === 'note'
      ? 'note'
      : message.kind === 'system'
        ? 'system'
        : message.author === 'buyer'
          ? 'in'
          : 'out';
  const name = {
    bot: t('botName'),
    automation: t('automation'),
    echo: t('phone'),
    agent: message.user === me ? t('you') : message.name,
    buyer: '',
    system: '',
  }[message.author];
  return (
    <>
      {newDay && <p class="day">{dayText(message.at)}</p>}
      {side === 'system' ? (
        <p class="event">
          {codeText(message.meta.code ?? '', message.meta.name ?? '')} · {clock(message.at)}
        </p>
      ) : (
        <article class={`bubble ${side} by-${message.author}`}>
          {side === 'note' && (
            <span class="by">
              <Icon name="lock" size={14} /> {t('note')} {name}
            </span>
          )}
          {side === 'out' && (
            <span class="by">
              {message.author === 'bot' && <Icon name="bot" size={14} />}
              {name}
            </span>
          )}
          {message.text && (
            <p dir="auto" class={message.deleted ? 'gone' : ''}>
              {message.text}
            </p>
          )}
          {message.files.map((file) => (
            <span class="file" key={`${file.id}${file.name}`}>
              <Icon name="file" />
              {file.id ? (
                <a href={`/files/${file.id}/`}>{file.name || t('file')}</a>
              ) : (
                file.name || t('file')
              )}
              {file.error && <i>{file.error}</i>}
            </span>
          ))}
          {message.author === 'bot' && message.meta.sources && message.meta.sources.length > 0 && (
            <details class="sources">
              <summary>
                {t('sources')}
                {message.meta.claims && message.meta.claims.length > 0 && (
                  <span class="ok">
                    <Icon name="check" size={14} /> {t('checked')}
                  </span>
                )}
              </summary>
              <ul>
                {message.meta.sources.map((source) => (
                  <li key={`${source.kind}${source.title}`}>{source.title}</li>
                ))}
              </ul>
            </details>
          )}
          <span class="mark">
            {message.edited && `${t('edited')} · `}
            {clock(message.at)}
            {side === 'out' && <Progress message={message} />}
          </span>
          {message.state === 'failed' && (
            <span class="failed">
              <Icon name="alert" size={14} /> {t('failed')}
              {message.failure && `: ${message.failure}`}
            </span>
          )}
        </article>
      )}
    </>
  );
}

function Progress({ message }: { message: Message }) {
  if (message.state === 'queued' || message.state === 'sending')
    return <Icon name="clock" size={14} />;
  if (message.state === 'sent') return <Icon name="check" size={14} />;
  if (message.state === 'delivered') return <Icon name="checks" size={14} />;
  if (message.state === 'read')
    return (
      <span class="read">
        <Icon name="checks" size={14} />
      </span>
    );
  return null;
}

function Waiting({ message, isUp }: { message: Outgoing; isUp: boolean }) {
  return (
    <article class={`bubble ${message.mode === 'note' ? 'note' : 'out'} is-waiting`}>
      <p dir="auto">{message.text}</p>
      <span class="mark">
        <Icon name="clock" size={14} /> {isUp ? clock(message.at) : t('pending')}
      </span>
    </article>
  );
}
