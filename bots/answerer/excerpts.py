"""The sentences of a passage that answer."""

from __future__ import annotations

import re

from bots.answerer.intents import is_planted
from bots.answerer.part import Asked
from bots.engine.facts import facts_in
from bots.retrieval.morphology import analyse
from bots.retrieval.query import Query
from bots.retrieval.text import is_list_line, sentences, tokens

WHOLE = 430  # characters: a passage this long is given as it is
LONG = 620
_KIND_BONUS = 0.09
_TO_WHOM = re.compile(
    r"\b(?:куда|кому|where)\b.{0,30}\b(?:при|вы|по|на|от)?(?:сл|шл|пис|пиш|звон|send|write|call)"
)


def fits_kind(kinds: set[str], units: set[str], asked: Asked) -> float:
    """A passage that has the kind of fact that was asked for."""
    wish = asked.wish
    bonus = 0.0
    if wish.price and "price" in kinds:
        bonus += 2 * _KIND_BONUS
    if wish.how_long and units & {"day", "hour", "minute", "week", "month", "year"}:
        bonus += _KIND_BONUS
    if wish.where and "address" in kinds:
        bonus += _KIND_BONUS
    if kinds & {"email", "phone"} and _TO_WHOM.search(asked.text.lower()):
        bonus += _KIND_BONUS
    if wish.when and (kinds & {"time", "date"} or units & {"day", "hour", "week"}):
        bonus += _KIND_BONUS
    return bonus


def heading(text: str) -> str:
    """The first line where it is a title of what follows."""
    first, _, rest = text.partition("\n")
    is_title = rest.strip() and len(first) <= 120 and not is_list_line(first)
    return first if is_title and not re.search(r"[.!:;…,]$", first.strip()) else ""


_LEAN = re.compile(
    r"^(?:он|она|оно|они|это|эта|этот|эти|так|тогда|там|также|такж|при этом|в этом|для этого|иначе|"
    r"если же|потом|затем|после этого|it|they|this|these|then|also|otherwise|in this case)\b",
    re.IGNORECASE,
)


def extract(text: str, query: Query, asked: Asked) -> str:
    """The passage when it is short, else the sentences around the one that answers best."""
    lines = [_clean(line) for line in text.split("\n") if line.strip()]
    lines = [line for line in lines if line]
    if len(lines) > 1 and heading("\n".join(lines)) and not is_list_line(lines[1]):
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


def _clean(line: str) -> str:
    """Without orders to a bot that somebody planted in the text."""
    if not is_planted(line):
        return line
    return " ".join(s for s in sentences(line) if not is_planted(s))


def _score(piece: str, query: Query, asked: Asked) -> float:
    lemmas = {lemma for token in tokens(piece) for lemma in analyse(token.text).lemmas}
    score = 0.0
    for term in query.terms:
        if any(all(part in lemmas for part in key) for key in term.keys):
            score += term.weight
        elif any(key[0] in lemmas for key in term.kin):
            score += term.weight * 0.5
    facts = facts_in(piece)
    return score + 2 * fits_kind({f.kind for f in facts}, {f.unit for f in facts}, asked)


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
    kept: list[str] = []
    size = 0
    for line in lines:
        if size + len(line) > LONG and kept:
            break
        kept.append(line)
        size += len(line)
    return "\n".join(kept)
