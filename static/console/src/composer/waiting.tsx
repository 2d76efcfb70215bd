import { useEffect, useState } from 'preact/hooks';
import { Away, call } from '../net/api';
import type { Desk } from '../store/desk';
import type { Later, LaterPage, Thread } from '../types';
import { Icon } from '../ui/icons';
import { t, whenText } from '../words';
import { afterwards, local, presetName } from './later';

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
  useEffect(() => void read(), [id, last_seq]);

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
    if (!draft) return false; // its translation is to be looked at first
    const done = await act(() =>
      call('POST', `/conversations/${id}/later/`, {
        text: draft.text.trim(),
        files: draft.files.map((file) => file.id),
        ...(draft.template ? { template_id: draft.template } : {}),
        send_at,
        cancels_on_reply,
      }),
    );
    if (done) desk.drafts.forget(`${id}:reply`);
    return done;
  };
  return {
    page,
    add,
    change: (one: Later, change: Partial<Later>) =>
      act(() => call('PATCH', `/later/${one.id}/`, change)),
    cancel: (one: Later) => act(() => call('DELETE', `/later/${one.id}/`)),
  };
}

export type LaterOf = ReturnType<typeof useLater>;

/** When: the shop's presets, or a time of one's own. */
export function LaterForm({ later, close }: { later: LaterOf; close: () => void }) {
  const [cancels, setCancels] = useState(true);
  const [own, setOwn] = useState('');
  const add = async (at: string): Promise<void> => {
    if (await later.add(at, cancels)) close();
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
        <label>
          {t('snoozeOwn')}{' '}
          <input
            type="datetime-local"
            value={own}
            onInput={(event) => setOwn(event.currentTarget.value)}
          />
        </label>
        <button type="button" disabled={!own} onClick={() => void add(new Date(own).toISOString())}>
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
  const [text, setText] = useState(one.text);
  const [at, setAt] = useState(local(one.send_at));
  if (one.state !== 'waiting')
    return (
      <li class="muted">
        <Icon name="clock" size={14} />{' '}
        {t(one.reason === 'buyer_wrote' ? 'laterBuyer' : 'laterOff')}{' '}
        <span dir="auto">{one.text}</span>
      </li>
    );
  if (isEdited)
    return (
      <li>
        <textarea
          value={text}
          aria-label={t('later')}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <input
          type="datetime-local"
          value={at}
          aria-label={t('snoozeOwn')}
          onInput={(event) => setAt(event.currentTarget.value)}
        />
        <button
          type="button"
          onClick={async () => {
            const change = { text, send_at: new Date(at).toISOString() };
            if (await later.change(one, change)) setEdited(false);
          }}
        >
          {t('save')}
        </button>
        <button type="button" onClick={() => setEdited(false)}>
          {t('cancel')}
        </button>
      </li>
    );
  return (
    <li>
      <Icon name="clock" size={14} />
      <b>{whenText(one.send_at)}</b>
      <span class="text" dir="auto">
        {one.text || t('file')}
      </span>
      <button type="button" class="quiet" onClick={() => setEdited(true)}>
        {t('edit')}
      </button>
      <button type="button" class="quiet" onClick={() => void later.cancel(one)}>
        {t('laterCancel')}
      </button>
    </li>
  );
}
