import { Pair } from '../people/parts';
import type { State } from '../store/core';
import type { Context } from '../types';
import { useNow } from '../ui/now';
import { buyerName, clock, t } from '../words';

/** Who writes, while their card is on its way or cannot be read. */
export function Known({ context, state }: { context: Context; state: State }) {
  const row = state.thread!.conversation;
  return (
    <>
      <b dir="auto">{context.name || buyerName(row)}</b>
      <p class="muted">
        {row.channel.name}
        {context.username && ` · @${context.username}`}
      </p>
    </>
  );
}

/** Where the buyer is now and came from, as the site tells it. */
export function Visit({ context }: { context: Context }) {
  const now = useNow();
  return (
    <>
      <Pair name={t('shopTime')} value={clock(new Date(now).toISOString())} />
      {context.page && <Pair name={t('page')} value={<Address value={context.page} />} />}
      {context.referrer && <Pair name={t('came')} value={<Address value={context.referrer} />} />}
      {Object.entries(context.utm).map(([name, value]) => (
        <Pair key={name} name={name} value={String(value)} />
      ))}
    </>
  );
}

function Address({ value }: { value: string }) {
  return /^https?:\/\//.test(value) ? (
    <a class="url" href={value} target="_blank" rel="noreferrer">
      {value.replace(/^https?:\/\//, '')}
    </a>
  ) : (
    <span class="url">{value}</span>
  );
}
