import { useEffect, useState } from 'preact/hooks';
import { presetName } from '../composer/later';
import { focusComposer } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Preset } from '../types';
import { Moment } from '../ui/moment';
import { shopMoment, t, whenText } from '../words';
import { Macros } from './macros';

/** The small form an act needs: a word to the bot, until when, to whom, which labels, which day. */
export function Asks({ desk, state }: { desk: Desk; state: State }) {
  const close = (): void => {
    desk.store.set({ ask: '' });
    focusComposer();
  };
  const { ask } = state;
  if (ask === 'return') return <Return desk={desk} close={close} />;
  if (ask === 'snooze') return <Snooze desk={desk} close={close} />;
  if (ask === 'assign') return <Assign desk={desk} state={state} close={close} />;
  if (ask === 'label') return <Labels desk={desk} state={state} close={close} />;
  if (ask === 'macro') return <Macros desk={desk} state={state} close={close} />;
  if (ask === 'whisper') return <Whisper desk={desk} state={state} close={close} />;
  if (ask === 'date') return <Day desk={desk} close={close} />;
  return null;
}

interface Props {
  desk: Desk;
  close: () => void;
}

function Cancel({ close }: { close: () => void }) {
  return (
    <button type="button" onClick={close}>
      {t('cancel')}
    </button>
  );
}

function Return({ desk, close }: Props) {
  const [text, setText] = useState('');
  return (
    <form
      class="ask"
      onSubmit={async (event) => {
        event.preventDefault();
        if (await desk.acts.run({ name: 'return-to-bot', body: { instruction: text } })) close();
      }}
    >
      <label>
        {t('instruction')}
        <input
          value={text}
          maxLength={2000}
          autofocus
          ref={focused}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="main">
        {t('toBot')}
      </button>
      <Cancel close={close} />
    </form>
  );
}

function Whisper({ desk, state, close }: Props & { state: State }) {
  const [text, setText] = useState('');
  const [key] = useState(() => crypto.randomUUID());
  const name = state.thread?.conversation.agent?.name ?? '';
  return (
    <form
      class="ask"
      onSubmit={async (event) => {
        event.preventDefault();
        if (!(await desk.acts.run({ name: 'whisper', body: { text, client_key: key } }))) return;
        desk.acts.toast({ text: t('whispered', name) });
        close();
      }}
    >
      <label>
        {t('whisperTo', name)}
        <input
          value={text}
          maxLength={4000}
          required
          ref={focused}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="main">
        {t('whisperAct')}
      </button>
      <Cancel close={close} />
    </form>
  );
}

function Snooze({ desk, close }: Props) {
  const [times, setTimes] = useState<Preset[]>([]);
  const [own, setOwn] = useState('');
  useEffect(() => void desk.acts.times().then(setTimes), [desk]);
  const snooze = async (until: string): Promise<void> => {
    const done = await desk.acts.run({
      name: 'snooze',
      body: { until },
      change: { status: 'snoozed', snoozed_until: until },
    });
    if (done) close();
  };
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault();
        const at = shopMoment(own);
        if (at) void snooze(at);
      }}
    >
      <span class="choices" role="toolbar" aria-label={t('snooze')}>
        {times.map((one, at) => (
          <button
            type="button"
            key={one.key}
            ref={at === 0 ? focused : undefined}
            onClick={() => void snooze(one.at)}
          >
            {t(`snooze_${presetName(one)}`)}: {whenText(one.at)}
          </button>
        ))}
      </span>
      <Moment label={t('snoozeOwn')} value={own} set={setOwn} min={Date.now()} />
      <button type="submit" class="main" disabled={!own}>
        {t('snooze')}
      </button>
      <Cancel close={close} />
    </form>
  );
}

function Assign({ desk, state, close }: Props & { state: State }) {
  return (
    <form
      class="ask"
      onSubmit={async (event) => {
        event.preventDefault();
        const [kind, id] = String(new FormData(event.currentTarget).get('to')).split(':');
        const body = kind === 'team' ? { team: Number(id) } : { agent: Number(id) };
        if (await desk.acts.run({ name: 'assign', body })) close();
      }}
    >
      <label>
        {t('assignTo')}
        <select name="to" ref={focused}>
          <optgroup label={t('people')}>
            {state.people.map((person) => (
              <option key={person.id} value={`agent:${person.id}`}>
                {person.id === state.boot.me ? t('you') : person.name}
                {person.presence && person.presence !== 'online'
                  ? ` · ${t(person.presence as 'busy')}`
                  : ''}
                {person.capacity ? ` · ${person.load ?? 0}/${person.capacity}` : ''}
              </option>
            ))}
          </optgroup>
          {state.teams.length > 0 && (
            <optgroup label={t('teams')}>
              {state.teams.map((team) => (
                <option key={team.id} value={`team:${team.id}`}>
                  {team.name}
                </option>
              ))}
            </optgroup>
          )}
        </select>
      </label>
      <button type="submit" class="main">
        {t('assign')}
      </button>
      <Cancel close={close} />
    </form>
  );
}

function Labels({ desk, state, close }: Props & { state: State }) {
  const now = state.thread?.conversation.labels ?? [];
  return (
    <form
      class="ask"
      onSubmit={async (event) => {
        event.preventDefault();
        const labels = new FormData(event.currentTarget).getAll('label').map(String);
        if (await desk.acts.setLabels(labels)) close();
      }}
    >
      <span class="choices" role="toolbar" aria-label={t('labels')}>
        {state.labels.map((label, at) => (
          <label class={`chip label is-${label.colour}`} key={label.name}>
            <input
              type="checkbox"
              name="label"
              value={label.name}
              defaultChecked={now.includes(label.name)}
              ref={at === 0 ? focused : undefined}
            />{' '}
            {label.name}
          </label>
        ))}
        {!state.labels.length && <span class="muted">{t('noLabels')}</span>}
      </span>
      <button type="submit" class="main" ref={state.labels.length ? undefined : focused}>
        {t('save')}
      </button>
      <Cancel close={close} />
    </form>
  );
}

function Day({ desk, close }: Props) {
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault();
        const day = new FormData(event.currentTarget).get('day');
        if (day) void desk.threads.jumpToDate(String(day));
        desk.store.set({ ask: '' });
      }}
    >
      <label class="short">
        {t('jumpDate')}
        <input type="date" name="day" required ref={focused} />
      </label>
      <button type="submit" class="main">
        {t('show')}
      </button>
      <Cancel close={close} />
    </form>
  );
}

const focused = (element: HTMLElement | null): void => {
  if (element && !element.dataset.seen) {
    element.dataset.seen = 'yes';
    requestAnimationFrame(() => element.focus());
  }
};
