import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Away, call } from '../net/api';
import type { Desk } from '../store/desk';
import type { Capabilities, Mode } from '../types';
import { t } from '../words';
import { asDraft, shrunk, troubleWith, worthShrinking } from './files';

const FILES_AT_ONCE = 10; // as many as one message carries

export interface Uploads {
  count: number; // under way
  offered: File[]; // large pictures: smaller or as they are?
  isOver: boolean; // something is dragged over the field
  input: JSX.Element;
  dropping: {
    onDragOver: (event: DragEvent) => void;
    onDragLeave: () => void;
    onDrop: (event: DragEvent) => void;
  };
  pick: () => void;
  add: (files: File[]) => void;
  answer: (file: File, shrink: boolean) => void;
}

export function useUploads(desk: Desk, channel: Capabilities | null, mode: Mode): Uploads {
  const [count, setCount] = useState(0);
  const [offered, setOffered] = useState<File[]>([]);
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const upload = async (file: File): Promise<void> => {
    const id = desk.state.open;
    // A note stays inside: what the channel takes does not matter.
    const trouble = troubleWith(file, mode === 'note' ? null : channel);
    if (trouble) {
      const shrink = async (): Promise<void> => {
        desk.store.set({ notice: null });
        await upload(await shrunk(file).catch(() => file));
      };
      const way = trouble.canShrink ? { action: t('shrink'), run: () => void shrink() } : {};
      desk.store.set({ notice: { text: trouble.text, ...way } });
      return;
    }
    const form = new FormData();
    form.append('file', file);
    setCount((now) => now + 1);
    try {
      const stored = await call<{ id: number; name: string; size: number }>(
        'POST',
        '/desk/files/',
        form,
      );
      const draft = desk.drafts.of(mode, id);
      desk.drafts.change(mode, { files: [...draft.files, asDraft(stored, file.type)] }, id);
    } catch (error) {
      if (error instanceof Away && !error.isServer)
        desk.store.set({ notice: { text: t('fileAway', file.name) } });
      else desk.acts.complain(error);
    } finally {
      setCount((now) => now - 1);
    }
  };

  const add = (files: File[]): void => {
    if (files.length > FILES_AT_ONCE)
      desk.store.set({ notice: { text: t('fileMany', FILES_AT_ONCE, files.length) } });
    for (const file of files.slice(0, FILES_AT_ONCE)) {
      if (worthShrinking(file)) setOffered((now) => [...now, file]);
      else void upload(file);
    }
  };

  const answer = async (file: File, shrink: boolean): Promise<void> => {
    setOffered((now) => now.filter((one) => one !== file));
    await upload(shrink ? await shrunk(file).catch(() => file) : file);
  };

  return {
    count,
    offered,
    isOver,
    add,
    answer: (file, shrink) => void answer(file, shrink),
    pick: () => input.current?.click(),
    dropping: {
      onDragOver: (event: DragEvent) => {
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        add([...(event.dataTransfer?.files ?? [])]);
      },
    },
    input: (
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          add([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    ),
  };
}
