/** The parts of a buyer's card: shown beside a thread and on the page of the person. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from '../store/desk';
import { channelIcon, Icon } from '../ui/icons';
import { Menu } from '../ui/menu';
import { dayText, languageName, outcomeText, whenText } from '../words';
import { type Card, type CardContact, type Cards, goTo, type Suggestion } from './card';
import { actText, type Key, type Words } from './words';

export interface Part {
  card: Card;
  acts: Cards;
  w: Words;
  desk: Desk;
  at?: number; // the conversation it is shown beside: what is begun there ends there
}

export const nameOf = (card: { id: number; name: string }, w: Words): string =>
  card.name || w('noName', card.id);

/** Whether it is the colleague's to keep the shop's settings. */
export const isAdmin = (desk: Desk): boolean => ['owner', 'admin'].includes(desk.state.boot.role);

/** Name and channels; the contact of the open thread is not led to. */
export function Who({ card, acts, w, desk, at }: Part) {
  return (
    <>
      <div class="line">
        <EditableName card={card} acts={acts} w={w} key={at} />
        <CardMenu card={card} acts={acts} w={w} desk={desk} isWhole={at === undefined} />
      </div>
      {card.is_blocked && (
        <span class="chip red">
          <Icon name="alert" size={14} /> {w('isBlocked')}
        </span>
      )}
      {card.contacts.map((contact) => (
        <Contact
          key={contact.id}
          contact={contact}
          part={{ card, acts, w, desk }}
          isHere={at !== undefined && contact.talk?.id === at}
        />
      ))}
      {once(card.identities).map((one) => (
        <p key={`${one.kind}-${one.value}`} class="identity">
          <IdentityLink kind={one.kind} value={one.value} />{' '}
          {one.is_proven ? (
            <span class="ok">
              <Icon name="check" size={14} /> {w('proven')}
            </span>
          ) : (
            <span class="muted">{w('claimed')}</span>
          )}
        </p>
      ))}
      <Pair name={w('language')} value={languageName(card.language)} />
      <Pair name={w('since')} value={dayText(card.since)} />
      {card.suggestions.map((one) => (
        <Same key={one.person} other={one} part={{ card, acts, w, desk }} />
      ))}
      {card.merges.map((one) => (
        <p class="merged" key={one.id}>
          <span class="muted">
            {w('mergedBy', dayText(one.at))},{' '}
            {one.by || (one.reason === 'customer' ? w('bySite') : w('because_'))}
          </span>{' '}
          <button type="button" class="quiet" onClick={() => void acts.unmerge(card, one.id)}>
            {w('unmerge')}
          </button>
        </p>
      ))}
    </>
  );
}

/** The same telephone in two channels is one; proven where it is in one of them. */
export function once(all: Card['identities']): Card['identities'] {
  const found = new Map<string, Card['identities'][number]>();
  for (const one of all) {
    const key = `${one.kind} ${one.value}`;
    if (!found.get(key)?.is_proven) found.set(key, one);
  }
  return [...found.values()];
}

function IdentityLink({ kind, value }: { kind: string; value: string }) {
  const to = { phone: `tel:${value}`, email: `mailto:${value}` }[kind];
  return to ? <a href={to}>{value}</a> : <span>{value}</span>;
}

function Contact({ contact, part, isHere }: { contact: CardContact; part: Part; isHere: boolean }) {
  const { card, acts, w, desk } = part;
  const { talk } = contact;
  const told = [contact.name, contact.username && `@${contact.username}`].filter(Boolean);
  return (
    <div class="contact-line">
      <Icon name={channelIcon(contact.channel.kind)} />
      <span class="contact-of">
        {talk && !isHere ? (
          <button type="button" class="quiet" onClick={() => void goTo(desk, talk.id)}>
            {contact.channel.name}
          </button>
        ) : (
          contact.channel.name
        )}
        {told.length > 0 && (
          <span class="muted" dir="auto">
            {' '}
            {told.join(' · ')}
          </span>
        )}
        {!contact.is_reachable && <span class="chip amber">{w('isAway')}</span>}
      </span>
      {card.contacts.length > 1 && (
        <Menu
          icon="more"
          title={`${contact.channel.name}: ${w('menu')}`}
          items={[{ text: w('splitAct'), run: () => void acts.split(card, contact) }]}
        />
      )}
    </div>
  );
}

function CardMenu({ card, acts, w, desk, isWhole }: Part & { isWhole: boolean }) {
  const items = [
    ...(isWhole ? [] : [{ text: w('whole'), run: () => openCard(desk, card.id) }]),
    {
      text: w(card.is_blocked ? 'unblock' : 'block'),
      run: () => void acts.block(card, !card.is_blocked),
    },
    ...(isAdmin(desk)
      ? [{ text: w('forget'), run: () => location.assign(`/admin/customers/${card.id}/`) }]
      : []),
  ];
  return <Menu icon="more" title={w('menu')} items={items} />;
}

/** The page of a person; on a phone it takes the place of the thread. */
export function openCard(desk: Desk, person: number): void {
  if (matchMedia('(max-width: 799px)').matches) void desk.threads.open(null);
  desk.store.set({ showContext: false });
  location.hash = `people/${person}`;
}

