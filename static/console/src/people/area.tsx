/** «Клиенты»: everybody who wrote, searched and narrowed; a person with all their dialogues. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../net/api';
import { Orders } from '../orders/card';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { channelIcon, Icon } from '../ui/icons';
import { dayText } from '../words';
import { told } from '../words/told';
import { goTo, type PersonRow, useCard } from './card';
import { Facts } from './facts';
import { Fields } from './fields';
import { Consents, Done, nameOf, type Part, Past, Who } from './parts';
import { type Key, type Words, wordsOf } from './words';

interface Page {
  results: PersonRow[];
  next: string;
}
interface Segment {
  id: number;
  name: string;
  count: number;
}
export interface Asked {
  q: string;
  segment: string;
  channel: string;
  label: string;
  is_blocked: string;
}
const NOTHING: Asked = { q: '', segment: '', channel: '', label: '', is_blocked: '' };
const TYPING_MS = 250;
const AGAIN_MS = 500;

/** `#people/12` is a person. */
export const personOf = (hash: string): number =>
  Number(hash.match(/^#people\/(\d{1,15})$/)?.[1] ?? 0);

export const queryOf = (asked: Asked, after = ''): string =>
  String(
    new URLSearchParams(Object.entries({ ...asked, after }).filter(([, value]) => value !== '')),
  );

export function PeoplePage({ desk, state }: { desk: Desk; state: State }) {
  const [person, set] = useState(() => personOf(location.hash));
  // The list is as it was left when somebody comes back to it.
  const list = useList(desk);
  useEffect(() => {
    const look = (): void => set(personOf(location.hash));
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  const w = wordsOf(state.boot.lang);
  return person ? (
    <Whole key={person} desk={desk} person={person} w={w} />
  ) : (
    <Listed state={state} list={list} w={w} />
  );
}

type List = ReturnType<typeof useList>;

function useList(desk: Desk) {
  const [asked, ask] = useState(NOTHING);
  const [page, set] = useState<Page | null>(null);
  const [failure, setFailure] = useState('');
  const turn = useRef(0);
  const read = async (after = ''): Promise<void> => {
    const mine = ++turn.current;
    try {
      const found = await call<Page>('GET', `/people/?${queryOf(asked, after)}`);
      if (mine !== turn.current) return;
      setFailure('');
      set((before) =>
        after && before
          ? { results: [...before.results, ...found.results], next: found.next }
          : found,
      );
    } catch (error) {
      if (mine === turn.current) setFailure(told(error));
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => void read(), asked.q ? TYPING_MS : 0);
    return () => clearTimeout(timer);
  }, [asked]);
  // Colleagues change cards: as many rows as are shown are read anew.
  const again = useRef(() => Promise.resolve());
  again.current = async () => {
    const mine = ++turn.current;
    const before = page?.results.length ?? 0;
    try {
      let found = await call<Page>('GET', `/people/?${queryOf(asked)}`);
      while (found.next && found.results.length < before) {
        const more = await call<Page>('GET', `/people/?${queryOf(asked, found.next)}`);
        found = { results: [...found.results, ...more.results], next: more.next };
      }
      if (mine === turn.current) set(found);
    } catch {
      // What is shown stays; it is read when the line is back.
    }
  };
  useEffect(() => {
    let timer = 0;
    const end = desk.hear((events) => {
      if (events && !events.some(({ name }) => name.startsWith('person.'))) return;
      clearTimeout(timer);
      timer = window.setTimeout(() => void again.current(), AGAIN_MS);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [desk]);
  return { asked, ask, page, failure, more: () => void read(page?.next) };
}

function Listed({ state, list, w }: { state: State; list: List; w: Words }) {
  const { asked, ask, page, failure } = list;
  const [segments, setSegments] = useState<Segment[]>([]);
  useEffect(() => {
    call<Segment[]>('GET', '/segments/').then(setSegments, () => undefined);
  }, []);
  const put =
    (name: keyof Asked) =>
    (event: Event): void =>
      ask({ ...asked, [name]: (event.currentTarget as HTMLInputElement).value });
  const isNarrowed = Object.values(asked).some(Boolean);
  return (
    <>
      <header class="area-head">
        <h1>{w('people')}</h1>
      </header>
      <search class="asking">
        <label class="wide">
          {w('find')}
          <input type="search" value={asked.q} onInput={put('q')} maxLength={200} />
        </label>
        {segments.length > 0 && (
          <Choice
            title={w('segment')}
            any={w('any')}
            value={asked.segment}
            put={put('segment')}
            choices={segments.map((one) => [one.id, `${one.name} (${one.count})`])}
          />
        )}
        <Choice
          title={w('channel')}
          any={w('any')}
          value={asked.channel}
          put={put('channel')}
          choices={state.channels.map((one) => [one.id, one.name])}
        />
        {state.labels.length > 0 && (
          <Choice
            title={w('label')}
            any={w('anyLabel')}
            value={asked.label}
            put={put('label')}
            choices={state.labels.map((one) => [one.name, one.name])}
          />
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={asked.is_blocked === 'true'}
            onChange={(event) =>
              ask({ ...asked, is_blocked: event.currentTarget.checked ? 'true' : '' })
            }
          />
          {w('onlyBlocked')}
        </label>
      </search>
      {failure && (
        <p class="failure" role="alert">
          {w('failed', failure)}
        </p>
      )}
      {!page && !failure && <p class="muted">{w('loading')}</p>}
      {page && !page.results.length && (
        <div class="empty">
          <p>{w(isNarrowed ? 'nobody' : 'empty')}</p>
          {isNarrowed && (
            <button type="button" onClick={() => ask(NOTHING)}>
              {w('reset')}
            </button>
          )}
        </div>
      )}
      {page && page.results.length > 0 && (
        <ul class="people-list">
          {page.results.map((one) => (
            <Row key={one.id} one={one} w={w} />
          ))}
        </ul>
      )}
      {page?.next && (
        <button type="button" class="more" onClick={list.more}>
          {w('more')}
        </button>
      )}
      <span class="unseen" role="status">
        {page ? `${w('people')}: ${page.results.length}` : ''}
      </span>
    </>
  );
}

function Choice({
  title,
  any,
  value,
  put,
  choices,
}: {
  title: string;
  any: string;
  value: string;
  put: (event: Event) => void;
  choices: [string | number, string][];
}) {
  return (
    <label>
      {title}
      <select value={value} onChange={put}>
        <option value="">{any}</option>
        {choices.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Row({ one, w }: { one: PersonRow; w: Words }) {
  const last = one.contacts
    .map((contact) => contact.talk)
    .filter((talk) => talk?.preview)
    .sort((a, b) => (b?.updated_at ?? '').localeCompare(a?.updated_at ?? ''))[0];
  return (
    <li>
      <a href={`#people/${one.id}`}>
        <span class="who" dir="auto">
          <b>{nameOf(one, w)}</b>
          {one.is_blocked && <span class="chip red">{w('isBlocked')}</span>}
        </span>
        <span class="where muted">
          {one.contacts.map((contact) => (
            <span key={contact.id}>
              <Icon name={channelIcon(contact.channel.kind)} size={14} /> {contact.channel.name}
            </span>
          ))}
        </span>
        <span class="preview muted" dir="auto">
          {last?.preview}
        </span>
        <time class="muted">{one.last_seen ? dayText(one.last_seen) : ''}</time>
      </a>
    </li>
  );
}

const PARTS: [Key, (part: Part) => unknown][] = [
  ['talks', Talks],
  ['facts', Facts],
  ['fields', Fields],
  ['orders', Orders],
  ['past', Past],
  ['consents', Consents],
  ['acts', Done],
];

function Whole({ desk, person, w }: { desk: Desk; person: number; w: Words }) {
  const { card, failure, acts } = useCard(desk, `/people/${person}/`, 0, true);
  const part = card && { card, acts, w, desk };
  return (
    <>
      <header class="area-head">
        <h1 dir="auto">{card ? nameOf(card, w) : w('people')}</h1>
        <a href="#people">{w('back')}</a>
      </header>
      {failure && (
        <p class="failure" role="alert">
          {w('failed', failure)}
        </p>
      )}
      {!card && !failure && <p class="muted">{w('loading')}</p>}
      {part && (
        <div class="board-grid person-page">
          <section>
            <h2>{w('who')}</h2>
            <Who {...part} />
          </section>
          {PARTS.map(([key, Body]) => {
            const Shown = Body as (part: Part) => preact.JSX.Element;
            return (
              <section key={key}>
                <h2>{w(key)}</h2>
                <Shown {...part} />
              </section>
            );
          })}
        </div>
      )}
    </>
  );
}

function Talks({ card, w, desk }: Part) {
  const talks = card.contacts.filter((contact) => contact.talk);
  if (!talks.length) return <p class="muted">{w('noTalks')}</p>;
  return (
    <>
      {talks.map((contact) => {
        const talk = contact.talk!;
        return (
          <button
            type="button"
            class="past talk"
            key={contact.id}
            title={w('openTalk')}
            onClick={() => void goTo(desk, talk.id)}
          >
            <span class="line">
              <span>
                <Icon name={channelIcon(contact.channel.kind)} size={14} /> {contact.channel.name}
              </span>
              <span class={`chip ${talk.status === 'resolved' ? 'done' : ''}`}>
                {w(`st_${talk.status}`)}
              </span>
            </span>
            <span class="preview" dir="auto">
              {talk.preview || '–'}
            </span>
            <span class="muted">{talk.updated_at ? dayText(talk.updated_at) : ''}</span>
          </button>
        );
      })}
    </>
  );
}
