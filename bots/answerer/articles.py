"""Questions answered with the words of an article: the passage, or the sentences that answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bots.answerer.part import Asked, Part
from bots.answerer.phrases import say
from bots.engine.base import Decision, Source
from bots.engine.facts import Record, facts_in
from bots.retrieval.morphology import analyse
from bots.retrieval.query import Query, Term
from bots.retrieval.ranking import Hit, fill, find
from bots.retrieval.text import is_list_line, sentences, tokens

WHOLE = 430  # characters: a passage this long is given as it is
LONG = 620
SURE = 0.7
ENOUGH = 0.55
HEAVY = 0.62  # a noun this weighty must not be missing


@dataclass
class Found:
    """`coverage` of the words asked now; `total` with those of the dialogue."""

    hit: Hit
    coverage: float
    score: float
    missing: list[Term]

    @property
    def is_sure(self) -> bool:
        heavy = [t for t in self.missing if t.weight >= HEAVY and t.pos in _NAMING]
        if heavy:
            return self.coverage >= 0.8
        return self.coverage >= ENOUGH


_NAMING = frozenset({"NOUN", "LATN", "UNKN", "NUMB"})


def look(asked: Asked, query: Query, own: int) -> list[Found]:
    """Passages for a question whose first `own` terms were said now; the rest is the dialogue."""
    hits = fill(find(query, "article")[:14], query.lang)
    found = []
    total_own = sum(t.weight for t in query.terms[:own])
    for hit in hits:
        mine = sum(
            query.terms[at].weight * match.factor for at, match in hit.matches.items() if at < own
        )
        coverage = mine / total_own if total_own else hit.coverage
        missing = [t for at, t in enumerate(query.terms[:own]) if at not in hit.matches]
        score = hit.score + _fits_kind(hit.text, asked)
        found.append(Found(hit, min(coverage, 1.0), score, missing))
    found.sort(key=lambda f: -f.score)
    return found


_KIND_BONUS = 0.09


def _fits_kind(text: str, asked: Asked) -> float:
    """A passage that has the kind of fact that was asked for."""
    wish = asked.wish
    if not (wish.price or wish.how_long or wish.where or wish.when):
        return 0.0
    facts = facts_in(text)
    kinds = {fact.kind for fact in facts}
    units = {fact.unit for fact in facts}
    bonus = 0.0
    if wish.price and "price" in kinds:
        bonus += _KIND_BONUS
    if wish.how_long and units & {"day", "hour", "minute", "week", "month", "year"}:
        bonus += _KIND_BONUS
    if wish.where and kinds & {"address"}:
        bonus += _KIND_BONUS
    if wish.when and (kinds & {"time", "date"} or units & {"day", "hour", "week"}):
        bonus += _KIND_BONUS / 2
    return bonus


def answer(asked: Asked, found: list[Found], query: Query) -> Part:
    best = found[0]
    text = extract(best.hit.text, query, asked)
    same = next(
        (
            f
            for f in found[1:]
            if f.hit.object_id == best.hit.object_id
            and f.score >= best.score * 0.9
            and f.hit.ordinal != best.hit.ordinal
        ),
        None,
    )
    if same and len(text) < 260:
        more = extract(same.hit.text, query, asked)
        if len(text) + len(more) < WHOLE and more not in text:
            pair = [(best.hit.ordinal, text), (same.hit.ordinal, more)]
            text = "\n".join(piece for _, piece in sorted(pair))
    if asked.lang == "en" and best.hit.lang == "ru":
        text = f"{say('found_in', 'en')} {text}"
    hit = best.hit
    others = []
    for other in found[1:4]:
        if other.hit.object_id not in {hit.object_id, *(o.hit.object_id for o in others)}:
            if other.is_sure and other.hit.lang == hit.lang and other.score >= best.score * 0.85:
                others.append(other)
    return Part(
        text,
        sources=[source_of(h) for h in (hit, *(o.hit for o in others))],
        records=[
            Record(f"article:{f.hit.external_id}", f"{f.hit.title}\n{f.hit.text}")
            for f in found
            if f.hit.object_id == hit.object_id
        ],
        memory={"kind": "article", "options": None},
        confidence=best.coverage,
    )


def source_of(hit: Hit) -> Source:
    return Source("article", hit.object_id, hit.external_id, hit.title)


def ask_back(asked: Asked, found: list[Found]) -> Part:
    """One word that several articles are about."""
    titles: dict[int, Hit] = {}
    for one in found:
        titles.setdefault(one.hit.object_id, one.hit)
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


def is_too_broad(asked: Asked, found: list[Found]) -> bool:
    """ "доставка?": a word in the titles of several articles and nothing more."""
    terms = [t for t in asked.query.terms if not t.is_weak]
    wish = asked.wish
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


# ── The sentences that answer ────────────────────────────────────────────────────────────────
_LEAN = re.compile(
    r"^(?:он|она|оно|они|это|эта|этот|эти|так|тогда|там|также|такж|при этом|в этом|для этого|иначе|"
    r"если же|потом|затем|после этого|it|they|this|these|then|also|otherwise|in this case)\b",
    re.IGNORECASE,
)


def extract(text: str, query: Query, asked: Asked) -> str:
    """The passage when it is short, else the sentences around the one that answers best."""
    lines = [line for line in text.split("\n") if line.strip()]
    if (
        len(lines) > 1
        and not re.search(r"[.!?:;…]$", lines[0].strip())
        and not is_list_line(lines[0])
    ):
        if not is_list_line(lines[1]):
            lines = lines[1:]
    if any(is_list_line(line) for line in lines):
        return _from_list(lines, query)
    whole = "\n".join(lines)
    if len(whole) <= WHOLE:
        return whole
    pieces = sentences(whole)
    scores = [_score(piece, query, asked) for piece in pieces]
    best = max(range(len(pieces)), key=lambda at: (scores[at], -at))
    start = end = best
    size = len(pieces[best])
    while start > 0 and _LEAN.match(pieces[start]) and size < LONG:
        start -= 1
        size += len(pieces[start])
    while True:
        before = scores[start - 1] if start > 0 else -1.0
        after = scores[end + 1] if end + 1 < len(pieces) else -1.0
        if max(before, after) < 0:
            break
        if after >= before:
            if size + len(pieces[end + 1]) > WHOLE:
                break
            end += 1
            size += len(pieces[end])
        else:
            if size + len(pieces[start - 1]) > WHOLE:
                break
            start -= 1
            size += len(pieces[start])
    return " ".join(pieces[start : end + 1])


def _score(piece: str, query: Query, asked: Asked) -> float:
    lemmas = {lemma for token in tokens(piece) for lemma in analyse(token.text).lemmas}
    score = 0.0
    for term in query.terms:
        if any(all(part in lemmas for part in key) for key in term.keys):
            score += term.weight
        elif any(key[0] in lemmas for key in term.kin):
            score += term.weight * 0.5
    return score + _fits_kind(piece, asked) * 2


def _from_list(lines: list[str], query: Query) -> str:
    """The lead and the lines that have what was asked; the whole list when it is short."""
    if sum(map(len, lines)) <= WHOLE:
        numbers = [t for t in query.terms if t.is_number]
        if not numbers:
            return "\n".join(lines)
    exact = []
    for at, line in enumerate(lines):
        found = {token.text for token in tokens(line)}
        lemmas = {lemma for token in tokens(line) for lemma in analyse(token.text).lemmas}
        hits = sum(
            term.weight
            for term in query.terms
            if (term.is_number and term.lemma in found)
            or (not term.is_number and any(all(p in lemmas for p in key) for key in term.keys))
        )
        if is_list_line(line) and hits:
            exact.append((hits, at))
    if exact:
        top = max(hits for hits, _ in exact)
        chosen = {at for hits, at in exact if hits >= top * 0.99}
        if len(chosen) <= 4:
            kept = [line for at, line in enumerate(lines) if at in chosen or not is_list_line(line)]
            if sum(map(len, kept)) <= LONG:
                return "\n".join(kept)
    return "\n".join(lines) if sum(map(len, lines)) <= LONG * 1.5 else _cut_lines(lines)


def _cut_lines(lines: list[str]) -> str:
    kept, size = [], 0
    for line in lines:
        if size + len(line) > LONG and kept:
            break
        kept.append(line)
        size += len(line)
    return "\n".join(kept)
