/** The talk itself: greeting, days, messages, what may be pressed next. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ContactForm } from './contact';
import { Icon } from './icons';
import type { Button, Card, FileRow, Message } from './protocol';
import { delivery, lastSeq, type State } from './state';
import { dayName, dayOf, linked, safe, sizeOf, timeOf } from './text';
import { asksFirst, type View } from './view';
import { fill, type Words } from './words';

export function greetingOf({ config, words, lang }: View): string {
  const { bot, answers } = config;
  if (!answers) {
    return words.helloPeople;
  }
  return bot.greeting && (bot.language ?? config.language) === lang ? bot.greeting : words.hello;
}

export function Thread(view: View) {
  const { chat, config, words, lang } = view;
  const { state } = chat;
  const scroller = useRef<HTMLDivElement>(null);
  const atBottom = useRef(true);
  const before = useRef({ height: 0, first: 0 });
  const [isAway, setAway] = useState(false);
  const first = state.messages[0]?.seq ?? 0;
  const last = state.messages.at(-1);
  const typing = state.typingUntil > Date.now();
  const [, again] = useState(0);

  useEffect(() => {
    if (typing) {
      const timer = setTimeout(() => again((n) => n + 1), state.typingUntil - Date.now() + 50);
      return () => clearTimeout(timer);
    }
  }, [typing, state.typingUntil]);

  useLayoutEffect(() => {
    const box = scroller.current!;
    if (before.current.first && first && first < before.current.first) {
      box.scrollTop += box.scrollHeight - before.current.height; // older ones came above
    } else if (atBottom.current) {
      box.scrollTop = box.scrollHeight;
    } else if (lastSeq(state) > state.seen) {
      setAway(true);
    }
    before.current = { height: box.scrollHeight, first };
  });

  useEffect(() => {
    // Pictures and the phone's keyboard change the height later.
    const box = scroller.current!;
    const watch = new ResizeObserver(() => {
      if (atBottom.current) {
        box.scrollTop = box.scrollHeight;
      }
    });
    watch.observe(box);
    watch.observe(box.firstElementChild!);
    return () => watch.disconnect();
  }, []);

  const onScroll = (): void => {
    const box = scroller.current!;
    atBottom.current = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (atBottom.current) {
      setAway(false);
      chat.look();
    }
    if (box.scrollTop < 80) {
      chat.older();
    }
  };

  let day = '';
  const rows = state.messages.map((message, index) => {
    const previous = state.messages[index - 1];
    const newDay = dayOf(message.at) !== day;
    day = dayOf(message.at);
    const starts = newDay || previous?.author !== message.author || previous?.name !== message.name;
    const ends = state.messages[index + 1]?.author !== message.author;
    return (
      <>
        {newDay && <div class="day">{dayName(message.at, lang, words.today, words.yesterday)}</div>}
        <Row
          key={message.key ?? message.id}
          {...{ view, message, state, starts, ends }}
          isLast={message === last}
        />
      </>
    );
  });

  const choices: Button[] = !state.messages.length
    ? config.questions.map((title) => ({ title }))
    : last?.author !== 'buyer'
      ? (last?.buttons ?? [])
      : [];
  const asksContact =
    state.who.speaker === 'queue' && state.messages.some((m) => m.author === 'buyer');

  return (
    <div class="thread">
      <div
        class="scroll"
        ref={scroller}
        onScroll={onScroll}
        role="log"
        aria-live="polite"
        aria-label={words.chat}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
        tabIndex={0}
      >
        <div class="rows">
          {!state.more && (
            <>
              {config.answers && (
                <p class="note">
                  <Icon name="bot" size={16} />
                  {words.isBot}
                </p>
              )}
              <div class="row theirs ends">
                <div class="bubble-text">{linked(greetingOf(view))}</div>
              </div>
            </>
          )}
          {rows}
          {state.stream && (
            <div class="row theirs ends" aria-hidden="true">
              <div class="bubble-text streaming">{linked(state.stream.text)}</div>
            </div>
          )}
          {typing && !state.stream && (
            <div class="row theirs ends">
              <div class="bubble-text dots" role="img" aria-label={words.typing}>
                <i />
                <i />
                <i />
              </div>
            </div>
          )}
          {choices.length > 0 && (
            <div class="choices">
              {choices.map((choice) => (
                <Choice key={choice.title} {...{ view, choice }} />
              ))}
            </div>
          )}
          {(asksContact || asksFirst(view)) && <ContactForm {...view} />}
        </div>
      </div>
      {isAway && (
        <button
          type="button"
          class="below"
          onClick={() => {
            atBottom.current = true;
            setAway(false);
            scroller.current!.scrollTop = scroller.current!.scrollHeight;
            chat.look();
          }}
        >
          <Icon name="down" size={16} />
          {words.newBelow}
        </button>
      )}
    </div>
  );
}

function Choice({ view, choice }: { view: View; choice: Button }) {
  const url = safe(choice.url);
  return url ? (
    <a class="choice" href={url} target="_blank" rel="noopener noreferrer">
      {choice.title}
    </a>
  ) : (
    <button
      type="button"
      class="choice"
      onClick={() => view.chat.say(choice.title, choice.payload)}
    >
      {choice.title}
    </button>
  );
}

interface RowProps {
  view: View;
  message: Message;
  state: State;
  starts: boolean;
  ends: boolean;
  isLast: boolean;
}

function Row({ view, message, state, starts, ends }: RowProps) {
  const { words, lang, chat } = view;
  const own = message.author === 'buyer';
  const how = own ? delivery(state, message) : null;
  const name = message.author === 'agent' ? message.name : '';
  const refusal = message.code && (words[message.code as keyof Words] ?? words.failed);
  return (
    <div class={`row ${own ? 'own' : 'theirs'}${starts ? ' starts' : ''}${ends ? ' ends' : ''}`}>
      {starts && name && <div class="name">{name}</div>}
      <span class="hidden">{own ? words.you : name || words.botHere}: </span>
      {message.quote && <div class="quote">{message.quote}</div>}
      {message.text && (
        <div class="bubble-text" dir="auto">
          {linked(message.text)}
        </div>
      )}
      {message.files?.map((file) => (
        <FileView key={file.name + file.size} {...{ file, view }} />
      ))}
      {message.cards && message.cards.length > 0 && (
        <ul class="cards">
          {message.cards.map((card) => (
            <CardView key={card.external_id ?? card.title} {...{ card, view }} />
          ))}
        </ul>
      )}
      {message.sources && message.sources.length > 0 && (
        <details class="sources">
          <summary>{words.sources}</summary>
          <ul>
            {message.sources.map((source) => {
              const url = safe(source.url);
              return (
                <li key={source.title}>
                  {url ? (
                    <a href={url} target="_blank" rel="noopener noreferrer">
                      {source.title}
                    </a>
                  ) : (
                    source.title
                  )}
                </li>
              );
            })}
          </ul>
        </details>
      )}
      {how === 'refused' ? (
        <div class="meta late" role="alert">
          <Icon name="alert" size={16} />
          {words.refused} {refusal}
          {message.code !== 'too_long' && (
            <button type="button" class="plain" onClick={() => chat.retry(message)}>
              {words.again}
            </button>
          )}
        </div>
      ) : (
        (ends || how === 'queued') && (
          <div class="meta">
            {message.edited && <span>{words.edited}</span>}
            <time dateTime={message.at}>{timeOf(message.at, lang)}</time>
            {how && (
              <span class={`state ${how}`} role="img" aria-label={words[how]} title={words[how]}>
                <Icon
                  name={how === 'queued' ? 'clock' : how === 'read' ? 'checks' : 'check'}
                  size={14}
                />
              </span>
            )}
          </div>
        )
      )}
    </div>
  );
}

function FileView({ file, view }: { file: FileRow; view: View }) {
  const { words, lang } = view;
  if (file.kind === 'image' && file.url) {
    return (
      <a class="picture" href={file.url} target="_blank" rel="noopener noreferrer">
        <img src={file.url} alt={fill(words.image, file.name)} loading="lazy" />
      </a>
    );
  }
  const inside = (
    <>
      <Icon name="file" />
      <span>
        <b>{file.name}</b>
        <small>{file.error || sizeOf(file.size, lang)}</small>
      </span>
    </>
  );
  return file.url ? (
    <a class="file" href={file.url} target="_blank" rel="noopener noreferrer">
      {inside}
    </a>
  ) : (
    <div class="file">{inside}</div>
  );
}

function CardView({ card, view }: { card: Card; view: View }) {
  const { words, emit } = view;
  const url = safe(card.url);
  const picture = safe(card.picture);
  const [broken, setBroken] = useState(false);
  return (
    <li class="card">
      {picture && !broken && (
        <img
          src={view.chat.absolute(picture)}
          alt=""
          loading="lazy"
          onError={() => setBroken(true)}
        />
      )}
      <div class="facts">
        <b class="title">{card.title}</b>
        <span class="price">
          {card.price}
          {card.old_price && (
            <s>
              <span class="hidden">{words.old} </span>
              {card.old_price}
            </s>
          )}
        </span>
        {card.stock && <small>{card.stock}</small>}
        {url && (
          <a href={url} onClick={() => emit('card', { ...card })} target="_top">
            {words.more}
          </a>
        )}
      </div>
    </li>
  );
}
