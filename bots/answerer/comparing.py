"""Two products side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from bots.answerer import intents
from bots.answerer.fields import (
    COLOUR_NAMES,
    SIZE_NAMES,
    card_of,
    is_there,
    price_of,
    record_of,
    source_of,
    variants_of,
)
from bots.answerer.naming import Meant, resolve, title_lemmas, title_words
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import money, say
from bots.answerer.properties import PROPERTY, lemmas_of
from bots.engine.base import Decision, Reason
from bots.retrieval.morphology import analyse
from bots.retrieval.query import Query, Term, understand
from bots.retrieval.text import fold, words
from integrations.models import Product


def compare(products: Sequence[Product], asked: Asked) -> Part:
    """Two products side by side: what was asked first, then price and what differs."""
    lang = asked.lang
    one, other = products[0], products[1]
    lines: list[str] = []
    quality = "" if asked.wish.cheaper else intents.comparative(asked.text)
    if line := (
        _cheaper(one, other, lang) if asked.wish.cheaper else _more(one, other, quality, lang)
    ):
        lines.append(line)
    elif _is_of_fields(quality, asked):
        return Part(
            say("not_compared", lang),
            Decision.REFUSE,
            Reason.NO_KNOWLEDGE,
            memory={"focus": [one.pk, other.pk], "kind": "product", "options": None},
            confidence=0.0,
        )
    for product in (one, other):
        variants = variants_of(product)
        there = [v for v in variants if is_there(v)]
        facts = [f"{say('price', lang).lower()} {price_of(there or variants, lang)}"]
        facts += [
            f"{name.lower()} {value}"
            for name, value in _differing(product, other if product is one else one)
        ]
        if not there:
            facts.append(say("out_short", lang))
        lines.append(f"{product.name}: {'; '.join(facts)}.")
    return Part(
        "\n".join(lines),
        sources=[source_of(one), source_of(other)],
        records=[record_of(one), record_of(other)],
        cards=[card_of(one, lang), card_of(other, lang)],
        memory={"focus": [one.pk, other.pk], "kind": "product", "options": None},
        confidence=0.9,
    )


def _all_params(product: Product) -> dict[str, str]:
    params = {str(k): str(v) for k, v in (product.params or {}).items()}
    collected: dict[str, dict[str, None]] = {}
    for variant in variants_of(product):
        for name, value in (variant.params or {}).items():
            if not set(fold(str(name)).split()) & (COLOUR_NAMES | SIZE_NAMES):
                collected.setdefault(str(name), {})[str(value)] = None
    return {**params, **{name: " / ".join(list(values)[:4]) for name, values in collected.items()}}


def _differing(product: Product, other: Product) -> list[tuple[str, str]]:
    mine, theirs = _all_params(product), _all_params(other)
    skip = COLOUR_NAMES | words("размер")
    return [
        (name, value)
        for name, value in mine.items()
        if theirs.get(name) != value and not set(fold(name).split()) & skip
    ][:8]


def _lowest(product: Product) -> tuple[Decimal, str] | None:
    priced = [v for v in variants_of(product) if v.price is not None]
    there = [v for v in priced if is_there(v)] or priced
    if not there:
        return None
    low = min(there, key=lambda v: v.price or 0)
    return low.price or Decimal(0), low.currency


def _cheaper(one: Product, other: Product, lang: str) -> str:
    first, second = _lowest(one), _lowest(other)
    if not first or not second:
        return ""
    if first[0] == second[0]:
        return say("same_price", lang, money(*first))
    low, high = (
        ((one, first), (other, second)) if first[0] < second[0] else ((other, second), (one, first))
    )
    return say("cheaper", lang, low[0].name, money(*low[1]), money(*high[1]))


_ANY_QUALITY = words("лучше хуже больше меньше хороший плохой good better best worse more less")


def _is_of_fields(quality: str, asked: Asked) -> bool:
    """ "что шумнее?" is answered by a field or not at all; what is better is for the buyer to say."""
    if not quality:
        return False
    word = analyse(quality)
    if {fold(quality), *word.lemmas} & _ANY_QUALITY:
        return False
    return word.pos != "LATN" or not asked.query.vocabulary.in_products(word.lemma)


def _more(one: Product, other: Product, quality: str, lang: str) -> str:
    """ "что мощнее": by the property the word comes from, where both tell it in the same unit."""
    if not quality:
        return ""
    stem = analyse(quality).lemma[:5]
    mine, theirs = _all_params(one), _all_params(other)
    concept = set().union(
        *(named for asked_, named in PROPERTY if any(w.startswith(stem[:4]) for w in asked_)),
        set(),
    )
    same = ""
    for name, value in mine.items():
        if not (lemmas_of(name) & concept or fold(name).startswith(stem[:4])):
            continue
        first, second = _number(value), _number(theirs.get(name, ""))
        if first is None or second is None or _unit(value) != _unit(theirs[name]):
            continue
        if first == second:
            same = same or say("same_value", lang, name, value)
            continue
        winner, low, high = (
            (one, theirs[name], value) if first > second else (other, value, theirs[name])
        )
        return (
            f"{winner.name}: {name.lower()} {high} — {low}."
            if lang == "en"
            else (f"{name}: больше у «{winner.name}» — {high} против {low}.")
        )
    return same


def _unit(text: str) -> str:
    return re.sub(r"[\d.,\s\u00a0+−-]", "", fold(text))


def _number(text: str) -> float | None:
    found = re.search(r"\d+(?:[.,]\d+)?", text.replace("\u00a0", ""))
    return float(found.group().replace(",", ".")) if found else None


def named_by(product: Product, terms: list[Term]) -> float:
    lemmas = title_lemmas(product)
    return sum(t.weight for t in terms if any(part in lemmas for key in t.keys for part in key))


def comparison(asked: Asked) -> Part | None:
    """Two products named in one question, or the two spoken of last."""
    folded = asked.text
    sides = [
        s
        for s in re.split(
            r"\s+(?:или|и|от|с|против|vs|versus|or|and|from|with)\s+|[,:;—]\s+", folded
        )
        if s.strip(" ?.!")
    ]
    picked: list[Product] = []
    common = resolve(asked)
    for side in sides:
        query = understand(side, asked.query.vocabulary, asked.query.lang)
        query.terms = [t for t in query.terms if t.lemma not in _COMPARING]
        if not any(not t.is_weak for t in query.terms):
            continue
        own = Asked(query, asked.wish, asked.lang, asked.memory)
        meant = resolve(own)
        if (
            meant.hits
            and meant.is_named
            and len(meant.hits) == 1
            and _is_named_enough(meant, query)
        ):
            product = meant.products[0]
        else:
            product = _in_company(query, asked, picked, common)  # type: ignore[assignment]
        if product is not None and product.pk not in {p.pk for p in picked}:
            picked.append(product)
    if len(picked) == 1 and asked.focus and picked[0].pk not in asked.focus:
        before = Product.objects.filter(pk=asked.focus[0]).prefetch_related("variants").first()
        if before:
            picked.insert(0, before)
    if len(picked) < 2 and 2 <= len(common.hits) <= 3 and common.is_named:
        picked = common.products
    if len(picked) < 2 and len(asked.focus) >= 2 and asked.has_pronoun:
        picked = list(Product.objects.filter(pk__in=asked.focus[:2]).prefetch_related("variants"))
    return compare(picked, asked) if len(picked) >= 2 else None


_COMPARING = words("""
разница отличие отличаться отличать различие различаться сравнить сравнение лучше хороший выбрать
difference differ compare comparison better choose between
""")


def _is_named_enough(meant: Meant, query: Query) -> bool:
    return meant.coverage >= 0.5


def _in_company(query: Query, asked: Asked, picked: list[Product], common: Meant) -> Product | None:
    """ "Тропа Лайт и Лайт 2", "мини и миди": a side that leans on the words of the other."""
    own = [t for t in query.terms if not t.is_weak]
    if not own:
        return None
    whole = [t for t in asked.query.terms if not t.is_weak]
    best: tuple[float, float, Product] | None = None
    from bots.retrieval.ranking import fill, find

    for hit in fill(find(asked.query, "product")[:12], asked.lang):
        product = hit.product
        if product.pk in {p.pk for p in picked}:
            continue
        mine = named_by(product, own)
        if mine <= 0:
            continue
        rank = (mine, named_by(product, whole) - 0.05 * len(title_words(product)))
        if best is None or rank > best[:2]:
            best = (*rank, product)
    return best[2] if best else None
