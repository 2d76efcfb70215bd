import type { State } from '../store/core';
import type { Context } from '../types';
import { Icon } from '../ui/icons';
import { buyerName, clock, dayText, languageName, t } from '../words';

export function Contact({ context, state }: { context: Context; state: State }) {
  const row = state.thread!.conversation;
  return (
    <>
      <b dir="auto">{context.name || buyerName(row)}</b>
      <p class="muted">
        {row.channel.name}
        {context.username && ` · @${context.username}`}
      </p>
      {context.identities.map((identity) => (
        <p key={identity.value} class="identity">
          <a
            href={
              identity.kind === 'phone'
                ? `tel:${identity.value}`
                : identity.kind === 'email'
                  ? `mailto:${identity.value}`
                  : undefined
            }
          >
            {identity.value}
          </a>{' '}
          {identity.proof === 'claimed' ? (
            <span class="muted">{t('claimed')}</span>
          ) : (
            <span class="ok">
              <Icon name="check" size={14} /> {t('proven')}
            </span>
          )}
        </p>
      ))}
      <Pair name={t('language')} value={languageName(context.language || row.language)} />
      <Pair name={t('shopTime')} value={clock(new Date().toISOString())} />
      <Pair name={t('since')} value={dayText(context.since)} />
      {context.page && <Pair name={t('page')} value={context.page} isAddress />}
      {context.referrer && <Pair name={t('came')} value={context.referrer} isAddress />}
      {Object.entries(context.utm).map(([name, value]) => (
        <Pair key={name} name={name} value={String(value)} />
      ))}
    </>
  );
}

export function Pair({
  name,
  value,
  isAddress,
}: {
  name: string;
  value: string;
  isAddress?: boolean;
}) {
  if (!value) return null;
  return (
    <p class="pair">
      <span class="muted">{name}</span>
      <span class={isAddress ? 'url' : ''} dir="auto">
        {isAddress && /^https?:\/\//.test(value) ? (
          <a href={value} target="_blank" rel="noreferrer">
            {value.replace(/^https?:\/\//, '')}
          </a>
        ) : (
          value
        )}
      </span>
    </p>
  );
}
