import type { State } from '../store/core';
import { t } from '../words';
import { chordText } from './chords';
import { COMMANDS } from './commands';
import { keysOf } from './dispatch';

const GROUPS = ['go', 'talk', 'write', 'list', 'app'] as const;

export function Help({ state }: { state: State }) {
  return (
    <div class="help">
      {GROUPS.map((group) => (
        <section key={group}>
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
        </section>
      ))}
      <p class="muted">{t('keysNote')}</p>
    </div>
  );
}
