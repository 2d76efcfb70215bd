"""Does the article that was found hold the very thing asked? Coverage of words alone does not tell."""

from __future__ import annotations

import re
from itertools import pairwise

from bots.answerer import articles
from bots.answerer.naming import is_size
from bots.answerer.part import Asked
from bots.retrieval.glossary import broader
from bots.retrieval.morphology import analyse
from bots.retrieval.query import DEEDS, WHEN, Term
from bots.retrieval.text import fold, tokens, words

TABLE = 5  # numbers that make a passage a table
ELSEWHERE = 0.15  # share of the question that only the rival has
CERTAIN = 0.92
NEAR = 0.75  # the rival's score by the best one's
FEW = 0.55  # of the question: what one word alone seldom makes an answer
OF_ANOTHER, STRANGE = 0.2, 0.3  # kinship below this, and a word that nobody says of its matter
OF_THE_MATTER = 0.75  # of kinship: the wording tells that this very matter is meant


def is_of_another(asked: Asked, best: articles.Found) -> bool:
    """It tells of another size or of other goods, or it has but a word of what was said."""
    return (
        _lacks_size(asked, best)
        or _told_of_other_goods(asked, best)
        or (best.matched == 1 and not best.meant_in_title and _shares_but_a_word(best))
    )


def _shares_but_a_word(best: articles.Found) -> bool:
    if best.kinship < OF_ANOTHER and best.signs is not None and best.signs.strange > STRANGE:
        return True  # "сколько ватт потребляет магазин?": what it has are points of that name
    return best.coverage < FEW and best.kinship < OF_THE_MATTER


def told_elsewhere(asked: Asked, found: list[articles.Found]) -> list[articles.Found]:
    """The best and its rival, where each has a part of the question that the other lacks."""
    if asked.leans:
        return []
    best = found[0]
    rival = next((f for f in found if f.hit.external_id != best.hit.external_id), None)
    if rival is None or rival.score < best.score * NEAR or best.confidence >= CERTAIN:
        return []
    if best.kinship >= OF_THE_MATTER and rival.kinship < best.kinship / 2:
        return []
    if best.kinship < OF_ANOTHER / 2 and rival.kinship >= OF_THE_MATTER:
        return [best, rival]
    lacked = {id(term) for term in rival.missing}
    only_there = sum(
        term.weight
        for term in best.missing
        if not (term.is_weak or term.is_number or term.is_place or term.lemma in WHEN)
        and id(term) not in lacked
    )
    whole = sum(term.weight for term in asked.query.among("article").terms)
    return [best, rival] if whole and only_there >= ELSEWHERE * whole else []


def _lacks_size(asked: Asked, best: articles.Found) -> bool:
    """ "бёдра у 60 размера": a table of sizes without this one."""
    if len(re.findall(r"\d+", best.hit.text)) < TABLE:
        return False
    said = fold(asked.text)
    return any(is_size(term) and _stands_by_size(term, said) for term in best.missing)


def _stands_by_size(term: Term, said: str) -> bool:
    word = re.escape(fold(term.word))
    return bool(
        re.search(rf"\b{word}(?:-?\w{{1,3}})?(?: \w+)? (?:размер|size)", said)
        or re.search(rf"\b(?:размер\w*|size)(?: \w+)? {word}\b", said)
    )


_OF_ALL = words(
    "вещь товар изделие одежда обувь техника прибор заказ покупка item good order cloth"
)


def _told_of_other_goods(asked: Asked, best: articles.Found) -> bool:
    """ "чистка тостера": what the article has is the cleaning of coffee machines."""
    terms, matches = asked.query.terms, best.hit.matches
    goods = {at for at, term in enumerate(terms) if articles.is_of_goods(term, asked.query)}
    if not goods or any(at in matches for at in goods):
        return False
    said = {part for term in terms for key in term.keys for part in key}
    known = said | broader(said) | _OF_ALL
    deeds = {
        key[0]
        for at, term in enumerate(terms)
        if at in matches and at not in goods and (term.pos in DEEDS or term.pos == "NOUN")
        for key in term.keys
        if len(key) == 1
    }
    read = [analyse(token.text) for token in tokens(best.hit.text)]
    objects = [
        after
        for word, after in pairwise(read)
        if deeds.intersection(word.lemmas) and after.pos == "NOUN"
    ]
    of_goods = [w for w in objects if asked.query.vocabulary.in_products(w.lemma)]
    return bool(of_goods) and not any(
        known.intersection(w.lemmas) or said & broader(w.lemmas) for w in of_goods
    )
