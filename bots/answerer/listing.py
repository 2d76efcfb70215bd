"""Several products: asked back when they fit equally, or listed by kind, colour and price."""

from __future__ import annotations

from collections.abc import Sequence

from bots.answerer import intents
from bots.answerer.choosing import choose
from bots.answerer.fields import card_of, is_there, price_of, record_of, source_of, variants_of
from bots.answerer.naming import is_size
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import say
from bots.engine.base import Decision
from bots.retrieval.ranking import Hit
from integrations.models import Product, Variant

LISTED = 5


MANY = 6


def ask_back(products: Sequence[Product], asked: Asked) -> Part:
    """Two or more fit equally: say what each costs and ask which."""
    lang = asked.lang
    shown = list(products)[:MANY]
    lines = []
    for product in shown:
        price = price_of(
            [v for v in variants_of(product) if is_there(v)] or variants_of(product), lang
        )
        lines.append(f"• {product.name} — {price}" if price else f"• {product.name}")
    return Part(
        "\n".join([say("which", lang), *lines]),
        Decision.CLARIFY,
        "which_product",
        sources=[source_of(p) for p in shown],
        records=[record_of(p) for p in shown],
        buttons=[p.name for p in shown],
        cards=[card_of(p, lang) for p in shown],
        memory={
            "options": [p.pk for p in shown],
            "pending": asked.text,
            "kind": "product",
            "focus": [p.pk for p in shown],
        },
        confidence=0.6,
    )


def list_goods(hits: list[Hit], asked: Asked) -> Part | None:
    """ "красное платье до 5000": goods of a kind, by colour, size and price."""
    lang = asked.lang
    least, most, spans = intents.price_limits(asked.text)
    rows: list[tuple[Product, list[Variant]]] = []
    loose: list[tuple[Product, list[Variant]]] = []
    wanted: list[str] = []
    for hit in hits:
        product = hit.product
        spent = {
            at
            for at, m in hit.matches.items()
            if m.field == "A" and not is_size(asked.query.terms[at])
        }
        spent |= {
            at
            for at, term in enumerate(asked.query.terms)
            if any(s <= term.token.start < e for s, e in spans)
        }
        choice = choose(product, asked, spent)
        wanted = choice.wanted or wanted
        variants = [v for v in choice.fits if is_there(v)]
        fits = [
            v
            for v in variants
            if v.price is None
            or ((least is None or v.price >= least) and (most is None or v.price <= most))
        ]
        if fits:
            rows.append((product, fits))
        elif there := [v for v in variants_of(product) if is_there(v)]:
            loose.append((product, there))
    chosen = rows or loose
    if not chosen:
        chosen = [(hit.product, variants_of(hit.product)) for hit in hits]
    if asked.wish.cheaper:
        chosen.sort(
            key=lambda row: min((v.price for v in row[1] if v.price is not None), default=0)
        )
    chosen = chosen[:LISTED]
    lines = []
    for product, variants in chosen:
        price = price_of(variants, lang)
        lines.append(f"• {product.name} — {price}" if price else f"• {product.name}")
    head = say("found" if rows or not (wanted or least or most) else "found_none", lang)
    products = [product for product, _ in chosen]
    return Part(
        "\n".join([head, *lines]),
        sources=[source_of(p) for p in products],
        records=[record_of(p) for p in products],
        cards=[card_of(p, lang) for p in products],
        memory={"focus": [p.pk for p in products], "kind": "product", "options": None},
        confidence=0.8,
    )
