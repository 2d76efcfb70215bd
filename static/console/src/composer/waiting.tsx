import { useEffect, useState } from 'preact/hooks';
import { Away, call } from '../net/api';
import type { Desk } from '../store/desk';
import type { Later, LaterPage, Thread } from '../types';
import { Icon } from '../ui/icons';
import { Moment } from '../ui/moment';
import { languageName, shopField, shopMoment, t, whenText } from '../words';
import { help } from './assist';
import { afterwards, type Changed, changeOf, presetName } from './later';

/** What waits for its time in this dialogue, and what became of the last one. */
export function useLater(desk: Desk, thread: Thread) {
  const [page, setPage] = useState<LaterPage | null>(null);
  const { id, last_seq } = thread.conversation;
  const read = async (): Promise<void> => {
    try {
      const found = await call<LaterPage>('GET', `/conversations/${id}/later/`);
      if (desk.state.open === id) setPage(found);
    } catch (error) {
      if (!(error instanceof Away)) desk.acts.complain(error);
    }
  };
  useEffect(() => {
    void desk.threads.stays(id).then((stays) => (stays ? read() : undefined));
  }, [id, last_seq]);
  // What a colleague puts off, changes or gives up writes no line into the thread.
  useEffect(
    () =>
      desk.hear((events) => {
        const isOurs = events?.some(
          ({ name, data }) => data.conversation === id && name.startsWith('later.'),
        );
        if (!events || isOurs) void read();
      }),
    [desk, id],
  );

  const act = async (work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work();
      await read();
      return true;
    } catch (error) {
      desk.acts.complain(error);
      await read();
      return false;
    }
  };
  const add = async (send_at: string, cancels_on_reply: boolean): Promise<boolean> => {
    const draft = desk.translation.inWords('reply', desk.drafts.of('reply'));
    if (!draft) {
      desk.store.set({ notice: { text: t('laterLook') } });
      return false; // its translation is to be looked at first
    }
    const done = await act(() =>
      call('POST', `/conversations/${id}/later/`, {
        text: draft.text.trim(),
        files: draft.files.map((file) => file.id),
        ...(draft.cards.length ? { cards: draft.cards.map((card) => card.id) } : {}),
        ...(draft.template ? { template_id: draft.template } : {}),
        ...(draft.original
          ? { original: draft.original.text, original_language: draft.original.language }
          : {}),
        send_at,
        cancels_on_reply,
      }),
    );
    if (done) desk.drafts.forget(`${id}:reply`);
    return done;
  };
  /** Given up; the words can come back into the field. */
  const cancel = async (one: Later): Promise<void> => {
    if (!(await act(() => call('DELETE', `/later/${one.id}/`)))) return;
    desk.acts.toast({
      text: t('laterGone'),
      action: t('laterBack'),
      isUndo: true,
      run: () => {
        const { text, cards } = desk.drafts.of('reply', id);
        const words = one.original.text ?? one.text;
        desk.drafts.change(
          'reply',
          { text: text ? `${text}\n${words}` : words, cards: cards.length ? cards : one.cards },
          id,
        );
        desk.store.set({ toast: null });
      },
    });
  };
  const translate = async (text: string): Promise<string> => {
    try {
      const signal = new AbortController().signal;
      return (await help(id, 'translate', text, () => undefined, signal))?.text ?? '';
    } catch (error) {
      desk.acts.complain(error);
      return '';
    }
  };
  return {
    page,
    add,
    change: (one: Later, change: Changed) => act(() => call('PATCH', `/later/${one.id}/`, change)),
    cancel,
    translate,
  };
}

export type LaterOf = ReturnType<typeof useLater>;

/** When: the shop's presets, or a time of one's own. */
export function LaterForm({ later, close }: { later: LaterOf; close: () => void }) {
  const [cancels, setCancels] = useState(true);
  const [own, setOwn] = useState('');
  const add = async (at: string | null): Promise<void> => {
    if (at && (await later.add(at, cancels))) close();
  };
  return (
    <div class="later-form">
      <span class="choices" role="toolbar" aria-label={t('later')}>
        {later.page?.presets.map((one) => (
          <button type="button" key={one.key} onClick={() => void add(one.at)}>
            {t(`later_${presetName(one)}`)}: {whenText(one.at)}
          </button>
        ))}
      </span>
      <span class="line">
        <Moment label={t('snoozeOwn')} value={own} set={setOwn} min={Date.now()} />
        <button type="button" disabled={!own} onClick={() => void add(shopMoment(own))}>
          {t('later')}
        </button>
        <label class="check">
          <input
            type="checkbox"
            checked={cancels}
            onChange={(event) => setCancels(event.currentTarget.checked)}
          />{' '}
          {t('laterCancels')}
        </label>
        <button type="button" onClick={close}>
          {t('cancel')}
        </button>
      </span>
    </div>
  );
}

