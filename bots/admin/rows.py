"""Rows of conditions and actions in a form: written in words, kept as data, shown again as typed.

A value is text with commas: names of channels, teams, people, labels or templates, or the titles of
fixed choices. What is no known name goes on as it is, and the service says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import Channel, Conversation, Label, Segment, Team, Template
from bots.selectors.conditions import FIELDS, OPS
from integrations.models import Order
from tenants.workspace.models import User

BLANK = 3
# Action → (title, what its value is, the parameter the value goes to, the parameter of the text).
ACTS: dict[str, tuple[Any, str, str, str]] = {
    "label": (gettext_lazy("put labels on"), "labels", "labels", ""),
    "unlabel": (gettext_lazy("take labels off"), "labels", "labels", ""),
    "priority": (gettext_lazy("set the priority"), "priority", "priority", ""),
    "assign": (gettext_lazy("give to a person"), "people", "agent", ""),
    "to_queue": (gettext_lazy("hand to the queue (team)"), "teams", "team", ""),
    "return_to_bot": (gettext_lazy("return to the bot"), "", "", "instruction"),
    "note": (gettext_lazy("write a note"), "", "", "text"),
    "notify": (gettext_lazy("notify"), "notified", "to", "text"),
    "send_template": (gettext_lazy("send a template"), "templates", "template", ""),
    "send_elsewhere": (
        gettext_lazy("send a template where the buyer can be written to"),
        "templates",
        "template",
        "kinds",
    ),
    "snooze": (gettext_lazy("snooze, working minutes"), "", "minutes", ""),
    "resolve": (gettext_lazy("close"), "", "", ""),
    "follow": (gettext_lazy("add a follower"), "people", "agent", ""),
    "tag": (gettext_lazy("tag the buyer"), "", "tags", ""),
    "untag": (gettext_lazy("untag the buyer"), "", "tags", ""),
}
# Their text may be left empty.
_FREE = ("return_to_bot", "send_elsewhere")
_ONE = {"people", "teams", "templates", "priority", "notified"}
_NOTIFIED = (
    ("holder", gettext_lazy("whoever holds it")),
    ("leads", gettext_lazy("leads of the team")),
    ("team", gettext_lazy("the whole team")),
)


@dataclass
class Row:
    """What stands in the inputs of one row."""

    name: str = ""  # field or act
    op: str = ""
    value: str = ""
    text: str = ""


class Names:
    """Names of the merchant's things, read once a page."""

    @cached_property
    def lists(self) -> dict[str, list[tuple[Any, str]]]:
        return {
            "channel": [(c.pk, c.name) for c in Channel.objects.all()[:200]],
            "team": [(t.pk, str(t)) for t in Team.objects.all()[:200]],
            "segment": [(s.pk, s.name) for s in Segment.objects.all()],
            "label": [(one, one) for one in Label.objects.values_list("name", flat=True)[:200]],
            "template": [(t.pk, t.name) for t in Template.objects.filter(is_active=True)[:300]],
            "person": [(u.pk, str(u)) for u in User.objects.filter(is_active=True)[:300]],
            "priority": [(v, str(t)) for v, t in Conversation.Priority.choices],
            "order_status": [(v, str(t)) for v, t in Order.Status.choices],
            "speaker": [(v, str(t)) for v, t in Conversation.Speaker.choices],
            "hours": [(v, str(t)) for v, t in FIELDS["hours"].choices],
            "notified": [(v, str(t)) for v, t in _NOTIFIED],
        }

    def of(self, kind: str) -> list[tuple[Any, str]]:
        singular = {"labels": "label", "people": "person", "teams": "team",
                    "templates": "template"}  # fmt: skip
        return self.lists.get(singular.get(kind, kind), [])

    def keys(self, kind: str, text: str) -> list[Any]:
        known = {title.casefold(): key for key, title in self.of(kind)}
        words = [word.strip() for word in text.split(",") if word.strip()]
        return [known.get(word.casefold(), word) for word in words]

    def titles(self, kind: str, value: Any) -> str:
        known = {str(key): title for key, title in self.of(kind)}
        many = value if isinstance(value, list) else [] if value in (None, "") else [value]
        return ", ".join(known.get(str(one), str(one)) for one in many)


