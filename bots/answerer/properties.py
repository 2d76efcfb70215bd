"""Properties of a card, and the words they are asked for in."""

from __future__ import annotations

import re

from bots.answerer import intents
from bots.answerer.fields import variants_of
from bots.answerer.part import Asked
from bots.retrieval.morphology import analyse
from bots.retrieval.query import Term
from bots.retrieval.text import fold, plain, sentences, tokens, words
from integrations.models import Product

# How surely a property is meant: it is called so, or it is asked for in such words.
CALLED_SO, ASKED_SO = 2.0, 1.2


def asks_property(terms: list[Term], asked: Asked) -> bool:
    """A word that properties of goods are asked or called by."""
    if asked.wish.concepts:
        return True
    said = {part for term in terms for key in term.keys for part in key}
    return any(said & words_ or said & named for words_, named in PROPERTY)


def property_names(product: Product) -> set[str]:
    """Lemmas of what its card calls its properties."""
    names = [*(product.params or {}), *(n for v in variants_of(product) for n in v.params or {})]
    return set().union(*(lemmas_of(str(name)) for name in names))


def sentences_of(product: Product) -> list[str]:
    """Sentences of a description, without orders to a bot that somebody planted there."""
    return [s for s in sentences(plain(product.description)) if not intents.is_planted(s)]


# What a property is called in a question and in a card.
PROPERTY = [
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
        ("площадь комната квадрат квадратный метр метраж area room", "площадь"),
        ("размер габарит size dimens", "размеры габариты изделия размер"),
    )
]  # fmt: skip


_MEASURES = words(
    "длина ширина высота диаметр вес толщина глубина length width height weight depth"
)


# What is asked for by the very word cards have for it: "подкладка", "мощность".
_OWN_NAMES = frozenset().union(*(asked & named for asked, named in PROPERTY)) - words("размер")


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
        wanted = set().union(*(named for _, named in PROPERTY if concept_name in named))
        for name in params:
            if set(fold(name).split()) & wanted:
                found[name] = 1.8 if fold(name).startswith(concept_name[:4]) else 1.0
    for at, term in enumerate(terms):
        own = _own(term)
        kin = {key[0] for key in term.kin}
        concept = set().union(*(named for words_, named in PROPERTY if own & words_))
        for name, value in params.items():
            named = lemmas_of(name)
            valued = lemmas_of(value)
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
    for place, sentence in enumerate(sentences_of(product)):
        lemmas = lemmas_of(sentence)
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
    if any(re.search(r"\d", sentence) for _, _, sentence in described):
        answered |= {at for at, t in enumerate(terms) if t.lemma in _MEASURES}  # "шнур 2 метра"
    called = {at for at, t in enumerate(terms) if t.lemma in _MEASURES | _OWN_NAMES}
    if called - answered:
        return []  # "подкладка из чего?": another property of it is no answer
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


_MEASURED = re.compile(
    r"(?<![\w.,])(?P<number>\d+(?:[.,]\d+)?)[ -]?(?P<unit>л|литр\w*|l|lit\w+|кг|килограмм\w*|kg|"
    r"вт|ватт\w*|w|watts?|см|сантиметр\w*|cm|мм|mm|дюйм\w*|inch\w*)\b"
)


def other_measures(product: Product, asked: Asked) -> list[str] | None:
    """ "K2 на 3 литра есть?": its own litres, where it has others; None where all is as asked.

    An empty list: a measure was named, and the card tells none of that kind.
    """
    own = {str(name): str(value) for name, value in (product.params or {}).items()}
    values = [str(v) for one in variants_of(product) for v in (one.params or {}).values()]
    told = fold(" ".join([product.name, plain(product.description), *own.values(), *values]))
    numbers = set(re.findall(r"\d+(?:\.\d+)?", told.replace(",", ".")))
    for found in _MEASURED.finditer(fold(asked.text)):
        if found["number"].replace(",", ".") not in numbers:
            unit = re.compile(rf"\d ?{found['unit'][:2].removesuffix('и')}")
            return [f"{name}: {value}." for name, value in own.items() if unit.search(fold(value))]
    return None


def _own(term: Term) -> set[str]:
    """What one word may be; phrases stand for themselves only as a whole."""
    return {key[0] for key in term.keys if len(key) == 1}


def _concept_words(own: set[str]) -> set[str]:
    return set().union(*(words_ for words_, _ in PROPERTY if own & words_)) - {
        "год",
        "час",
        "где",
        "чего",
        "сделать",
    }


def lemmas_of(text: str) -> set[str]:
    return {lemma for token in tokens(text) for lemma in analyse(token.text).lemmas}
