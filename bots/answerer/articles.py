"""Questions answered with the words of an article: the passage, or the sentences that answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bots.answerer.confidence import MAYBE, SURE, Signs, confidence
from bots.answerer.excerpts import WHOLE, extract, fits_kind, heading
from bots.answerer.intents import Wish
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import say
from bots.engine.base import Decision, Source
from bots.engine.facts import Record, facts_in
from bots.models import Article, Passage
from bots.retrieval.glossary import broader
from bots.retrieval.matters import is_said_of, kinship
from bots.retrieval.morphology import analyse
from bots.retrieval.query import ASIDE_FACTOR, WEAK_FACTOR, WHEN, Query, Term, as_meant
from bots.retrieval.ranking import Hit, fill, find
from bots.retrieval.text import tokens, words

LONGEST_ARTICLE = 400  # passages read as the record of one article


@dataclass
class Found:
    """`coverage` of the words asked now, by the passage with its article behind it."""

    hit: Hit
    coverage: float
    passage: float  # the same by the passage alone
    score: float
    missing: list[Term]
    kinds: frozenset[str] = frozenset()
    matched: int = 0  # weighty words the article has
    in_title: bool = False
    is_meant: bool = False  # it has what a turn of phrase stands for

    meant_in_title: bool = False
    kinship: float = 0.0  # how likely the question is of the matter its title is of
    only_goods: bool = False  # of the question it has nothing but what the catalogue sells
    names_in_passing: bool = False  # a thing that was asked about is only in its text
    of_other_goods: bool = False  # its title names goods, and not those that are asked about
    signs: Signs | None = None
    confidence: float = 0.0

    @property
    def is_sure(self) -> bool:
        return self.confidence >= SURE


_THINGS = frozenset({"NOUN", "LATN", "UNKN"})
# An order is what every article of a shop is about.
_IMPLIED = words("заказ покупка order purchas")
_SENT = words("посылка parcel packag")  # and a parcel, of one that says where it is to go
IMPLIED = 0.8
# A shop's terms hold for all it sells: "можно вернуть диван?" is answered by the returns article.
_POLICY = words("""
возврат вернуть возвращать обмен обменять доставка доставить привезти отправить отправлять
самовывоз оплата оплатить рассрочка частями кредит гарантия ремонт чинить починить сломаться брак
неисправный стирка стирать гладить чистить уход ухаживать сушить размер обхват вернуться
добавить убрать изменить отменить отмена отложить забронировать примерка примерить промокод купон
return refund exchang deliveri deliver ship payment pay instal warranti repair broken fault wash
iron clean care dri size
""")
# How to care for a thing is told of things of one kind.
_OF_ONE_KIND = words("стирка стирать гладить чистить чистка сушить сушка wash iron clean dri")
_ANY_GOODS = words("товар вещь изделие product item good")
_DELIVERY = words(
    "доставка доставить доставлять отправить отправлять отправка посылка послать слать выслать "
    "пересылка курьер дверь сдэк почта пункт постамат deliveri deliver ship post parcel courier"
)
# What another passage of the same article has counts for less.
BEHIND = 0.75
TRANSLATED = 0.8
NEAR = 0.85
ALIKE = 0.99
UNTOLD_NUMBER = 0.9  # of its weight
OF_THE_MATTER = 0.3  # to the score of an article on the very matter that was asked about
READ = 16  # passages that are looked at
# Words that ask for a kind of fact: a passage with such a fact has them.
_KINDS: list[tuple[frozenset[str], frozenset[str], frozenset[str]]] = [
    (words(asked), words(kinds), words(units))
    for asked, kinds, units in (
        ("стоить цена стоимость почём ценник сумма price cost amount стоимостью", "price", ""),
        ("время срок долго период long time", "time", "day hour minute week month year"),
        ("день сутки day", "", "day"),
        ("час hour", "time", "hour"),
        ("неделя week", "", "week day month"),
        ("месяц month", "", "month day week year"),
        ("год year", "", "year month"),
        ("сантиметр см cm centimet", "", "cm"),
        ("процент percent", "percent", ""),
        ("телефон номер позвонить звонок phone number call", "phone", ""),
        ("почта имейл e-mail mail email", "email", ""),
        ("адрес находиться address locat", "address", ""),
        ("дата число date", "date", "day month year"),
        ("количество number", "number", ""),
    )
]


def look(asked: Asked, query: Query, own: int) -> list[Found]:
    """Passages for a question whose first `own` terms were said now; the rest is the dialogue."""
    query = _for_articles(query, asked)
    hits = find(query, "article")
    beside: dict[tuple[int, str], dict[int, float]] = {}
    for hit in hits:
        known = beside.setdefault((hit.object_id, hit.lang), {})
        for at, match in hit.matches.items():
            known[at] = max(known.get(at, 0.0), match.factor)
    hits = fill(hits[:READ], query.lang)
    terms = query.terms
    # What a translation of the article has, the article has, if in other words.
    abroad: dict[str, dict[int, float]] = {}
    for article, lang in {(h.external_id, h.lang): (h.object_id, h.lang) for h in hits}.items():
        known = abroad.setdefault(article[0], {})
        for at, factor in beside[lang].items():
            known[at] = max(known.get(at, 0.0), factor * TRANSLATED)
    total = sum(t.weight for t in terms) or 1.0
    total_own = sum(t.weight for t in terms[:own])
    said = set(query.lemmas) | {k for t in terms for key in t.keys for k in key}
    goods_words = [is_of_goods(term, query) for term in terms]
    asked_goods = {at for at, names_goods in enumerate(goods_words) if names_goods and at < own}
    if any(goods_words):
        said |= _ANY_GOODS
    # "сушить пуховик": an article about these very goods is there, so no other is meant of them.
    about_goods = {
        at
        for at, names_goods in enumerate(goods_words)
        if names_goods
        for hit in hits
        if (named := hit.matches.get(at)) and named.field == "A" and named.factor > 0.6
        if any(other != at and not terms[other].is_weak for other in hit.matches)
    }
    is_sent = any(term.is_place for term in terms)
    asks_delivery = any(p in _DELIVERY for term in terms for key in term.keys for p in key)
    implied = {at for at, is_goods in enumerate(goods_words) if is_goods} - about_goods
    wording = as_meant(asked.text)
    leant_on = str(asked.memory.get("topic") or "") if asked.leans else ""
    found = []
    for hit in hits:
        facts = facts_in(hit.text)
        kinds, units = {f.kind for f in facts}, {f.unit for f in facts if f.unit}
        behind = dict(abroad[hit.external_id])
        behind |= beside[(hit.object_id, hit.lang)]
        here = {at: match.factor for at, match in hit.matches.items()}
        gain = 0.0
        has_policy = any(
            match.factor > 0.6
            and (match.field == "A" or terms[at].article_rarity >= 0.5)
            and is_policy(terms[at])
            for at, match in hit.matches.items()
        )
        for at, term in enumerate(terms):
            if term.is_kind_of_place and not asks_delivery and at in here:
                # Its kind only: "открыть магазин в Казани" is no question about a "город".
                gain -= term.weight * here.pop(at)
                behind.pop(at, None)
            if at not in here and (term.lemma in _IMPLIED or (is_sent and term.lemma in _SENT)):
                here[at] = IMPLIED
                gain += term.weight * IMPLIED
            if has_policy and at not in behind and at not in here and at in implied:
                here[at] = IMPLIED * 0.75
                gain += term.weight * here[at]
            if (has := _has_kind(term, kinds, units)) is None:
                continue
            before = here.pop(at, 0.0)
            if has:
                here[at] = 1.0
            gain += term.weight * (here.get(at, 0.0) - before)
        with_article = {
            at: max(here.get(at, 0.0), behind.get(at, 0.0) * BEHIND) for at in {*here, *behind}
        }
        # What its words have, beyond a kind of fact, a kind of place or what goes without saying.
        bound = {at for at in {*hit.matches, *behind} if at < own and at in with_article}
        covered = sum(terms[at].weight * f for at, f in with_article.items() if at < own)
        alone = sum(terms[at].weight * f for at, f in here.items() if at < own)
        extra = sum(terms[at].weight * (f - here.get(at, 0.0)) for at, f in with_article.items())
        # "купила на 10 000", "15 штук": how much or many is seldom what an article is to have.
        told = total_own - sum(
            terms[at].weight * UNTOLD_NUMBER
            for at in range(own)
            if terms[at].is_number and at not in with_article
        )
        coverage = covered / told if told else hit.coverage
        score = hit.score + (gain + 0.5 * extra) / total + fits_kind(kinds, units, asked)
        if hit.ordinal == 0:
            score += 0.03
        score += _title_bonus(hit.title, said | broader(said), asked)
        akin = kinship(wording, hit.title, leant_on)
        score += OF_THE_MATTER * akin
        found.append(
            Found(
                hit,
                min(coverage, 1.0),
                min(alone / total_own, 1.0) if total_own else hit.coverage,
                score,
                _missing(terms[:own], with_article),
                frozenset(kinds),
                sum(1 for at in with_article if at in bound and not terms[at].is_weak),
                any(m.field == "A" and m.factor > 0.6 for at, m in hit.matches.items() if at < own),
                any(terms[at].is_concept for at in hit.matches),
                any(
                    m.field == "A" and terms[at].is_concept
                    for at, m in hit.matches.items()
                    if at < own
                ),
                akin,
                all(goods_words[at] for at in with_article if at < own and not terms[at].is_weak),
                any(
                    m.field != "A" and terms[at].pos in _THINGS and not terms[at].is_weak
                    for at, m in hit.matches.items()
                    if at < own
                ),
                _is_of_other_goods(hit, asked_goods, said, query),
            )
        )
    if asked.wish.price:
        _without_prices_last(found)
    found.sort(key=lambda f: -f.score)
    found = _in_own_language(found, query.lang)
    _weigh(found, total_own, asked.lang)
    return found


def _weigh(found: list[Found], total: float, lang: str) -> None:
    """Confidence of each: the best one's rival is the next article, the others' is the best."""
    for one in found:
        rival = next((f for f in found if f.hit.external_id != one.hit.external_id), None)
        unknown = sum(t.weight for t in one.missing if t.pos in _THINGS and not t.is_present)
        one.signs = Signs(
            coverage=one.coverage,
            score=one.score,
            rival=rival.score / one.score if rival and one.score > 0 else 0.0,
            unknown=unknown / total if total else 0.0,
            matched=min(one.matched, 4) / 4,
            in_title=float(one.in_title),
            meant_in_title=float(one.meant_in_title),
            missing=max(
                (t.weight for t in one.missing if not t.is_weak and not t.is_number), default=0.0
            ),
            only_goods=float(one.only_goods),
            own_language=float(one.hit.lang == lang),
            kinship=one.kinship,
            strange=max(
                (
                    t.importance * (WEAK_FACTOR if t.is_weak else 1.0)
                    for t in one.missing
                    if not (t.is_number or t.is_concept or is_said_of(_lemmas(t), one.hit.title))
                ),
                default=0.0,
            ),
        )
        one.confidence = confidence(one.signs)


def _lemmas(term: Term) -> list[str]:
    return [key[0] for key in term.exact if len(key) == 1]


_FREE = re.compile(r"бесплатн|\bfree\b|\bплатн|\bpaid\b|%")


def _without_prices_last(found: list[Found]) -> None:
    """ "сколько стоит чистка?": an article that names no price is seldom what was asked for."""
    priced = {
        f.hit.object_id for f in found if "price" in f.kinds or _FREE.search(f.hit.text.lower())
    }
    for one in found:
        if one.hit.object_id not in priced:
            one.score -= 0.2


def _in_own_language(found: list[Found], lang: str) -> list[Found]:
    """The best article as the buyer reads it, where it is written so and says as much."""
    if not found or found[0].hit.lang == lang:
        return found
    best = found[0]
    for one in found:
        if one.hit.external_id == best.hit.external_id and one.hit.lang == lang:
            own = replace(best, hit=one.hit, passage=one.passage)
            return [own, *(f for f in found if f is not one)]
    return found


_PLACE_WORDS = words("магазин store shop")


def _for_articles(query: Query, asked: Asked) -> Query:
    """Weights as articles have the words; "где магазин" asks about the shop itself."""
    query = query.among("article")
    if not (asked.wish.hours or asked.wish.when):
        for term in query.terms:
            if term.lemma in WHEN:
                term.weight *= ASIDE_FACTOR
    if asked.wish.where:
        for term in query.terms:
            if term.is_weak and term.lemma in _PLACE_WORDS:
                term.weight, term.is_weak = term.weight / WEAK_FACTOR, False
    return query


_TITLE_WORDS = (
    ("how_to", words("как how")),
    ("how_long", words("срок сколько time when")),
    ("when", words("когда срок when time")),
    ("price", words("цена стоимость price cost")),
    ("where", words("где адрес where address")),
    ("hours", words("час режим график hour")),
)


_EXCEPT = words("нельзя не исключение подлежать cannot not exception except")


def _title_bonus(title: str, said: set[str], asked: Asked) -> float:
    """A title with few words beyond the question, and one that asks the same."""
    lemmas = [set(analyse(t.text).lemmas) for t in tokens(title)]
    lemmas = [
        found
        for t, found in zip(tokens(title), lemmas, strict=True)
        if len(t.text) > 2 or t.is_number
    ]
    if not lemmas:
        return 0.0
    bonus = 0.12 * sum(1 for found in lemmas if found & said) / len(lemmas)
    titled = set().union(*lemmas)
    if titled & _EXCEPT and not said & _EXCEPT:
        bonus -= 0.1  # "что нельзя вернуть" is not how to return
    for name, asking in _TITLE_WORDS:
        if getattr(asked.wish, name) and titled & asking:
            bonus += 0.05
            break
    return bonus


def _missing(terms: list[Term], has: dict[int, float]) -> list[Term]:
    """Words the article lacks. One place is enough: "живу в Алматы, Казахстан"."""
    is_placed = any(terms[at].is_place for at in has if at < len(terms))
    return [t for at, t in enumerate(terms) if at not in has and not (is_placed and t.is_place)]


def is_policy(term: Term) -> bool:
    return term.is_concept or any(part in _POLICY for key in term.keys for part in key)


def is_of_goods(term: Term, query: Query) -> bool:
    """A word of the catalogue: goods of some kind."""
    return (
        term.pos in ("NOUN", "LATN")
        and not term.is_concept
        and not term.is_place
        and any(query.vocabulary.in_products(key[0]) for key in term.keys)
    )


def _is_of_other_goods(hit: Hit, asked: set[int], said: set[str], query: Query) -> bool:
    """ "Как стирать пуховик" is no answer about a hoodie; terms of sale hold for all goods."""
    if not asked or any(at in hit.matches for at in asked) or not said & _OF_ONE_KIND:
        return False
    titled = [analyse(token.text) for token in tokens(hit.title)]
    goods = [w for w in titled if w.pos == "NOUN" and query.vocabulary.in_products(w.lemma)]
    known = said | broader(said)
    return bool(goods) and not any(known & {*w.lemmas, *broader(w.lemmas)} for w in goods)


def _has_kind(term: Term, kinds: set[str], units: set[str]) -> bool | None:
    """Does the passage have the kind of fact this word asks for? None for other words."""
    own = {key[0] for key in term.exact if len(key) == 1}
    for asked, wanted, measures in _KINDS:
        if own & asked:
            return bool(wanted & kinds or measures & units)
    return None


def answer(asked: Asked, found: list[Found], query: Query) -> Part:
    found, passages = _as_read(found, asked.lang)
    best = found[0]
    text = _text(asked, found, query, passages)
    if asked.lang == "en" and best.hit.lang == "ru":
        text = f"{say('found_in', 'en')} {text}"
    hit = best.hit
    others = []  # type: ignore[var-annotated]
    for other in found[1:4]:
        if other.hit.object_id not in {hit.object_id, *(o.hit.object_id for o in others)}:
            if other.is_sure and other.hit.lang == hit.lang and other.score >= best.score * 0.85:
                others.append(other)
    return Part(
        text,
        sources=[source_of(h) for h in (hit, *(o.hit for o in others))],
        records=[
            Record(f"article:{hit.external_id}", "\n".join([hit.title, *(t for _, t in passages)]))
        ],
        memory={"kind": "article", "options": None},
        confidence=best.coverage,
    )


def _as_read(found: list[Found], lang: str) -> tuple[list[Found], list[tuple[int, str]]]:
    """The best article's passages in the buyer's language, where it is written in it.

    What was found may be its translation: "пролежит" has "keep" only.
    """
    hit = found[0].hit
    if hit.lang != lang:
        translated = (
            Article.objects.filter(external_id=hit.external_id, lang=lang, is_active=True)
            .values_list("pk", flat=True)
            .first()
        )
        if translated and (told := _passages(translated, lang)):
            ordinal, title, text = next((row for row in told if row[0] == hit.ordinal), told[0])
            own = replace(
                hit, object_id=translated, lang=lang, ordinal=ordinal, title=title, text=text
            )
            found = [replace(found[0], hit=own), *(f for f in found[1:] if f.hit.lang == lang)]
            return found, [(ordinal, text) for ordinal, _, text in told]
    return found, [(ordinal, text) for ordinal, _, text in _passages(hit.object_id, hit.lang)]


def _passages(article: int, lang: str) -> list[tuple[int, str, str]]:
    """(place, title, text) of an article's passages, as buyers may read them."""
    return list(
        Passage.objects.filter(
            kind="article",
            object_id=article,
            lang=lang,
            is_internal=False,
            ordinal__lt=LONGEST_ARTICLE,
        )
        .order_by("ordinal")
        .values_list("ordinal", "title", "text")
    )


