import { shopField, zoneNote } from '../words';

/** Day and time by the shop's clock; said beside it where one's own shows another. */
export function Moment({
  label,
  value,
  set,
  min,
}: {
  label: string;
  value: string;
  set: (value: string) => void;
  min?: number;
}) {
  const note = zoneNote(value);
  return (
    <label class="moment">
      {label}{' '}
      <input
        type="datetime-local"
        value={value}
        min={min === undefined ? undefined : shopField(new Date(min).toISOString())}
        onInput={(event) => set(event.currentTarget.value)}
      />
      {note && <span class="muted zone">{note}</span>}
    </label>
  );
}
