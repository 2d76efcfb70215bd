import { useEffect, useRef, useState } from 'preact/hooks';
import { call, Refused } from './api';
import { Icon } from './icons';
import type { State, Store } from './store';
import { t } from './text';

interface Template {
  id: number;
  code: string;
  name: string;
}

const FILE_LIMIT = 20 * 1024 * 1024;

export function Composer({ store, state }: { store: Store; state: State }) {
  const [mode, setMode] = useState<'reply' | 'note'>('reply');
  const [templates, setTemplates] = useState<Template[] | null>(null);
  const [chosen, setChosen] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const text = store.draft(mode);
  const id = state.open;

  useEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
  }, [text, mode]);

  const write = (value: string): void => {
    store.typed(mode, value);
    const word = mode === 'reply' ? /(?:^|\s)\/([^\s/]*)$/.exec(value)?.[1] : undefined;
    if (word === undefined) {
      setTemplates(null);
      return;
    }
    store.later('templates', 120, async () => {
      try {
        const found = await call<{ results: Template[] }>(
          'GET',
          `/templates/?q=${encodeURIComponent(word)}`,
        );
        setTemplates(found.results.slice(0, 8));
        setChosen(0);
      } catch {
        setTemplates(null);
      }
    });
  };

  const insert = async (template: Template): Promise<void> => {
    setTemplates(null);
    try {
      const made = await call<{ text: string; missing?: string[] }>(
        'POST',
        `/templates/${template.id}/render/`,
        { conversation: id, lang: state.thread?.conversation.language },
      );
      store.typed(mode, text.replace(/\/[^\s/]*$/, '') + made.text);
      field.current?.focus();
    } catch (error) {
      store.complain(error);
    }
  };

  const send = (): void => {
    if (text.trim()) store.send(mode, text);
    field.current?.focus();
  };

  const attach = async (file: File): Promise<void> => {
    if (file.size > FILE_LIMIT) {
      store.set({ notice: { text: t('tooLarge') } });
      return;
    }
    const form = new FormData();
    form.append('file', file);
    store.set({ notice: { text: t('uploading') } });
    try {
      const stored = await call<{ id: number }>('POST', '/desk/files/', form);
      await call('POST', `/conversations/${id}/reply/`, {
        text: '',
        files: [stored.id],
        client_key: crypto.randomUUID(),
      });
      store.set({ notice: null });
      store.refresh();
    } catch (error) {
      if (error instanceof Refused) store.complain(error);
      else store.set({ notice: { text: t('loadFailed') } });
    }
  };

  return (
    <form
      class={`composer is-${mode}`}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const file = event.dataTransfer?.files[0];
        if (file) attach(file);
      }}
    >
      {templates && (
        <div class="picker" role="listbox" aria-label={t('templates')}>
          {templates.map((template, at) => (
            <button
              type="button"
              key={template.id}
              role="option"
              aria-selected={at === chosen}
              onClick={() => insert(template)}
            >
              <b>/{template.code}</b> {template.name}
            </button>
          ))}
          {!templates.length && <p class="muted">{t('noTemplates')}</p>}
        </div>
      )}
      <div class="modes">
        {(['reply', 'note'] as const).map((one) => (
          <button
            type="button"
            key={one}
            data-mode={one}
            aria-pressed={mode === one}
            onClick={() => setMode(one)}
          >
            {one === 'note' && <Icon name="lock" size={14} />} {t(one)}
          </button>
        ))}
      </div>
      <div class="field">
        <textarea
          ref={field}
          rows={2}
          value={text}
          maxLength={20_000}
          aria-label={t(mode)}
          placeholder={t(mode === 'reply' ? 'replyHint' : 'noteHint')}
          onInput={(event) => write(event.currentTarget.value)}
          onPaste={(event) => {
            const file = event.clipboardData?.files[0];
            if (file) attach(file);
          }}
          onKeyDown={(event) => {
            if (templates?.length) {
              if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
                event.preventDefault();
                const by = event.key === 'ArrowDown' ? 1 : -1;
                setChosen((chosen + by + templates.length) % templates.length);
                return;
              }
              if (event.key === 'Enter' || event.key === 'Tab') {
                event.preventDefault();
                insert(templates[chosen]!);
                return;
              }
              if (event.key === 'Escape') {
                event.stopPropagation();
                setTemplates(null);
                return;
              }
            }
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              send();
            }
          }}
        />
        <div class="tools">
          <input
            ref={picker}
            type="file"
            hidden
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file) attach(file);
              event.currentTarget.value = '';
            }}
          />
          {mode === 'reply' && (
            <button
              type="button"
              class="icon"
              title={t('attach')}
              aria-label={t('attach')}
              onClick={() => picker.current?.click()}
            >
              <Icon name="clip" size={20} />
            </button>
          )}
          <button type="submit" class="main" disabled={!text.trim()}>
            {t(mode === 'reply' ? 'send' : 'saveNote')}
          </button>
        </div>
      </div>
    </form>
  );
}