def _text(asked: Asked, found: list[Found], query: Query, passages: list[tuple[int, str]]) -> str:
    """The passage that answers; the article where it is short and no passage stands out."""
    best = found[0]
    by_place = {f.hit.ordinal: f.passage for f in found if f.hit.object_id == best.hit.object_id}
    rival = max((p for o, p in by_place.items() if o != best.hit.ordinal), default=0.0)
    is_brief = len(best.hit.text) < 120
    stands_out = not (best.in_title and best.hit.ordinal and (is_brief or not any_kind(asked.wish)))
    stands_out = (
        stands_out
        and any_kind(asked.wish)
        and best.passage >= 0.85
        and rival <= best.passage * 0.5
        and not asked.wish.how_to
    )
    if any(heading(text) for _, text in passages):
        stands_out = True  # questions and answers, or chapters: each speaks for itself
    texts = [extract(text, query, asked) for _, text in passages[:8]]
    if len(passages) > 8:
        texts.append(" " * WHOLE * 2)
    if not stands_out and sum(map(len, texts)) <= WHOLE * 1.15:
        return "\n".join(texts)
    chosen = {best.hit.ordinal: extract(best.hit.text, query, asked)}
    is_brief = len(chosen[best.hit.ordinal]) < 120
    if best.in_title and best.hit.ordinal and (is_brief or not any_kind(asked.wish)):
        # Asked about the whole matter: the beginning tells it.
        size = len(texts[0]) + len(chosen[best.hit.ordinal])
        if size <= WHOLE * 1.3:
            chosen[passages[0][0]] = texts[0]
    for one in found[1:]:
        if one.hit.object_id != best.hit.object_id or one.hit.ordinal in chosen:
            continue
        more = extract(one.hit.text, query, asked)
        size = sum(map(len, chosen.values())) + len(more)
        if size <= WHOLE and one.passage >= best.passage * 0.7:
            chosen[one.hit.ordinal] = more
    return "\n".join(text for _, text in sorted(chosen.items()))


