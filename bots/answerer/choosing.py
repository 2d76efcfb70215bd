"""Which variants of a product are meant: by colour, size and what else tells them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bots.answerer.fields import colour_of, size_of, variants_of
from bots.answerer.naming import (
    LETTER_SIZE,
    SPOKEN_SIZE,
    is_colour,
    is_size,
    title_lemmas,
)
from bots.answerer.part import Asked
from bots.retrieval.morphology import analyse
from bots.retrieval.query import Term, understand
from bots.retrieval.text import fold, tokens
from integrations.models import Product, Variant


@dataclass
class Choice:
    """`wanted`: words as asked; `fits`: variants that have them all; `unknown`: no variant does."""

    wanted: list[str] = field(default_factory=list)
    fits: list[Variant] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    slots: dict[str, str] = field(default_factory=dict)  # property → value, as asked for

    @property
    def is_any(self) -> bool:
        return bool(self.wanted)


def choose(product: Product, asked: Asked, spent: set[int]) -> Choice:
    """Variants by colour, size and other properties that tell them apart."""
    variants = variants_of(product)
    telling = telling_values(product, variants)
    choice = Choice(fits=list(variants))
    in_name = title_lemmas(product)
    for at, term in enumerate(asked.query.terms):
        if term.is_weak or at in spent:
            continue
        keys = {key[0] for key in term.keys if len(key) == 1} | _roots_of(term)
        if spoken := SPOKEN_SIZE.get(term.word):
            keys.add(spoken)
        exact = {key[0] for key in term.exact}
        if keys & in_name and not (term.is_number or is_size(term)):
            continue
        fits = having_any(choice.fits, telling, exact) or having_any(choice.fits, telling, keys)
        anywhere = fits or having_any(variants, telling, keys)
        if anywhere:
            value = _as_told(anywhere[0], telling, keys) or term.word
            choice.wanted.append(value)
            choice.slots[_property_of(product, anywhere[0], value)] = term.word
            choice.used.add(at)
            choice.fits = fits
        elif (is_size(term) and _has_sizes(product, variants, term, asked)) or (
            is_colour(term) and any(colour_of(product, v) for v in variants)
        ):
            if keys & in_name:
                continue
            choice.wanted.append(
                term.word.upper() if LETTER_SIZE.match(term.word) else _adjective(term)
            )
            choice.unknown.append(term.word)
            choice.slots["colour" if is_colour(term) else "size"] = term.word
            choice.used.add(at)
            choice.fits = []
    return choice


def _roots_of(term: Term) -> set[str]:
    """What a word that no text has is of the root of: "оливка" chooses the olive one."""
    return set() if term.is_present or term.is_number else {key[0] for key in term.kin}


def _property_of(product: Product, variant: Variant, value: str) -> str:
    """Which property of the variant a value is: one asked for anew takes the former's place."""
    if value == colour_of(product, variant):
        return "colour"
    if value == size_of(product, variant):
        return "size"
    return next((str(k) for k, v in (variant.params or {}).items() if str(v) == value), "")


def with_slots(product: Product, asked: Asked, spent: set[int]) -> Asked:
    """ "а 48?" after "синий 50 есть?": what was chosen before and is not chosen anew still holds."""
    kept = dict(asked.memory.get("slots") or {})
    if not kept or product.pk not in asked.focus:
        return asked
    now = choose(product, asked, spent)
    if not now.slots:
        return asked
    added = [
        term
        for name, word in kept.items()
        if name not in now.slots
        for term in understand(word, asked.query.vocabulary, asked.query.lang).terms
    ]
    if not added:
        return asked
    return replace(asked, query=replace(asked.query, terms=[*asked.query.terms, *added]))


def _adjective(term: Term) -> str:
    return term.lemma if is_colour(term) and not term.word.isascii() else term.word


def telling_values(product: Product, variants: Sequence[Variant]) -> dict[int, dict[str, set[str]]]:
    """variant → {value: its lemmas}: own properties, and the shared colour and size."""
    told: dict[int, dict[str, set[str]]] = {}
    for variant in variants:
        values = [str(v) for v in (variant.params or {}).values()]
        values += [colour_of(product, variant), size_of(product, variant)]
        told[variant.pk] = {
            value: {lemma for token in tokens(value) for lemma in analyse(token.text).lemmas}
            for value in values
            if value
        }
    return told


def having_any(
    variants: Iterable[Variant], telling: dict[int, dict[str, set[str]]], keys: set[str]
) -> list[Variant]:
    whole = [v for v in variants if any(lemmas <= keys for lemmas in telling[v.pk].values())]
    return whole or [v for v in variants if any(lemmas & keys for lemmas in telling[v.pk].values())]


def _as_told(variant: Variant, telling: dict[int, dict[str, set[str]]], keys: set[str]) -> str:
    return next((value for value, lemmas in telling[variant.pk].items() if lemmas & keys), "")


def _has_sizes(product: Product, variants: Sequence[Variant], term: Term, asked: Asked) -> bool:
    """Is a number that no variant has a size somebody asks for?"""
    sizes = [size_of(product, v) for v in variants]
    if not any(sizes):
        return False
    if not term.is_number:
        return any(LETTER_SIZE.match(s.lower()) for s in sizes)
    start = asked.query.text.find(term.word)
    near = fold(asked.query.text)[max(start - 12, 0) : start + len(term.word) + 12]
    if re.search(r"градус|°|руб|₽|тыс|мм|кг|дюйм|литр|-\d", near):
        return False
    numbers = [
        float(m.group().replace(",", ".")) for s in sizes if (m := re.match(r"\d+(?:[.,]\d+)?", s))
    ]
    if not numbers:
        return asked.wish.size
    value = float(term.lemma) if re.fullmatch(r"\d+(?:\.\d+)?", term.lemma) else 0
    return asked.wish.size or min(numbers) * 0.6 <= value <= max(numbers) * 1.5
