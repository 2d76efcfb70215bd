/** «На сайте сейчас»: who looks around, with what in the cart, and a word to them first. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, Refused } from '../net/api';
import type { State } from '../store/core';
import type { Desk } from '../store/desk';
import { money, spanText, t } from '../words';
import { told } from '../words/told';
import { hostOf, pathOf, type Visitor } from './visitor';

const LOOK_MS = 10_000;

export function VisitorsPage({ desk, state }: { desk: Desk; state: State }) {
  const [visitors, setVisitors] = useState<Visitor[] | null>(null);
  const [failure, setFailure] = useState('');
  useEffect(() => {
    let isOver = false;
    const look = async (): Promise<void> => {
      try {
        const found = await call<{ visitors: Visitor[] }>('GET', '/visitors/');
        if (isOver) return;
        setVisitors(found.visitors);
        setFailure('');
      } catch (error) {
        if (!isOver) setFailure(told(error));
      }
    };
    void look();
    const timer = setInterval(() => !document.hidden && void look(), LOOK_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, []);
  return (
    <>
      <header class="area-head">
        <h1>{t('onSite')}</h1>
        {visitors && <span class="muted">{t('onSiteCount', visitors.length)}</span>}
      </header>
      {failure && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {!visitors && !failure && <p class="muted">{t('loading')}</p>}
      {visitors?.length === 0 && (
        <p class="nothing">
          {t('onSiteNobody')}{' '}
          {state.boot.role !== 'agent' && <a href="/admin/bots/channel/">{t('channels')}</a>}
        </p>
      )}
      <ul class="visitors">
        {visitors?.map((one) => (
          <Line key={`${one.channel}:${one.visitor}`} one={one} desk={desk} state={state} />
        ))}
      </ul>
    </>
  );
}

function Line({ one, desk, state }: { one: Visitor; desk: Desk; state: State }) {
  const [isWriting, setWriting] = useState(false);
  const [told, setTold] = useState('');
  const name = one.name || t('visitor');
  const channel = state.channels.find((c) => c.id === one.channel)?.name ?? '';
  const from = Object.entries(one.utm);
  const open = (id: number): void => {
    location.hash = '';
    void desk.threads.open(id);
  };
  return (
    <li>
      <span class="line">
        <b dir="auto">{name}</b>
        {one.is_returning && <span class="chip">{t('returning')}</span>}
        {one.chat_is_open && <span class="chip green">{t('chatIsOpen')}</span>}
        <span class="muted">
          {[channel, t('hereFor', spanText(one.here_s * 1000))].filter(Boolean).join(' · ')}
        </span>
      </span>
      <span class="where">
        <a href={one.page} target="_blank" rel="noreferrer" dir="auto">
          {one.title || pathOf(one.page)}
        </a>{' '}
        <span class="muted">
          {pathOf(one.page)} · {spanText(one.on_page_s * 1000)}
        </span>
      </span>
      {one.pages.length > 1 && (
        <details>
          <summary>{t('pagesSeen', one.pages.length)}</summary>
          <ol>
            {one.pages.map((page) => (
              <li key={`${page.at}${page.page}`} dir="auto">
                {page.title || pathOf(page.page)}
              </li>
            ))}
          </ol>
        </details>
      )}
      {one.cart && (one.cart.items?.length || one.cart.total) ? (
        <span>
          <span class="muted">{t('cart')}:</span> {cartText(one)}
        </span>
      ) : null}
      {(one.referrer || from.length > 0) && (
        <span class="muted" dir="auto">
          {one.referrer && `${t('came')}: ${hostOf(one.referrer)}`}
          {one.referrer && from.length > 0 && ' · '}
          {from.map(([key, value]) => `${key.replace('utm_', '')}: ${value}`).join(', ')}
        </span>
      )}
      {one.greeted && (
        <span class="muted" dir="auto">
          {t('greeted')}: {one.greeted}
        </span>
      )}
      {told && <span role="status">{told}</span>}
      {isWriting ? (
        <Write
          one={one}
          name={name}
          close={(text) => {
            setWriting(false);
            setTold(text);
          }}
          open={open}
        />
      ) : one.conversation ? (
        <button type="button" onClick={() => open(one.conversation!)}>
          {t('openTalk')}
        </button>
      ) : (
        <button
          type="button"
          aria-label={`${t('writeFirst')}: ${name}`}
          onClick={() => setWriting(true)}
        >
          {t('writeFirst')}
        </button>
      )}
    </li>
  );
}

function Write({
  one,
  name,
  close,
  open,
}: {
  one: Visitor;
  name: string;
  close: (told: string) => void;
  open: (id: number) => void;
}) {
  const [text, setText] = useState('');
  const [failure, setFailure] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const send = async (): Promise<void> => {
    try {
      const { channel, visitor } = one;
      await call('POST', '/visitors/invite/', { channel, visitor, text: text.trim() });
      close(t('invited', text.trim()));
    } catch (error) {
      if (error instanceof Refused && typeof error.data.conversation === 'number')
        open(error.data.conversation);
      else setFailure(told(error));
    }
  };
  return (
    <form
      class="write-first"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) void send();
      }}
    >
      <textarea
        ref={field}
        rows={2}
        value={text}
        dir="auto"
        maxLength={1000}
        aria-label={`${t('writeFirst')}: ${name}`}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.code === 'Escape') close('');
          else if (event.code === 'Enter' && (event.ctrlKey || event.metaKey)) {
            if (text.trim()) void send();
          } else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <span class="muted">{t('inviteHint')}</span>
      {failure && (
        <span class="failure" role="alert">
          {failure}
        </span>
      )}
      <span class="line">
        <button type="submit" class="main" disabled={!text.trim()}>
          {t('send')}
        </button>
        <button type="button" onClick={() => close('')}>
          {t('cancel')}
        </button>
      </span>
    </form>
  );
}

function cartText({ cart }: Visitor): string {
  const items = (cart?.items ?? []).map((item) =>
    [item.name, item.qty && item.qty !== '1' ? `× ${item.qty}` : ''].filter(Boolean).join(' '),
  );
  const sum = Number(String(cart?.total ?? '').replace(',', '.'));
  const currency = /^[A-Z]{3}$/.test(cart?.currency ?? '') ? cart!.currency! : 'RUB';
  return [sum > 0 ? money(String(sum), currency) : '', items.slice(0, 5).join(', ')]
    .filter(Boolean)
    .join(' · ');
}
