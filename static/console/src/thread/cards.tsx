import type { Card } from '../types';

export function Cards({ cards }: { cards: Card[] }) {
  if (!cards.length) return null;
  return (
    <span class="cards">
      {cards.map((card) => (
        <a
          class="card"
          key={card.title}
          href={/^https?:/.test(card.url ?? '') ? card.url : undefined}
          target="_blank"
          rel="noreferrer"
        >
          {/^https:/.test(card.picture ?? '') && (
            <img src={card.picture} alt="" loading="lazy" width={56} height={56} />
          )}
          <span>
            <b dir="auto">{card.title}</b>
            <span>
              {card.price} {card.old_price && <s class="muted">{card.old_price}</s>}
            </span>
            {card.stock && <span class="muted">{card.stock}</span>}
          </span>
        </a>
      ))}
    </span>
  );
}
