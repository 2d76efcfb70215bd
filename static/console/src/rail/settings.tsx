import { useState } from 'preact/hooks';
import { chordOf, chordText } from '../keys/chords';
import { COMMANDS, type Command } from '../keys/commands';
import { keysOf } from '../keys/dispatch';
import { openHelp } from '../keys/moves';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { ring } from '../store/sound';
import type { Prefs } from '../types';
import { Icon } from '../ui/icons';
import { t } from '../words';
import { NoticeChoices } from './notices';

const FONTS = [100, 110, 125, 150];

/** A person's own choices; kept on the server, so they follow to any computer. */
export function Settings({ desk, state }: { desk: Desk; state: State }) {
  const { prefs } = state;
  return (
    <div class="form">
      <button type="button" class="to-help" onClick={() => openHelp(desk)}>
        <Icon name="help" /> {t('help')}
      </button>
      <label>
        {t('sendBy')}
        <select
          value={prefs.send ?? 'ctrl'}
          onChange={(event) => void desk.prefer({ send: event.currentTarget.value as 'ctrl' })}
        >
          <option value="ctrl">{chordText('Ctrl+Enter')}</option>
          <option value="enter">Enter</option>
        </select>
      </label>
      <label>
        {t('holdFor')}
        <select
          value={String(prefs.hold_s ?? 0)}
          onChange={(event) => void desk.prefer({ hold_s: Number(event.currentTarget.value) })}
        >
          {[0, 5, 10, 20].map((seconds) => (
            <option key={seconds} value={String(seconds)}>
              {seconds ? t('secs', seconds) : t('no')}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('fontSize')}
        <select
          value={String(prefs.font ?? 100)}
          onChange={(event) => void desk.prefer({ font: Number(event.currentTarget.value) })}
        >
          {FONTS.map((size) => (
            <option key={size} value={String(size)}>
              {size} %
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('theme')}
        <select
          value={prefs.theme ?? 'auto'}
          onChange={(event) => {
            const theme = event.currentTarget.value as NonNullable<Prefs['theme']>;
            void desk.prefer({ theme });
          }}
        >
          <option value="auto">{t('themeAuto')}</option>
          <option value="light">{t('themeLight')}</option>
          <option value="dark">{t('themeDark')}</option>
        </select>
      </label>
      <span class="line">
        <label class="check">
          <input
            type="checkbox"
            checked={prefs.sound !== false}
            onChange={(event) => void desk.prefer({ sound: event.currentTarget.checked })}
          />{' '}
          {t('soundOn')}
        </label>
        <button type="button" onClick={ring}>
          {t('sound')}
        </button>
      </span>
      <NoticeChoices desk={desk} />
      <Remap desk={desk} prefs={prefs} />
    </div>
  );
}

function Remap({ desk, prefs }: { desk: Desk; prefs: Prefs }) {
  const [asking, setAsking] = useState('');
  const own = prefs.keys ?? {};
  const set = (command: Command, keys: string): void => {
    const next = { ...own };
    for (const other of COMMANDS)
      if (other.id !== command.id && keysOf(other, own) === keys) next[other.id] = '';
    if (keys === command.keys) delete next[command.id];
    else next[command.id] = keys;
    void desk.prefer({ keys: next });
    setAsking('');
  };
  return (
    <details open={location.hash === '#help'}>
      <summary>{t('ownKeys')}</summary>
      <ul class="remap">
        {COMMANDS.filter((one) => !one.isShown).map((command) => (
          <li key={command.id} class="line">
            <span>{t(command.word)}</span>
            <button
              type="button"
              onClick={() => setAsking(asking === command.id ? '' : command.id)}
              onKeyDown={(event) => {
                if (asking !== command.id) return;
                const chord = chordOf(event);
                event.stopPropagation();
                if (chord === 'Tab' || chord === 'Shift+Tab') return;
                event.preventDefault();
                if (chord === 'Escape') setAsking('');
                else if (chord) set(command, chord === 'Backspace' ? '' : chord);
              }}
            >
              {asking === command.id
                ? t('pressKeys')
                : keysOf(command, own)
                  ? chordText(keysOf(command, own))
                  : '—'}
            </button>
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => void desk.prefer({ keys: {} })}>
        {t('usualKeys')}
      </button>
    </details>
  );
}
