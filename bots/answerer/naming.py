"""Which product a question names, or leans on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from bots.answerer.part import Asked
from bots.retrieval.morphology import analyse
from bots.retrieval.query import STOP, Query, Term
from bots.retrieval.ranking import Hit, Match, fill, find
from bots.retrieval.text import fold, tokens, words
from integrations.models import Product

COLOURS = words("""
красный алый синий голубой зелёный жёлтый чёрный белый серый коричневый бежевый розовый фиолетовый
сиреневый лиловый оранжевый рыжий бордовый молочный золотой золотистый серебристый хаки оливковый
горчичный бирюзовый мятный коньячный салатовый лавандовый персиковый коралловый малиновый вишнёвый
терракотовый песочный кремовый стальной графитовый пудровый изумрудный лазурный шоколадный
разноцветный прозрачный бордо айвори индиго фуксия
red blue green yellow black white grey gray brown beig pink purpl violet orang burgundi ivori gold
silver khaki oliv mustard turquois mint navi cream coral
""")


LETTER_SIZE = re.compile(r"^(?:[2-6]?x{0,4}[sl]|m|[2-6]xl|one ?size)$")


SPOKEN_SIZE = {
    "эска": "s", "эмка": "m", "элька": "l", "иксэль": "xl", "икс": "x",
    "двойка": "2", "тройка": "3", "четверка": "4", "пятерка": "5",
    "м": "m", "л": "l", "хс": "xs", "хл": "xl", "ххл": "xxl", "хххл": "3xl",
}  # fmt: skip


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
    return bool(LETTER_SIZE.match(term.word)) or term.is_number or term.word in SPOKEN_SIZE


def is_colour(term: Term) -> bool:
    return any(key[0] in COLOURS for key in term.exact) or bool(colour_of_thing(term))


def colour_of_thing(term: Term) -> set[str]:
    """ "оливка" of a shirt is its olive colour: a thing no text has, a colour's name of its root."""
    if term.is_present or term.is_number:
        return set()
    return {key[0] for key in term.kin} & COLOURS


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

    A preposition before a word that matters is none of a name ("расскажите про куртку"), unless it
    stands behind one.
    """
    said = {part for term in query.terms for key in term.keys for part in key}
    found = tokens(query.text)
    starts = {term.token.start for term in query.terms if not term.is_weak}
    names = {t.token.start for t in query.terms if t.pos in ("NOUN", "LATN") and not t.is_weak}
    for at, token in enumerate(found):
        word = analyse(token.text)
        before_matter = at + 1 < len(found) and found[at + 1].start in starts
        if at and found[at - 1].start in names:
            before_matter = False  # "Стик про чёрный"
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
    found = _without_barred(found, query)
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


_BARS = words("без кроме without except")


def _without_barred(found: list[Hit], query: Query) -> list[Hit]:
    """ "Такт 2 без GPS": not the one with GPS in its name, where there is another."""
    said = tokens(query.text)
    barred_starts = {b.start for a, b in pairwise(said) if a.text in _BARS}
    barred = {at for at, term in enumerate(query.terms) if term.token.start in barred_starts}
    if not barred:
        return found
    left = [
        hit
        for hit in found
        if not any((match := hit.matches.get(at)) and match.field == "A" for at in barred)
    ]
    if not left or len(left) == len(found):
        return found
    for hit in left:
        for at in barred:
            hit.matches.setdefault(at, Match("B", 1.0))  # it has just what was asked of it
    return left


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