def posted_rows(post: Mapping[str, Any], prefix: str) -> list[Row]:
    """Rows as they were typed, empty ones left out."""
    found = []
    for number in range(40):
        name = str(post.get(f"{prefix}-{number}-name", ""))
        if name:
            at = f"{prefix}-{number}"
            found.append(
                Row(name, *(str(post.get(f"{at}-{part}", ""))[:4_000].strip()
                            for part in ("op", "value", "text")))
            )  # fmt: skip
    return found


def to_conditions(rows: Iterable[Row], names: Names) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        field = FIELDS.get(row.name)
        value: Any = row.value
        if field is not None and row.op != "matches" and field.kind != "pair":
            value = names.keys(row.name, row.value)
            if field.kind in ("one", "number"):
                value = value[0] if value else ""
        op = row.op if field is None or row.op in field.ops else ""
        found.append({"field": row.name, "op": op, "value": value})
    return found


def from_conditions(when: Any, names: Names) -> list[Row]:
    return [
        Row(str(row.get("field")), str(row.get("op")),
            str(row.get("value")) if row.get("op") == "matches"
            else names.titles(str(row.get("field")), row.get("value")))
        for row in (when if isinstance(when, list) else []) if isinstance(row, dict)
    ]  # fmt: skip


def to_actions(rows: Iterable[Row], names: Names) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        _title, kind, param, text = ACTS.get(row.name, ("", "", "", ""))
        one: dict[str, Any] = {"act": row.name}
        keys = names.keys(kind, row.value)
        if param and keys:
            if row.name == "snooze":
                one[param] = int(keys[0]) if str(keys[0]).isdigit() else keys[0]
            else:
                one[param] = keys[0] if kind in _ONE else keys
        if text and row.text:
            one[text] = row.text
        found.append(one)
    return found


def from_actions(then: Any, names: Names) -> list[Row]:
    found = []
    for row in then if isinstance(then, list) else []:
        if isinstance(row, dict) and row.get("act") in ACTS:
            _title, kind, param, text = ACTS[row["act"]]
            found.append(
                Row(row["act"], "", names.titles(kind, row.get(param)) if param else "",
                    _text_of(row.get(text)) if text else "")
            )  # fmt: skip
    return found


def _text_of(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def unnamed(then: Sequence[Mapping[str, Any]]) -> str:
    """What is missing or not known in actions, in words; empty where nothing is."""
    for number, row in enumerate(then, 1):
        title, kind, param, text = ACTS.get(str(row.get("act")), ("", "", "", ""))
        value = row.get(param) if param else None
        is_needed = param and row["act"] not in ("to_queue", "notify")
        if is_needed and value in (None, "", []):
            return _("Action %(n)s: “%(act)s” asks for a value.") % {"n": number, "act": title}
        by_number = kind in ("people", "teams", "templates", "priority") or row["act"] == "snooze"
        if by_number and value is not None and not isinstance(value, int):
            return _("Action %(n)s: there is no “%(what)s”.") % {"n": number, "what": value}
        if text and row["act"] not in _FREE and not row.get(text):
            return _("Action %(n)s: write a text.") % {"n": number}
    return ""


def shown(rows: Sequence[Row], blank: int = BLANK) -> list[tuple[int, Row]]:
    return list(enumerate([*rows, *(Row() for _n in range(blank))]))


def choices(only: Iterable[str] = FIELDS) -> dict[str, Any]:
    """What the template needs to draw rows."""
    return {
        "fields": [(name, FIELDS[name].title) for name in FIELDS if name in set(only)],
        "ops": list(OPS.items()),
        "acts": [(name, act[0], act[1] or name, act[3]) for name, act in ACTS.items()],
    }
