"""One question: where its answer is, and whether that is good enough to be said."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from bots.answerer import articles, holding, hours, intents
from bots.answerer.choosing import choose
from bots.answerer.comparing import comparison
from bots.answerer.goods import answer_one, tells_property
from bots.answerer.listing import MANY, ask_back, list_goods
from bots.answerer.naming import (
    Meant,
    from_focus,
    in_focus,
    is_attribute,
    is_size,
    resolve,
    title_lemmas,
)
from bots.answerer.part import Asked, Part
from bots.answerer.phrases import say
from bots.answerer.properties import ASKED_SO, CALLED_SO, asks_property, property_names
from bots.engine import texts
from bots.engine.base import Decision, Reason, Turn
from bots.retrieval.morphology import analyse
from bots.retrieval.query import STOP, WEAK, Query, Term, understand
from bots.retrieval.text import fold, tokens, words
from bots.retrieval.vocabulary import Vocabulary
from integrations.models import Product

TOPIC_WORDS = 14


def answer_question(
    text: str,
    turn: Turn,
    memory: dict[str, Any],
    lang: str,
    words_known: Vocabulary,
) -> Part:
    query = understand(text, words_known, turn.lang)
    wish = intents.wish(query.text)
    follows = intents.is_follow_up(query.text)
    if follows and not any(getattr(wish, name) for name in _INHERITED):
        if memory.get("kind") in ("article", "hours"):
            wish = replace(wish, **dict.fromkeys(memory.get("wish") or (), True))  # type: ignore[arg-type]
    asked = Asked(
        query,
        wish,
        lang,
        memory,
        is_follow_up=follows,
        has_pronoun=intents.has_pronoun(query.text),
    )
    part = _from_records(asked, turn)
    if part is None:
        part = _refusal(asked)
    return remember(part, asked, query.text)


_INHERITED = ("price", "stock", "size", "colour", "hours", "how_long", "where", "when")


def remember(part: Part, asked: Asked, text: str) -> Part:
    if part.decision in (Decision.ANSWER, Decision.CLARIFY) and part.reason != "small_talk":
        own = " ".join(t.word for t in asked.query.terms[:TOPIC_WORDS])
        part.memory.setdefault("topic", own or asked.memory.get("topic", ""))
        flags = [name for name in _INHERITED if getattr(asked.wish, name)]
        part.memory.setdefault("wish", flags)
    return part


def _refusal(asked: Asked) -> Part:
    return Part(
        say("refuse", asked.lang),
        Decision.REFUSE,
        Reason.NO_KNOWLEDGE,
        buttons=[texts.say(texts.CALL_PERSON, asked.lang)],
        memory={"offered": True},
        confidence=0.0,
    )


def _from_records(asked: Asked, turn: Turn) -> Part | None:
    query, wish = asked.query, asked.wish
    own = [t for t in query.terms if not t.is_weak]
    if wish.compare and (part := comparison(asked)):
        return part
    if part := _property_of_focus(asked, own, is_sure=True):
        return part
    if asked.focus and asked.memory.get("kind") == "product" and _is_about_focus(asked, own):
        if part := _of_focus(asked):
            return part
    if not own and not wish.hours and not asked.memory.get("topic") and len(query.terms) < 2:
        if wish.price or wish.size or wish.colour:
            return Part(say("which_one", asked.lang), Decision.CLARIFY, "which_product")
        return None
    topical = _with_topic(asked)
    asked.leans = topical is not asked.query
    found = articles.look(asked, topical, len(query.terms))
    if wish.hours and (part := _opening(asked, turn, found)):
        return part
    meant = resolve(asked)
    product_part = _of_goods(asked, meant)
    best = found[0] if found else None
    if product_part is not None and not _article_is_better(asked, meant, best):
        return product_part
    if best is not None and _is_sure(best, asked):
        if articles.is_too_broad(asked, found):
            return articles.ask_back(asked, found)
        if either := holding.told_elsewhere(asked, found):
            return articles.ask_back(asked, either)
        part = articles.answer(asked, found, topical)
        return part if part.text.strip() else None
    if product_part is not None and meant.is_named:
        return product_part
    if part := _property_of_focus(asked, own, is_sure=False):
        return part
    if own and not wish.concepts and (either := articles.neighbours(asked, found)):
        return articles.ask_back(asked, either)
    return None


def _is_sure(best: articles.Found, asked: Asked) -> bool:
    own = [t for t in asked.query.terms if not t.is_weak]
    if asked.wish.concepts and best.matched < 2:
        return False  # "из чего ваша коробка?" asks a property, not about boxes
    if own and not best.matched and not asked.leans:
        return False  # "сколько времени в Токио?": a figure of that kind is no answer
    if best.of_other_goods or holding.is_of_another(asked, best):
        return False
    if best.names_in_passing and intents.is_sold(asked.text):
        return False  # "крем для обуви продаёте?": how shoes are cared for is no answer
    if not own and asked.memory.get("kind") == "article":
        return best.hit.coverage >= 0.5
    if not own:
        return best.passage >= 0.95 and best.hit.lang == asked.lang
    return best.is_sure


def _with_topic(asked: Asked) -> Query:
    """The question with the words of the one before it, when it leans on that."""
    topic = str(asked.memory.get("topic") or "")
    if asked.memory.get("kind") == "product" and asked.has_pronoun:
        # "как её стирать?": what kind of thing it is, whatever it was called by
        topic = str(asked.memory.get("product_name") or topic)
    own = [t for t in asked.query.terms if not t.is_weak]
    is_short = len(own) <= 1 and len(asked.query.lemmas) <= 2
    leans = asked.is_follow_up or asked.has_pronoun or len(own) == 0 or is_short
    if not topic or not leans or asked.memory.get("kind") not in ("article", "hours", "product"):
        return asked.query
    before = understand(topic, asked.query.vocabulary, asked.query.lang)
    return merged(asked.query, before, 0.5)


def merged(query: Query, before: Query, factor: float) -> Query:
    has_place = any(t.is_place for t in query.terms)
    known = {part for t in query.terms for key in t.exact for part in key}
    added = [
        replace(t, weight=t.weight * factor)
        for t in before.terms
        if not any(part in known for key in t.exact for part in key)
        and not (has_place and t.is_place)
        and not (t.is_number and factor < 1)
    ]
    return replace(query, terms=[*query.terms, *added])


def _opening(asked: Asked, turn: Turn, found: list[articles.Found]) -> Part | None:
    """Hours of the people who answer; an article about the shop's hours comes first."""
    found = [one for one in found if "time" in one.kinds]
    best = found[0] if found else None
    about_people = hours.is_about_people(asked.text)
    if best is not None and best.is_sure and not about_people:
        part = articles.answer(asked, found, _with_topic(asked))
        part.memory["kind"] = "article"
        return part
    if best is not None and best.in_title and best.matched and not about_people:
        return articles.answer(asked, [best, *found[1:]], _with_topic(asked))
    ours = hours.answer(asked, turn.now)
    if ours is None or (best is not None and best.is_sure and best.coverage > 0.9):
        if best is not None and best.is_sure:
            return articles.answer(asked, found, _with_topic(asked))
        return ours
    own = [t for t in asked.query.terms if not t.is_weak and t.weight > 0.5 and not t.is_present]
    return None if own and not about_people else ours


