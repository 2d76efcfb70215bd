"""Questions about goods, answered from the fields of products and variants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from bots.answerer import intents
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import HARD, money, say
from bots.engine.base import Card, Decision, Source
from bots.engine.facts import Record
from bots.retrieval.card import product_text
from bots.retrieval.morphology import analyse
from bots.retrieval.query import STOP, Query, Term, understand
from bots.retrieval.ranking import Hit, fill, find
from bots.retrieval.text import fold, plain, sentences, tokens, words
from integrations.models import Product, Variant

SIZE_NAMES = words("размер рост size размеры ростовка")
COLOUR_NAMES = words("цвет расцветка color colour цвета оттенок")
COLOURS = words("""
красный алый синий голубой зелёный жёлтый чёрный белый серый коричневый бежевый розовый фиолетовый
сиреневый лиловый оранжевый рыжий бордовый молочный золотой золотистый серебристый хаки оливковый
горчичный бирюзовый мятный коньячный салатовый лавандовый персиковый коралловый малиновый вишнёвый
терракотовый песочный кремовый стальной графитовый пудровый изумрудный лазурный шоколадный
разноцветный прозрачный бордо айвори индиго фуксия
red blue green yellow black white grey gray brown beig pink purpl violet orang burgundi ivori gold
silver khaki oliv mustard turquois mint navi cream coral
""")
_LETTER_SIZE = re.compile(r"^(?:[2-6]?x{0,4}[sl]|m|[2-6]xl|one ?size)$")
_SPOKEN_SIZE = {
    "эска": "s", "эмка": "m", "элька": "l", "иксэль": "xl", "икс": "x",
    "двойка": "2", "тройка": "3", "четверка": "4", "пятерка": "5",
}  # fmt: skip
LISTED = 5
MANY = 6


# ── Fields of a variant ──────────────────────────────────────────────────────────────────────
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


def _in_order(values: Iterable[str]) -> list[str]:
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
        listed = ", ".join(_in_order(sizes))
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


# ── Which product is meant ───────────────────────────────────────────────────────────────────
@dataclass
class Meant:
    """`hits` are products that fit equally; `named` when words of a title say which.

    `spent`: places of terms that name the product; `missing`: terms none of them has.
    """

    hits: list[Hit] = field(default_factory=list)
    is_named: bool = False
    spent: set[int] = field(default_factory=set)
    coverage: float = 0.0
    missing: list[Term] = field(default_factory=list)
    is_focus: bool = False

    @property
    def products(self) -> list[Product]:
        return [hit.product for hit in self.hits]


def is_size(term: Term) -> bool:
    return bool(_LETTER_SIZE.match(term.word)) or term.is_number or term.word in _SPOKEN_SIZE


def is_colour(term: Term) -> bool:
    return any(key[0] in COLOURS for key in term.exact)


def is_attribute(term: Term) -> bool:
    """A word that chooses among variants rather than names a product."""
    return is_size(term) or is_colour(term)


def title_lemmas(product: Product) -> set[str]:
    found = list(tokens(product.name))
    return {
        lemma
        for at, token in enumerate(found)
        for lemma in analyse(token.text).lemmas
        if (lemma not in STOP and len(token.text) > 1)
        or token.is_number
        or (at == len(found) - 1 and len(token.text) > 2)  # "Про"
    }


def title_words(product: Product) -> list[set[str]]:
    """Words of a name, each as its lemmas. "Про" at the end is a name, not a preposition."""
    found = list(tokens(product.name))
    return [
        set(analyse(token.text).lemmas)
        for at, token in enumerate(found)
        if token.is_number
        or at == len(found) - 1
        or (len(token.text) > 1 and analyse(token.text).pos not in ("PREP", "CONJ"))
    ]


def said_lemmas(query: Query) -> set[str]:
    """All words of a question, small ones too: names are made of them ("Про", "Один").

    A preposition before a word that matters is none of a name: "расскажите про куртку".
    """
    said = {part for term in query.terms for key in term.keys for part in key}
    found = tokens(query.text)
    starts = {term.token.start for term in query.terms if not term.is_weak}
    for at, token in enumerate(found):
        word = analyse(token.text)
        before_matter = at + 1 < len(found) and found[at + 1].start in starts
        if word.pos != "PREP" or not before_matter:
            said.update(word.lemmas)
            if word.pos == "PREP":  # "Бадс про" is "Buds Pro"
                said.update(query.vocabulary.sounds_like(token.text))
    return said


def _uncovered(product: Product, said: set[str]) -> frozenset[str]:
    """Words of the name the question does not have."""
    return frozenset(min(word) for word in title_words(product) if not word & said)


def resolve(asked: Asked, *, hits: list[Hit] | None = None) -> Meant:
    """Products a question names. Names decide; brand, category and properties narrow."""
    query = asked.query.among("product")
    terms = query.terms
    found = find(query, "product") if hits is None else hits
    if not found:
        return Meant(missing=list(terms))

    def named(hit: Hit) -> float:
        return sum(
            terms[at].weight * match.factor
            for at, match in hit.matches.items()
            if match.field == "A" and not terms[at].is_weak
        )

    def narrowed(hit: Hit) -> float:
        return sum(
            terms[at].weight * match.factor
            for at, match in hit.matches.items()
            if match.field == "B" and not terms[at].is_weak and not is_attribute(terms[at])
        )

    def described(hit: Hit) -> float:
        """By words of its text: "чайник, где можно выбирать температуру"."""
        return sum(
            terms[at].weight
            for at, match in hit.matches.items()
            if match.field == "C" and match.factor > 0.6 and terms[at].pos in ("NOUN", "LATN")
            if not terms[at].is_weak and not terms[at].is_concept
        )

    best = max(named(hit) for hit in found)
    if best <= 0:
        return Meant(missing=list(terms))
    group = [hit for hit in found if named(hit) >= best * 0.97]
    top = max(narrowed(hit) for hit in group)
    tight = [hit for hit in group if narrowed(hit) >= top - 0.05] if top > 0.1 else group
    if len(tight) > 1 and (told := max(described(hit) for hit in tight)) > 0.4:
        tight = [hit for hit in tight if described(hit) >= told - 0.05]
    group = fill(tight[:24], query.lang)
    if not group:
        return Meant(missing=list(terms))
    spent = {
        at
        for hit in group[:1]
        for at, match in hit.matches.items()
        if match.field == "A" and not terms[at].is_weak
    }
    rarest = max((terms[at].rarity for at in spent), default=0.0)
    meant = Meant(group, rarest >= 0.5, spent)
    if len(group) > 1:
        said = said_lemmas(query)
        most = max(_said_of_name(hit.product, said) for hit in group)
        meant.hits = group = [h for h in group if _said_of_name(h.product, said) == most]
        open_words = {hit.object_id: _uncovered(hit.product, said) for hit in group}
        for hit in group if len(group) > 1 else ():
            others = [open_words[h.object_id] for h in group if h is not hit]
            mine = open_words[hit.object_id]
            # Its name is said in full, or all others have words beyond it: "K2" before "K2 Термо".
            if meant.is_named and all(mine < other for other in others):
                meant.hits = [hit]
                break
    first = meant.hits[0]
    total = sum(t.weight for t in terms if not t.is_weak) or 1.0
    meant.coverage = (
        sum(
            terms[at].weight * (1.0 if match.field in "AB" else 0.55) * match.factor
            for at, match in first.matches.items()
            if not terms[at].is_weak
        )
        / total
    )
    meant.missing = [
        t
        for at, t in enumerate(terms)
        if not t.is_weak and not any(hit.covers(at) for hit in meant.hits)
    ]
    return meant


def _said_of_name(product: Product, said: set[str]) -> int:
    return sum(1 for word in title_words(product) if word & said)


def from_focus(asked: Asked) -> Meant:
    """The product spoken of last, or its sibling that the new words name."""
    focus = list(
        Product.objects.filter(pk__in=asked.focus, is_active=True).prefetch_related("variants")
    )
    if not focus:
        return Meant()
    focus.sort(key=lambda p: asked.focus.index(p.pk))
    hits = [_focus_hit(p) for p in focus]
    meant = Meant(hits, True, set(), 1.0, [], is_focus=True)
    terms = [t for t in asked.query.terms if not t.is_weak]
    current = set().union(*(title_lemmas(p) for p in focus))
    naming = [t for t in terms if not is_size(t) and not any(k[0] in current for k in t.keys)]
    if asked.wish.plain:
        if sibling := _plainer(focus[0], asked):
            return Meant([_focus_hit(sibling)], True, set(), 1.0, [], is_focus=True)
    if not naming and not any(t.is_number for t in terms):
        return meant
    if sibling := _sibling(focus[0], asked, naming or terms):
        return Meant([_focus_hit(sibling)], True, set(), 1.0, [], is_focus=True)
    return meant


def in_focus(product: Product) -> Meant:
    return Meant([_focus_hit(product)], True, set(), 1.0, [], is_focus=True)


def _focus_hit(product: Product) -> Hit:
    hit = Hit("product", product.pk, 0, 0, "", product.name, 1.0, 1.0)
    hit.product, hit.url, hit.external_id = product, product.url, product.external_id
    return hit


def _sibling(focus: Product, asked: Asked, naming: list[Term]) -> Product | None:
    """ "а короткий?" after the long one: shares a rare word of the name and has the new one."""
    own = title_lemmas(focus)
    vocabulary = asked.query.vocabulary
    wanted = {id(term) for term in naming}
    best: tuple[float, Hit] | None = None
    places = [at for at, t in enumerate(asked.query.terms) if id(t) in wanted]
    for hit in find(asked.query, "product"):
        if hit.object_id == focus.pk:
            continue
        new = sum(
            asked.query.terms[at].weight
            for at in places
            if at in hit.matches and hit.matches[at].field == "A"
        )
        if new <= 0:
            continue
        shared = own & {
            lemma for token in tokens(hit.title) for lemma in analyse(token.text).lemmas
        }
        kinship = max((vocabulary.rarity(lemma) for lemma in shared), default=0.0)
        score = new + kinship
        if kinship > 0.3 and (best is None or score > best[0]):
            best = (score, hit)
    if best is None:
        return None
    found = fill([best[1]], asked.lang)
    return found[0].product if found else None


def _plainer(focus: Product, asked: Asked) -> Product | None:
    """ "а обычный, без Pro?": the product whose name is this one's with words left out."""
    own = title_lemmas(focus)
    named = [lemma for lemma in own if asked.query.vocabulary.rarity(lemma) > 0.4]
    if not named:
        return None
    from bots.models import Passage

    near: list[tuple[int, int]] = []
    for pk, title in Passage.objects.filter(
        kind="product", title__icontains=_common_word(focus, asked)
    ).values_list("object_id", "title")[:60]:
        theirs = {lemma for token in tokens(title) for lemma in analyse(token.text).lemmas}
        if pk != focus.pk and theirs < own:
            near.append((-len(theirs), pk))
    if not near:
        return None
    return (
        Product.objects.filter(pk=min(near)[1], is_active=True).prefetch_related("variants").first()
    )


