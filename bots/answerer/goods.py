"""Questions about one product, answered from its fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bots.answerer.choosing import Choice, choose, having_any, telling_values, with_slots
from bots.answerer.fields import (
    COLOUR_NAMES,
    card_of,
    colour_of,
    in_order,
    is_there,
    label,
    old_price_of,
    price_of,
    record_of,
    size_of,
    source_of,
    stock_line,
    variants_of,
)
from bots.answerer.listing import MANY
from bots.answerer.naming import Meant, is_colour, is_size, title_lemmas
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import HARD, money, say
from bots.answerer.properties import (
    attribute_lines,
    named_properties,
    other_measures,
    sentences_of,
)
from bots.engine.facts import Record
from bots.retrieval.morphology import analyse
from bots.retrieval.query import Term
from bots.retrieval.text import fold, tokens
from integrations.models import Product, Variant


def answer_one(product: Product, asked: Asked, meant: Meant) -> Part | None:
    """What was asked of one product; None when its card does not say it."""
    lang, wish = asked.lang, asked.wish
    if meant.is_focus:
        asked = with_slots(product, asked, meant.spent)
    choice = choose(product, asked, meant.spent)
    remaining = _remaining(product, asked, meant, choice)
    lines: list[str] = []
    wants_colours = wish.colour and not any(is_colour(asked.query.terms[at]) for at in choice.used)
    wants_sizes = wish.size and _asks_sizes(asked, choice)
    said = attribute_lines(product, remaining, asked) if remaining or wish.concepts else []
    if said:
        lines += said
        if wants_colours and not any(is_colour(t) for t in remaining):
            lines.append(_colours(product, choice.fits, lang))
        if choice.is_any and wish.stock:
            lines.append(_chosen(product, choice, asked))
    elif wants_colours:
        lines.append(_colours(product, choice.fits, lang))
    elif wants_sizes:
        lines.append(_sizes(product, choice.fits, lang))
    elif _matters(remaining, asked) or wish.concepts:
        return None
    elif choice.is_any:
        lines.append(_chosen(product, choice, asked))
    elif wish.stock and (measures := other_measures(product, asked)) is not None:
        if not measures:
            return None
        lines += measures
    if wish.price and not (choice.is_any and not said):
        lines.insert(0, _price(product, choice.fits or variants_of(product), lang))
    if not any(lines) and (wish.size or wish.colour) and not wish.price and not wish.stock:
        return None
    if not any(lines):
        lines.append(_summary(product, asked))
    text = " ".join(line for line in lines if line)
    if not text:
        return None
    if fold(product.name) not in fold(text):
        text = f"{product.name}. {text}"
    return Part(
        text,
        sources=[source_of(product)],
        records=[_with_asked(record_of(product), choice)],
        cards=[card_of(product, lang)],
        memory={
            "focus": [product.pk],
            "kind": "product",
            "product_name": product.name,
            "options": None,
            "slots": choice.slots or (meant.is_focus and asked.memory.get("slots")) or {},
        },
        confidence=meant.coverage,
    )


def _remaining(product: Product, asked: Asked, meant: Meant, choice: Choice) -> list[Term]:
    """Words that neither name the product nor choose a variant: what is asked of it."""
    return [
        term
        for at, term in enumerate(asked.query.terms)
        if at not in meant.spent
        and at not in choice.used
        and not term.is_weak
        and not _in_name(term, product)
        and not _is_kind(term, product, meant, at)
    ]


def tells_property(product: Product, asked: Asked, meant: Meant, *, least: float = 0.0) -> bool:
    """Does the card answer with a property, rather than with price and stock?"""
    remaining = _remaining(product, asked, meant, choose(product, asked, meant.spent))
    if not remaining and not asked.wish.concepts:
        return False
    if least:
        found, _, _ = named_properties(product, remaining, asked)
        if max(found.values(), default=0.0) < least:
            return False
    return bool(attribute_lines(product, remaining, asked))


def _matters(remaining: list[Term], asked: Asked) -> bool:
    """Words left that name a thing; a lone verb or adverb does not change the question.

    "за сколько отдаёте палантин?" asks its price whatever the shop does with it.
    """
    deeds = () if asked.wish.price or asked.wish.stock else ("VERB",)
    return any(t.pos in ("NOUN", "LATN", "UNKN", "ADJF", "INFN", "PRTF", *deeds) for t in remaining)


def _with_asked(record: Record, choice: Choice) -> Record:
    """What was asked for and is not there may be named in saying so."""
    return Record(record.source, record.text, {**record.fields, "asked": choice.wanted})


def _in_name(term: Term, product: Product) -> bool:
    return bool({key[0] for key in term.keys} & title_lemmas(product))


def _is_kind(term: Term, product: Product, meant: Meant, at: int) -> bool:
    """Brand or category: they say which product, not what is asked of it."""
    if meant.is_focus:
        about = f"{product.vendor} {product.category.name if product.category else ''}"
    else:
        match = next((h.matches.get(at) for h in meant.hits if h.object_id == product.pk), None)
        if match is None or match.field != "B":
            return False
        about = f"{product.vendor} {_categories(product)}"
    lemmas = {lemma for token in tokens(about) for lemma in analyse(token.text).lemmas}
    return any(part in lemmas for key in term.keys for part in key)


def _categories(product: Product) -> str:
    names = []  # type: ignore[var-annotated]
    category = product.category
    while category is not None and len(names) < 5:
        names.append(category.name)
        category = category.parent
    return " ".join(names)


def _asks_sizes(asked: Asked, choice: Choice) -> bool:
    return not any(is_size(asked.query.terms[at]) for at in choice.used)


def _price(product: Product, variants: Sequence[Variant], lang: str) -> str:
    there = [v for v in variants if is_there(v)]
    shown = there or list(variants)
    price = price_of(shown, lang)
    if not price:
        return f"{product.name}: {say('price_unknown', lang).lower()}"
    text = f"{product.name} — {price}"
    if old := old_price_of(shown):
        text += f" ({say('was', lang, old)})"
    text += "."
    if not there:
        return f"{text} {say('out_of_stock', lang)}"
    lines = _by_price(product, shown, lang)
    if lines:
        return f"{text} {lines}"
    stock = stock_line(product, shown)
    return (
        f"{text} {say('stock', lang, stock)}" if stock else f"{text} {_cap(say('in_stock', lang))}."
    )


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def _by_price(product: Product, variants: Sequence[Variant], lang: str) -> str:
    """ "500 ГБ — 6 990 ₽; 2 ТБ — 15 990 ₽": where a property makes the price."""
    prices = {v.price for v in variants}
    if len(prices) < 2 or len(prices) > MANY:
        return ""
    names = [
        name
        for name in (variants[0].params or {})
        if len({str((v.params or {}).get(name)) for v in variants}) > 1
    ]
    for name in sorted(names, key=lambda n: bool(set(fold(n).split()) & COLOUR_NAMES)):
        by_value: dict[str, set[Any]] = {}
        for v in variants:
            by_value.setdefault(str((v.params or {}).get(name, "")), set()).add(
                (v.price, v.currency)
            )
        if all(len(found) == 1 for found in by_value.values()) and len(by_value) <= 8:
            listed = [
                f"{value} — {money(*next(iter(found)))}"
                for value, found in by_value.items()
                if value and next(iter(found))[0] is not None
            ]
            return f"{name}: {'; '.join(listed)}."
    return ""


def _colours(product: Product, variants: Sequence[Variant], lang: str) -> str:
    there = [v for v in variants if is_there(v)]
    colours = list(dict.fromkeys(filter(None, (colour_of(product, v) for v in there or variants))))
    if not colours:
        return ""
    text = say("colours_stock" if there else "colours", lang, ", ".join(colours))
    return text if there else f"{text} {say('out_of_stock', lang)}"


def _sizes(product: Product, variants: Sequence[Variant], lang: str) -> str:
    there = [v for v in variants if is_there(v)]
    if not any(size_of(product, v) for v in variants):
        return ""
    if not there:
        return say("out_of_stock", lang)
    by_colour = {colour_of(product, v) for v in there}
    listed = (
        stock_line(product, there)
        if len(by_colour) > 1
        else ", ".join(in_order(size_of(product, v) for v in there))
    )
    return say("sizes", lang, listed)


def _chosen(product: Product, choice: Choice, asked: Asked) -> str:
    lang = asked.lang
    there = [v for v in choice.fits if is_there(v)]
    wanted = ", ".join(dict.fromkeys(choice.wanted))
    if there:
        price = price_of(there, lang)
        if len(there) == 1:
            what = f"{label(product, there[0]) or wanted}"
        else:
            what = stock_line(product, there) or wanted
        what = f"{product.name}, {what}" if what else product.name
        text = f"{what} — {price}" if price else what
        if len(there) == 1 and there[0].stock is not None and there[0].stock <= 3:
            text += f", {say('left', lang, there[0].stock, HARD)}"
            return say("yes", lang, text).replace("..", ".")
        return say("yes", lang, text)
    key = "never_variant" if choice.unknown and not choice.fits else "no_variant"
    text = say(key, lang, product.name, wanted)
    near = _nearest(product, choice, asked)
    if near:
        text += f" {say('there_is', lang, near)}"
    elif not any(is_there(v) for v in variants_of(product)):
        text += f" {say('out_of_stock', lang)}"
    return text


def _nearest(product: Product, choice: Choice, asked: Asked) -> str:
    """What there is instead: first what shares a wanted property."""
    variants = [v for v in variants_of(product) if is_there(v)]
    telling = telling_values(product, variants)
    for word in choice.wanted:
        lemmas = {lemma for token in tokens(word) for lemma in analyse(token.text).lemmas}
        if alike := having_any(variants, telling, lemmas):
            return stock_line(product, alike)
    return stock_line(product, variants)


def _summary(product: Product, asked: Asked) -> str:
    """A card in two sentences: price, what there is, and what it is when that was asked."""
    lang = asked.lang
    variants = variants_of(product)
    text = _price(product, variants, lang)
    if asked.wish.stock and not asked.wish.price and any(is_there(v) for v in variants):
        listed = stock_line(product, variants)
        price = price_of([v for v in variants if is_there(v)], lang)
        what = f"{product.name} — {price}" if price else product.name
        text = say("yes", lang, what)
        if listed:
            text += f" {say('stock', lang, listed)}"
    elif asked.wish.stock and not asked.wish.price:
        about = _about_stock(product)
        text = f"{product.name}: {say('out_short', lang)}. {about}".strip()
    if asked.wish.about and product.description:
        about = " ".join(sentences_of(product)[:3])
        text = f"{text} {about}"
    return text


_STOCK_WORDS = re.compile(r"поступ|появ|ожида|привез|заказ|arriv|restock|expected|pre-?order", re.I)


def _about_stock(product: Product) -> str:
    """A sentence of the description about when it comes back."""
    return next((s for s in sentences_of(product) if _STOCK_WORDS.search(s)), "")
