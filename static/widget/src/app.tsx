/** Bubble and panel; in page mode the panel alone. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { Composer } from './composer';
import { MAX_FILES } from './files';
import { Icon } from './icons';
import { unread } from './state';
import { greetingOf, Thread } from './thread';
import { asksFirst, type View } from './view';
import { fill } from './words';

export interface AppProps extends View {
  isPage: boolean;
  isOpen: boolean;
  setOpen: (open: boolean) => void;
  teaser: boolean;
  hideTeaser: () => void;
}

export function App(props: AppProps) {
  const { isPage, isOpen, setOpen, chat, words } = props;
  const bubble = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(isOpen);
  const count = unread(chat.state);

  useEffect(() => {
    if (wasOpen.current && !isOpen) {
      bubble.current?.focus(); // back to where it was opened from
    }
    wasOpen.current = isOpen;
  }, [isOpen]);

  if (isPage) {
    return <Panel {...props} />;
  }
  return (
    <>
      {isOpen && <Panel {...props} />}
      <div class="corner" hidden={isOpen}>
        <Teaser {...props} />
        <button
          ref={bubble}
          type="button"
          class="launcher"
          aria-label={count ? `${words.open}. ${fill(words.unread, count)}` : words.open}
          aria-expanded={isOpen}
          onClick={() => setOpen(true)}
        >
          <Icon name="chat" size={26} />
          {count > 0 && <span class="badge">{count > 9 ? '9+' : count}</span>}
        </button>
      </div>
    </>
  );
}

/** The newest word of the shop, readable without a click. */
function Teaser(props: AppProps) {
  const { chat, words, teaser, setOpen, hideTeaser } = props;
  const fresh = chat.state.messages
    .filter((m) => m.author !== 'buyer' && (m.seq ?? 0) > chat.state.seen && m.text)
    .at(-1);
  const text =
    fresh?.text ?? props.config.said ?? (chat.state.messages.length ? '' : greetingOf(props));
  if (!teaser || !text) {
    return null;
  }
  return (
    <div class="teaser" role="status">
      <button type="button" class="teaser-text" onClick={() => setOpen(true)}>
        {text}
      </button>
      <button type="button" class="icon small" aria-label={words.close} onClick={hideTeaser}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}

function Panel(props: AppProps) {
  const { chat, config, words, isPage, setOpen } = props;
  const { state } = chat;
  const panel = useRef<HTMLDivElement>(null);
  const [dragging, setDragging] = useState(false);
  const { who } = state;
  const asked = who.speaker === 'queue' || who.speaker === 'agent';
  const status =
    who.speaker === 'agent'
      ? who.name
        ? fill(words.agent, who.name)
        : words.agentSome
      : who.speaker === 'queue'
        ? words.queue
        : config.answers
          ? words.botAnswers
          : words.agentSome;

  useEffect(() => {
    chat.look();
    if (!isPage) {
      // On a phone the keyboard would hide what there is to read.
      const isTouch = matchMedia('(pointer: coarse)').matches;
      const first = isTouch
        ? panel.current!
        : (panel.current!.querySelector('textarea') ?? panel.current!);
      first.focus({ preventScroll: true });
    }
    // The composer stays above the phone's keyboard.
    const view = window.visualViewport;
    const refit = (): void => {
      const full = matchMedia('(max-width: 479px)').matches || isPage;
      panel.current?.style.setProperty('--height', full && view ? `${view.height}px` : '');
      panel.current?.style.setProperty('--top', full && view ? `${view.offsetTop}px` : '');
    };
    refit();
    view?.addEventListener('resize', refit);
    view?.addEventListener('scroll', refit);
    return () => {
      view?.removeEventListener('resize', refit);
      view?.removeEventListener('scroll', refit);
    };
  }, []);

  const hadFocus = useRef(false);
  useEffect(() => {
    // What was pressed may be gone by now; the keyboard must not fall out of the dialog with it.
    const root = panel.current!.getRootNode() as ShadowRoot;
    if (hadFocus.current && !root.activeElement && document.activeElement === document.body) {
      panel.current!.focus({ preventScroll: true });
    }
  });

  const onKey = (event: KeyboardEvent): void => {
    if (isPage) {
      return;
    }
    if (event.key === 'Escape') {
      event.stopPropagation();
      setOpen(false);
    } else if (event.key === 'Tab') {
      keepInside(event, panel.current!);
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a dialog listens for Escape and Tab
    <div
      ref={panel}
      class={isPage ? 'panel page' : 'panel'}
      {...{
        role: isPage ? 'region' : 'dialog',
        'aria-modal': isPage ? undefined : true,
        'aria-label': `${words.chat}: ${config.shop}`,
      }}
      tabIndex={-1}
      onFocusIn={() => {
        hadFocus.current = true;
      }}
      onFocusOut={(event) => {
        // Somewhere else on the page, by the buyer's own wish.
        hadFocus.current = event.relatedTarget === null;
      }}
      onKeyDown={onKey}
      onDragOver={(event) => {
        event.preventDefault();
        setDragging(true);
      }}
      onDragLeave={(event) => {
        if (!panel.current!.contains(event.relatedTarget as Node | null)) {
          setDragging(false);
        }
      }}
      onDrop={(event) => {
        event.preventDefault();
        setDragging(false);
        void chat.attach([...(event.dataTransfer?.files ?? [])].slice(0, MAX_FILES));
      }}
    >
      <header>
        <span class="avatar" aria-hidden="true">
          {[...config.shop.trim()][0]?.toUpperCase()}
        </span>
        <div class="names">
          <b>{config.shop}</b>
          <small role="status">
            {who.speaker === 'bot' && config.answers && <Icon name="bot" size={14} />}
            {status}
          </small>
        </div>
        {!isPage && (
          <button
            type="button"
            class="icon"
            aria-label={words.close}
            title={words.close}
            onClick={() => setOpen(false)}
          >
            <Icon name="close" />
          </button>
        )}
      </header>
      {state.link === 'offline' && (
        <p class="strip" role="status">
          {words.offline}
        </p>
      )}
      <Thread {...props} />
      {!asksFirst(props) && <Composer {...props} />}
      <footer>
        <button
          type="button"
          class="plain person"
          disabled={asked}
          onClick={() => chat.say(words.person, 'person')}
        >
          <Icon name="person" size={16} />
          {asked ? (who.speaker === 'agent' ? status : words.personAsked) : words.person}
        </button>
        <a href={chat.absolute(config.privacy)} target="_blank" rel="noopener noreferrer">
          {words.privacy}
        </a>
      </footer>
      {dragging && <div class="drop">{words.drop}</div>}
    </div>
  );
}

function keepInside(event: KeyboardEvent, panel: HTMLElement): void {
  const stops = [
    ...panel.querySelectorAll<HTMLElement>(
      'a[href],button:not(:disabled),textarea,input:not([hidden]),summary,[tabindex="0"]',
    ),
  ].filter((element) => element.getClientRects().length);
  const root = panel.getRootNode() as ShadowRoot;
  const [first, last] = [stops[0], stops.at(-1)];
  if (event.shiftKey && root.activeElement === first) {
    event.preventDefault();
    last?.focus();
  } else if (!event.shiftKey && root.activeElement === last) {
    event.preventDefault();
    first?.focus();
  }
}