function Same({ other, part }: { other: Suggestion; part: Part }) {
  const { card, acts, w } = part;
  return (
    <div class="same">
      <b>{w('maybe')}</b>
      <span dir="auto">
        {nameOf({ id: other.person, name: other.name }, w)}
        {other.contacts.length > 0 && ` · ${other.contacts.map((c) => c.channel.name).join(', ')}`}
      </span>
      <span class="muted">{w(`because_${other.reason}` as Key, other.value)}</span>
      <span class="doing">
        <button type="button" class="main" onClick={() => void acts.merge(card, other)}>
          {w('merge')}
        </button>
        <button type="button" onClick={() => void acts.differ(card, other)}>
          {w('differ')}
        </button>
      </span>
    </div>
  );
}

function EditableName({ card, acts, w }: Omit<Part, 'desk'>) {
  const [isOpen, open] = useState(false);
  if (!isOpen)
    return (
      <button
        type="button"
        class="in-place person-name"
        title={w('edit', w('name'))}
        dir="auto"
        onClick={() => open(true)}
      >
        <b>{nameOf(card, w)}</b>
      </button>
    );
  return (
    <Typed
      label={w('name')}
      w={w}
      value={card.name}
      maxLength={120}
      save={(name) => acts.save(card, { name })}
      done={() => open(false)}
    />
  );
}

/**
 * One input in place of a value: Enter or leaving it keeps, also by a key that leads to another
 * conversation; Escape does not. A colleague's change is told beside it and touches nothing.
 */
export function Typed({
  label,
  value,
  save,
  done,
  w,
  type = 'text',
  maxLength = 1000,
}: {
  label: string;
  value: string;
  w: Words;
  save: (value: string) => Promise<boolean>;
  done: () => void;
  type?: 'text' | 'number' | 'date' | 'url';
  maxLength?: number;
}) {
  const [isBusy, setBusy] = useState(false);
  const [began] = useState(value);
  const typed = useRef(value);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const isOver = useRef(false);
  const saved = useRef(save);
  saved.current = save;
  useEffect(
    () => () => {
      if (!isOver.current && typed.current !== began) void saved.current(typed.current.trim());
    },
    [began],
  );
  const end = (): void => {
    isOver.current = true;
    done();
  };
  const keep = async (input: HTMLInputElement): Promise<void> => {
    if (isOver.current) return;
    if (typed.current === began) return end();
    isOver.current = true;
    setBusy(true);
    if (await save(typed.current.trim())) return done();
    isOver.current = false;
    setBusy(false);
    input.focus();
  };
  return (
    <>
      <input
        class="in-place"
        {...({ type } as { type: 'text' })}
        step="any"
        aria-label={label}
        defaultValue={began}
        maxLength={maxLength}
        disabled={isBusy}
        ref={field}
        onInput={(event) => {
          typed.current = event.currentTarget.value;
        }}
        onBlur={(event) => void keep(event.currentTarget)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') void keep(event.currentTarget);
          if (event.key === 'Escape') {
            event.stopPropagation();
            end();
          }
        }}
      />
      {value !== began && !isBusy && (
        <span class="meanwhile" role="status">
          {w('meanwhile', value || '—')}
        </span>
      )}
    </>
  );
}

export function Pair({ name, value }: { name: string; value: ComponentChildren }) {
  if (!value) return null;
  return (
    <p class="pair">
      <span class="muted">{name}</span>
      <span dir="auto">{value}</span>
    </p>
  );
}

/** Episodes but the one that is going on, of all channels; each leads to its beginning. */
export function Past({ card, w, desk }: Part) {
  const past = card.episodes.filter((one) => one.resolved_at);
  if (!past.length) return <p class="muted">{w('noPast')}</p>;
  return (
    <>
      {past.map((one) => (
        <button
          type="button"
          class="past"
          key={one.id}
          onClick={() => void goTo(desk, one.conversation, one.start_seq)}
        >
          <span>
            {dayText(one.started_at)}
            {card.contacts.length > 1 && ` · ${one.channel.name}`}
            {one.ratings.map((rating) => ` · ${'★'.repeat(rating.score)}`)}
          </span>
          <span class="muted">{outcomeText(one)}</span>
        </button>
      ))}
    </>
  );
}

export function Consents({ card, w }: Part) {
  if (!card.consents.length) return <p class="muted">{w('noConsents')}</p>;
  return (
    <ul class="facts">
      {card.consents.map((one) => (
        <li key={`${one.contact}-${one.kind}-${one.at}`} title={one.text}>
          <span>
            <Icon name={one.is_given ? 'check' : 'close'} size={14} />{' '}
            {one.kind === 'processing' || one.kind === 'marketing' ? w(one.kind) : one.kind}:{' '}
            {w(one.is_given ? 'given' : 'withdrawn')}
          </span>
          <span class="muted">{whenText(one.at)}</span>
        </li>
      ))}
    </ul>
  );
}

export function Done({ card, w, desk }: Part) {
  if (!card.acts.length) return <p class="muted">{w('noActs')}</p>;
  return (
    <ul class="facts">
      {card.acts.map((one) => (
        <li key={`${one.at}-${one.action}`}>
          <span>{actText(one.action, desk.state.boot.lang)}</span>
          <span class="muted">
            {one.by} · {whenText(one.at)}
          </span>
        </li>
      ))}
    </ul>
  );
}
