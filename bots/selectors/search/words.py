"""Words as conditions of the database, in the very words its indexes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Field, Func, Q
from django.db.models.sql.compiler import SQLCompiler
from psycopg import sql

from bots.selectors.search.asked import Asked

SLIPS = "абвгдежзийклмнопрстуфхцчшщъыьэюя", "abcdefghijklmnopqrstuvwxyz"

# What the indexes are made of; the planner knows them by these very words. {0}, {1}: the columns.
PLAIN = "'ёЁ-+/_.,:@#<>&', 'ее            '"


@dataclass(frozen=True)
class Words:
    """Words of some columns, as the index of their table has them."""

    table: str
    columns: tuple[str, ...]
    config: str
    sql: str


OF_MESSAGE = Words(
    "bots_message",
    ("text", "meta"),
    "russian",
    f"""to_tsvector('russian'::regconfig, translate({{0}} || ' '
    || jsonb_path_query_array({{1}}, '$.translation.** ? (@.type() == "string")')::text
    || jsonb_path_query_array({{1}},
        '$.cards[*].keyvalue() ? (@.key == "title" || @.key == "external_id").value')::text,
    {PLAIN}))""",
)
OF_TRANSCRIPT = Words(
    "bots_attachment",
    ("transcript",),
    "russian",
    f"to_tsvector('russian'::regconfig, translate({{0}}, {PLAIN}))",
)
OF_CONTACT = Words(
    "bots_contact",
    ("name", "username"),
    "simple",
    f"to_tsvector('simple'::regconfig, translate({{0}} || ' ' || {{1}}, {PLAIN}))",
)
OF_PERSON = Words(
    "bots_person",
    ("name",),
    "simple",
    f"to_tsvector('simple'::regconfig, translate({{0}}, {PLAIN}))",
)


def _literal(value: str) -> str:
    # Constants, not parameters: the planner has to see how common a word is.
    return sql.Literal(value).as_string(None).replace("%", "%%")


def lexeme(word: str, config: str, *, begins: bool = False) -> str:
    wanted = _literal(f"'{word}'" + (":*" if begins else ""))
    return f"to_tsquery('{config}', {wanted})"


def _word(word: str) -> str:
    if len(word) < 3:
        return lexeme(word, "simple")
    return f"({lexeme(word, 'russian')} || {lexeme(word, 'simple', begins=True)})"


def name_lexeme(word: str) -> str:
    return lexeme(word, "simple", begins=len(word) > 1)


def query_of(asked: Asked, one: Callable[[str], str] = _word) -> str:
    """The words as an SQL expression of a tsquery; empty where nothing is left to look for."""
    words = asked.words
    if one is _word:
        telling = tuple(w for w in words if not all(map(_says_nothing, w[0])))
        words = telling or words
    parts = [
        "(" + " || ".join("(" + " && ".join(map(one, reading)) + ")" for reading in word) + ")"
        for word in words
    ]
    if asked.digits and one is _word:
        if len(asked.digits) >= 10:
            return " || ".join(_numbers(asked.digits))
        return " || ".join([f"({' && '.join(parts)})", *_numbers(asked.digits)])
    return " && ".join(parts)


@lru_cache(maxsize=4096)
def _says_nothing(word: str) -> bool:
    """A word the index leaves out: "и", "the"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT numnode(to_tsquery('russian', %s)) = 0", [f"'{word}'"])
        return bool(cursor.fetchone()[0])


_CUTS = {
    10: ((3, 3, 2, 2), (3, 3, 4), (3, 7), (10,), (3, 2, 2, 3), (3, 2, 3, 2)),
    7: ((3, 2, 2), (3, 4), (7,)),
    6: ((2, 2, 2), (3, 3), (6,)),
    5: ((3, 2), (1, 2, 2), (5,)),
    4: ((2, 2), (4,)),
}


def _numbers(digits: str) -> list[str]:
    """The ways a telephone is written in a message, each as words that follow one another."""
    last = digits[-10:] if len(digits) >= 10 else digits
    found: dict[str, None] = {}
    for cut in _CUTS.get(len(last), ((len(last),),)):
        parts, at = [], 0
        for size in cut:
            parts.append(last[at : at + size])
            at += size
        heads = ("", "7", "8") if len(last) == 10 else ("",)
        for head in heads:
            text = " <-> ".join([head + parts[0], *parts[1:]])
            found[f"to_tsquery('simple', {_literal(text)})"] = None
    return list(found)


class Sql(Func):
    """SQL about columns of whatever the table is called in the query at hand."""

    def __init__(self, columns: Iterable[str], text: str, output_field: Field) -> None:
        self.text = text
        super().__init__(*columns, output_field=output_field)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[()]]:
        text = self.text
        for place, expression in enumerate(self.get_source_expressions()):
            text = text.replace(f"{{{place}}}", compiler.compile(expression)[0])
        return text, ()


def matches(words: Words, query: str) -> Sql:
    return Sql(words.columns, f"{words.sql} @@ ({query})", BooleanField())


def inside(asked: Asked, name: str) -> Q:
    found = Q()
    for word in asked.plain:
        found &= Q(**{f"{name}__icontains": word})
    return found


def has_inside() -> bool:
    """Whether the server finds parts of words fast: it has pg_trgm and our index on it."""
    if (known := cache.get("search:inside")) is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('message_inside') IS NOT NULL")
            known = bool(cursor.fetchone()[0])
        cache.set("search:inside", known, 600)
    return bool(known)


# ── One slip away ────────────────────────────────────────────────────────────────────────────
def slips(word: str) -> list[str]:
    """Words one letter away: one too many, one too few, one wrong, two that changed places."""
    letters = SLIPS[0] if any("а" <= c <= "я" for c in word) else SLIPS[1]
    found: dict[str, None] = {}
    for at in range(len(word)):
        found[word[:at] + word[at + 1 :]] = None
        if at + 1 < len(word):
            found[word[:at] + word[at + 1] + word[at] + word[at + 2 :]] = None
        for letter in letters:
            found[word[:at] + letter + word[at + 1 :]] = None
            found[word[:at] + letter + word[at:]] = None
    for letter in letters:
        found[word + letter] = None
    return list(found)


# Asked word by word: a query of hundreds of words looks to the planner as if it would find all.
_KNOWN = """
SELECT word FROM unnest(%s::text[]) AS word WHERE EXISTS (
    SELECT 1 FROM {table} WHERE {words} @@ to_tsquery('{config}', quote_literal(word)))
"""


def _known(words: Iterable[str], of: Words) -> list[str]:
    """Which of these words any text has."""
    expression = of.sql
    for place, column in enumerate(of.columns):
        expression = expression.replace(f"{{{place}}}", column)
    statement = _KNOWN.format(table=of.table, words=expression, config=of.config)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(statement, [list(words)])
        return [row[0] for row in cursor.fetchall()]


def slipped_query(asked: Asked, of: Words) -> str:
    """The query with words that are one slip away; empty where there are none."""
    from bots.retrieval.vocabulary import vocabulary

    parts, is_any = [], False
    for word in asked.plain[:4]:
        near = [word]
        if len(word) >= 4 and word.isalpha():
            near = _known(dict.fromkeys([word, *slips(word), *vocabulary().correct(word)]), of)
            is_any = is_any or bool(set(near) - {word})
            if not near:
                return ""
        parts.append("(" + " || ".join(lexeme(one, of.config) for one in near) + ")")
    return " && ".join(parts) if is_any else ""
