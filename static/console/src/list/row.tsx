import { useMemo } from 'preact/hooks';
import type { State } from '../store/core';
import { answerDue } from '../store/order';
import type { Row } from '../types';
import { channelIcon, Icon } from '../ui/icons';
import {
  ageText,
  buyerName,
  languageName,
  leftText,
  t,
  urgency,
  waitText,
  whenText,
} from '../words';

const WINDOW_SOON_MS = 3 * 3_600_000;

/** A row is drawn anew only where something of it has changed: a list has many of them. */
export function Line({ row, now, state }: { row: Row; now: number; state: State }) {
  const typing = now - (state.buyerTyping[row.id] ?? 0) < 6000;
  const here = Object.entries(state.others).filter(
    ([, one]) => one.conversation === row.id && one.name && now - one.at < 30_000,
  );
  const hasDraft =
    row.has_draft || Boolean(state.drafts[`${row.id}:reply`]?.text && row.id !== state.open);
  const isOneOfMany = state.channels.filter((one) => one.kind === row.channel.kind).length > 1;
  const faces = here.slice(0, 3).map(([id, one]) => `${id} ${one.typing} ${one.name}`);
  const draw = () => (
    <>
      <span class="line">
        <span class="who">
          <span class="channel" title={row.channel.name}>
            <Icon name={channelIcon(row.channel.kind)} />
          </span>
          <b dir="auto">{buyerName(row)}</b>
          {isOneOfMany && (
            <span class="account" dir="auto" title={row.channel.name}>
              {row.channel.name}
            </span>
          )}
          {row.priority > 0 && (
            <span class="priority" title={t(row.priority > 1 ? 'urgent' : 'high')}>
              <Icon name="up" size={14} />
            </span>
          )}
          {row.is_mentioned && (
            <span class="called" title={t('mentioned')}>
              @
            </span>
          )}
        </span>
        <time dateTime={row.updated_at}>{ageText(row.updated_at, now)}</time>
      </span>
      <span class="line">
        <span class="preview" dir="auto">
          {hasDraft && <i class="draft">{t('draft')}</i>}
          {!typing && row.preview_author === 'bot' && <Icon name="bot" size={14} />}
          {!typing && row.preview_author === 'agent' && <Icon name="check" size={14} />}
          <span>{typing ? t('typing') : row.preview}</span>
        </span>
        {row.unread > 0 && (
          <span class="count">
            {row.unread}
            <span class="unseen"> {t('unread')}</span>
          </span>
        )}
      </span>
      <span class="line chips">
        <Waits row={row} now={now} />
        {row.missed && <span class="chip">{t(`missed_${row.missed}`)}</span>}
        <Window row={row} now={now} />
        <Speaker row={row} state={state} />
        {row.language && row.language !== state.boot.lang && (
          <span class="chip" title={languageName(row.language)}>
            {row.language.toUpperCase()}
          </span>
        )}
        {row.labels.slice(0, 1).map((name) => (
          <LabelChip key={name} name={name} state={state} />
        ))}
        {row.labels.length > 1 && <span class="chip">+{row.labels.length - 1}</span>}
        {here.slice(0, 3).map(([id, one]) => (
          <span
            key={id}
            class={`face ${one.typing ? 'is-typing' : ''}`}
            title={t(one.typing ? 'alsoTyping' : 'alsoHere', one.name)}
          >
            {one.name.slice(0, 1)}
          </span>
        ))}
      </span>
    </>
  );
  return useMemo(draw, [
    row,
    now,
    typing,
    faces.join(),
    hasDraft,
    isOneOfMany,
    state.teams,
    state.labels,
  ]);
}

export function LabelChip({ name, state }: { name: string; state: State }) {
  const colour = state.labels.find((one) => one.name === name)?.colour ?? 'grey';
  return (
    <span class={`chip label is-${colour}`}>
      <span class="cut" dir="auto">
        {name}
      </span>
    </span>
  );
}

export function Waits({ row, now }: { row: Row; now: number }) {
  if (row.status === 'snoozed' && row.snoozed_until)
    return (
      <span class="chip">
        <Icon name="snooze" size={14} /> {t('until', ageText(row.snoozed_until, now))}
      </span>
    );
  if (!row.waiting_since) return null;
  const level = urgency(row.waiting_since, answerDue(row), now);
  return (
    <span class={`chip wait ${level}`}>
      <Icon name={level === 'red' ? 'alert' : 'clock'} size={14} />
      {t('waits', waitText(row.waiting_since, now))}
    </span>
  );
}

/** The clock of what was promised: how much is left, or how late we are. */
export function Promised({ row, now }: { row: Row; now: number }) {
  const { sla_due_at: due, sla_kind: kind } = row;
  if (!due || !kind || row.status === 'resolved') return null;
  const left = Date.parse(due) - now;
  const level = left <= 0 ? 'red' : row.waiting_since ? urgency(row.waiting_since, due, now) : '';
  return (
    <span class={`chip promise ${level}`} title={`${t(`sla_${kind}`)}: ${whenText(due)}`}>
      <Icon name={level === 'red' ? 'alert' : 'clock'} size={14} />
      {t(`sla_${kind}`)}: {left <= 0 ? t('late', leftText(-left)) : leftText(left)}
    </span>
  );
}

/** How long the channel still lets us write, once that is less than three hours. */
export function Window({ row, now }: { row: Row; now: number }) {
  if (!row.window_expires_at || row.status === 'resolved') return null;
  const left = Date.parse(row.window_expires_at) - now;
  if (left > WINDOW_SOON_MS) return null;
  return (
    <span class={`chip ${left <= 0 ? 'red' : 'amber'}`} title={t('windowTitle')}>
      <Icon name="window" size={14} />
      {left <= 0 ? t('windowClosed') : leftText(left)}
    </span>
  );
}

export function Speaker({ row, state }: { row: Row; state: State }) {
  const me = state.boot.me;
  if (row.speaker === 'bot')
    return (
      <span class="chip bot">
        <Icon name="bot" size={14} /> {t('botName')}
      </span>
    );
  if (row.speaker === 'agent')
    return (
      <span class="chip">
        <Icon name="person" size={14} />{' '}
        {row.agent ? (row.agent.id === me ? t('you') : row.agent.name) : t('phone')}
      </span>
    );
  if (row.speaker === 'queue') {
    const team = state.teams.length > 1 && state.teams.find((one) => one.id === row.team)?.name;
    return <span class="chip">{team ? t('queueOf', team) : t('queue')}</span>;
  }
  return (
    <span class="chip done">
      <Icon name="check" size={14} /> {t('nobody')}
    </span>
  );
}
