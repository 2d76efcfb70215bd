import { chordText } from '../keys/chords';
import { COMMANDS } from '../keys/commands';
import { keysOf } from '../keys/dispatch';
import type { State } from '../store/core';
import { t } from '../words';

const GROUPS = ['go', 'talk', 'write', 'list', 'app'] as const;

/** The keys as they are for this person. */
export function KeyList({ state }: { state: State }) {
  return (
    <div class="key-list">
      {GROUPS.map((group) => (
        <div key={group}>
          <h3>{t(`keys_${group}`)}</h3>
          <dl>
            {COMMANDS.filter((one) => one.group === group && keysOf(one, state.prefs.keys)).map(
              (command) => (
                <div key={command.id}>
                  <dt>{t(command.word)}</dt>
                  <dd>
                    <kbd>{chordText(keysOf(command, state.prefs.keys))}</kbd>
                  </dd>
                </div>
              ),
            )}
          </dl>
        </div>
      ))}
    </div>
  );
}
