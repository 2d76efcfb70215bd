"""The conditions of rules and answer times: one vocabulary, asked of one conversation.

A condition is `{"field", "op", "value"}`; all of a list have to hold, any of several values will
do. What a field needs is read when it is first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import Conversation, Identity, Rule, Team
from bots.selectors.calendars import times_of
from bots.selectors.people import orders_proven
from bots.selectors.segments import in_segments

ROWS_AT_MOST, VALUES_AT_MOST = 12, 50
PATTERN_AT_MOST, TEXT_READ, PATTERN_MS = 200, 2_000, 200

OPS = {
    "is": gettext_lazy("is one of"),
    "is_not": gettext_lazy("is none of"),
    "has": gettext_lazy("has one of"),
    "has_not": gettext_lazy("has none of"),
    "matches": gettext_lazy("matches the expression"),
    "at_least": gettext_lazy("is at least"),
}


class TooSlow(Exception):
    """A regular expression that does not come to an end in time, or cannot be read."""


@dataclass
class Case:
    """One conversation at one moment, with the message it is about."""

    conversation: Conversation
    text: str = ""
    at: datetime | None = None

    @cached_property
    def moment(self) -> datetime:
        return self.at or timezone.now()

    @cached_property
    def team(self) -> Team | None:
        if self.conversation.team_id is not None:
            return self.conversation.team
        return Team.objects.filter(is_default=True).first()

    @cached_property
    def is_open(self) -> bool:
        return times_of(self.team.calendar_id if self.team else None).is_open(self.moment)

    @cached_property
    def order_status(self) -> str:
        """Of the buyer's newest order, where it is known to be theirs."""
        identities = self.conversation.contact.identities.all()
        found = orders_proven(identities, proofs=(*Identity.PROVEN, "order"), limit=1)
        return found[0].status if found else ""

    def contact_value(self, key: str) -> list[str]:
        contact = self.conversation.contact
        if key in ("name", "username", "language"):
            return [getattr(contact, key)]
        if key in ("phone", "email", "customer"):
            return [i.value for i in contact.identities.all() if i.kind == key]
        value = (contact.data or {}).get(key)
        return [str(value)] if isinstance(value, str | int | float | bool) else []

    @property
    def tags(self) -> list[str]:
        tags = (self.conversation.contact.data or {}).get("tags")
        return [str(tag) for tag in tags] if isinstance(tags, list) else []


Check = Callable[[Case, str, Any], bool]


@dataclass(frozen=True)
class Field:
    title: Any
    ops: tuple[str, ...]
    # How a value is written: ids, words, one (a single choice), number, pair ("key=value").
    kind: str
    check: Check
    choices: tuple[tuple[str, Any], ...] = ()


def _in(read: Callable[[Case], Any]) -> Check:
    def check(case: Case, op: str, value: Any) -> bool:
        return (read(case) in value) == (op == "is")

    return check


def _any(read: Callable[[Case], Iterable[str]]) -> Check:
    def check(case: Case, op: str, value: Any) -> bool:
        return bool(set(read(case)) & set(value)) == (op == "has")

    return check


def _text(case: Case, op: str, value: Any) -> bool:
    text = case.text[:TEXT_READ]
    if op == "matches":
        return pattern_matches(str(value), text)
    return any(_begins(word, text) for word in value) == (op == "has")


def fold(text: str) -> str:
    return text.casefold().replace("ё", "е")


def _begins(word: str, text: str) -> bool:
    """A word of the text begins so: “возврат” is in “о возврате”."""
    return re.search(rf"(?<!\w){re.escape(fold(word))}", fold(text)) is not None


