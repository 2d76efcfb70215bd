import { Icon } from './icons';
import type { State, Store } from './store';
import { dayText, money, reasonText, statusText, t } from './text';

export function Context({ store, state }: { store: Store; state: State }) {
  const context = state.thread?.context;
  return (
    <aside class="context" aria-label={t('context')}>
      <header>
        <b>{t('context')}</b>
        <button
          type="button"
          class="icon"
          title={t('close')}
          onClick={() => store.set({ showContext: false })}
        >
          <Icon name="close" size={20} />
        </button>
      </header>
      {context && (
        <>
          <section>
            <b dir="auto">{context.name || t('noName')}</b>
            {context.username && <p class="muted">@{context.username}</p>}
            {context.identities.map((identity) => (
              <p key={identity.value} class="identity">
                {identity.value}{' '}
                {identity.proof === 'claimed' ? (
                  <span class="muted">{t('claimed')}</span>
                ) : (
                  <span class="ok">
                    <Icon name="check" size={14} /> {t('proven')}
                  </span>
                )}
              </p>
            ))}
            {context.page && (
              <p class="muted">
                {t('page')}: <span class="url">{context.page}</span>
              </p>
            )}
            {context.referrer && (
              <p class="muted">
                {t('came')}: <span class="url">{context.referrer}</span>
              </p>
            )}
            {Object.entries(context.utm).map(([name, value]) => (
              <p class="muted" key={name}>
                {name}: {String(value)}
              </p>
            ))}
          </section>
          <section>
            <h3>{t('orders')}</h3>
            {context.orders.length === 0 && <p class="muted">{t('noOrders')}</p>}
            {context.orders.map((order) => (
              <div class="order" key={order.number}>
                <span class="line">
                  <b>{order.number}</b>
                  <span>{money(order.sum, order.currency)}</span>
                </span>
                <span class="muted">
                  {statusText(order.status)} · {dayText(order.placed_at)}
                </span>
                <span class="muted">{order.lines.join(', ')}</span>
              </div>
            ))}
          </section>
          <section>
            <h3>{t('past')}</h3>
            {context.episodes.length < 2 && <p class="muted">{t('noPast')}</p>}
            {context.episodes.slice(1).map((episode) => (
              <p class="muted" key={episode.started_at}>
                {dayText(episode.started_at)}
                {episode.reason && ` · ${reasonText(episode.reason)}`}
              </p>
            ))}
          </section>
        </>
      )}
    </aside>
  );
}