def any_kind(wish: Wish) -> bool:
    """A kind of fact is asked for, rather than the matter itself."""
    return wish.price or wish.how_long or wish.where or wish.when or wish.hours


def source_of(hit: Hit) -> Source:
    return Source("article", hit.object_id, hit.external_id, hit.title)


def ask_back(asked: Asked, found: list[Found]) -> Part:
    """One word that several articles are about."""
    titles: dict[str, Hit] = {}
    for one in sorted(found, key=lambda one: one.hit.lang != asked.lang):
        titles.setdefault(one.hit.external_id, one.hit)
    hits = list(titles.values())[:5]
    return Part(
        "\n".join([say("which_topic", asked.lang), *(f"• {hit.title}" for hit in hits)]),
        Decision.CLARIFY,
        "which_topic",
        sources=[source_of(hit) for hit in hits],
        records=[Record(f"article:{h.external_id}", f"{h.title}\n{h.text}") for h in hits],
        buttons=[hit.title for hit in hits],
        memory={"kind": "article", "options": None},
        confidence=0.5,
    )


def neighbours(asked: Asked, found: list[Found]) -> list[Found]:
    """The best two, where either may be meant and neither is sure: they are offered to choose."""
    if not found or found[0].is_sure or found[0].confidence < MAYBE:
        return []
    best = found[0]
    rival = next((f for f in found if f.hit.external_id != best.hit.external_id), None)
    if rival is None:
        return []
    is_near = rival.score >= best.score * NEAR and rival.hit.lang == best.hit.lang
    are_told = best.matched and rival.matched and best.hit.lang == asked.lang
    return [best, rival] if is_near and are_told and best.coverage >= 0.5 else []


