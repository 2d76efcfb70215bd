/** What is remembered of a buyer: with its source and its end; added and taken away. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Message } from '../types';
import { Icon } from '../ui/icons';
import { dayText } from '../words';
import { goTo, type NewFact } from './card';
import type { Part } from './parts';

// What was begun by the card's number: it is there when somebody comes back to it.
const begun = new Map<number, string>();

/** `said`: the buyer's messages that a new fact can be taken from. */
export function Facts({ card, acts, w, desk, said }: Part & { said?: Message[] }) {
  const [isOpen, open] = useState(begun.has(card.id));
  return (
    <>
      {!card.facts.length && !isOpen && <p class="muted">{w('noFacts')}</p>}
      <ul class="facts">
        {card.facts.map((fact) => {
          const { source } = fact;
          return (
            <li key={fact.id}>
              <span class="line">
                <span dir="auto">
                  {fact.kind === 'note' && (
                    <span class="chip amber" title={w('noteTitle')}>
                      <Icon name="lock" size={14} /> {w('note')}
                    </span>
                  )}{' '}
                  {fact.text}
                </span>
                <button
                  type="button"
                  class="icon small"
                  title={w('drop')}
                  onClick={() => void acts.forgetFact(card, fact)}
                >
                  <Icon name="close" size={14} />
                </button>
              </span>
              <span class="muted">
                {source ? (
                  <button
                    type="button"
                    class="quiet"
                    onClick={() => void goTo(desk, source.conversation, source.seq)}
                  >
                    {w('fromMessage')}
                  </button>
                ) : (
                  w('noSource')
                )}
                {[
                  fact.by,
                  dayText(fact.at),
                  fact.expires_at && w('until', dayText(fact.expires_at)),
                ]
                  .filter(Boolean)
                  .map((part) => ` · ${part}`)}
              </span>
            </li>
          );
        })}
      </ul>
      {isOpen ? (
        <NewOne
          w={w}
          said={said ?? []}
          text={begun.get(card.id) ?? ''}
          typed={(text) => begun.set(card.id, text)}
          cancel={() => {
            begun.delete(card.id);
            open(false);
          }}
          save={async (fact) => {
            if (!(await acts.remember(card, fact))) return;
            begun.delete(card.id);
            open(false);
          }}
        />
      ) : (
        <button type="button" class="quiet add" onClick={() => open(true)}>
          <Icon name="plus" size={14} /> {w('add')}
        </button>
      )}
    </>
  );
}

function NewOne({
  w,
  said,
  text,
  typed,
  save,
  cancel,
}: {
  w: Part['w'];
  said: Message[];
  text: string;
  typed: (text: string) => void;
  save: (fact: NewFact) => Promise<void>;
  cancel: () => void;
}) {
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  // Once, when it is opened: a card that is read again takes the focus from nobody.
  useLayoutEffect(() => {
    if (!text) field.current?.focus();
  }, []);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fact = factOf(new FormData(event.currentTarget as HTMLFormElement), Date.now());
    if (!fact || isBusy) return;
    setBusy(true);
    await save(fact);
    setBusy(false);
  };
  return (
    <form
      class="form new-fact"
      onSubmit={(event) => void submit(event)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        cancel();
      }}
    >
      <label>
        {w('text')}
        <textarea
          name="text"
          rows={2}
          maxLength={1000}
          required
          defaultValue={text}
          onInput={(event) => typed(event.currentTarget.value)}
          ref={field}
        />
      </label>
      <span class="kinds">
        {(['fact', 'note'] as const).map((kind) => (
          <label class="check" key={kind}>
            <input type="radio" name="kind" value={kind} defaultChecked={kind === 'fact'} />
            {w(`${kind}Title`)}
          </label>
        ))}
      </span>
      {said.length > 0 && (
        <label>
          {w('source')}
          <select name="message">
            <option value="">{w('noSource')}</option>
            {said.map((one) => (
              <option key={one.id} value={one.id}>
                {one.text.slice(0, 60)}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        {w('till')}
        <select name="days">
          <option value="">{w('never')}</option>
          <option value="30">{w('days30')}</option>
          <option value="365">{w('days365')}</option>
        </select>
      </label>
      <span class="doing">
        <button type="submit" class="main" disabled={isBusy}>
          {w('remember')}
        </button>
        <button type="button" onClick={cancel}>
          {w('cancel')}
        </button>
      </span>
    </form>
  );
}

/** What the form says, as the server takes it; null where there is nothing to remember. */
export function factOf(form: FormData, now: number): NewFact | null {
  const text = String(form.get('text') ?? '').trim();
  if (!text) return null;
  const days = Number(form.get('days'));
  const message = Number(form.get('message'));
  return {
    text,
    kind: form.get('kind') === 'note' ? 'note' : 'fact',
    ...(message ? { message } : {}),
    ...(days ? { expires_at: new Date(now + days * 86_400_000).toISOString() } : {}),
  };
}
