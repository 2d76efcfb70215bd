import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import type { FoundContact, FoundOrder, FoundTalk } from '../types';
import { channelIcon, Icon } from '../ui/icons';
import { ageText, buyerName, dayText, money, statusText, t } from '../words';
import { Marked } from './marked';

/** What a search found, by kind; arrows go through it, Enter opens. */
export function FoundPane({ desk, state, now }: { desk: Desk; state: State; now: number }) {
  const { found, isLoading, failure } = state.find;
  const isNothing =
    found && !found.conversations.length && !found.contacts.length && !found.orders.length;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows between the buttons inside
    <div class="found" aria-busy={isLoading} onKeyDown={between}>
      {failure && (
        <p class="empty" role="alert">
          {failure}
        </p>
      )}
      {isLoading && !found && <p class="empty">{t('loading')}</p>}
      {isNothing && !isLoading && !found.next && <p class="empty">{t('emptySearch')}</p>}
      {found?.how === 'slips' && !isNothing && <p class="muted how">{t('foundSlips')}</p>}
      {found && found.contacts.length > 0 && (
        <section aria-label={t('buyers')}>
          <h3>{t('buyers')}</h3>
          {found.contacts.map((one) => (
            <ContactFound key={one.contact} desk={desk} one={one} />
          ))}
        </section>
      )}
      {found && found.orders.length > 0 && (
        <section aria-label={t('orders')}>
          <h3>{t('orders')}</h3>
          {found.orders.map((one) => (
            <OrderFound key={one.id} desk={desk} one={one} />
          ))}
        </section>
      )}
      {found && found.conversations.length > 0 && (
        <section aria-label={t('dialogues')}>
          <h3>
            {t('dialogues')}
            <button type="button" class="quiet" onClick={() => desk.finder.asList()}>
              {t('asList')}
            </button>
          </h3>
          {found.conversations.map((one) => (
            <TalkFound key={one.row.id} desk={desk} one={one} now={now} state={state} />
          ))}
        </section>
      )}
      {found?.next && (
        <button
          type="button"
          class="quiet more"
          disabled={isLoading}
          onClick={() => void desk.finder.readMore()}
        >
          {t(isLoading ? 'loading' : 'foundMore')}
        </button>
      )}
    </div>
  );
}

function between(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.code];
  if (!by) return;
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll('button')];
  const at = all.indexOf(document.activeElement as HTMLButtonElement);
  const next = all[at + by];
  if (next) next.focus();
  else if (by < 0) document.querySelector<HTMLInputElement>('.search input')?.focus();
  event.preventDefault();
  event.stopPropagation();
}

function TalkFound({
  desk,
  one,
  now,
  state,
}: {
  desk: Desk;
  one: FoundTalk;
  now: number;
  state: State;
}) {
  const { row, hits } = one;
  return (
    <div class={`talk ${row.id === state.open ? 'is-open' : ''}`}>
      <button
        type="button"
        class="line"
        onClick={() =>
          void desk.finder.go(hits[0]?.jump ?? { conversation: row.id, seq: 0 }, Boolean(hits[0]))
        }
      >
        <span class="who">
          <span class="channel" title={row.channel.name}>
            <Icon name={channelIcon(row.channel.kind)} />
          </span>
          <b dir="auto">{buyerName(row)}</b>
        </span>
        <time dateTime={row.updated_at}>{ageText(row.updated_at, now)}</time>
      </button>
      {hits.map((hit) => (
        <button
          key={hit.message}
          type="button"
          class="hit"
          onClick={() => void desk.finder.go(hit.jump, true)}
        >
          <span dir="auto">
            {hit.author === 'bot' && <Icon name="bot" size={14} />}
            {hit.kind === 'note' && <Icon name="lock" size={14} />}
            {hit.author === 'agent' && <i>{hit.name || t('you')}: </i>}
            <Marked text={hit.text} marks={hit.marks} />
          </span>
          <time class="muted" dateTime={hit.at}>
            {ageText(hit.at, now)}
          </time>
        </button>
      ))}
      {one.more && <span class="muted">{t('foundInTalk')}</span>}
    </div>
  );
}

function ContactFound({ desk, one }: { desk: Desk; one: FoundContact }) {
  const known = one.identities.map((identity) => identity.value).join(' · ') || one.username;
  return (
    <button type="button" class="talk" onClick={() => void desk.finder.go(one.jump, false)}>
      <span class="line">
        <span class="who">
          <span class="channel" title={one.channel.name}>
            <Icon name={channelIcon(one.channel.kind)} />
          </span>
          <b dir="auto">
            {one.name ? (
              <Marked text={one.name} marks={one.marks} />
            ) : (
              buyerName({ id: one.jump.conversation, name: '' })
            )}
          </b>
        </span>
      </span>
      {known && <span class="muted">{known}</span>}
    </button>
  );
}

function OrderFound({ desk, one }: { desk: Desk; one: FoundOrder }) {
  const { jump } = one;
  return (
    <button
      type="button"
      class="talk"
      disabled={!jump}
      title={jump ? undefined : t('orderNoTalk')}
      onClick={() => jump && void desk.finder.go(jump, false)}
    >
      <span class="line">
        <b>
          <Icon name="goods" size={14} /> {one.number}
        </b>
        <span>{money(one.sum, one.currency || 'RUB')}</span>
      </span>
      <span class="muted">
        {[statusText(one.status), one.name, one.placed_at && dayText(one.placed_at)]
          .filter(Boolean)
          .join(' · ')}
      </span>
      {!jump && <span class="muted">{t('orderNoTalk')}</span>}
    </button>
  );
}
