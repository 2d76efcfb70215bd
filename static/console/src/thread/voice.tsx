import { useRef, useState } from 'preact/hooks';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { Message, StoredFile } from '../types';
import { t } from '../words';

const SPEEDS = [1, 1.5, 2];

/** Sound with what is said in it: to hear faster, to read, to ask for the words again. */
export function Voice({
  desk,
  state,
  message,
  file,
}: {
  desk: Desk;
  state: State;
  message: Message;
  file: StoredFile;
}) {
  const [speed, setSpeed] = useState(1);
  const player = useRef<HTMLAudioElement>(null);
  const faster = (): void => {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length]!;
    setSpeed(next);
    if (player.current) player.current.playbackRate = next;
  };
  return (
    <span class="voice">
      <span class="line">
        {/* biome-ignore lint/a11y/useMediaCaption: what buyers say has no captions; a transcript is shown as text */}
        <audio
          ref={player}
          controls
          preload="metadata"
          src={`/files/${file.id}/`}
          onPlay={(event) => {
            event.currentTarget.playbackRate = speed;
          }}
        />
        <button type="button" class="chip" title={t('speed')} onClick={faster}>
          {speed}×
        </button>
      </span>
      {file.kind === 'voice' && (
        <Transcript desk={desk} state={state} message={message} file={file} />
      )}
    </span>
  );
}

function Transcript({
  desk,
  state,
  message,
  file,
}: {
  desk: Desk;
  state: State;
  message: Message;
  file: StoredFile;
}) {
  const { transcript, speech = {} } = file;
  if (transcript)
    return (
      <span class="transcript">
        <span class="muted small">{t('transcript')}</span>
        <span dir="auto">{transcript}</span>
      </span>
    );
  const again = (word: 'again' | 'transcribe') => (
    <button type="button" class="quiet" onClick={() => void desk.said.listen(message.id)}>
      {t(word)}
    </button>
  );
  if (speech.state === 'waiting')
    return (
      <span class="both" role="status">
        {t('listens')}
      </span>
    );
  if (speech.state === 'failed')
    return (
      <span class="both">
        {t('notHeard', speech.detail ?? '')} {again('again')}
      </span>
    );
  if (speech.state !== 'none') return null;
  // That there is nobody to listen is told once in a dialogue, not below each voice note.
  const first = state.thread?.messages.find((one) =>
    one.files.some((other) => other.speech?.state === 'none' && !other.transcript),
  );
  return (
    <span class="both">
      {first?.id === message.id && t('notHeard', speech.detail ?? '')} {again('transcribe')}
    </span>
  );
}
