import type { Context } from '../types';
import { dayText, money, statusText, t } from '../words';

export function Orders({ context }: { context: Context }) {
  if (!context.orders.length) return <p class="muted">{t('noOrders')}</p>;
  return (
    <>
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
    </>
  );
}
