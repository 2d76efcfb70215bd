"""What a product's record says: variants, prices, stock, colours, sizes. Nothing is searched here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from bots.answerer.phrases import money, say
from bots.engine.base import Card, Source
from bots.engine.facts import Record
from bots.retrieval.card import product_text
from bots.retrieval.text import fold, words
from integrations.models import Product, Variant

SIZE_NAMES = words("размер рост size размеры ростовка")


COLOUR_NAMES = words("цвет расцветка color colour цвета оттенок")


def variants_of(product: Product) -> list[Variant]:
    return [v for v in product.variants.all() if v.is_active]


def is_there(variant: Variant) -> bool:
    return variant.is_available and variant.stock != 0


def values_of(product: Product, variant: Variant) -> dict[str, str]:
    """Properties of a variant with those its card shares."""
    return {
        str(name): str(value)
        for name, value in {**(product.params or {}), **(variant.params or {})}.items()
    }


def field_of(product: Product, variant: Variant, names: frozenset[str]) -> str:
    for name, value in values_of(product, variant).items():
        if set(fold(name).split()) & names:
            return value
    return ""


def colour_of(product: Product, variant: Variant) -> str:
    return field_of(product, variant, COLOUR_NAMES)


def size_of(product: Product, variant: Variant) -> str:
    return field_of(product, variant, SIZE_NAMES)


def price_of(variants: Iterable[Variant], lang: str) -> str:
    """ "3 990 ₽", or a range; empty where no price is given."""
    priced = sorted((v for v in variants if v.price is not None), key=lambda v: v.price or 0)
    if not priced:
        return ""
    low, high = priced[0], priced[-1]
    if low.price == high.price:
        return money(low.price or Decimal(0), low.currency)
    return say(
        "from_to",
        lang,
        money(low.price or Decimal(0), low.currency),
        money(high.price or Decimal(0), high.currency),
    )


def old_price_of(variants: Sequence[Variant]) -> str:
    """The former price, where all variants agree about both."""
    pairs = {(v.price, v.old_price, v.currency) for v in variants}
    if len(pairs) == 1:
        price, old, currency = pairs.pop()
        if price is not None and old is not None and old > price:
            return money(old, currency)
    return ""


def in_order(values: Iterable[str]) -> list[str]:
    """Sizes by number, then by letter; the rest as they come."""
    letters = {
        name: at for at, name in enumerate("xxs xs s m l xl xxl 2xl xxxl 3xl 4xl 5xl".split())
    }

    def key(value: str) -> tuple[int, float, str]:
        if number := re.match(r"\d+(?:[.,]\d+)?", value):
            return 0, float(number.group().replace(",", ".")), value
        return 1, letters.get(value.lower(), 50), ""

    return sorted(dict.fromkeys(v for v in values if v), key=key)


def stock_line(product: Product, variants: Sequence[Variant]) -> str:
    """ "синий — 42, 44; белый — 44": what can be bought of these."""
    by_colour: dict[str, list[str]] = {}
    for variant in variants:
        if is_there(variant):
            colour, size = colour_of(product, variant), size_of(product, variant)
            if not colour and not size:
                size = ", ".join(str(value) for value in (variant.params or {}).values())
            by_colour.setdefault(colour, []).append(size)
    parts = []
    for colour, sizes in by_colour.items():
        listed = ", ".join(in_order(sizes))
        parts.append(f"{colour} — {listed}" if colour and listed else colour or listed)
    return "; ".join(part for part in parts if part)


def label(product: Product, variant: Variant) -> str:
    """What tells this variant apart: "синий, 46"."""
    own = [str(v) for k, v in (variant.params or {}).items()]
    if own:
        return ", ".join(own)
    return ", ".join(filter(None, [colour_of(product, variant), size_of(product, variant)]))


def source_of(product: Product) -> Source:
    return Source("product", product.pk, product.external_id, product.name, product.url)


def record_of(product: Product) -> Record:
    variants = variants_of(product)
    return Record(
        f"product:{product.external_id}",
        product_text(product),
        {
            "name": product.name,
            "prices": [v.price for v in variants if v.price is not None],
            "old_prices": [v.old_price for v in variants if v.old_price is not None],
            "stock": [v.stock for v in variants if v.stock is not None],
            "params": dict(product.params or {}),
            "variants": [dict(v.params or {}) for v in variants],
        },
    )


def card_of(product: Product, lang: str) -> Card:
    variants = variants_of(product)
    there = [v for v in variants if is_there(v)]
    pictures = [*(product.pictures or []), *(v.picture for v in variants if v.picture)]
    return Card(
        title=product.name,
        price=price_of(there or variants, lang),
        old_price=old_price_of(there or variants),
        stock=say("in_stock" if there else "out_short", lang),
        picture=str(pictures[0]) if pictures else "",
        url=product.url,
        external_id=product.external_id,
    )
