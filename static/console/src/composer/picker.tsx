import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../net/api';
import type { State } from '../store/core';
import { Icon } from '../ui/icons';
import { money, t } from '../words';
import { emojiFound } from './emoji';
import type { Trigger } from './trigger';

export interface TemplateFound {
  id: number;
  code: string;
  name: string;
  text: string;
  files: number;
}

export interface KnowledgeFound {
  kind: 'article' | 'product';
  id: number;
  title: string;
  text: string;
  url: string;
  price?: string;
  currency?: string;
  stock?: number;
  internal?: boolean;
}

export type Choice =
  | { kind: 'template'; template: TemplateFound }
  | { kind: 'knowledge'; found: KnowledgeFound }
  | { kind: 'person'; id: number; name: string }
  | { kind: 'emoji'; sign: string };

/** What a sign offers now; reading stops when the next letter comes. `within`: a conversation
 *  whose channel may let some templates out only. */
export function useChoices(
  trigger: Trigger | null,
  state: State,
  lang: string,
  within = 0,
): Choice[] | null {
  const [choices, setChoices] = useState<Choice[] | null>(null);
  const { sign, query } = trigger ?? { sign: '', query: '' };
  useEffect(() => {
    if (!sign) {
      setChoices(null);
      return;
    }
    if (sign === ':') {
      setChoices(emojiFound(query).map((one) => ({ kind: 'emoji', sign: one.sign })));
      return;
    }
    if (sign === '@') {
      const asked = query.toLowerCase();
      setChoices(
        state.people
          .filter((one) => one.id !== state.boot.me)
          .filter(
            (one) =>
              one.name
                .toLowerCase()
                .split(/\s+/)
                .some((word) => word.startsWith(asked)) || one.name.toLowerCase().startsWith(asked),
          )
          .slice(0, 8)
          .map((one) => ({ kind: 'person', id: one.id, name: one.name })),
      );
      return;
    }
    let isOld = false;
    const timer = setTimeout(async () => {
      const where = sign === '/' ? 'templates' : 'knowledge';
      const only = within && sign === '/' ? `&conversation=${within}` : '';
      try {
        const found = await call<{ results: never[] }>(
          'GET',
          `/desk/${where}/?lang=${lang}&q=${encodeURIComponent(query)}${only}`,
        );
        if (isOld) return;
        setChoices(
          found.results.map((one) =>
            sign === '/' ? { kind: 'template', template: one } : { kind: 'knowledge', found: one },
          ),
        );
      } catch {
        if (!isOld) setChoices([]);
      }
    }, 120);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [sign, query, lang, within]);
  return trigger ? choices : null;
}

export function Picker({
  choices,
  chosen,
  onChoose,
  sign,
  query,
}: {
  choices: Choice[];
  chosen: number;
  onChoose: (choice: Choice) => void;
  sign: string;
  query: string;
}) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    root.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const empty =
    sign === '/'
      ? t('noTemplates')
      : sign === '#'
        ? t(query ? 'emptySearch' : 'noKnowledge')
        : t('nobodySo');
  return (
    <div class="picker" role="listbox" id="picker" aria-label={t('choices')} ref={root}>
      {choices.map((choice, at) => (
        <button
          type="button"
          key={keyOf(choice)}
          id={`choice-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === chosen}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(choice)}
        >
          <Shown choice={choice} />
        </button>
      ))}
      {!choices.length && <p class="muted">{empty}</p>}
    </div>
  );
}

const keyOf = (choice: Choice): string =>
  choice.kind === 'template'
    ? `t${choice.template.id}`
    : choice.kind === 'knowledge'
      ? `${choice.found.kind}${choice.found.id}`
      : choice.kind === 'person'
        ? `p${choice.id}`
        : choice.sign;

function Shown({ choice }: { choice: Choice }) {
  switch (choice.kind) {
    case 'template':
      return (
        <>
          <span class="line">
            <span>
              <b>/{choice.template.code}</b> {choice.template.name}
            </span>
            {choice.template.files > 0 && <Icon name="clip" size={14} />}
          </span>
          <span class="muted">{choice.template.text}</span>
        </>
      );
    case 'knowledge':
      return (
        <>
          <span class="line">
            <span>
              <Icon name={choice.found.kind === 'product' ? 'goods' : 'file'} size={14} />{' '}
              <b>{choice.found.title}</b>
            </span>
            {choice.found.price && (
              <span>{money(choice.found.price, choice.found.currency || 'RUB')}</span>
            )}
            {choice.found.internal && <span class="chip amber">{t('internal')}</span>}
          </span>
          {choice.found.text && <span class="muted">{choice.found.text.slice(0, 140)}</span>}
        </>
      );
    case 'person':
      return <>@{choice.name}</>;
    case 'emoji':
      return <span class="emoji">{choice.sign}</span>;
  }
}
