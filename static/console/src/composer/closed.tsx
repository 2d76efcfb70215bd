import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Draft, Thread } from '../types';
import { Icon } from '../ui/icons';
import { t } from '../words';
import { gaps, hasGaps } from './asks';
import { Modes } from './modes';
import { Picker, useChoices } from './picker';
import { putIn } from './put';
import type { Trigger } from './trigger';

/** A prepared reply with its gaps, apart from the draft: what was typed before stays. */
interface Chosen {
  text: string;
  change: Partial<Draft>;
}

/** In place of the field where nothing may be written: what still may be done. */
export function Closed({
  desk,
  state,
  thread,
  isGone,
}: {
  desk: Desk;
  state: State;
  thread: Thread;
  isGone: boolean;
}) {
  const [isPicking, setPicking] = useState(false);
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const mayTemplate = !isGone && (thread.channel?.window?.actions.includes('template') ?? true);
  const lang = thread.conversation.language || state.boot.lang;
  const picking: Trigger | null = isPicking ? { sign: '/', query, from: 0, to: 0 } : null;
  const choices = useChoices(picking, state, lang, thread.conversation.id);
  useEffect(() => setAt(0), [choices]);
  useLayoutEffect(() => {
    const element = root.current;
    const hear = (event: Event): void => {
      if ((event as CustomEvent<string>).detail === '/' && mayTemplate) setPicking(true);
    };
    element?.addEventListener('do', hear);
    return () => element?.removeEventListener('do', hear);
  }, [mayTemplate]);

  const choose = async (index: number): Promise<void> => {
    const choice = choices?.[index];
    if (!choice) return;
    const put = await putIn(desk, thread, 'reply', choice, lang);
    if (!put) return;
    setPicking(false);
    setQuery('');
    if (hasGaps(put.text)) setChosen(put);
    else send(put);
  };
  const send = ({ text, change }: Chosen): void => {
    const { template, files } = change;
    if (!template) return;
    setChosen(null);
    desk.outbox.sendTemplate(text, template, files ?? []);
  };
  return (
    <div class="composer is-closed" ref={root}>
      <Modes desk={desk} mode="reply" />
      <p>
        <Icon name={isGone ? 'alert' : 'window'} size={14} />{' '}
        {t(isGone ? 'unreachable' : mayTemplate ? 'windowIsClosed' : 'windowIsShut')}
      </p>
      {isPicking && (
        <>
          {choices && (
            <Picker
              choices={choices}
              chosen={at}
              sign="/"
              query={query}
              onChoose={(choice) => void choose(choices.indexOf(choice))}
            />
          )}
          <input
            type="search"
            class="picker-open"
            value={query}
            placeholder={t('templates')}
            aria-label={t('templates')}
            aria-controls="picker"
            aria-activedescendant={choices?.length ? `choice-${at}` : undefined}
            ref={focused}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              const by = { ArrowDown: 1, ArrowUp: -1 }[event.code];
              const count = choices?.length ?? 0;
              if (by && count) setAt((at + by + count) % count);
              else if (event.code === 'Enter') void choose(at);
              else if (event.code === 'Escape') setPicking(false);
              else return;
              event.preventDefault();
              event.stopPropagation();
            }}
          />
        </>
      )}
      {chosen && (
        <Filling chosen={chosen} send={send} close={() => setChosen(null)} key={chosen.text} />
      )}
      <span class="tools">
        {mayTemplate && (
          <button type="button" class="main" onClick={() => setPicking(!isPicking)}>
            {t('chooseTemplate')}
          </button>
        )}
        <button type="button" onClick={() => desk.store.set({ mode: 'note' })}>
          {t('note')}
        </button>
        {thread.conversation.status === 'open' && (
          <button type="button" onClick={() => desk.store.set({ ask: 'snooze' })}>
            {t('snooze')}
          </button>
        )}
        {thread.conversation.status !== 'resolved' && (
          <button type="button" onClick={() => void desk.acts.resolve()}>
            {t('resolve')}
          </button>
        )}
      </span>
    </div>
  );
}

/** Only what is asked for may be written: the rest is the template's. */
function Filling({
  chosen,
  send,
  close,
}: {
  chosen: Chosen;
  send: (chosen: Chosen) => void;
  close: () => void;
}) {
  const places = gaps(chosen.text);
  const [said, setSaid] = useState<string[]>(() => places.map(() => ''));
  const filled = (): string => {
    let text = '';
    let from = 0;
    places.forEach((gap, at) => {
      text += chosen.text.slice(from, gap.from) + (said[at]?.trim() ?? '');
      from = gap.to;
    });
    return text + chosen.text.slice(from);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        send({ ...chosen, text: filled() });
      }}
    >
      <p dir="auto">{chosen.text}</p>
      {places.map((gap, at) => (
        <label key={gap.from}>
          {chosen.text.slice(gap.from + 1, gap.to - 1)}
          <input
            required
            maxLength={500}
            value={said[at] ?? ''}
            ref={at === 0 ? focused : undefined}
            onInput={(event) => {
              const { value } = event.currentTarget;
              setSaid((now) => now.map((one, index) => (index === at ? value : one)));
            }}
          />
        </label>
      ))}
      <footer>
        <button type="submit" class="main">
          {t('send')}
        </button>
        <button type="button" onClick={close}>
          {t('cancel')}
        </button>
      </footer>
    </form>
  );
}

const focused = (element: HTMLElement | null): void => {
  if (element && !element.dataset.seen) {
    element.dataset.seen = 'yes';
    requestAnimationFrame(() => element.focus());
  }
};
