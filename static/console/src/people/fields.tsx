/** The merchant's own fields, each changed where it stands. */
import { useState } from 'preact/hooks';
import { dayText } from '../words';
import type { Card, Cards, Field, Value } from './card';
import { isAdmin, type Part, Typed } from './parts';
import type { Words } from './words';

export function Fields({ card, acts, w, desk, at }: Part) {
  return (
    <>
      {!card.fields.length && <p class="muted">{w('noFields')}</p>}
      {card.fields.map((field) => (
        <p class="pair" key={`${at}-${field.code}`}>
          <span class="muted">{field.name}</span>
          <One field={field} card={card} acts={acts} w={w} />
        </p>
      ))}
      {!card.fields.length && isAdmin(desk) && (
        <a href="/admin/customer-fields/">{w('makeField')}</a>
      )}
    </>
  );
}

function One({ field, card, acts, w }: { field: Field; card: Card; acts: Cards; w: Words }) {
  const [isOpen, open] = useState(false);
  const save = (value: Value): Promise<boolean> =>
    acts.save(card, { fields: { [field.code]: value } });
  if (field.kind === 'bool' || field.kind === 'choice') {
    const choices: [string, string][] =
      field.kind === 'bool'
        ? [
            ['true', w('yes')],
            ['false', w('no')],
          ]
        : field.choices.map((one) => [one, one]);
    return (
      <select
        class="in-place"
        aria-label={field.name}
        value={field.value === null ? '' : String(field.value)}
        onChange={(event) => {
          const { value } = event.currentTarget;
          void save(value === '' ? null : field.kind === 'bool' ? value === 'true' : value);
        }}
      >
        <option value="">—</option>
        {choices.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
    );
  }
  if (!isOpen)
    return (
      <span class="value">
        {field.kind === 'url' && field.value && (
          <a class="url" href={String(field.value)} target="_blank" rel="noreferrer">
            {String(field.value).replace(/^https?:\/\//, '')}
          </a>
        )}
        <button
          type="button"
          class="in-place"
          title={w('edit', field.name)}
          dir="auto"
          onClick={() => open(true)}
        >
          {shown(field, w)}
        </button>
      </span>
    );
  return (
    <Typed
      label={field.name}
      w={w}
      type={field.kind}
      value={field.value === null ? '' : String(field.value)}
      save={(text) => save(readValue(field, text))}
      done={() => open(false)}
    />
  );
}

/** What is typed, as the server takes it; nothing takes the value away. */
export function readValue(field: Pick<Field, 'kind'>, text: string): Value {
  if (!text) return null;
  return field.kind === 'number' ? Number(text) : text;
}

function shown(field: Field, w: Words) {
  if (field.value === null || field.value === '') return <span class="muted">{w('fill')}</span>;
  if (field.kind === 'url') return <span class="muted">✎</span>;
  return field.kind === 'date' ? dayText(String(field.value)) : String(field.value);
}
