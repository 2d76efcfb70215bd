import { useEffect, useState } from 'preact/hooks';
import { call } from '../net/api';
import { type Allowed, allow, state as allowed, stop } from '../notices/browser';
import type { Desk } from '../store/desk';
import { ring } from '../store/sound';
import { Icon } from '../ui/icons';
import { t } from '../words';

const device = (): string => {
  const agent = navigator.userAgent;
  const browser = /Firefox|YaBrowser|Edg|OPR|Chrome|Safari/.exec(agent)?.[0] ?? '';
  const system = /Windows|Android|iPhone|iPad|Mac OS|Linux/.exec(agent)?.[0] ?? '';
  return [browser, system].filter(Boolean).join(', ');
};

function usePush(desk: Desk) {
  const [push, setPush] = useState<Allowed | ''>('');
  useEffect(() => {
    allowed().then(setPush, () => setPush('unable'));
  }, []);
  const change = async (work: () => Promise<Allowed>): Promise<void> => {
    try {
      setPush(await work());
    } catch (error) {
      // A browser without a push service says so by an exception of its own.
      if (error instanceof DOMException) setPush('unable');
      else desk.acts.complain(error);
    }
  };
  return {
    push,
    allow: () => change(() => allow(device())),
    stop: () => change(async () => stop().then(() => 'no' as const)),
  };
}

const checked = (): Promise<unknown> =>
  call('PUT', '/desk/notices/', { is_checked: true }).catch(() => undefined);

/** Once, until it is answered: whether the sound is heard, and may the browser show notices. */
export function Check({ desk }: { desk: Desk }) {
  const [isAsked, setAsked] = useState(false);
  const { push, ...by } = usePush(desk);
  useEffect(() => {
    call<{ is_checked: boolean }>('GET', '/desk/notices/').then(
      (found) => setAsked(!found.is_checked),
      () => undefined,
    );
  }, []);
  if (!isAsked) return null;
  const done = (): void => {
    setAsked(false);
    void checked();
  };
  return (
    <div class="strip check-strip" role="status">
      <Icon name="bell" size={20} />
      <span>{t('checkAsk')}</span>
      <button type="button" class="main" onClick={ring}>
        {t('sound')}
      </button>
      {push === 'no' && (
        <button type="button" onClick={() => void by.allow()}>
          {t('pushAllow')}
        </button>
      )}
      <button type="button" onClick={done}>
        {t('checkDone')}
      </button>
    </div>
  );
}

/** In the preferences: this browser's pushes, and the way to the table of all notices. */
export function NoticeChoices({ desk }: { desk: Desk }) {
  const { push, ...by } = usePush(desk);
  return (
    <section class="form">
      <b>{t('notices')}</b>
      {push && <span class="muted">{t(`push_${push}`)}</span>}
      <span class="line">
        {push === 'no' && (
          <button type="button" onClick={() => void by.allow()}>
            {t('pushAllow')}
          </button>
        )}
        {push === 'yes' && (
          <button type="button" onClick={() => void by.stop()}>
            {t('pushStop')}
          </button>
        )}
        <a href="/admin/notices/">{t('noticesAll')}</a>
      </span>
    </section>
  );
}