def is_too_broad(asked: Asked, found: list[Found]) -> bool:
    """ "доставка?": a word in the titles of several articles and nothing more."""
    if asked.leans:
        return False
    terms = [t for t in asked.query.terms if not t.is_weak]
    wish = asked.wish
    best = found[0]
    if best.matched == 1 and not asked.is_follow_up and not wish.how_to and not any_kind(wish):
        rivals = {
            f.hit.object_id
            for f in found
            if f.hit.lang == best.hit.lang
            and f.score >= best.score * 0.96
            and f.hit.object_id != best.hit.object_id
            and f.is_sure
            and (f.in_title or not best.in_title)
        }
        if rivals and (any(not t.is_weak for t in best.missing) or len(rivals) > 1):
            return True
        rival = next((f for f in found if f.hit.object_id in rivals), None)
        if rival is not None and not best.in_title and rival.score >= best.score * ALIKE:
            return True  # "СБП есть?": two articles have the word, and neither is about it
    if len(terms) != 1 or asked.is_follow_up or terms[0].is_number:
        return False
    if wish.price or wish.how_long or wish.where or wish.when or wish.how_to or wish.hours:
        return False
    if len(asked.query.lemmas) > 2:
        return False
    titled: dict[int, Hit] = {}
    for one in found:
        if any(match.field == "A" and match.factor == 1.0 for match in one.hit.matches.values()):
            if one.hit.lang == found[0].hit.lang:
                titled.setdefault(one.hit.object_id, one.hit)
    if any(len(_words(hit.title)) == 1 for hit in titled.values()):
        return False
    return len(titled) >= 3


def _words(text: str) -> list[str]:
    return [t.text for t in tokens(text) if analyse(t.text).pos not in ("PREP", "CONJ")]
