import { useState } from 'preact/hooks';
import { call } from '../net/api';
import type { Desk } from '../store/desk';
import type { Message, Source } from '../types';
import { Icon } from '../ui/icons';
import { claimKind, dayText, decisionText, reasonText, seconds, t } from '../words';

/** Under an answer of the bot: what it rests on, what was checked, why so, and how it was. */
export function Checks({ desk, message }: { desk: Desk; message: Message }) {
  const { meta } = message;
  const [open, setOpen] = useState<'' | 'why' | 'mend'>('');
  const claims = meta.claims ?? [];
  const checks = meta.checks ?? {};
  const passed = {
    facts: checks.facts ?? claims.length > 0,
    language: checks.language ?? meta.decision === 'answer',
    promises: checks.promises ?? meta.decision === 'answer',
  };
  const judge = async (good: boolean, about = '', comment = ''): Promise<void> => {
    try {
      await call('POST', `/desk/messages/${message.id}/verdict/`, { good, about, comment });
      if (good) setOpen('');
      await desk.threads.read();
    } catch (error) {
      desk.acts.complain(error);
    }
  };
  const verdict = message.verdict;
  return (
    <span class="checks">
      {(meta.sources ?? []).length > 0 && (
        <span class="line sources">
          <span class="muted">{t('sources')}</span>
          {meta.sources!.map((source) => (
            <SourceChip key={`${source.kind}${source.id}${source.title}`} source={source} />
          ))}
        </span>
      )}
      <span class="line">
        {(['facts', 'language', 'promises'] as const).map((name) =>
          passed[name] ? (
            <span class="ok" key={name} title={t(`check_${name}_title`)}>
              <Icon name="check" size={14} /> {t(`check_${name}`)}
            </span>
          ) : null,
        )}
        <button
          type="button"
          class="quiet"
          aria-expanded={open === 'why'}
          onClick={() => setOpen(open === 'why' ? '' : 'why')}
        >
          {t('why')}
        </button>
        <span class="thumbs">
          <button
            type="button"
            class="icon small"
            title={t('good')}
            aria-pressed={verdict?.good === true}
            onClick={() => void judge(true)}
          >
            <Icon name="good" size={14} />
          </button>
          <button
            type="button"
            class="icon small"
            title={t('bad')}
            aria-pressed={verdict?.good === false}
            onClick={() => {
              setOpen(open === 'mend' ? '' : 'mend');
              if (verdict?.good !== false) void judge(false);
            }}
          >
            <Icon name="bad" size={14} />
          </button>
        </span>
      </span>
      {open === 'why' && (
        <dl class="why">
          {meta.decision && <Why name={t('why_decision')} value={decisionText(meta.decision)} />}
          {meta.reason && <Why name={t('why_reason')} value={reasonText(meta.reason)} />}
          {meta.provider && <Why name={t('why_provider')} value={meta.provider} />}
          {meta.ms !== undefined && <Why name={t('why_time')} value={seconds(meta.ms)} />}
          {claims.map((claim) => (
            <Why
              key={claim.text + claim.source}
              name={claimKind(claim.kind)}
              value={`${claim.text} ← ${claim.source.split(':').slice(1).join(':')}`}
            />
          ))}
        </dl>
      )}
      {open === 'mend' && (
        <form
          class="mend"
          onSubmit={async (event) => {
            event.preventDefault();
            const data = new FormData(event.currentTarget);
            await judge(false, String(data.get('about') ?? ''), String(data.get('comment') ?? ''));
            setOpen('');
            desk.acts.toast({ text: t('thanks') });
          }}
        >
          <fieldset>
            <legend>{t('mendWhat')}</legend>
            {(['knowledge', 'tone', 'rule'] as const).map((about, at) => (
              <label class="check" key={about}>
                <input
                  type="radio"
                  name="about"
                  value={about}
                  defaultChecked={verdict?.about ? verdict.about === about : at === 0}
                />{' '}
                {t(`mend_${about}`)}
              </label>
            ))}
          </fieldset>
          <label>
            {t('mendHow')}
            <textarea name="comment" rows={2} maxLength={1000} defaultValue={verdict?.comment} />
          </label>
          <footer>
            <button type="submit" class="main">
              {t('save')}
            </button>
            <button type="button" onClick={() => setOpen('')}>
              {t('cancel')}
            </button>
          </footer>
        </form>
      )}
    </span>
  );
}

function Why({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface Passage {
  title: string;
  text: string;
  url: string;
  updated_at: string | null;
  internal: boolean;
}

/** A source, and on a click the words it holds today. */
function SourceChip({ source }: { source: Source }) {
  const [passage, setPassage] = useState<Passage | null | 'missing'>(null);
  const [isOpen, setOpen] = useState(false);
  const toggle = async (): Promise<void> => {
    setOpen(!isOpen);
    if (passage || isOpen) return;
    try {
      setPassage(
        await call<Passage>('GET', `/desk/passage/?kind=${source.kind}&id=${source.id ?? 0}`),
      );
    } catch {
      setPassage('missing');
    }
  };
  return (
    <>
      <button type="button" class="chip" aria-expanded={isOpen} onClick={() => void toggle()}>
        {source.title}
      </button>
      {isOpen && passage && (
        <span class="passage">
          {passage === 'missing' ? (
            <span class="muted">{t('sourceGone')}</span>
          ) : (
            <>
              <b>{passage.title}</b>
              {passage.internal && <span class="chip amber">{t('internal')}</span>}
              <span class="text">{passage.text}</span>
              <span class="muted">
                {passage.updated_at && t('asOf', dayText(passage.updated_at))}{' '}
                {passage.url && (
                  <a href={passage.url} target="_blank" rel="noreferrer">
                    {t('openPage')}
                  </a>
                )}
              </span>
            </>
          )}
        </span>
      )}
    </>
  );
}