def pattern_matches(pattern: str, text: str) -> bool:
    """By the database, which has no back-tracking to run away and ends it after PATTERN_MS.

    Raises TooSlow, also for what is no expression.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = cursor.fetchone()[0]
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", (f"{PATTERN_MS}ms",))
            cursor.execute("SELECT %s ~* %s", (text, pattern))
            found = cursor.fetchone()[0]
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", (before,))
    except (DataError, OperationalError) as exc:
        raise TooSlow(str(exc).splitlines()[0][:200]) from exc
    return bool(found)


def _contact(case: Case, op: str, value: Any) -> bool:
    key, _equals, wanted = str(value).partition("=")
    found = [fold(one) for one in case.contact_value(key.strip()) if one]
    holds = fold(wanted.strip()) in found if wanted.strip() else bool(found)
    return holds == (op == "is")


def _priority(case: Case, op: str, value: Any) -> bool:
    mine = case.conversation.priority
    return mine >= int(value) if op == "at_least" else mine == int(value)


def _segment(case: Case, op: str, value: Any) -> bool:
    return in_segments(value, case.conversation.contact_id) == (op == "is")


_SPEAKERS = tuple((value, label) for value, label in Conversation.Speaker.choices)
_HOURS = (("open", gettext_lazy("people work")), ("closed", gettext_lazy("people are away")))
FIELDS: dict[str, Field] = {
    "text": Field(gettext_lazy("text of the message"), ("has", "has_not", "matches"), "words",
                  _text),
    "channel": Field(gettext_lazy("channel"), ("is", "is_not"), "ids",
                     _in(lambda case: case.conversation.channel_id)),
    "channel_kind": Field(gettext_lazy("kind of channel"), ("is", "is_not"), "words",
                          _in(lambda case: case.conversation.channel.kind)),
    "team": Field(gettext_lazy("team"), ("is", "is_not"), "ids",
                  _in(lambda case: case.team.pk if case.team else None)),
    "speaker": Field(gettext_lazy("who answers"), ("is", "is_not"), "words",
                     _in(lambda case: case.conversation.speaker), _SPEAKERS),
    "label": Field(gettext_lazy("labels"), ("has", "has_not"), "words",
                   _any(lambda case: case.conversation.labels or [])),
    "language": Field(gettext_lazy("language"), ("is", "is_not"), "words",
                      _in(lambda case: case.conversation.language)),
    "priority": Field(gettext_lazy("priority"), ("is", "at_least"), "number", _priority,
                      tuple((str(v), label) for v, label in Conversation.Priority.choices)),
    "hours": Field(gettext_lazy("working time"), ("is",), "one",
                   lambda case, op, value: case.is_open == (value == "open"), _HOURS),
    "contact": Field(gettext_lazy("buyer's field"), ("is", "is_not"), "pair", _contact),
    "tag": Field(gettext_lazy("buyer's tags"), ("has", "has_not"), "words",
                 _any(lambda case: case.tags)),
    "segment": Field(gettext_lazy("segment of buyers"), ("is", "is_not"), "ids", _segment),
    "order_status": Field(gettext_lazy("status of the last order"), ("is", "is_not"), "words",
                          _in(lambda case: case.order_status)),
}  # fmt: skip
# What an answer time may depend on: what stays true while the buyer waits.
LASTING = ("team", "channel", "channel_kind", "priority", "label", "language", "tag")


def rows_of(when: Any) -> list[Mapping[str, Any]]:
    """Conditions as they were kept; what is none is passed over."""
    if not isinstance(when, list):
        return []
    return [row for row in when if isinstance(row, dict) and row.get("field") in FIELDS]


def holds(when: Any, case: Case) -> bool:
    """Whether all conditions do. Raises TooSlow."""
    return all(
        FIELDS[row["field"]].check(case, str(row.get("op", "")), row.get("value"))
        for row in rows_of(when)
    )


def conditions_checked(
    rows: Sequence[Mapping[str, Any]], *, only: Iterable[str] = FIELDS
) -> list[dict[str, Any]]:
    """As they are kept. Raises ValidationError naming the row."""
    if len(rows) > ROWS_AT_MOST:
        raise ValidationError(_("At most %s conditions.") % ROWS_AT_MOST)
    return [_checked(row, number, set(only)) for number, row in enumerate(rows, 1)]


def _checked(row: Mapping[str, Any], number: int, only: set[str]) -> dict[str, Any]:
    def refuse(text: Any) -> ValidationError:
        return ValidationError(_("Condition %(n)s: %(text)s") % {"n": number, "text": text})

    if not isinstance(row, Mapping):
        raise refuse(_("this is no condition."))
    name, op, value = str(row.get("field")), str(row.get("op")), row.get("value")
    if name not in only or name not in FIELDS:
        raise refuse(_("choose what it is about."))
    field = FIELDS[name]
    if op not in field.ops:
        raise refuse(_("choose how it is compared."))
    try:
        kept = _value(field, op, value)
    except (TypeError, ValueError):
        raise refuse(_("there is no such choice.")) from None
    if kept in ("", []):
        raise refuse(_("say with what it is compared."))
    if op == "matches":
        if len(kept) > PATTERN_AT_MOST:
            raise refuse(_("at most %s characters.") % PATTERN_AT_MOST)
        try:
            pattern_matches(kept, "")
        except TooSlow as exc:
            raise refuse(str(exc)) from exc
    return {"field": name, "op": op, "value": kept}


def _value(field: Field, op: str, value: Any) -> Any:
    known = {key for key, _title in field.choices}
    if op == "matches" or field.kind in ("pair", "one"):
        text = str(value or "").strip()[:1_000]
        if known and text not in known:
            raise ValueError
        return text
    if field.kind == "number":
        if str(value) not in known:
            raise ValueError
        return int(value)
    given = value if isinstance(value, list | tuple) else str(value or "").split(",")
    if field.kind == "ids":
        return [int(one) for one in given if str(one).strip()][:VALUES_AT_MOST]
    words = [str(one).strip()[:80] for one in given if str(one).strip()][:VALUES_AT_MOST]
    if known and not known.issuperset(words):
        raise ValueError
    return words


def in_words(row: Mapping[str, Any]) -> str:
    """A condition as people read it."""
    field = FIELDS.get(str(row.get("field")))
    if field is None:
        return "–"
    value, titles = row.get("value"), dict(field.choices)
    many = value if isinstance(value, list) else [value]
    shown = ", ".join(str(titles.get(str(one), one)) for one in many)
    return f"{field.title} {OPS.get(str(row.get('op')), '')} {shown}"


def thanks_stay_closed(conversation: Conversation, text: str) -> bool:
    """Whether the built-in rule keeps a closed conversation closed."""
    rule = Rule.objects.filter(builtin="thanks").first()
    if rule is None:
        return True
    return rule.is_on and holds(rule.when, Case(conversation, text))