def _is_about_focus(asked: Asked, own: list[Term]) -> bool:
    """The product spoken of last is meant: a pronoun, a bare wish, a colour or a size."""
    naming = [t for t in own if not is_attribute(t)]
    if any(articles.is_policy(t) for t in naming):
        return False  # "а если не подойдёт?": the shop's terms, not the product
    if not own:
        return asked.wish.is_any or asked.wish.about or asked.wish.when or asked.has_pronoun
    if not naming:
        return True
    if asked.has_pronoun:
        return True
    if asked.wish.concepts and len(naming) <= 1:
        return True
    return asked.is_follow_up or asked.wish.plain


def _of_focus(asked: Asked) -> Part | None:
    meant = from_focus(asked)
    if not meant.hits:
        return None
    if len(meant.hits) > 1 and not asked.has_pronoun and not asked.is_follow_up:
        if not asked.wish.is_any and not any(is_attribute(t) for t in asked.query.terms):
            return None
    wish = asked.wish
    if any(t.lemma in _OFF for t in asked.query.terms):
        left = [t for t in asked.query.terms if t.lemma not in _OFF]
        asked = replace(asked, query=replace(asked.query, terms=left))
        wish = replace(wish, price=True)  # "скидка на неё есть?"
    if not (wish.price or wish.stock or wish.size or wish.colour or wish.about):
        inherited = set(asked.memory.get("wish") or ())
        attributes = any(is_attribute(t) for t in asked.query.terms)
        wish = replace(
            wish,
            price="price" in inherited and not attributes,
            stock="stock" in inherited or attributes or wish.when,
        )
    now = replace(asked, wish=wish)
    changed = meant.products[0].pk not in asked.focus
    if changed:
        named = title_lemmas(meant.products[0])
        left = [
            t
            for t in asked.query.terms
            if is_size(t) or not any(part in named for key in t.keys for part in key)
        ]
        if wish.plain:
            old = Product.objects.filter(pk__in=asked.focus).first()
            gone = title_lemmas(old) if old else set()
            left = [
                t for t in left if not any(k[0] in gone for k in t.keys) and t.lemma not in _PLAIN
            ]
        now = replace(now, query=replace(asked.query, terms=left))
        if not (wish.price or wish.stock or wish.size or wish.colour):
            now = replace(now, wish=replace(wish, price=True))
    for product in meant.products[: 1 if changed else 3]:
        single = replace(meant, hits=[h for h in meant.hits if h.product is product])
        if part := answer_one(product, now, single):
            if len(meant.hits) > 1 and not changed and len(asked.focus) > 1:
                continue
            return part
    return None


