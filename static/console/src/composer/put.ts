/** What a chosen thing puts into the text. */
import { call } from '../net/api';
import type { Desk } from '../store/desk';
import type { Draft, Mode, Thread } from '../types';
import type { Choice } from './picker';

export interface Put {
  text: string;
  change: Partial<Draft>;
}

interface Rendered {
  text: string;
  draft: string;
  attachments: number[];
}

export async function putIn(
  desk: Desk,
  thread: Thread,
  mode: Mode,
  choice: Choice,
  lang: string,
): Promise<Put | null> {
  const draft = desk.drafts.of(mode);
  switch (choice.kind) {
    case 'emoji':
      return { text: choice.sign, change: {} };
    case 'person':
      return {
        text: `@${choice.name} `,
        change: { mentions: [...new Set([...draft.mentions, choice.id])] },
      };
    case 'knowledge': {
      const { found } = choice;
      if (found.kind === 'product' && mode === 'reply')
        return {
          text: '',
          change: {
            cards: [
              ...draft.cards.filter((card) => card.id !== found.id),
              { id: found.id, title: found.title },
            ].slice(-3),
          },
        };
      const text = found.kind === 'product' ? `${found.title} ${found.url}` : found.text;
      return { text, change: found.internal ? { isInternal: true } : {} };
    }
    case 'template':
      try {
        const made = await call<Rendered>('POST', `/templates/${choice.template.id}/render/`, {
          conversation: thread.conversation.id,
          lang,
        });
        const files = await filesOf(choice.template.id, made.attachments);
        return {
          text: made.text || made.draft,
          change: {
            template: draft.template ?? choice.template.id,
            files: [
              ...draft.files,
              ...files.filter((file) => !draft.files.some((one) => one.id === file.id)),
            ],
          },
        };
      } catch (error) {
        desk.acts.complain(error);
        return null;
      }
  }
}

async function filesOf(template: number, ids: number[]): Promise<Draft['files']> {
  if (!ids.length) return [];
  const found = await call<{ files: { id: number; name: string }[] }>(
    'GET',
    `/templates/${template}/`,
  );
  return found.files.map((file) => ({ id: file.id, name: file.name, size: 0, mime: '' }));
}
