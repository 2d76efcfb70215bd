import { useEffect, useState } from 'preact/hooks';
import { call } from '../net/api';
import type { State } from '../store/core';
import { Cards } from '../thread/cards';
import type { Message, Thread } from '../types';
import { claimKind, count, money, t } from '../words';

interface Goods {
  title: string;
  text: string;
  url: string;
  price: string;
  currency: string;
  stock: number;
  picture: string;
}

/** Which product the talk is about: what the newest answer with one rests on. */
export function spokenOf(thread: Thread | null): { id: number; message: Message } | null {
  for (const message of [...(thread?.messages ?? [])].reverse()) {
    const source = message.meta.sources?.find((one) => one.kind === 'product' && one.id);
    if (source) return { id: source.id, message };
  }
  return null;
}

/** The product itself as the shop has it today, and what the bot has said of it. */
export function Product({ state }: { state: State }) {
  const spoken = spokenOf(state.thread);
  const id = spoken?.id ?? 0;
  const [found, setFound] = useState<{ id: number; goods: Goods | null } | null>(null);
  useEffect(() => {
    if (!id) return;
    let isOld = false;
    const show = (goods: Goods | null): void => {
      if (!isOld) setFound({ id, goods });
    };
    call<Goods>('GET', `/desk/passage/?kind=product&id=${id}`).then(show, () => show(null));
    return () => {
      isOld = true;
    };
  }, [id]);
  if (!spoken || found?.id !== id) return null;
  const { goods } = found;
  if (!goods) return <p class="muted">{t('sourceGone')}</p>;
  const claims = spoken.message.meta.claims ?? [];
  return (
    <>
      <Cards
        cards={[
          {
            title: goods.title,
            url: goods.url,
            picture: goods.picture,
            price: goods.price && money(goods.price, goods.currency || 'RUB'),
            stock: goods.stock ? t('inStock', count(goods.stock)) : t('soldOut'),
          },
        ]}
      />
      {claims.length > 0 && <p class="muted said-of">{t('botSaid')}</p>}
      {claims.map((claim) => (
        <p class="pair" key={claim.text + claim.source}>
          <span class="muted">{claimKind(claim.kind)}</span>
          <span dir="auto">{claim.text}</span>
        </p>
      ))}
      {goods.text && (
        <details>
          <summary>{t('productFacts')}</summary>
          <p class="summary" dir="auto">
            {goods.text}
          </p>
        </details>
      )}
    </>
  );
}
