"""Articles and products as passages with lemmas. Unchanged rows are not written again.

Called after a change by bots.handlers; `None` means everything and is safe at any time.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from django.db import connection, transaction

from bots.models import Article, KnowledgeIndex, Passage
from bots.retrieval.morphology import analyse
from bots.retrieval.query import WHEN
from bots.retrieval.text import fold, is_list_line, plain, words_of
from bots.retrieval.vocabulary import Words
from bots.retrieval.vocabulary import changed as vocabulary_changed
from integrations.models import Category, Product, Variant
from tenants.kernel import due

# Raise it when what is written below changes, with a migration like bots.0016_index_again.
FORMAT = 5
# Rows a transaction. Each packs the words of all texts anew, so they are not small.
BATCH = 2000
ARTICLES = 400
LONGEST = 700  # characters of a passage
ARTICLE, PRODUCT = "article", "product"
KIND_LEXEME = {ARTICLE: "=a", PRODUCT: "=p"}
INTERNAL_LEXEME = "=i"


# Small words are kept in names only: "Тропа Про".
_SMALL = frozenset({"PREP", "CONJ", "PRCL", "NPRO"})


@dataclass
class Draft:
    kind: str
    object_id: int
    ordinal: int
    lang: str
    title: str
    text: str
    is_internal: bool = False
    # (weight, text): A title, B properties, C text
    parts: Sequence[tuple[str, str]] = ()
    lemmas: dict[str, str] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    vector: str = ""  # as Postgres reads a tsvector

    @property
    def key(self) -> tuple[int, int, str]:
        return self.object_id, self.ordinal, self.lang

    def finish(self) -> Draft:
        lemmas, forms = self.lemmas, self.forms
        for weight, text in self.parts:
            for form in words_of(_without_origins(text) if self.kind == ARTICLE else text):
                word = analyse(form)
                if word.pos in _SMALL and weight != "A":
                    continue
                forms.setdefault(form, word.lemmas[0])
                for lemma in word.lemmas:
                    weights = lemmas.get(lemma, "")
                    if weight not in weights:
                        lemmas[lemma] = weights + weight
        self.lemmas[KIND_LEXEME[self.kind]] = "D"
        if self.is_internal:
            self.lemmas[INTERNAL_LEXEME] = "D"
        self.vector = " ".join(
            [f"'{_escaped(lemma)}':{_PLACES[weights]}" for lemma, weights in sorted(lemmas.items())]
        )
        told = f"{FORMAT}\0{self.title}\0{self.text}\0{self.is_internal}\0{self.vector}"
        self.digest = md5(told.encode(), usedforsecurity=False).hexdigest()
        return self


_ORIGIN = re.compile(r"\b(?:[Ии]з|[Ff]rom) ([A-ZА-ЯЁ][\w-]{2,})")


def _without_origins(text: str) -> str:
    """ "Отправляем из Екатеринбурга" tells where goods come from, not where they go."""
    return _ORIGIN.sub(lambda found: "" if _is_town(found[1]) else found[0], text)


def _is_town(name: str) -> bool:
    word = analyse(fold(name))
    return word.is_place or (word.pos == "LATN" and word.lemma not in WHEN)


class _Places(dict[str, str]):
    """ "AC" → "1A,2C", worked out once."""

    def __missing__(self, weights: str) -> str:
        made = ",".join(f"{at}{weight}" for at, weight in enumerate(weights, 1))
        self[weights] = made
        return made


_PLACES = _Places()


def _escaped(lexeme: str) -> str:
    return lexeme.replace("\\", "\\\\").replace("'", "''") if not lexeme.isalnum() else lexeme


# ── Articles ─────────────────────────────────────────────────────────────────────────────────
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.+?)\s*#*$|^\s*<h[1-6][^>]*>(.+?)</h[1-6]>\s*$", re.I)


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """(heading, passage) of an article: paragraphs, short ones joined, lists with their lead."""
    heading, block = "", []  # type: ignore[var-annotated]

    def flush() -> Iterator[tuple[str, str]]:
        whole = plain("\n".join(block)).strip()
        block.clear()
        if whole:
            for piece in _split(whole):
                yield heading, piece

    for line in text.replace("\r\n", "\n").split("\n"):
        if match := _HEADING.match(line):
            yield from flush()
            heading = plain(match.group(1) or match.group(2))
        else:
            block.append(line)
    yield from flush()


def _split(text: str) -> Iterator[str]:
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", text) if p.strip()]
    joined: list[str] = []
    for paragraph in paragraphs:
        is_list = is_list_line(paragraph.split("\n")[0])
        listed = joined and is_list and len(joined[-1]) + len(paragraph) < LONGEST * 1.5
        led = joined and joined[-1].endswith(":") and len(joined[-1]) < 200
        if listed or led:
            joined[-1] += "\n" + paragraph
        else:
            joined.append(paragraph)
    for paragraph in joined:
        yield from _cut(paragraph)


def _cut(paragraph: str) -> Iterator[str]:
    """At most LONGEST characters, cut between sentences or lines only."""
    from bots.retrieval.text import sentences

    if len(paragraph) <= LONGEST * 1.5:
        yield paragraph
        return
    block = ""
    for line in paragraph.split("\n"):
        for at, sentence in enumerate(sentences(line) or [line]):
            glue = "" if not block else ("\n" if at == 0 else " ")
            if block and len(block) + len(sentence) > LONGEST:
                yield block
                block, glue = "", ""
            block += glue + sentence
    if block:
        yield block


def _article_drafts(article: Article) -> Iterator[Draft]:
    if not article.is_active:
        return
    parts = list(pieces(article.text)) or [("", "")]
    for ordinal, (heading, text) in enumerate(parts[:2000]):
        yield Draft(
            ARTICLE,
            article.pk,
            ordinal,
            article.lang,
            article.title[:300],
            f"{heading}\n{text}" if heading else text,
            article.is_internal,
            [("A", f"{article.title} {heading}"), ("C", text)],
        ).finish()


def reindex_articles(ids: Iterable[int] | None = None) -> int:
    """Bring passages of these articles (or of all) up to date. Returns how many were written."""
    wanted = _wanted(ARTICLE, Article, ids)
    written, run = 0, _Run()
    for batch in _batches(wanted, ARTICLES):
        drafts: list[Draft] = []
        for article in Article.objects.filter(pk__in=batch):
            drafts += _article_drafts(article)
            run.give_way()
        written += _write(ARTICLE, batch, drafts, run)
    return written


# ── Products ─────────────────────────────────────────────────────────────────────────────────
def _product_draft(
    product: Product, variants: Sequence[Variant], categories: dict[int, str]
) -> Draft:
    params = {**(product.params or {})}
    values: dict[str, None] = {str(value): None for value in params.values()}
    codes: dict[str, None] = {product.external_id: None}
    names: dict[str, None] = {product.name: None}
    for variant in variants:
        for name, value in (variant.params or {}).items():
            params.setdefault(name, value)
            values[str(value)] = None
        codes |= dict.fromkeys((variant.external_id, variant.sku, variant.barcode))
    category = categories.get(product.category_id or 0, "")
    return Draft(
        PRODUCT,
        product.pk,
        0,
        "",
        product.name[:300],
        "",
        False,
        [
            ("A", " ".join(names)),
            ("B", " ".join([category, product.vendor, *values, *filter(None, codes)])),
            ("C", plain(product.description)),
            ("D", " ".join(map(str, params))),
        ],
    ).finish()


def reindex_products(ids: Iterable[int] | None = None) -> int:
    """Bring passages of these products (or of all) up to date. Returns how many were written."""
    wanted = _wanted(PRODUCT, Product, ids)
    parents = {c.pk: (c.name, c.parent_id) for c in Category.objects.all()}
    categories = {pk: _path(pk, parents) for pk in parents}
    written, run = 0, _Run()
    for batch in _batches(wanted, BATCH):
        variants: dict[int, list[Variant]] = defaultdict(list)
        for variant in Variant.objects.filter(product_id__in=batch, is_active=True).order_by("id"):
            variants[variant.product_id].append(variant)
        drafts = []
        for product in Product.objects.filter(pk__in=batch, is_active=True):
            drafts.append(_product_draft(product, variants[product.pk], categories))
            run.give_way()
        written += _write(PRODUCT, batch, drafts, run)
    return written


def _path(pk: int | None, parents: dict[int, tuple[str, int | None]]) -> str:
    names: list[str] = []
    while pk in parents and len(names) < 6:
        name, pk = parents[pk]
        names.append(name)
    return " ".join(names)


# ── Writing ──────────────────────────────────────────────────────────────────────────────────
def _wanted(kind: str, model: Any, ids: Iterable[int] | None) -> list[int]:
    if ids is not None:
        return sorted(set(ids))
    had = Passage.objects.filter(kind=kind).values_list("object_id", flat=True).distinct()
    return sorted({*had, *model.objects.values_list("pk", flat=True)})


def _batches(ids: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


_UPSERT = """
INSERT INTO bots_passage (kind, object_id, ordinal, lang, title, text, is_internal, digest, lemmas)
SELECT %s, t.object_id, t.ordinal, t.lang, t.title, t.text, t.is_internal, t.digest,
    t.lemmas::tsvector