SHORT = 6  # words of a question that leans on the one before it


def _property_of_focus(asked: Asked, own: list[Term], *, is_sure: bool) -> Part | None:
    """ "состав?", "ноут 16 влезет?" after a product was spoken of: its card answers.

    `is_sure`: only what its named properties say, and nothing a shop's terms are about.
    """
    if not asked.focus or asked.memory.get("kind") != "product":
        return None
    if len(asked.query.lemmas) > SHORT or not (own or asked.wish.concepts):
        return None
    if is_sure and any(t.is_concept or t.pos in ("ADJF", "ADJS", "COMP") for t in own):
        return None  # "а длинный?" is rather another product
    if is_sure and not asks_property(own, asked):
        return None
    product = (
        Product.objects.filter(pk=asked.focus[0], is_active=True)
        .prefetch_related("variants")
        .first()
    )
    if product is None:
        return None
    meant = in_focus(product)
    is_policy = any(articles.is_policy(term) for term in own)
    least = CALLED_SO if is_policy else ASKED_SO if is_sure else 0.0
    if not tells_property(product, asked, meant, least=least):
        return None
    return answer_one(product, asked, meant)


_OFF = words("скидка discount off sale")


_PLAIN = words("обычный простой стандартный без regular plain without")


def _of_goods(asked: Asked, meant: Meant) -> Part | None:
    if not meant.hits:
        return None
    if any(t.is_concept for t in meant.missing) and not asked.wish.is_any:
        return None  # a matter of the shop's terms
    heavy = [
        t
        for t in meant.missing
        if not is_attribute(t) and t.weight >= 0.75 and t.pos in ("NOUN", "LATN", "UNKN")
    ]
    if asked.wish.where and not asked.wish.is_any and not asked.wish.concepts:
        if not _GOODS_WHERE.search(fold(asked.text)):
            return None  # a place is no property of goods
    if _is_for_it(asked, meant):
        return None
    if len(meant.hits) == 1:
        part = answer_one(meant.products[0], asked, meant)
        if part is None:
            return None
        tells = tells_property(meant.products[0], asked, meant)
        if heavy and meant.coverage < 0.6 and not tells:
            return None
        if (
            _undone(meant)
            and not asked.wish.concepts
            and not asked.wish.price
            and not asked.wish.stock
        ):
            return None  # what may be done with it is no question about its fields
        return part
    if heavy and meant.coverage < 0.75:
        return None
    wish = asked.wish
    attributes = any(is_attribute(t) for t in asked.query.terms)
    deeds = [
        t
        for t in meant.missing
        if t.pos in ("INFN", "VERB") and not asked.query.vocabulary.count(t.lemma)
    ]
    if deeds and not meant.is_focus:
        return None  # "сколько стоит постричь кота" is no question about goods
    if meant.is_named and len(meant.hits) <= MANY and not wish.search and not wish.cheaper:
        narrowed = _by_attributes(asked, meant)
        if 1 < len(narrowed) <= 3 and not wish.price and (part := _each(asked, meant, narrowed)):
            return part
        if len(narrowed) == 1:
            single = replace(meant, hits=narrowed)
            return answer_one(narrowed[0].product, asked, single)
        return ask_back([h.product for h in narrowed], asked)
    rest = [
        t
        for at, t in enumerate(asked.query.terms)
        if at not in meant.spent
        and not t.is_weak
        and not is_attribute(t)
        and not any(hit.covers(at) for hit in meant.hits)
    ]
    if sum(t.weight for t in rest) > 0.5 * sum(asked.query.terms[at].weight for at in meant.spent):
        return None
    if wish.is_any or wish.search or attributes or wish.about or len(asked.query.terms) <= 2:
        return list_goods(meant.hits, asked)
    return None


