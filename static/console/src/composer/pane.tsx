import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { isEmpty } from '../store/drafts';
import type { Mode, Thread } from '../types';
import { Icon } from '../ui/icons';
import { t } from '../words';
import { AiMenu, AiPanel, useAi } from './ai';
import { hasGaps, nextGap } from './asks';
import { Attached } from './attached';
import { Closed } from './closed';
import { Countdown, useMoment } from './countdown';
import { Elsewhere } from './elsewhere';
import { Modes } from './modes';
import { type Choice, Picker, useChoices } from './picker';
import { putIn } from './put';
import { TranslationStrip } from './strip';
import { replaced, type Trigger, triggerAt } from './trigger';
import { useUploads } from './uploads';
import { LaterForm, LaterList, useLater } from './waiting';

const COUNT_FROM = 0.8; // the counter shows when the limit is near

interface Props {
  desk: Desk;
  state: State;
  thread: Thread;
  now: number;
}

export function Composer(props: Props) {
  const { state, thread } = props;
  const row = thread.conversation;
  const now = useMoment(props.now, row.window_expires_at);
  const isClosed = Boolean(row.window_expires_at && Date.parse(row.window_expires_at) <= now);
  const isGone = thread.context?.is_reachable === false;
  if (state.mode === 'reply' && thread.channel?.can_write === false)
    return <Elsewhere {...props} />;
  if (state.mode === 'reply' && (isClosed || isGone)) return <Closed {...props} isGone={isGone} />;
  return <Field {...props} now={now} />;
}

