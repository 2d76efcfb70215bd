import { useEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from '../store/desk';
import type { Mode, Thread } from '../types';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { t } from '../words';
import { told } from '../words/told';
import { ACTS, type AssistAct, type Help, help, NoHelp, REWRITES } from './assist';

interface Working {
  act: AssistAct;
  asked: string; // what stood in the field then
  text: string;
  made: Help | null;
  failure: string;
}

/** The AI row: a draft with its sources, never a message; nothing is put in until it is asked for. */
export function useAi(desk: Desk, thread: Thread, mode: Mode) {
  const [working, setWorking] = useState<Working | null>(null);
  const line = useRef<AbortController | null>(null);
  useEffect(() => () => line.current?.abort(), []);

  const stop = (): void => {
    line.current?.abort();
    line.current = null;
    setWorking(null);
  };
  const ask = async (act: AssistAct): Promise<void> => {
    line.current?.abort();
    const mine = new AbortController();
    line.current = mine;
    const asked = desk.drafts.of(mode).text;
    setWorking({ act, asked, text: '', made: null, failure: '' });
    const now = (change: Partial<Working>): void => {
      if (line.current === mine) setWorking((was) => was && { ...was, ...change });
    };
    try {
      const made = await help(
        thread.conversation.id,
        act,
        asked,
        (so_far) => now({ text: so_far }),
        mine.signal,
      );
      if (!made?.text) now({ failure: t('aiNothing') });
      else now({ made, text: made.text });
    } catch (error) {
      now({ failure: error instanceof NoHelp ? error.message || t('aiFailed') : told(error) });
    }
  };
  const put = (): void => {
    if (!working?.made) return;
    const { text, act, sources } = working.made;
    const to: Mode = act === 'summary' ? 'note' : mode;
    if (to !== mode) desk.store.set({ mode: to });
    const isInternal = sources.some((source) => source.internal);
    const id = thread.conversation.id;
    const before = desk.drafts.of(to, id);
    const isRewritten = REWRITES.includes(act) && before.text === working.asked;
    const change = { text, ...(isInternal ? { isInternal: true } : {}) };
    // What was typed meanwhile, or before a suggestion, stays below it.
    if (!isRewritten) desk.drafts.bring(to, change, id);
    else {
      desk.drafts.change(to, change, id);
      desk.acts.toast({
        text: t('aiWasPut'),
        action: t('undo'),
        isUndo: true,
        run: () => {
          if (desk.drafts.of(to, id).text === text) desk.drafts.change(to, before, id);
          desk.store.set({ toast: null });
        },
      });
    }
    stop();
    requestAnimationFrame(() =>
      document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus(),
    );
  };
  return { working, ask, put, stop };
}

export type Ai = ReturnType<typeof useAi>;

export function AiMenu({ ai, hasText }: { ai: Ai; hasText: boolean }) {
  const fit = ACTS.filter((act) => hasText || act === 'suggest' || act === 'summary');
  return (
    <span class="ai-menu">
      <Menu
        icon="ai"
        title={t('ai')}
        items={fit.map((act) => ({ text: t(`ai_${act}`), run: () => void ai.ask(act) }))}
      />
    </span>
  );
}

export function AiPanel({ ai }: { ai: Ai }) {
  const { working } = ai;
  if (!working) return null;
  const { made, text, failure, act } = working;
  return (
    <div class="ai" role="status" aria-busy={!made && !failure}>
      <span class="line">
        <b>
          <Icon name="ai" size={14} /> {t(`ai_${act}`)}
        </b>
        {!made && !failure && <span class="muted">{t('aiWorks')}</span>}
      </span>
      {failure ? <p class="failure">{failure}</p> : text && <p dir="auto">{text}</p>}
      {made && made.sources.length > 0 && (
        <span class="line sources">
          <span class="muted">{t('sources')}:</span>
          {made.sources.map((source) => (
            <span
              key={`${source.kind}${source.id}`}
              class={`chip ${source.internal ? 'amber' : ''}`}
            >
              {source.title}
              {source.internal && ` · ${t('internal')}`}
            </span>
          ))}
        </span>
      )}
      <span class="line">
        {made && (
          <button type="button" class="main" onClick={ai.put}>
            {t(act === 'summary' ? 'aiToNote' : 'aiPut')}
          </button>
        )}
        <button type="button" onClick={ai.stop}>
          {t(made || failure ? 'close' : 'cancel')}
        </button>
      </span>
    </div>
  );
}