def _common_word(product: Product, asked: Asked) -> str:
    """The most telling word of a name as written."""
    vocabulary = asked.query.vocabulary
    written = re.findall(r"[^\W\d_]{3,}", product.name)
    left_out = {part for term in asked.query.terms for key in term.keys for part in key}
    rest = [w for w in written if analyse(fold(w)).lemma not in left_out] or written
    return max(rest, key=lambda w: vocabulary.rarity(analyse(fold(w)).lemma), default=product.name)


# ── Which variants are meant ─────────────────────────────────────────────────────────────────
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
    telling = _telling(product, variants)
    choice = Choice(fits=list(variants))
    in_name = title_lemmas(product)
    for at, term in enumerate(asked.query.terms):
        if term.is_weak or at in spent:
            continue
        keys = {key[0] for key in term.keys if len(key) == 1}
        if spoken := _SPOKEN_SIZE.get(term.word):
            keys.add(spoken)
        exact = {key[0] for key in term.exact}
        if keys & in_name and not (term.is_number or is_size(term)):
            continue
        fits = _having(choice.fits, telling, exact) or _having(choice.fits, telling, keys)
        anywhere = fits or _having(variants, telling, keys)
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
                term.word.upper() if _LETTER_SIZE.match(term.word) else _adjective(term)
            )
            choice.unknown.append(term.word)
            choice.slots["colour" if is_colour(term) else "size"] = term.word
            choice.used.add(at)
            choice.fits = []
    return choice


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


