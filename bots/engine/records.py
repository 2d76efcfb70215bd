"""Records a model may speak from, made of what retrieval found, and how a prompt shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bots.engine.base import Answer, Source
from bots.engine.facts import Record

if TYPE_CHECKING:
    from bots.retrieval.ranking import Hit

VARIANTS_SHOWN = 24
TEXT_SHOWN = 1800


@dataclass(frozen=True)
class Known:
    """A numbered record: `number` is what the model cites, `record` what the check reads."""

    number: int
    source: Source
    record: Record
    shown: str


def records_of(hits: Sequence[Hit], offline: Answer) -> list[Known]:
    """Records in the order they are shown; the offline answer is one where it is an answer."""
    known: list[Known] = []
    for hit in hits:
        source = Source(hit.kind, hit.object_id, hit.external_id, hit.title, hit.url)
        if any(k.source.kind == hit.kind and k.shown == hit.text for k in known):
            continue
        text = _product(hit) if hit.product is not None else f"{hit.title}\n{hit.text}"
        fields = _fields(hit) if hit.product is not None else {}
        name = f"{hit.kind}:{hit.external_id}"
        known.append(Known(len(known) + 1, source, Record(name, text, fields), text[:TEXT_SHOWN]))
    if offline.decision == "answer" and offline.text and offline.sources:
        source = offline.sources[0]
        record = Record(f"{source.kind}:{source.external_id}", offline.text)
        known.append(Known(len(known) + 1, source, record, offline.text[:TEXT_SHOWN]))
    return known


def _product(hit: Hit) -> str:
    product = hit.product
    lines = [product.name]
    if product.vendor:
        lines.append(product.vendor)
    lines += [f"{name}: {_value(value)}" for name, value in product.params.items()]
    for variant in list(product.variants.all())[:VARIANTS_SHOWN]:
        if not variant.is_active:
            continue
        what = ", ".join(f"{k} {_value(v)}" for k, v in variant.params.items()) or variant.name
        price = f"{variant.price:f} {variant.currency}" if variant.price is not None else "—"
        lines.append(f"- {what}: {price}; {_stock(variant)}")
    lines.append(product.description)
    if product.url:
        lines.append(product.url)
    return "\n".join(filter(None, lines))


def _stock(variant: Any) -> str:
    if not variant.is_available or variant.stock == 0:
        return "нет в наличии / out of stock"
    if variant.stock is None:
        return "в наличии / in stock"
    return f"в наличии / in stock: {variant.stock}"


def _fields(hit: Hit) -> dict[str, Any]:
    variants = [v for v in hit.product.variants.all() if v.is_active]
    return {
        "price": [v.price for v in variants if v.price is not None],
        "old_price": [v.old_price for v in variants if v.old_price is not None],
        "stock": [v.stock for v in variants if v.stock is not None],
        "params": [str(x) for v in variants for x in v.params.values()],
    }


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
