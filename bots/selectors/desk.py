"""What agents see: lists by view, rows that changed. All by one policy."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from bots.models import (
    Channel,
    Conversation,
    Mention,
    SavedView,
    TeamMember,
)
from bots.selectors.policy import of_teams, sight_of, visible
from bots.selectors.rows import row_of, rows_ready
from bots.selectors.search import conversation_ids
from tenants.workspace.models import User

VIEWS = (
    "waiting",
    "mine",
    "unassigned",
    "bot",
    "snoozed",
    "mentioned",
    "missed",
    "resolved",
    "all",
)
# Lists of work; the others grow with the years and are not counted.
COUNTED = ("waiting", "mine", "unassigned", "bot", "snoozed", "mentioned", "missed")
PAGE = 30
VIEWS_AT_MOST = 20
_OPEN = Conversation.Status.OPEN
# A buyer whom nobody has answered for so long counts as missed, whatever was promised.
MISSED_AFTER = timedelta(minutes=15)
# Why, by who should have answered.
MISSED = {"queue": "nobody_came", "agent": "no_answer", "bot": "no_answer"}

# Name → (field, whether the largest comes first). The row's number settles what is the same.
# `due_at`: the earlier of the deadline and of what was promised (LEAST passes over NULL).
SORTS: dict[str, tuple[str, bool]] = {
    "deadline": ("due_at", False),
    "waiting": ("waiting_since", False),
    "newest": ("updated_at", True),
    "oldest": ("updated_at", False),
}


# ── Which conversations ──────────────────────────────────────────────────────────────────────
def _condition(user: User, view: str) -> Q:
    match view:
        case "waiting":
            mine = Q(speaker=Conversation.Speaker.QUEUE) | Q(agent=user)
            return Q(status=_OPEN, waiting_since__isnull=False) & mine
        case "mine":
            return Q(status=_OPEN, agent=user)
        case "unassigned":
            return Q(status=_OPEN, speaker=Conversation.Speaker.QUEUE)
        case "bot":
            return Q(status=_OPEN, speaker=Conversation.Speaker.BOT)
        case "snoozed":
            return Q(status=Conversation.Status.SNOOZED)
        case "mentioned":
            called = Mention.objects.filter(conversation=OuterRef("pk"), user=user)
            return Q(Exists(called.filter(seen_at=None)))
        case "missed":
            return missed()
        case "resolved":
            return Q(status=Conversation.Status.RESOLVED)
    return Q()


def missed() -> Q:
    """Who waits longer than was promised, or than anybody should."""
    long_ago = timezone.now() - MISSED_AFTER
    late = Q(waiting_since__lte=long_ago) | Q(sla_breached_at__isnull=False)
    return Q(status=_OPEN, waiting_since__isnull=False) & late


def words_in(value: Any) -> list[str]:
    return [str(one)[:60] for one in value][:50] if isinstance(value, list) else []


def numbers_in(value: Any) -> list[int]:
    return [one for one in value if isinstance(one, int)][:50] if isinstance(value, list) else []


def _agents(user: User | None, value: Any) -> Q:
    found = Q(agent__in=numbers_in(value))
    if "me" in words_in(value):
        found |= Q(agent=user)
    if "none" in words_in(value):
        found |= Q(agent=None)
    return found


def _labels(user: User | None, value: Any) -> Q:
    found = Q()
    for label in words_in(value):
        found |= Q(labels__contains=[label])
    return found


# What a list may be narrowed by; unknown names are refused when one is saved.
FILTERS: dict[str, Callable[[User | None, Any], Q]] = {
    "channels": lambda user, value: Q(channel__in=numbers_in(value)),
    "kinds": lambda user, value: Q(channel__kind__in=words_in(value)),
    "labels": _labels,
    "agents": _agents,
    "languages": lambda user, value: Q(language__in=words_in(value)),
    "teams": lambda user, value: of_teams(numbers_in(value)),
    "priorities": lambda user, value: Q(priority__in=numbers_in(value)),
    "unread": lambda user, value: Q(unread__gt=0) if value else Q(),
}


def _narrowed(user: User, filters: dict[str, Any]) -> Q:
    found = _condition(user, str(filters.get("view") or "all"))
    for name, value in filters.items():
        if value and name in FILTERS:
            found &= FILTERS[name](user, value)
    return found


def views_of(user: User) -> list[SavedView]:
    """My own lists, my teams' and everybody's."""
    mine = SavedView.objects.filter(
        Q(owner=user) | Q(owner=None, team=None) | Q(team__in=_teams(user))
    )
    return list(mine.order_by("owner_id", "position", "pk")[:VIEWS_AT_MOST])


def _teams(user: User) -> QuerySet[TeamMember, int]:
    return TeamMember.objects.filter(user=user).values_list("team", flat=True)


def in_view(user: User, view: str, *, saved: SavedView | None = None) -> QuerySet[Conversation]:
    found = visible(user)
    return found.filter(_narrowed(user, saved.filters) if saved else _condition(user, view))


# ── Pages ────────────────────────────────────────────────────────────────────────────────────
def matching(user: User, query: str) -> Q:
    """Conversations a text is found in (the newest some hundred), as one search finds them."""
    return Q(pk__in=conversation_ids(sight_of(user), query))


def sort_of(view: str, sort: str = "", *, query: str = "") -> str:
    is_work = view not in ("resolved", "all")
    if sort in SORTS and (is_work or sort in ("newest", "oldest")):
        return sort  # by a time that most rows have; the others would be sorted all at once
    return "deadline" if view == "waiting" and not query else "newest"


def page_of(
    user: User,
    view: str,
    *,
    saved: SavedView | None = None,
    query: str = "",
    sort: str = "",
    cursor: str = "",
    limit: int = PAGE,
) -> dict[str, Any]:
    """`{"rows", "next", "sort"}`: the nearest deadline first where somebody waits, else newest."""
    found = rows_ready(in_view(user, view, saved=saved), user)
    if query := query.strip():
        found = found.filter(matching(user, query))
    if saved is not None:
        view, sort = str(saved.filters.get("view", "all")), sort or saved.sort
    sort = sort_of(view, sort, query=query)
    name, is_falling = SORTS[sort]
    if name == "due_at":
        found = found.annotate(due_at=Least("deadline_at", "sla_due_at"))
    if place := _read_cursor(cursor):
        found = found.filter(_past(name, is_falling, *place))
    order = (f"-{name}", "-pk") if is_falling else (F(name).asc(nulls_last=True), "pk")
    rows = list(found.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    last = rows[-1] if rows else None
    return {
        "rows": [_row(row, view) for row in rows],
        "next": _cursor(getattr(last, name), last.pk) if more and last else "",
        "sort": sort,
    }


def _row(row: Conversation, view: str) -> dict[str, Any]:
    found = row_of(row)
    return {**found, "missed": MISSED.get(row.speaker, "")} if view == "missed" else found


def _past(name: str, is_falling: bool, moment: datetime | None, pk: int) -> Q:
    if is_falling:
        if moment is None:
            return Q()
        return Q(**{f"{name}__lt": moment}) | Q(**{name: moment}, pk__lt=pk)
    if moment is None:  # those without a moment come last
        return Q(**{name: None}, pk__gt=pk) if name != "updated_at" else Q()
    same = Q(**{name: moment}, pk__gt=pk)
    return Q(**{f"{name}__gt": moment}) | same | Q(**{name: None})


def changes_of(
    user: User, view: str, pks: Collection[int], *, saved: SavedView | None = None, query: str = ""
) -> dict[str, Any]:
    """Rows of these conversations as they are now in a view; `gone` are no longer in it."""
    found = rows_ready(in_view(user, view, saved=saved).filter(pk__in=pks), user)
    if query := query.strip():
        found = found.filter(matching(user, query))
    view = str(saved.filters.get("view", "all")) if saved else view
    rows = [_row(row, view) for row in found]
    here = {row["id"] for row in rows}
    return {"rows": rows, "gone": sorted(set(pks) - here)}


def _cursor(moment: datetime | None, pk: int) -> str:
    raw = json.dumps([moment.isoformat() if moment else "", pk])
    return base64.urlsafe_b64encode(raw.encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime | None, int] | None:
    """A row's place: its moment, or None where it has none, and its number."""
    try:
        moment, pk = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        found, number = parse_datetime(moment), int(pk)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return None
    if (moment and found is None) or (found and found.tzinfo is None):
        return None
    return found, number


# ── What a list can be narrowed by ───────────────────────────────────────────────────────────
def channels_shown() -> list[dict[str, Any]]:
    rows = Channel.objects.exclude(state=Channel.State.NEW).order_by("pk")[:50]
    return [
        {
            "id": c.pk,
            "kind": c.kind,
            "name": c.name,
            "trouble": c.state_detail if c.state == Channel.State.BROKEN else "",
        }
        for c in rows
    ]
