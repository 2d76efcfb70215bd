/** The last orders of a buyer, and what can be done with each beside their dialogue. */
import type { Part } from '../people/parts';
import type { OrderKind } from '../types';
import { dayText, money, statusText } from '../words';
import { orderWords } from './words';

const OVER = ['cancelled', 'returned'];

export function Orders({ card, w, desk, at }: Part) {
  const o = orderWords(desk.state.boot.lang);
  if (!card.orders.length) {
    const isProven = card.identities.some((one) => one.is_proven);
    return <p class="muted">{w(isProven ? 'noneOrdered' : 'noOrders')}</p>;
  }
  const begin = (number: string, kind: OrderKind): void => {
    if (at) desk.store.set({ order: { conversation: at, number, kind } });
  };
  return (
    <>
      {card.orders.map((order) => (
        <div class="order" key={order.number}>
          <span class="line">
            <b>{order.number}</b>
            <span>{money(order.sum, order.currency)}</span>
          </span>
          <span class="muted">
            {[
              statusText(order.status),
              dayText(order.placed_at),
              order.track && w('track', order.track),
            ]
              .filter(Boolean)
              .join(' · ')}
          </span>
          <span class="muted">{order.lines.join(', ')}</span>
          {order.requests.map((one) => (
            <span class="line" key={one.id}>
              <span class={`chip ${{ open: 'amber', done: 'done', refused: 'red' }[one.state]}`}>
                {o('request', o(one.kind), one.id)}: {o(one.state)}
              </span>
              <span class="muted">{money(one.sum, order.currency)}</span>
            </span>
          ))}
          {at !== undefined && (
            <span class="doing" role="toolbar" aria-label={order.number}>
              {(['status', 'return', 'repeat'] as const)
                .filter((kind) => kind !== 'return' || !OVER.includes(order.status))
                .map((kind) => (
                  <button
                    type="button"
                    key={kind}
                    title={o(`title_${kind}`, order.number)}
                    onClick={() => begin(order.number, kind)}
                  >
                    {o(kind)}
                  </button>
                ))}
            </span>
          )}
        </div>
      ))}
    </>
  );
}