_FOR = words("для к for")


def _is_for_it(asked: Asked, meant: Meant) -> bool:
    """ "сколько стоит фильтр для очистителя": what is for the product is another thing."""
    if asked.wish.concepts:
        return False
    said = tokens(asked.text)
    prepositions = [at for at, token in enumerate(said) if token.text in _FOR and at]
    if not prepositions:
        return False
    named = {asked.query.terms[at].token.start for at in meant.spent}
    known = (
        WEAK | STOP | set().union(*(title_lemmas(p) | property_names(p) for p in meant.products))
    )
    for at in prepositions:
        thing = analyse(said[at - 1].text)
        is_thing = thing.pos in ("NOUN", "LATN") and not set(thing.lemmas) & known
        if is_thing and any(token.start in named for token in said[at + 1 : at + 4]):
            return not any(token.start in named for token in said[: at - 1])
    return False


_GOODS_WHERE = re.compile(r"[а-я] где (?!купить|взять|найти|посмотреть|забрать|починить|примерить)")


def _undone(meant: Meant) -> bool:
    return any(t.pos == "INFN" for t in meant.missing)


def _each(asked: Asked, meant: Meant, hits: list[Any]) -> Part | None:
    """A property of several that fit equally: told of each, there is nothing to ask back."""
    parts = []
    for hit in hits:
        part = answer_one(hit.product, asked, replace(meant, hits=[hit]))
        if part is None or not tells_property(hit.product, asked, meant):
            return None
        parts.append(part)
    first = parts[0]
    return replace(
        first,
        text="\n".join(part.text for part in parts),
        sources=[s for part in parts for s in part.sources],
        records=[r for part in parts for r in part.records],
        cards=[c for part in parts for c in part.cards],
        memory={**first.memory, "focus": [h.object_id for h in hits]},
    )


def _by_attributes(asked: Asked, meant: Meant) -> list[Any]:
    """Of products that fit equally, those that have the colour or size asked for."""
    chosen = [(hit, choose(hit.product, asked, meant.spent)) for hit in meant.hits]
    fits = [(hit, len(choice.used)) for hit, choice in chosen if choice.is_any and choice.fits]
    most = max((used for _, used in fits), default=0)
    return [hit for hit, used in fits if used == most] or meant.hits


def _article_is_better(asked: Asked, meant: Meant, best: articles.Found | None) -> bool:
    if best is None or not best.is_sure:
        return False
    wish = asked.wish
    if not meant.is_named and any(intents.price_limits(asked.text)[:2]):
        return False  # "корм до 1000 рублей": goods of a kind, by price
    if wish.how_to and best.in_title and _undone(meant):
        return True
    if best.is_meant and not wish.price and not wish.stock:
        return True
    if wish.size and best.in_title and best.coverage >= meant.coverage:
        return True  # "какой размер на шесть лет?"
    lead = 0.12 if wish.is_any else 0.0
    if asked.leans and asked.memory.get("kind") == "article" and not wish.is_any:
        lead -= 0.3  # "а носки?" after a question about returns
    if meant.is_named and len(meant.hits) == 1:
        lead += 0.1
    if not meant.is_named:
        lead -= 0.05
    return best.coverage > meant.coverage + lead
