"""Passages that answer a question: candidates by full text, ranked by what they cover of it.

Ranking counts each term once, weighed by how rare it is, as BM25 does for passages as short as
these. Candidates are taken with a budget: rare words first, common ones only together, so that a
word which half of the catalogue has never makes Postgres read half of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from operator import itemgetter
from typing import Any

from django.db import connection

from bots.retrieval.glossary import Key
from bots.retrieval.index import ARTICLE, INTERNAL_LEXEME, KIND_LEXEME, PRODUCT
from bots.retrieval.query import Query, Term, understand
from bots.retrieval.vocabulary import vocabulary
from integrations.models import Product

# Rows one statement may bring, and posting lists it may read.
CANDIDATES = 300
KEPT = 60
BUDGET = 3000
SMALL = 4000  # passages: below this every term may be asked for

_SYNONYM, _KIN = 0.92, 0.55
_FIELD = {
    ARTICLE: {"A": 1.3, "B": 1.0, "C": 1.0},
    PRODUCT: {"A": 1.0, "B": 0.85, "C": 0.5},
}


@dataclass(slots=True)
class Match:
    """How one term is in a passage: its field (A title, B properties, C text) and how nearly."""

    field: str
    factor: float


@dataclass
class Hit:
    """`coverage`: 0…1, how much of what was asked the passage has; `matches` by term's place."""

    kind: str
    object_id: int
    passage_id: int
    ordinal: int
    lang: str
    title: str
    score: float
    coverage: float
    matches: dict[int, Match] = field(default_factory=dict)
    text: str = ""
    url: str = ""
    external_id: str = ""
    product: Any = None  # Product with prefetched variants, for kind "product"

    def covers(self, index: int) -> bool:
        return index in self.matches


# What was read for the question at hand: statements with their values → rows.
_read: ContextVar[dict[tuple[Any, ...], list[tuple[Any, ...]]] | None] = ContextVar(
    "read", default=None
)