function Field({ desk, state, thread, now }: Props) {
  const { mode } = state;
  const row = thread.conversation;
  const draft = desk.drafts.of(mode);
  const { text } = draft;
  const field = useRef<HTMLTextAreaElement>(null);
  const root = useRef<HTMLFormElement>(null);
  const [trigger, setTrigger] = useState<Trigger | null>(null);
  const [chosen, setChosen] = useState(0);
  const [asked, setAsked] = useState(false); // sending words for colleagues only asks once
  const lang = row.language || state.boot.lang;
  const choices = useChoices(trigger, state, lang);
  const ai = useAi(desk, thread, mode);
  const later = useLater(desk, thread);
  const [isLater, setLater] = useState(false);
  const uploads = useUploads(desk, thread.channel, mode);
  const limit = thread.channel?.text_limit ?? 20_000;
  const isOver = mode === 'reply' && text.length > limit;
  const left = row.window_expires_at ? Date.parse(row.window_expires_at) - now : null;
  const sendByEnter = state.prefs.send === 'enter';

  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = '';
    // Measuring lays the page out once more: an empty field has its own height.
    if (text) area.style.height = `${Math.min(area.scrollHeight, 260)}px`;
  }, [text, mode]);

  useEffect(() => setChosen(0), [choices]);
  useLayoutEffect(() => setTrigger(null), [mode]);

  const say = (value: string, caret?: number): void => {
    desk.drafts.typed(mode, value);
    setAsked(false);
    if (caret !== undefined)
      requestAnimationFrame(() => field.current?.setSelectionRange(caret, caret));
  };

  const typed = (area: HTMLTextAreaElement): void => {
    say(area.value);
    setTrigger(triggerAt(area.value, area.selectionStart, mode));
  };

  const toGap = (back = false): boolean => {
    const area = field.current;
    if (!area) return false;
    const gap = nextGap(area.value, back ? area.selectionStart : area.selectionEnd, back);
    if (!gap) return false;
    area.focus();
    area.setSelectionRange(gap.from, gap.to);
    return true;
  };

  const choose = async (choice: Choice): Promise<void> => {
    const place = trigger;
    setTrigger(null);
    if (!place) return;
    const put = await putIn(desk, thread, mode, choice, lang);
    if (!put) return;
    const now = desk.drafts.of(mode);
    const next = replaced(now.text, place, put.text);
    desk.drafts.change(mode, { ...put.change, text: next.text });
    field.current?.focus();
    requestAnimationFrame(() => {
      field.current?.setSelectionRange(next.caret, next.caret);
      if (hasGaps(put.text)) {
        field.current?.setSelectionRange(place.from, place.from);
        toGap();
      }
    });
  };

  const isBlocked = hasGaps(text);
  const send = (after: '' | 'resolve' = ''): void => {
    if (isEmpty(draft) || isOver || uploads.count) return;
    if (isBlocked) {
      toGap();
      desk.store.set({ notice: { text: t('gaps') } });
      return;
    }
    if (draft.isInternal && mode === 'reply' && !asked) {
      setAsked(true);
      desk.store.set({ notice: { text: t('internalAsk') } });
      return;
    }
    setTrigger(null);
    desk.outbox.send(mode, false, after);
    field.current?.focus();
  };

  const open = (sign: string): void => {
    const area = field.current;
    if (!area) return;
    const at = area.selectionStart;
    const before = /(^|\s)$/.test(text.slice(0, at)) ? sign : ` ${sign}`;
    const value = text.slice(0, at) + before + text.slice(area.selectionEnd);
    say(value, at + before.length);
    const from = at + before.length - 1;
    setTrigger({ sign: sign as '/', query: '', from, to: from + 1 });
  };

  // Commands come from outside of the field; they meet it as it is now, not as it was drawn.
  const run = useRef<(what: string) => void>(() => undefined);
  run.current = (what) => {
    if (what === 'send') send();
    else if (what === 'attach') uploads.pick();
    else if (what === 'suggest') void ai.ask('suggest');
    else open(what);
  };
  useLayoutEffect(() => {
    const form = root.current;
    const hear = (event: Event): void => run.current((event as CustomEvent<string>).detail);
    form?.addEventListener('do', hear);
    return () => form?.removeEventListener('do', hear);
  }, []);

  const press = (event: KeyboardEvent): void => {
    const isPicking = choices !== null && trigger !== null;
    if (isPicking && choices.length && !event.ctrlKey && !event.metaKey) {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.code];
      if (by) setChosen((chosen + by + choices.length) % choices.length);
      else if (event.code === 'Enter' || event.code === 'Tab') void choose(choices[chosen]!);
      if (by || event.code === 'Enter' || event.code === 'Tab') {
        event.preventDefault();
        return;
      }
    }
    if (event.code === 'ArrowUp' && !text && !event.ctrlKey && !event.altKey) {
      if (desk.said.beginLast()) event.preventDefault();
      return;
    }
    if (event.code === 'Escape' && trigger) {
      setTrigger(null);
      event.preventDefault();
      event.stopPropagation();
    } else if (event.code === 'Tab' && !event.ctrlKey && hasGaps(text)) {
      toGap(event.shiftKey);
      event.preventDefault();
    } else if (
      sendByEnter &&
      event.code === 'Enter' &&
      !event.shiftKey &&
      !event.ctrlKey &&
      !event.altKey &&
      !event.isComposing
    ) {
      event.preventDefault();
      send();
    }
  };

  return (
    <form
      ref={root}
      class={`composer is-${mode} ${uploads.isOver ? 'is-over' : ''}`}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      {...uploads.dropping}
    >
      {choices && trigger && (
        <Picker
          choices={choices}
          chosen={chosen}
          sign={trigger.sign}
          query={trigger.query}
          onChoose={(choice) => void choose(choice)}
        />
      )}
      <div class="line">
        <Modes desk={desk} mode={mode} />
        {mode === 'reply' && left !== null && <Countdown left={left} />}
      </div>
      <LaterList later={later} />
      {isLater && mode === 'reply' && <LaterForm later={later} close={() => setLater(false)} />}
      <AiPanel ai={ai} />
      <TranslationStrip desk={desk} state={state} thread={thread} />
      <div class="field">
        {draft.quote && (
          <span class="quote is-draft">
            <b>{draft.quote.name}</b>
            <span dir="auto">{draft.quote.text}</span>
            <button
              type="button"
              class="icon small"
              title={t('remove')}
              onClick={() => desk.drafts.change(mode, { quote: null })}
            >
              <Icon name="close" size={14} />
            </button>
          </span>
        )}
        <textarea
          ref={field}
          rows={2}
          value={text}
          dir="auto"
          maxLength={20_000}
          aria-label={t(mode)}
          aria-autocomplete="list"
          aria-controls={choices ? 'picker' : undefined}
          aria-activedescendant={choices?.length ? `choice-${chosen}` : undefined}
          placeholder={hint(mode, sendByEnter)}
          onInput={(event) => typed(event.currentTarget)}
          onBlur={() => setTimeout(() => setTrigger(null), 150)}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (!files.length) return;
            event.preventDefault();
            uploads.add(files);
          }}
          onKeyDown={press}
        />
        <Attached desk={desk} draft={draft} mode={mode} uploads={uploads} />
        <div class="tools">
          {uploads.input}
          <Tool icon="clip" title={t('attach')} onClick={uploads.pick} />
          {mode === 'reply' ? (
            <>
              <Tool icon="template" title={t('templates')} onClick={() => open('/')} />
              <Tool icon="book" title={t('knowledge')} onClick={() => open('#')} />
            </>
          ) : (
            <Tool icon="at" title={t('mention')} onClick={() => open('@')} />
          )}
          <AiMenu ai={ai} hasText={Boolean(text.trim())} />
          {state.macros.length > 0 && (
            <Tool
              icon="macro"
              title={t('macro')}
              onClick={() => desk.store.set({ ask: state.ask === 'macro' ? '' : 'macro' })}
            />
          )}
          <Tool icon="face" title={t('emoji')} onClick={() => open(':')} />
          <span class="gap" />
          {mode === 'reply' && text.length > limit * COUNT_FROM && (
            <span class={isOver ? 'chip red' : 'muted'} role="status">
              {t('letters', text.length, limit)}
            </span>
          )}
          {mode === 'reply' && (
            <Tool
              icon="clock"
              title={t('later')}
              isOff={isEmpty(draft) || isOver || isBlocked}
              onClick={() => setLater(!isLater)}
            />
          )}
          {mode === 'reply' && row.status !== 'resolved' && (
            <button
              type="button"
              class="wide"
              disabled={isEmpty(draft) || isOver}
              onClick={() => send('resolve')}
            >
              {t('sendResolve')}
            </button>
          )}
          <button
            type="submit"
            class="main"
            disabled={isEmpty(draft) || isOver || uploads.count > 0}
          >
            {t(mode === 'reply' ? 'send' : 'saveNote')}
          </button>
        </div>
      </div>
    </form>
  );
}

const hint = (mode: Mode, sendByEnter: boolean): string => {
  if (mode === 'note') return t('noteHint');
  if (innerWidth < 800) return t('replyHintShort');
  return t(sendByEnter ? 'replyHintEnter' : 'replyHint');
};

function Tool({
  icon,
  title,
  isOff = false,
  onClick,
}: {
  icon: 'clip' | 'template' | 'book' | 'at' | 'face' | 'macro' | 'clock';
  isOff?: boolean;
  title: string;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      class="icon"
      title={title}
      aria-label={title}
      disabled={isOff}
      onPointerDown={(event) => event.preventDefault()}
      onClick={onClick}
    >
      <Icon name={icon} size={20} />
    </button>
  );
}