export function LaterList({ later }: { later: LaterOf }) {
  const shown = afterwards(later.page?.results ?? []);
  if (!shown.length) return null;
  return (
    <ul class="later">
      {shown.map((one) => (
        <Row key={one.id} one={one} later={later} />
      ))}
    </ul>
  );
}

function Row({ one, later }: { one: Later; later: LaterOf }) {
  const [isEdited, setEdited] = useState(false);
  if (one.state !== 'waiting')
    return (
      <li class="muted">
        <Icon name="clock" size={14} />{' '}
        {t(one.reason === 'buyer_wrote' ? 'laterBuyer' : 'laterOff')}{' '}
        <span dir="auto">{one.original.text ?? one.text}</span>
      </li>
    );
  if (isEdited) return <Edited one={one} later={later} close={() => setEdited(false)} />;
  return (
    <li>
      <Icon name="clock" size={14} />
      <b>{whenText(one.send_at)}</b>
      <span class="text" dir="auto">
        {one.text || (one.cards.length ? '' : t('file'))}
        {one.original.text && (
          <span class="muted own" dir="auto" lang={one.original.language}>
            {one.original.text}
          </span>
        )}
      </span>
      {one.cards.map((card) => (
        <span class="chip" key={card.id}>
          <Icon name="goods" size={14} /> {card.title}
        </span>
      ))}
      <button type="button" class="quiet" onClick={() => setEdited(true)}>
        {t('edit')}
      </button>
      <button type="button" class="quiet" onClick={() => void later.cancel(one)}>
        {t('laterCancel')}
      </button>
    </li>
  );
}

/** A colleague's change meanwhile does not touch what is being typed; the last word counts. */
function Edited({ one, later, close }: { one: Later; later: LaterOf; close: () => void }) {
  const [began] = useState(one);
  const [text, setText] = useState(began.text);
  const [own, setOwn] = useState(began.original.text ?? '');
  const [cards, setCards] = useState(began.cards);
  const [at, setAt] = useState(shopField(began.send_at));
  const [isWorking, setWorking] = useState(false);
  const { language } = began.original;
  const translate = async (): Promise<void> => {
    setWorking(true);
    const made = await later.translate(own);
    if (made) setText(made);
    setWorking(false);
  };
  return (
    <li class="edited">
      {language && (
        <label>
          <span class="muted">{t('ownWords', languageName(language))}</span>
          <textarea
            value={own}
            dir="auto"
            lang={language}
            onInput={(event) => setOwn(event.currentTarget.value)}
          />
          <button
            type="button"
            disabled={!own.trim() || isWorking}
            onClick={() => void translate()}
          >
            {t(isWorking ? 'translates' : 'translateAgain')}
          </button>
        </label>
      )}
      <label>
        {language && <span class="muted">{t('willGo')}</span>}
        <textarea
          value={text}
          dir="auto"
          aria-label={language ? undefined : t('later')}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {cards.map((card) => (
        <span class="chip" key={card.id}>
          <Icon name="goods" size={14} /> {card.title}
          <button
            type="button"
            class="icon small"
            title={t('remove')}
            onClick={() => setCards(cards.filter((other) => other.id !== card.id))}
          >
            <Icon name="close" size={14} />
          </button>
        </span>
      ))}
      <Moment label={t('snoozeOwn')} value={at} set={setAt} min={Date.now()} />
      <button
        type="button"
        class="main"
        disabled={!at || isWorking}
        onClick={async () => {
          const change = changeOf(began, { text, own, cards, at: shopMoment(at) });
          if (await later.change(one, change)) close();
        }}
      >
        {t('save')}
      </button>
      <button type="button" onClick={close}>
        {t('cancel')}
      </button>
    </li>
  );
}
