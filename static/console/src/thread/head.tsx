import { LabelChip, Promised, Speaker, Waits, Window } from '../list/row';
import { call } from '../net/api';
import { isAdmin, openCard } from '../people/parts';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Context, Row, Thread } from '../types';
import { Back } from '../ui/back';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { buyerName, reasonText, t } from '../words';

export function Head({
  desk,
  state,
  thread,
  now,
}: {
  desk: Desk;
  state: State;
  thread: Thread;
  now: number;
}) {
  const row = thread.conversation;
  const mine = row.speaker === 'agent' && row.agent?.id === state.boot.me;
  const ask = (what: State['ask']) => () => desk.store.set({ ask: state.ask === what ? '' : what });
  return (
    <header>
      <Back desk={desk} />
      <div class="title">
        <h2 dir="auto">
          {buyerName(row)} <Proof context={thread.context} />
        </h2>
        <span class="sub">
          <Speaker row={row} state={state} />
          <span class="muted">{row.channel.name}</span>
          <Waits row={row} now={now} />
          <Promised row={row} now={now} />
          <Window row={row} now={now} />
          {row.speaker === 'queue' && row.reason && (
            <span class="muted">{reasonText(row.reason)}</span>
          )}
          {row.labels.map((name) => (
            <LabelChip key={name} name={name} state={state} />
          ))}
          {state.isCached && !state.isUp && <span class="chip amber">{t('kept')}</span>}
        </span>
      </div>
      <div class="acts">
        {!mine && (
          <button type="button" class="main" onClick={() => void desk.acts.take()}>
            {t('take')}
          </button>
        )}
        {(row.speaker === 'agent' || row.speaker === 'queue') && (
          <button type="button" onClick={ask('return')} aria-expanded={state.ask === 'return'}>
            {t('toBot')}
          </button>
        )}
        {row.status === 'open' && (
          <button
            type="button"
            class="wide"
            onClick={ask('snooze')}
            aria-expanded={state.ask === 'snooze'}
          >
            {t('snooze')}
          </button>
        )}
        {row.status !== 'resolved' && (
          <button type="button" onClick={() => void desk.acts.resolve()}>
            {t('resolve')}
          </button>
        )}
        <Menu
          icon="more"
          title={t('more_acts')}
          items={[
            { text: t('snooze'), run: ask('snooze') },
            { text: t('assign'), run: ask('assign') },
            { text: t('label'), run: ask('label') },
            { text: t('macro'), run: ask('macro') },
            {
              text: t('priorityHigh'),
              run: () => void desk.acts.run(priority(row.priority ? 0 : 1)),
            },
            ...(mayWhisper(state, row) ? [{ text: t('whisperAct'), run: ask('whisper') }] : []),
            { text: t('markUnread'), run: () => void desk.acts.markUnread() },
            ...(state.strip
              ? []
              : [{ text: t('translation'), run: () => void desk.translation.read() }]),
            { text: t('jumpDate'), run: ask('date') },
            {
              text: t('copyLink'),
              run: () => {
                void navigator.clipboard?.writeText(location.href);
                desk.acts.toast({ text: t('copied') });
              },
            },
            ...(row.person
              ? [
                  { text: t('openCard'), run: () => openCard(desk, row.person!) },
                  { text: t('blockBuyer'), run: () => void block(desk, row.person!) },
                  ...(isAdmin(desk)
                    ? [{ text: t('exportBuyer'), run: () => void exported(desk, row.person!) }]
                    : []),
                ]
              : []),
            { text: t('print'), run: () => window.print() },
          ]}
        />
        <button
          type="button"
          class="icon about"
          title={t('context')}
          aria-expanded={state.showContext}
          onClick={() => desk.store.set({ showContext: !state.showContext })}
        >
          <Icon name="info" size={20} />
        </button>
      </div>
    </header>
  );
}

/** To whoever answers now, by whoever leads the team. */
export const mayWhisper = (state: State, row: Row): boolean =>
  row.speaker === 'agent' &&
  row.agent !== null &&
  row.agent.id !== state.boot.me &&
  (state.boot.role !== 'agent' ||
    state.teams.some(
      (team) => team.is_lead && (team.id === row.team || (!row.team && team.is_default)),
    ));

async function block(desk: Desk, person: number, isOn = true): Promise<void> {
  try {
    await call('POST', `/people/${person}/${isOn ? 'block' : 'unblock'}/`);
    if (!isOn) desk.acts.toast({ text: t('undone') });
    else
      desk.acts.toast({
        text: t('blocked'),
        action: t('undo'),
        isUndo: true,
        run: () => void block(desk, person, false),
      });
    await desk.threads.read();
  } catch (error) {
    desk.acts.complain(error);
  }
}

/** The copy is made by a job and waits on the customer's page. */
async function exported(desk: Desk, person: number): Promise<void> {
  try {
    await call('POST', `/people/${person}/export/`);
    desk.acts.toast({
      text: t('exportBegun'),
      action: t('show'),
      run: () => location.assign(`/admin/customers/${person}/`),
    });
  } catch (error) {
    desk.acts.complain(error);
  }
}

const priority = (value: number) => ({
  name: 'priority',
  body: { priority: value },
  change: { priority: value },
});

function Proof({ context }: { context: Context | null }) {
  const proven = context?.identities.find((one) => one.proof !== 'claimed');
  if (!proven) return null;
  return (
    <span class="ok" title={`${t('proven')}: ${proven.value}`}>
      <Icon name="check" size={14} />
      <span class="unseen">{t('proven')}</span>
    </span>
  );
}
