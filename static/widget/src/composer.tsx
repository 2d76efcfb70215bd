/** Where the buyer writes. Enter sends, Shift+Enter breaks the line; on phones Enter breaks it. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { ACCEPT, MAX_FILES } from './files';
import { Icon } from './icons';
import type { View } from './view';
import { fill, type Words } from './words';

const MAX_TEXT = 4000;

export function Composer({ chat, words }: View) {
  const [text, setText] = useState(chat.draft);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const loading = chat.uploads.some((u) => !u.handle && !u.code);
  const ready = (text.trim() || chat.uploads.some((u) => u.handle)) && !loading;

  const change = (value: string): void => {
    setText(value);
    chat.draft = value;
  };

  useEffect(() => {
    const box = area.current!;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, 132)}px`;
  }, [text]);

  const send = (): void => {
    if (ready && text.length <= MAX_TEXT) {
      chat.say(text);
      change('');
      area.current!.focus();
    }
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {chat.uploads.length > 0 && (
        <ul class="uploads">
          {chat.uploads.map((u) => (
            <li key={u.id} class={u.code ? 'late' : ''}>
              {u.url && !u.code ? <img src={u.url} alt="" /> : <Icon name="file" size={16} />}
              <span class="file-name">{u.name}</span>
              {u.code ? (
                <small role="alert">
                  {words[(u.code === 'offline' ? 'offlineFile' : u.code) as keyof Words] ??
                    words.failed}
                </small>
              ) : (
                !u.handle && <small>{words.loading}</small>
              )}
              <button
                type="button"
                class="icon small"
                aria-label={fill(words.remove, u.name)}
                onClick={() => chat.detach(u.id)}
              >
                <Icon name="close" size={16} />
              </button>
            </li>
          ))}
        </ul>
      )}
      {text.length > MAX_TEXT && (
        <small class="late" role="alert">
          {words.too_long}
        </small>
      )}
      <div class="line">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          accept={ACCEPT}
          onChange={(event) => {
            void chat.attach([...(event.currentTarget.files ?? [])].slice(0, MAX_FILES));
            event.currentTarget.value = '';
          }}
        />
        <button
          type="button"
          class="icon"
          aria-label={words.attach}
          title={words.attach}
          onClick={() => picker.current!.click()}
        >
          <Icon name="clip" />
        </button>
        <textarea
          ref={area}
          rows={1}
          dir="auto"
          placeholder={words.write}
          aria-label={words.write}
          value={text}
          onInput={(event) => {
            change(event.currentTarget.value);
            chat.typing();
          }}
          onKeyDown={(event) => {
            const touch = matchMedia('(pointer: coarse)').matches;
            if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !touch) {
              event.preventDefault();
              send();
            }
          }}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length) {
              event.preventDefault();
              void chat.attach(files.slice(0, MAX_FILES));
            }
          }}
        />
        <button type="submit" class="icon send" aria-label={words.send} disabled={!ready}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}
