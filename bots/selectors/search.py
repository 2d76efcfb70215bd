"""One search: messages and what was said in voice notes, contacts, orders. All by the policy.

The words of a message are in an expression index that its own insert keeps (bots migration 0010):
no statement is added, nothing runs behind. A word that every second message has cannot make a
search slow: messages are looked through from the newest back in windows that grow, and a window
that fills the page is the last. What is not reached within BUDGET_S is told (`next`), not waited
for.

Each word is looked for as it is, in other forms of it, as a beginning, as typed in the other
layout and as Russian in Latin letters. Where that finds nothing, parts of words (where the server
has pg_trgm) and then words one slip away are looked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import BooleanField, Field, Func, Max, Q, QuerySet, TextField
from psycopg import sql

from bots.models import Attachment, Contact, Conversation, Identity, Message, Person
from bots.retrieval.repair import plain_reading, russian_readings, to_latin_keys, to_russian_keys
from bots.retrieval.text import fold
from bots.selectors.policy import Sight, sight_of
from bots.selectors.rows import row_of, rows_ready
from bots.selectors.whispers import heard_by
from integrations.models import Order
from tenants.workspace.models import User

PAGE = 20
HITS_A_CONVERSATION = 3
CONTACTS_SHOWN = 10
ORDERS_SHOWN = 5
NAMED_AT_MOST = 500
WORDS_AT_MOST = 8
BUDGET_S = 0.3
# How many of the newest messages are looked through first, and then.
WINDOWS = (20_000, 100_000, 500_000)
SNIPPET = 160
SLIPS = "абвгдежзийклмнопрстуфхцчшщъыьэюя", "abcdefghijklmnopqrstuvwxyz"

# What the indexes are made of; the planner knows them by these very words. {0}, {1}: the columns.
_PLAIN = "'ёЁ-+/_.,:@#<>&', 'ее            '"


@dataclass(frozen=True)
class _Words:
    """Words of some columns, as the index of their table has them."""

    table: str
    columns: tuple[str, ...]
    config: str
    sql: str


OF_MESSAGE = _Words(
    "bots_message",
    ("text", "meta"),
    "russian",
    f"""to_tsvector('russian'::regconfig, translate({{0}} || ' '
    || jsonb_path_query_array({{1}}, '$.translation.** ? (@.type() == "string")')::text
    || jsonb_path_query_array({{1}},
        '$.cards[*].keyvalue() ? (@.key == "title" || @.key == "external_id").value')::text,
    {_PLAIN}))""",
)
OF_TRANSCRIPT = _Words(
    "bots_attachment",
    ("transcript",),
    "russian",
    f"to_tsvector('russian'::regconfig, translate({{0}}, {_PLAIN}))",
)
OF_CONTACT = _Words(
    "bots_contact",
    ("name", "username"),
    "simple",
    f"to_tsvector('simple'::regconfig, translate({{0}} || ' ' || {{1}}, {_PLAIN}))",
)
OF_PERSON = _Words(
    "bots_person",
    ("name",),
    "simple",
    f"to_tsvector('simple'::regconfig, translate({{0}}, {_PLAIN}))",
)
_OPEN, _CLOSE = "\ue000", "\ue001"


# ── What is asked ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Narrow:
    """What the search is narrowed to; empty is everything."""

    channel: int | None = None
    team: int | None = None
    agent: int | None = None
    label: str = ""
    status: str = ""
    author: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def of_conversation(self, prefix: str = "") -> Q:
        found = Q()
        for name, value in (
            ("channel", self.channel),
            ("team", self.team),
            ("agent", self.agent),
            ("status", self.status),
            ("labels__contains", [self.label] if self.label else None),
        ):
            if value:
                found &= Q(**{f"{prefix}{name}": value})
        return found

    def of_message(self, prefix: str = "") -> Q:
        found = self.of_conversation(f"{prefix}conversation__")
        if self.author:
            found &= Q(**{f"{prefix}author": self.author})
        if self.since:
            found &= Q(**{f"{prefix}sent_at__gte": self.since})
        if self.until:
            found &= Q(**{f"{prefix}sent_at__lt": self.until})
        return found

    @property
    def is_of_messages(self) -> bool:
        return bool(self.author or self.since or self.until)


Reading = tuple[str, ...]  # words that stand one after another


@dataclass(frozen=True)
class Asked:
    """A query as read. `words`: for each, the readings any of which will do."""

    text: str
    words: tuple[tuple[Reading, ...], ...] = ()
    digits: str = ""  # of a telephone or another number, where it is nothing else
    plain: tuple[str, ...] = field(default=())  # as typed, folded

    @property
    def is_empty(self) -> bool:
        return not self.words and not self.digits


_NUMBER = re.compile(r"[#№\s]*[+\d][\d\s().\-–—\u00a0]{2,}")
_RUN = re.compile(r"[^\W_]+")


def read(text: str) -> Asked:
    text = " ".join(text.replace("\x00", " ").split())[:200]
    digits = "".join(c for c in text if c.isdigit() and c.isascii())
    if not (_NUMBER.fullmatch(text) and len(digits) >= 4):
        digits = ""
    chunks = text.split()[:WORDS_AT_MOST]
    words = [readings for chunk in chunks if (readings := _readings(chunk))]
    plain = tuple(word for chunk in chunks for word in _runs(chunk))
    return Asked(text, tuple(words), digits, plain)


def _runs(text: str) -> Reading:
    return tuple(_RUN.findall(fold(text)))


def _readings(chunk: str) -> tuple[Reading, ...]:
    found = {_runs(chunk): None}
    letters = "".join(c for c in chunk if c.isalpha()).lower()
    if len(letters) >= 3:
        if letters.isascii():
            keyed = _runs(to_russian_keys(chunk))
            if keyed and not any(c.isascii() and c.isalpha() for w in keyed for c in w):
                found[keyed] = None
            for reading in russian_readings(letters)[:2]:
                found[_runs(reading)] = None
        elif all("а" <= c <= "я" or c == "ё" for c in letters):
            found[_runs(to_latin_keys(chunk))] = None
    return tuple(reading for reading in found if reading)


# ── As conditions ────────────────────────────────────────────────────────────────────────────
def _literal(value: str) -> str:
    # Constants, not parameters: the planner has to see how common a word is.
    return sql.Literal(value).as_string(None).replace("%", "%%")


def _lexeme(word: str, config: str, *, begins: bool = False) -> str:
    wanted = _literal(f"'{word}'" + (":*" if begins else ""))
    return f"to_tsquery('{config}', {wanted})"


def _word(word: str) -> str:
    if len(word) < 3:
        return _lexeme(word, "simple")
    return f"({_lexeme(word, 'russian')} || {_lexeme(word, 'simple', begins=True)})"


def _name(word: str) -> str:
    return _lexeme(word, "simple", begins=len(word) > 1)


def _query(asked: Asked, one: Callable[[str], str] = _word) -> str:
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


class _Sql(Func):
    """SQL about columns of whatever the table is called in the query at hand."""

    def __init__(self, columns: Iterable[str], text: str, output_field: Field) -> None:
        self.text = text
        super().__init__(*columns, output_field=output_field)

    def as_sql(self, compiler: Any, connection: Any, **_more: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        text = self.text
        for place, expression in enumerate(self.get_source_expressions()):
            text = text.replace(f"{{{place}}}", compiler.compile(expression)[0])
        return text, []


def _matches(words: _Words, query: str) -> _Sql:
    return _Sql(words.columns, f"{words.sql} @@ ({query})", BooleanField())


def _inside(asked: Asked, name: str) -> Q:
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


def _known(words: Iterable[str], of: _Words) -> list[str]:
    """Which of these words any text has."""
    expression = of.sql
    for place, column in enumerate(of.columns):
        expression = expression.replace(f"{{{place}}}", column)
    statement = _KNOWN.format(table=of.table, words=expression, config=of.config)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(statement, [list(words)])
        return [row[0] for row in cursor.fetchall()]


def _slipped(asked: Asked, of: _Words) -> str:
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
        parts.append("(" + " || ".join(_lexeme(one, of.config) for one in near) + ")")
    return " && ".join(parts) if is_any else ""


# ── Messages ─────────────────────────────────────────────────────────────────────────────────
@dataclass
class _Found:
    """Newest matches by conversation, in the order of their newest."""

    hits: dict[int, list[int]] = field(default_factory=dict)
    upto: int = 0  # the next page looks below this message; 0: there is no more


@dataclass(frozen=True)
class _Way:
    """How messages are matched: `condition` on messages, `spoken` on transcripts."""

    how: str
    condition: Any
    spoken: Any
    query: str = ""


def _ways(asked: Asked) -> Iterable[_Way]:
    query = _query(asked)
    if query:
        yield _Way("words", _matches(OF_MESSAGE, query), _matches(OF_TRANSCRIPT, query), query)
    if asked.plain and min(map(len, asked.plain)) >= 3 and has_inside():
        yield _Way("inside", _inside(asked, "text"), _inside(asked, "transcript"))
    if near := _slipped(asked, OF_MESSAGE):
        yield _Way("slips", _matches(OF_MESSAGE, near), _matches(OF_TRANSCRIPT, near), near)


def _messages(
    sight: Sight, way: _Way, narrow: Narrow, below: int, limit: int, until: float
) -> _Found:
    """Look from the newest message back, window by window."""
    top = below or (Message.objects.aggregate(top=Max("pk"))["top"] or 0) + 1
    base = (
        Message.objects.filter(
            sight.where("conversation__"), narrow.of_message(), deleted_at__isnull=True
        )
        .exclude(kind=Message.Kind.SYSTEM)
        .filter(way.condition)
        .filter(heard_by(sight.user))
    )
    spoken = list(
        Attachment.objects.exclude(transcript="")
        .filter(
            sight.where("message__conversation__"), narrow.of_message("message__"),
            message__lt=top, message__deleted_at__isnull=True,
        )
        .filter(way.spoken)
        .order_by("-message")
        .values_list("message_id", "message__conversation_id")[: limit * 3]
    )  # fmt: skip
    found, upper = _Found(), top
    before = _Before(way, below)
    enough = limit * HITS_A_CONVERSATION * 2
    for size in (*WINDOWS, 0):
        lower = max(top - size, 0) if size else 0
        while upper > lower:
            rows = list(
                base.filter(pk__lt=upper, pk__gte=lower)
                .order_by("-pk")
                .values_list("pk", "conversation_id")[:enough]
            )
            reached = rows[-1][0] if len(rows) == enough else lower
            rows = sorted(
                {*rows, *(one for one in spoken if reached <= one[0] < upper)}, reverse=True
            )
            before.look({talk for _pk, talk in rows} - found.hits.keys())
            for pk, talk in rows:
                if talk in before.shown:
                    continue
                if talk not in found.hits and len(found.hits) == limit:
                    found.upto = pk + 1
                    return found
                found.hits.setdefault(talk, []).append(pk)
            upper = reached
            if time.perf_counter() > until and upper > 0:
                found.upto = upper
                return found
    return found


class _Before:
    """Conversations that an earlier page has shown: they have a match that is newer."""

    def __init__(self, way: _Way, below: int) -> None:
        self.way, self.below, self.shown = way, below, set[int]()

    def look(self, talks: set[int]) -> None:
        if self.below and talks:
            self.shown |= set(
                Message.objects.filter(conversation__in=talks, pk__gte=self.below)
                .filter(self.way.condition)
                .values_list("conversation_id", flat=True)
            )


# ── Contacts and orders ──────────────────────────────────────────────────────────────────────
def contacts_like(asked: Asked, *, slipped: bool = False) -> list[QuerySet[Contact]]:
    """Contacts whose name, user name, e-mail or telephone fits: one query each way, by an index."""
    names = _slipped(asked, OF_CONTACT) if slipped else _query(_with_sounds(asked), _name)
    ways = []
    if names:
        # Asked first and apart: few cards have a name of their own, which the planner cannot know.
        named = _Sql(("name",), f"{{0}} <> '' AND {OF_PERSON.sql} @@ ({names})", BooleanField())
        people = list(Person.objects.filter(named).values_list("pk", flat=True)[:NAMED_AT_MOST])
        ways = [
            Contact.objects.filter(_matches(OF_CONTACT, names)),
            *([Contact.objects.filter(Q(person__in=people))] if people else []),
        ]
    if slipped:
        return ways
    if asked.digits:
        ways.append(Contact.objects.filter(pk__in=_identified(asked.digits).values("contact")))
    elif len(asked.text) >= 3 and asked.text.isascii() and " " not in asked.text:
        mails = Identity.objects.filter(value__startswith=asked.text.lower()).values("contact")
        ways.append(Contact.objects.filter(pk__in=mails))
    return ways


def _identified(digits: str) -> QuerySet[Identity]:
    """By a whole number in any spelling, by a part of it, or by its last four digits."""
    if len(digits) >= 10:
        last = digits[-10:]
        return Identity.objects.filter(value__in=(f"+7{last}", f"+{digits}", digits, last))
    is_part = {"value__contains": digits} if len(digits) > 4 else {"value__endswith": digits}
    return Identity.objects.filter(kind=Identity.Kind.PHONE, **is_part)


def _with_sounds(asked: Asked) -> Asked:
    """Names are typed in either alphabet: "anna" is "анна"."""
    words = []
    for readings in asked.words:
        first = readings[0]
        if all(word.isascii() and word.isalpha() and len(word) > 2 for word in first):
            readings = (*readings, tuple(plain_reading(word) for word in first))
        words.append(tuple(dict.fromkeys(r for r in readings if all(r))))
    return Asked(asked.text, tuple(words), asked.digits, asked.plain)


def _talks_with(
    sight: Sight, asked: Asked, narrow: Narrow, limit: int, *, slipped: bool
) -> list[int]:
    """Conversations with contacts that fit, the newest first."""
    found: dict[int, datetime] = {}
    for contacts in contacts_like(asked, slipped=slipped):
        found.update(
            Conversation.objects.filter(
                sight.where(), narrow.of_conversation(), contact__in=contacts.values("pk")
            )
            .order_by("-updated_at", "-pk")
            .values_list("pk", "updated_at")[:limit]
        )
    return sorted(found, key=lambda pk: (found[pk], pk), reverse=True)[:limit]


def _contacts(sight: Sight, asked: Asked, narrow: Narrow, *, slipped: bool) -> list[dict[str, Any]]:
    talks = _talks_with(sight, asked, narrow, CONTACTS_SHOWN, slipped=slipped)
    rows = (
        Conversation.objects.filter(pk__in=talks)
        .select_related("contact__person", "channel")
        .prefetch_related("contact__identities")
        .order_by("-updated_at", "-pk")
    )
    return [
        {
            "contact": row.contact_id,
            "person": (row.contact.person.merged_into_id or row.contact.person_id)
            if row.contact.person
            else None,
            "name": row.contact.name or (row.contact.person.name if row.contact.person else ""),
            "username": row.contact.username,
            "identities": [
                {"kind": i.kind, "value": i.value, "proof": i.proof}
                for i in row.contact.identities.all()
            ],
            "channel": {
                "id": row.channel_id,
                "kind": row.channel.kind,
                "name": row.channel.name,
            },
            "jump": {"conversation": row.pk, "seq": row.last_seq},
            "marks": _marks_of_name(row.contact.name, asked),
        }
        for row in rows
    ]


def _marks_of_name(name: str, asked: Asked) -> list[tuple[int, int]]:
    folded = fold(name)
    if len(folded) != len(name):
        return []
    begun = [word for readings in _with_sounds(asked).words for r in readings for word in r]
    found = [
        (m.start(), m.start() + max(len(b) for b in begun if m.group().startswith(b)))
        for m in _RUN.finditer(folded)
        if any(m.group().startswith(b) for b in begun)
    ]
    return _utf16(name, found)


def _orders(user: User, sight: Sight, asked: Asked) -> list[dict[str, Any]]:
    """By number from its beginning, by the buyer's telephone or e-mail.

    An order leads to a conversation only where the buyer's identity is proven.
    """
    if sight.nothing or not user.has_perm("integrations.view_order"):
        return []
    number = asked.text.lstrip("#№ ")
    if not any(map(str.isdigit, number)) and "@" not in number:
        return []
    found = Q(number__in=(number, number.upper()))
    if len(number) >= 3:
        found |= Q(number__startswith=number) | Q(number__startswith=number.upper())
    if asked.digits:
        last = asked.digits[-10:] if len(asked.digits) >= 10 else asked.digits
        found |= Q(phone=f"+7{last}") if len(last) == 10 else Q(phone__endswith=last)
    elif "@" in asked.text:
        found |= Q(email=asked.text.lower())
    orders = list(Order.objects.filter(found).order_by("-placed_at")[:ORDERS_SHOWN])
    talks = _talks_of(sight, orders)
    return [
        {
            "id": one.pk,
            "number": one.number,
            "status": one.status,
            "sum": str(one.sum),
            "currency": one.currency,
            "name": one.name,
            "placed_at": one.placed_at,
            "jump": talks.get(one.phone) or talks.get(one.email),
        }
        for one in orders
    ]


def _talks_of(sight: Sight, orders: Sequence[Order]) -> dict[str, dict[str, int]]:
    values = {value for one in orders for value in (one.phone, one.email) if value}
    if not values:
        return {}
    rows = (
        Identity.objects.filter(value__in=values, proof__in=Identity.PROVEN)
        .filter(sight.where("contact__conversation__"))
        .filter(contact__conversation__isnull=False)
        .order_by("contact__conversation__updated_at")
        .values_list("value", "contact__conversation", "contact__conversation__last_seq")
    )
    return {value: {"conversation": pk, "seq": seq} for value, pk, seq in rows}


# ── All of it ────────────────────────────────────────────────────────────────────────────────
def search(
    user: User, text: str, narrow: Narrow = Narrow(), *, cursor: str = "", limit: int = PAGE
) -> dict[str, Any]:
    """`{"how", "conversations", "contacts", "orders", "next"}`: newest first.

    `how`: words | inside | slips, what found them. Contacts and orders come with the first page.
    `marks` are places in `text`, in UTF-16 units as browsers count. `next`: a place to go on from,
    empty where everything was looked through.
    """
    asked, sight = read(text), sight_of(user)
    answer: dict[str, Any] = {
        "how": "words", "conversations": [], "contacts": [], "orders": [], "next": "",
    }  # fmt: skip
    if asked.is_empty or sight.nothing:
        return answer
    how, below = _read_cursor(cursor)
    is_first = not below
    with_people = is_first and not narrow.is_of_messages
    if with_people:
        answer["contacts"] = _contacts(sight, asked, narrow, slipped=False)
        answer["orders"] = _orders(user, sight, asked)
    found, way = _Found(), None
    until = time.perf_counter() + BUDGET_S
    for way in _ways(asked):
        if how and way.how != how:
            continue
        found = _messages(sight, way, narrow, below, limit, until)
        if found.hits or found.upto or how:
            break
        if answer["contacts"] or answer["orders"]:
            break
    if with_people and not (found.hits or answer["contacts"] or answer["orders"]):
        answer["contacts"] = _contacts(sight, asked, narrow, slipped=True)
        if answer["contacts"]:
            answer["how"] = "slips"
    if way is not None and found.hits:
        answer["how"] = way.how
    if way is not None and found.upto:
        answer["next"] = _cursor(way.how, found.upto)
    if found.hits and way is not None:
        rows = rows_ready(Conversation.objects.filter(pk__in=found.hits), user)
        by_pk = {row.pk: row_of(row) for row in rows}
        shown = {
            pk
            for pks in found.hits.values()
            for pk in pks[:HITS_A_CONVERSATION]
        }  # fmt: skip
        texts = _snippets(shown, way, asked)
        answer["conversations"] = [
            {
                "row": by_pk[talk],
                "hits": [texts[pk] for pk in pks[:HITS_A_CONVERSATION] if pk in texts],
                "more": len(pks) > HITS_A_CONVERSATION,
            }
            for talk, pks in found.hits.items()
            if talk in by_pk
        ]
    return answer


def conversation_ids(sight: Sight, text: str, limit: int = 300) -> list[int]:
    """The newest conversations a text is found in, by what is said or by whom."""
    asked = read(text)
    if asked.is_empty or sight.nothing:
        return []
    found = _talks_with(sight, asked, Narrow(), limit, slipped=False)
    until = time.perf_counter() + BUDGET_S
    for way in _ways(asked):
        hits = _messages(sight, way, Narrow(), 0, limit, until).hits
        if hits or found:
            return list(dict.fromkeys([*found, *hits]))
    return _talks_with(sight, asked, Narrow(), limit, slipped=True)


# ── Snippets ─────────────────────────────────────────────────────────────────────────────────
def _snippets(pks: Iterable[int], way: _Way, asked: Asked) -> dict[int, dict[str, Any]]:
    rows = Message.objects.filter(pk__in=pks).select_related("user").prefetch_related("attachments")
    if way.query:
        options = f"HighlightAll=true, StartSel={_OPEN}, StopSel={_CLOSE}"
        rows = rows.annotate(
            marked=_Sql(
                ("text",),
                f"ts_headline('russian', translate({{0}}, {_PLAIN}), ({way.query}), '{options}')",
                TextField(),
            )
        )
    found = {}
    for row in rows:
        text, marks = row.text, _places(row, way, asked)
        if not marks:
            for one in row.attachments.all():
                if one.transcript:
                    text, marks = one.transcript, _plain_places(one.transcript, asked)
                    break
        shown, marks = _cut(text, marks)
        found[row.pk] = {
            "message": row.pk,
            "jump": {"conversation": row.conversation_id, "seq": row.seq},
            "author": row.author,
            "kind": row.kind,
            "name": str(row.user) if row.user else "",
            "at": row.sent_at,
            "text": shown,
            "marks": _utf16(shown, marks),
        }
    return found


def _places(row: Any, way: _Way, asked: Asked) -> list[tuple[int, int]]:
    if not way.query:
        return _plain_places(row.text, asked)
    found, at, start = [], 0, 0
    for c in row.marked:
        if c == _OPEN:
            start = at
        elif c == _CLOSE:
            found.append((start, at))
        else:
            at += 1
    return found if at == len(row.text) else _plain_places(row.text, asked)


def _plain_places(text: str, asked: Asked) -> list[tuple[int, int]]:
    folded = fold(text)
    if len(folded) != len(text):
        return []
    words = {w for readings in asked.words for r in readings for w in r if len(w) > 2}
    found = {(m.start(), m.end()) for word in words for m in re.finditer(re.escape(word), folded)}
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cut(text: str, marks: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The part of a text around its first mark, at borders of words."""
    if len(text) <= SNIPPET:
        return text, marks
    first = marks[0][0] if marks else 0
    start = max(0, first - SNIPPET // 3)
    if start:
        gap = text.find(" ", start, first)
        start = gap + 1 if gap >= 0 else start
    end = min(len(text), start + SNIPPET)
    head, tail = "…" if start else "", "…" if end < len(text) else ""
    shift = len(head) - start
    kept = [(a + shift, min(b, end) + shift) for a, b in marks if start <= a < end]
    return head + text[start:end] + tail, kept


def _utf16(text: str, marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if text.isascii() or max(text, default="") < "\U00010000":
        return marks
    units = [0]
    for c in text:
        units.append(units[-1] + (2 if c > "\uffff" else 1))
    return [(units[a], units[b]) for a, b in marks]


def _cursor(how: str, below: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([how, below]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[str, int]:
    try:
        how, below = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, binascii.Error):
        return "", 0
    if how not in ("words", "inside", "slips") or not isinstance(below, int) or below < 1:
        return "", 0
    return how, min(below, 2**62)
