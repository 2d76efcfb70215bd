import { useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Thread, Elsewhere as Way } from '../types';
import { channelIcon, Icon } from '../ui/icons';
import { t } from '../words';
import { Modes } from './modes';

/** In place of the field where nothing can be sent at all: the buyer's other channels. */
export function Elsewhere({ desk, thread }: { desk: Desk; state: State; thread: Thread }) {
  const [isAsking, setAsking] = useState(false);
  const row = thread.conversation;
  const ways = thread.elsewhere ?? [];
  const write = async (way: Way): Promise<void> => {
    setAsking(true);
    await desk.acts.writeElsewhere(row.id, way);
    setAsking(false);
  };
  return (
    <div class="composer is-closed">
      <Modes desk={desk} mode="reply" />
      <p>
        <Icon name="info" size={14} /> {t(ways.length ? 'cannotWrite' : 'cannotWriteAnywhere')}
      </p>
      <span class="tools">
        {ways.map((way) => (
          <button
            type="button"
            class="main"
            key={`${way.channel.id}-${way.conversation}`}
            disabled={isAsking}
            onClick={() => void write(way)}
          >
            <Icon name={channelIcon(way.channel.kind)} size={14} /> {t('writeIn', way.channel.name)}
          </button>
        ))}
        <button type="button" onClick={() => desk.store.set({ mode: 'note' })}>
          {t('note')}
        </button>
        {row.status !== 'resolved' && (
          <button type="button" onClick={() => void desk.acts.resolve()}>
            {t('resolve')}
          </button>
        )}
      </span>
    </div>
  );
}