@contextmanager
def one_question() -> Iterator[None]:
    """Inside the block no passage is read twice: answerer and model ask for the same ones."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def search(
    query: str | Query,
    lang: str = "ru",
    limit: int = 8,
    kinds: Iterable[str] | None = None,
    *,
    internal: bool = False,
) -> list[Hit]:
    """Best passages of the current merchant, best first. `internal`: for colleagues as well."""
    asked = query if isinstance(query, Query) else understand(query, vocabulary(), lang)
    hits: list[Hit] = []
    for kind in kinds or (ARTICLE, PRODUCT):
        hits += find(asked, kind, internal=internal)
    hits.sort(key=lambda hit: (-hit.score, hit.kind, hit.object_id, hit.ordinal))
    return fill(_once(hits, asked.lang)[:limit], asked.lang)


def find(query: Query, kind: str, *, internal: bool = False) -> list[Hit]:
    """Ranked hits of one kind, without their texts (see `fill`)."""
    query = query.among(kind)
    has = query.vocabulary.count
    present = [
        (at, _told(term, has)) for at, term in enumerate(query.terms) if term.is_present or term.kin
    ]
    if not present:
        return []
    rows: dict[int, tuple[Any, ...]] = {}
    for condition in _conditions(query, [term for _, term in present]):
        for row in _rows(kind, condition, present, internal):
            rows.setdefault(row[0], row)
        if len(rows) >= 12 and query.vocabulary.passages > SMALL:
            break
    total = query.total or 1.0
    return _hits(kind, rows.values(), present, total, query.lang)


def _told(term: Term, has: Callable[[str], int]) -> Term:
    """Without the synonyms that no text has: each costs every row a look."""
    near = [key for key in term.near if all(map(has, key))]
    return term if len(near) == len(term.near) else replace(term, near=near)


def _conditions(query: Query, terms: list[Term]) -> Iterable[str]:
    """tsqueries to try in turn, the strictest first."""
    if query.vocabulary.passages <= SMALL:
        yield _any(terms)
        return
    weighty = [term for term in terms if term.is_present and not term.is_weak] or terms
    yield " & ".join(f"({_of(term)})" for term in weighty)
    rare = sorted(weighty, key=lambda term: term.count)
    cheap: list[Term] = []
    for term in rare:
        if sum(t.count for t in cheap) + term.count > BUDGET:
            break
        cheap.append(term)
    if cheap:
        yield _any(cheap)
    elif len(rare) > 2:
        yield f"({_of(rare[0])}) & ({_of(rare[1])})"
    if not cheap:
        yield f"({_of(rare[0])})"


def _any(terms: Sequence[Term]) -> str:
    return " | ".join(_of(term) for term in terms)


def _of(term: Term) -> str:
    return _keys([*term.keys, *term.kin])


def _keys(keys: Sequence[Key], label: str = "") -> str:
    return " | ".join(
        "({})".format(" & ".join(f"{_quoted(part)}{label}" for part in key)) for key in keys
    )


def _quoted(lexeme: str) -> str:
    return "'{}'".format(lexeme.replace("\\", "\\\\").replace("'", "''"))


def _rows(
    kind: str, condition: str, terms: list[tuple[int, Term]], internal: bool
) -> list[tuple[Any, ...]]:
    tests: list[str] = []
    values: list[str] = []
    for _, term in terms:
        for keys, label in (
            (term.exact, ""),
            (term.keys, ":A"),
            (term.keys, ":B"),
            (term.keys, ""),
            (term.kin, ""),
        ):
            if keys:
                tests.append("(lemmas @@ %s::tsquery)::int")
                values.append(_keys(keys, label))
            else:
                tests.append("0")
    wanted = f"{_quoted(KIND_LEXEME[kind])} & ({condition})"
    if not internal:
        wanted += f" & !{_quoted(INTERNAL_LEXEME)}"
    return _rows_of(
        "SELECT id, object_id, ordinal, lang, title, length(lemmas), "  # noqa: S608
        f"concat({', '.join(tests)}) "
        "FROM bots_passage WHERE lemmas @@ %s::tsquery LIMIT %s",
        (*values, wanted, CANDIDATES),
    )


def _rows_of(statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    read = _read.get()
    if read is not None and (known := read.get((statement, values))) is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    if read is not None:
        read[statement, values] = rows
    return rows


@dataclass(slots=True)
class _Pattern:
    """What rows with the same matches share; there are few of these among hundreds of rows."""

    matches: dict[int, Match]
    score: float
    coverage: float


def _pattern(kind: str, bits: str, terms: list[tuple[int, Term]], total: float) -> _Pattern:
    fields = _FIELD[kind]
    matches: dict[int, Match] = {}
    score = coverage = 0.0
    for at, (index, term) in enumerate(terms):
        exact, in_title, in_fields, somewhere, kin = bits[at * 5 : at * 5 + 5]  # type: ignore[str-unpack]
        if somewhere == "1":
            place = "A" if in_title == "1" else "B" if in_fields == "1" else "C"
            factor = 1.0 if exact == "1" else _SYNONYM
        elif kin == "1":
            place, factor = "C", _KIN
        else:
            continue
        matches[index] = Match(place, factor)
        coverage += term.weight * factor
        score += term.weight * factor * fields[place]
    return _Pattern(matches, score / total, min(coverage / total, 1.0))


def _hits(
    kind: str,
    rows: Iterable[tuple[Any, ...]],
    terms: list[tuple[int, Term]],
    total: float,
    lang: str,
) -> list[Hit]:
    patterns: dict[str, _Pattern] = {}
    scored: list[tuple[float, int, int, tuple[Any, ...], _Pattern]] = []
    for row in rows:
        _, object_id, ordinal, passage_lang, title, length, bits = row
        pattern = patterns.get(bits)
        if pattern is None:
            pattern = patterns[bits] = _pattern(kind, bits, terms, total)
        score = pattern.score
        if kind == ARTICLE:
            score /= 0.94 + 0.06 * min(length, 160) / 40
            if passage_lang == lang:
                score *= 1.3
        else:
            score /= 0.96 + 0.02 * title.count(" ")
        scored.append((-score, object_id, ordinal, row, pattern))
    best = nsmallest(KEPT, scored, key=_rank)
    return [
        Hit(
            kind,
            object_id,
            row[0],
            ordinal,
            row[3],
            row[4],
            -score,
            pattern.coverage,
            pattern.matches,
        )
        for score, object_id, ordinal, row, pattern in best
    ]


_rank = itemgetter(0, 1, 2)


def _once(hits: list[Hit], lang: str) -> list[Hit]:
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for hit in hits:
        key = (hit.kind, hit.object_id, hit.ordinal)
        if key not in seen:
            seen.add(key)
            kept.append(hit)
    return kept


def fill(hits: list[Hit], lang: str) -> list[Hit]:
    """Give hits their texts and records. Products come with their variants."""
    texts = _article_texts(tuple(sorted(h.passage_id for h in hits if h.kind == ARTICLE)))
    wanted = [h.object_id for h in hits if h.kind == PRODUCT]
    found = Product.objects.filter(pk__in=wanted, is_active=True).prefetch_related("variants")
    products = {p.pk: p for p in found} if wanted else {}
    from bots.retrieval.card import product_text

    kept = []
    for hit in hits:
        if hit.kind == ARTICLE and (text := texts.get(hit.passage_id)):
            hit.text, hit.external_id = text
        elif hit.kind == PRODUCT and (product := products.get(hit.object_id)):
            hit.product, hit.url, hit.external_id = product, product.url, product.external_id
            hit.text = product_text(product, lang)
        else:
            continue
        kept.append(hit)
    return kept


def _article_texts(passages: tuple[int, ...]) -> dict[int, tuple[str, str]]:
    """Passage id → its text and its article's id in the merchant's own words."""
    if not passages:
        return {}
    rows = _rows_of(
        "SELECT p.id, p.text, coalesce(nullif(a.external_id, ''), a.id::text) "  # noqa: S608
        "FROM bots_passage p JOIN bots_article a ON a.id = p.object_id "
        f"WHERE p.id IN ({', '.join(['%s'] * len(passages))})",
        passages,
    )
    return {pk: (text, external_id) for pk, text, external_id in rows}


__all__ = ["Hit", "Match", "fill", "find", "one_question", "search", "understand"]
