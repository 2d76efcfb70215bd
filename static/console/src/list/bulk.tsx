import { useEffect, useState } from 'preact/hooks';
import { presetName } from '../composer/later';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Preset } from '../types';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { plural, t, whenText } from '../words';
import { SendTemplate } from './send';

/** What can be done with the chosen rows; each is one call, and Z takes it back. */
export function Bulk({ desk, state }: { desk: Desk; state: State }) {
  const { selected, isAll, next } = state.list;
  const total = state.counters[desk.rows.key] ?? selected.size;
  const { acts } = desk;
  const [times, setTimes] = useState<Preset[]>([]);
  const [isSending, setSending] = useState(false);
  useEffect(() => void acts.times().then(setTimes), [acts]);
  return (
    <div class="bulk" role="toolbar" aria-label={t('bulk')}>
      <span class="line">
        <b aria-live="polite">{plural(isAll ? total : selected.size, 'chosen')}</b>
        {!isAll && next && total > selected.size && (
          <button type="button" class="quiet" onClick={() => desk.rows.chooseAll()}>
            {t('allOf', total)}
          </button>
        )}
        <button
          type="button"
          class="icon"
          title={t('unchoose')}
          onClick={() => desk.rows.unchoose()}
        >
          <Icon name="close" />
        </button>
      </span>
      <span class="line acts">
        <button
          type="button"
          onClick={() =>
            void acts.bulk({
              name: 'resolve',
              change: { status: 'resolved', speaker: 'nobody', waiting_since: null },
            })
          }
        >
          {t('resolve')}
        </button>
        <button type="button" onClick={() => void acts.bulk({ name: 'return_to_bot' })}>
          {t('toBot')}
        </button>
        <Menu
          text={t('snooze')}
          title={t('snooze')}
          items={times.map((one) => ({
            text: `${t(`snooze_${presetName(one)}`)}: ${whenText(one.at)}`,
            run: () => void acts.bulk({ name: 'snooze', body: { until: one.at } }),
          }))}
        />
        <Menu
          text={t('label')}
          title={t('label')}
          items={state.labels.map((label) => ({
            text: label.name,
            run: () => void acts.bulk({ name: 'label', body: { labels: [label.name] } }),
          }))}
        />
        <Menu
          text={t('assign')}
          title={t('assign')}
          items={[
            ...state.people.map((person) => ({
              text: person.id === state.boot.me ? t('you') : person.name,
              run: () => void acts.bulk({ name: 'assign', body: { agent: person.id } }),
            })),
            ...(state.teams.length > 1
              ? state.teams.map((team) => ({
                  text: t('queueOf', team.name),
                  run: () => void acts.bulk({ name: 'assign', body: { team: team.id } }),
                }))
              : []),
          ]}
        />
        <button type="button" aria-expanded={isSending} onClick={() => setSending(!isSending)}>
          {t('bulkTemplate')}
        </button>
      </span>
      {isSending && (
        <SendTemplate
          desk={desk}
          state={state}
          count={isAll ? total : selected.size}
          close={() => setSending(false)}
        />
      )}
    </div>
  );
}