def _telling(product: Product, variants: Sequence[Variant]) -> dict[int, dict[str, set[str]]]:
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


def _having(
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
        return any(_LETTER_SIZE.match(s.lower()) for s in sizes)
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


# ── Answers ──────────────────────────────────────────────────────────────────────────────────
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


# How surely a property is meant: it is called so, or it is asked for in such words.
CALLED_SO, ASKED_SO = 2.0, 1.2


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


def asks_property(terms: list[Term], asked: Asked) -> bool:
    """A word that properties of goods are asked or called by."""
    if asked.wish.concepts:
        return True
    said = {part for term in terms for key in term.keys for part in key}
    return any(said & words_ or said & named for words_, named in _PROPERTY)


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
        else ", ".join(_in_order(size_of(product, v) for v in there))
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
    telling = _telling(product, variants)
    for word in choice.wanted:
        lemmas = {lemma for token in tokens(word) for lemma in analyse(token.text).lemmas}
        if alike := _having(variants, telling, lemmas):
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
        about = " ".join(_sentences(product)[:3])
        text = f"{text} {about}"
    return text


def _sentences(product: Product) -> list[str]:
    """Sentences of a description, without orders to a bot that somebody planted there."""
    return [s for s in sentences(plain(product.description)) if not intents.is_planted(s)]


_STOCK_WORDS = re.compile(r"поступ|появ|ожида|привез|заказ|arriv|restock|expected|pre-?order", re.I)


def _about_stock(product: Product) -> str:
    """A sentence of the description about when it comes back."""
    return next((s for s in _sentences(product) if _STOCK_WORDS.search(s)), "")


# What a property is called in a question and in a card.
_PROPERTY = [
    (words(asked), words(named))
    for asked, named in (
        ("чего сшить сделать состав ткань материал натуральный синтетика made fabric materi", "материал состав ткань верх корпус material composition fabric"),
        ("весить вес тяжёлый лёгкий weigh weight heavi light", "вес масса weight"),
        ("страна производство производитель произвести сшить сделать изготовить чей где made countri manufactur", "страна производство производитель country"),
        ("мощность мощный ватт power watt", "мощность power"),
        ("объём вместимость литр вместить вмещать влезть capac volum litr", "объём вместимость ёмкость чаша volume capacity"),
        ("ёмкость мач mah аккумулятор батарея batteri", "ёмкость батарея аккумулятор время battery capacity"),
        ("длина длинный length long", "длина length"),
        ("ширина широкий width wide", "ширина width"),
        ("высота высокий height high каблук heel", "высота каблук height heel"),
        ("диаметр diamet", "диаметр diameter"),
        ("температура градус мороз холод тёплый тепло зима зимний минус выдержать warm temperatur cold degre", "температура утеплитель сезон подкладка temperature insulation"),
        ("сезон season", "сезон season"),
        ("утеплитель наполнитель пух insul fill", "утеплитель наполнитель insulation"),
        ("подкладка внутри lining", "подкладка lining"),
        ("промокать промокнуть непромокаемый водонепроницаемый водостойкий дождь вода лужа waterproof water rain", "водостойкость мембрана защита waterproof"),
        ("гарантия warranti guarante", "гарантия warranty"),
        ("возраст год лет age old", "возраст age"),
        ("шум шуметь тихий громкий nois quiet loud", "шум шумоподавление noise"),
        ("экран диагональ дисплей screen display", "экран диагональ screen"),
        ("работать держать заряд хватать хватить автономность час batteri last hour", "время работы автономность battery"),
        ("ноутбук дюйм laptop inch", "отделение ноутбук laptop"),
        ("цоколь патрон", "цоколь"),
        ("разъём порт usb port", "разъёмы разъём портов"),
        ("давление бар", "давление"),
        ("скорость скоростей режим режимов speed mode", "скорость скоростей режимов программ"),
        ("плотность плотный просвечивать density thick", "плотность"),
        ("посадка rise", "посадка"),
        ("рукав sleev", "рукав"),
        ("крой фасон силуэт fit cut", "крой"),
        ("подошва sole", "подошва"),
        ("площадь комната квадрат area room", "площадь"),
        ("размер габарит size dimens", "размеры габариты изделия размер"),
    )
]  # fmt: skip


def named_properties(
    product: Product, terms: list[Term], asked: Asked
) -> tuple[dict[str, float], set[int], dict[str, str]]:
    """Properties the words ask about, how surely; places of those words; all properties."""
    params: dict[str, str] = {str(k): str(v) for k, v in (product.params or {}).items()}
    for variant in variants_of(product):
        for name, value in (variant.params or {}).items():
            known = params.get(str(name))
            if known is None:
                params[str(name)] = str(value)
            elif str(value) not in known.split(" / ") and len(known) < 60:
                params[str(name)] = f"{known} / {value}"
    answered: set[int] = set()
    found: dict[str, float] = {}
    for concept_name in asked.wish.concepts:
        wanted = set().union(*(named for _, named in _PROPERTY if concept_name in named))
        for name in params:
            if set(fold(name).split()) & wanted:
                found[name] = 1.8 if fold(name).startswith(concept_name[:4]) else 1.0
    for at, term in enumerate(terms):
        own = _own(term)
        kin = {key[0] for key in term.kin}
        concept = set().union(*(named for words_, named in _PROPERTY if own & words_))
        for name, value in params.items():
            named = _lemmas(name)
            valued = _lemmas(value)
            if named & own or valued & own:
                found[name] = max(found.get(name, 0), 2.0 if named & own else 1.6)
                answered.add(at)
            elif named & concept or set(fold(name).split()) & concept:
                found[name] = max(found.get(name, 0), 1.2)
                answered.add(at)
            elif named & kin:
                found[name] = max(found.get(name, 0), 1.0)
                answered.add(at)
    return found, answered, params


def attribute_lines(product: Product, terms: list[Term], asked: Asked) -> list[str]:
    """Properties and sentences of the card that the remaining words ask about."""
    found, answered, params = named_properties(product, terms, asked)
    described: list[tuple[float, int, str]] = []
    for place, sentence in enumerate(_sentences(product)):
        lemmas = _lemmas(sentence)
        score = 0.0
        for at, term in enumerate(terms):
            own = _own(term)
            if own & lemmas or any(set(key) <= lemmas for key in term.keys):
                score += term.weight
            elif {key[0] for key in term.kin} & lemmas or _concept_words(own) & lemmas:
                score += term.weight * 0.6
            else:
                continue
            answered.add(at)
        if score:
            described.append((-score, place, sentence))
    if not found and not described:
        return []
    unanswered = sum(t.weight for at, t in enumerate(terms) if at not in answered)
    total = sum(t.weight for t in terms)
    is_asked = asked.wish.concepts and found and len(terms) <= 2
    if total and unanswered / total > 0.55 and not is_asked:
        return []
    best = sorted(found.items(), key=lambda item: -item[1])
    top = best[0][1] if best else 0
    lines = [f"{name}: {params[name]}." for name, score in best[:3] if score >= top * 0.7]
    if described:
        described.sort()
        lines += [s for _, _, s in sorted(described[:2], key=lambda d: d[1])]
    return lines


def _own(term: Term) -> set[str]:
    """What one word may be; phrases stand for themselves only as a whole."""
    return {key[0] for key in term.keys if len(key) == 1}


def _concept_words(own: set[str]) -> set[str]:
    return set().union(*(words_ for words_, _ in _PROPERTY if own & words_)) - {
        "год",
        "час",
        "где",
        "чего",
        "сделать",
    }


def _lemmas(text: str) -> set[str]:
    return {lemma for token in tokens(text) for lemma in analyse(token.text).lemmas}


# ── Several products ─────────────────────────────────────────────────────────────────────────
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


def compare(products: Sequence[Product], asked: Asked) -> Part:
    """Two products side by side: what was asked first, then price and what differs."""
    lang = asked.lang
    one, other = products[0], products[1]
    lines: list[str] = []
    if (asked.wish.cheaper and (line := _cheaper(one, other, lang))) or (
        (quality := intents.comparative(asked.text)) and (line := _more(one, other, quality, lang))
    ):
        lines.append(line)
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


def _more(one: Product, other: Product, quality: str, lang: str) -> str:
    """ "что мощнее": by the property the word comes from, when both have a number there."""
    stem = analyse(quality).lemma[:5]
    mine, theirs = _all_params(one), _all_params(other)
    concept = set().union(
        *(named for asked_, named in _PROPERTY if any(w.startswith(stem[:4]) for w in asked_)),
        set(),
    )
    for name, value in mine.items():
        if not (_lemmas(name) & concept or fold(name).startswith(stem[:4])):
            continue
        first, second = _number(value), _number(theirs.get(name, ""))
        if first is None or second is None or first == second:
            continue
        winner, low, high = (
            (one, theirs[name], value) if first > second else (other, value, theirs[name])
        )
        return (
            f"{winner.name}: {name.lower()} {high} — {low}."
            if lang == "en"
            else (f"{name}: больше у «{winner.name}» — {high} против {low}.")
        )
    return ""


def _number(text: str) -> float | None:
    found = re.search(r"\d+(?:[.,]\d+)?", text.replace("\u00a0", ""))
    return float(found.group().replace(",", ".")) if found else None