FROM unnest(%s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::boolean[],
    %s::text[], %s::text[]) AS t(object_id, ordinal, lang, title, text, is_internal, digest, lemmas)
ON CONFLICT (kind, object_id, ordinal, lang) DO UPDATE SET title = EXCLUDED.title,
    text = EXCLUDED.text, is_internal = EXCLUDED.is_internal, digest = EXCLUDED.digest,
    lemmas = EXCLUDED.lemmas
"""


@dataclass
class _Run:
    """One call. The words as it wrote them last: its next batch need not unpack them again."""

    version: int = -1
    words: Words = field(default_factory=Words)
    rested_at: float = field(default_factory=time.monotonic)

    def give_way(self) -> None:
        """Now and then: turns of buyers run in this process, too."""
        worked_s = time.monotonic() - self.rested_at
        if worked_s > 0.02:
            due.give_way(worked_s)
            self.rested_at = time.monotonic()


def _write(kind: str, object_ids: list[int], drafts: list[Draft], run: _Run) -> int:
    """One batch with the words it adds and takes away, in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        KnowledgeIndex.objects.get_or_create(pk=1)
        row = KnowledgeIndex.objects.select_for_update().defer("words").get(pk=1)
        had = {
            (p[1], p[2], p[3]): (p[0], p[4])
            for p in Passage.objects.filter(kind=kind, object_id__in=object_ids).values_list(
                "pk", "object_id", "ordinal", "lang", "digest"
            )
        }
        wanted = {draft.key: draft for draft in drafts}
        changed = [d for d in drafts if had.get(d.key, (0, ""))[1] != d.digest]
        gone = [pk for key, (pk, _) in had.items() if key not in wanted]
        if not changed and not gone:
            return 0
        old = [*gone, *(had[d.key][0] for d in changed if d.key in had)]
        cursor.execute(
            "SELECT u.lexeme, count(*) FROM bots_passage p, unnest(p.lemmas) u "
            "WHERE p.id = ANY(%s) GROUP BY 1",
            (old,),
        )
        words_gone = Counter(dict(cursor.fetchall()))
        if gone:
            cursor.execute("DELETE FROM bots_passage WHERE id = ANY(%s)", (gone,))
        if changed:
            cursor.execute(_UPSERT, (kind, *_columns(changed)))
        words_come: Counter[str] = Counter()
        forms: dict[str, dict[str, None]] = defaultdict(dict)
        for draft in changed:
            words_come.update(draft.lemmas.keys())
            for form, lemma in draft.forms.items():
                if form != lemma:
                    forms[lemma][form] = None
        # Nobody else wrote in between: a version never comes again.
        words = run.words if run.version == row.version else Words.unpack(row.words)  # type: ignore[arg-type]
        words.change(kind, gone=words_gone, come=words_come, forms=forms)
        row.words = words.pack()
        row.version = _next_version(row.version)
        row.passages += len(changed) - len(old)
        row.save(update_fields=["words", "version", "passages"])
    run.version, run.words = row.version, words
    vocabulary_changed()
    return len(changed)


def _columns(drafts: list[Draft]) -> tuple[list[Any], ...]:
    return (
        [d.object_id for d in drafts],
        [d.ordinal for d in drafts],
        [d.lang for d in drafts],
        [d.title for d in drafts],
        [d.text for d in drafts],
        [d.is_internal for d in drafts],
        [d.digest for d in drafts],
        [d.vector for d in drafts],
    )


def _next_version(version: int) -> int:
    """Never seen before, even after a restore or a roll-back."""
    return max(version + 1, time.time_ns() // 1000)


def synonyms_changed() -> None:
    """A merchant edited its synonyms: processes read them again with the next question."""
    KnowledgeIndex.objects.get_or_create(pk=1)
    with transaction.atomic():
        row = KnowledgeIndex.objects.select_for_update().get(pk=1)
        row.version = _next_version(row.version)
        row.save(update_fields=["version"])
    vocabulary_changed()
