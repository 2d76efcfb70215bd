"""How many conversations each list holds, for one person or for everybody who looks.

Work is grouped by what decides who sees it and which list it is in, so the number of queries is the
same for one person with one list and for fifty with twenty each. Holds what `desk.in_view` finds:
tests/api/test_counters.py compares them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q

from bots.models import Conversation, Mention, SavedView, TeamMember
from bots.selectors.desk import (
    COUNTED,
    FILTERS,
    VIEWS_AT_MOST,
    in_view,
    missed,
    numbers_in,
    words_in,
)
from bots.selectors.policy import Facts, Sight, sights_of
from tenants.workspace.models import User

_OPEN, _SNOOZED = Conversation.Status.OPEN, Conversation.Status.SNOOZED
_QUEUE, _BOT = Conversation.Speaker.QUEUE, Conversation.Speaker.BOT
_KEY = (
    "team_id", "speaker", "status", "agent_id", "offered_to_id", "followers", "mentioned",
)  # fmt: skip


def counters(user: User, saved: Sequence[SavedView] | None = None) -> dict[str, int]:
    """One person's."""
    return counters_of([user], None if saved is None else {user.pk: saved})[user.pk]


def counters_of(
    users: Sequence[User], saved: Mapping[int, Sequence[SavedView]] | None = None
) -> dict[int, dict[str, int]]:
    """Everybody's by id, in five queries."""
    views = _views_of(users) if saved is None else saved
    sights = sights_of(users)
    kinds = _kinds(views)
    groups = _groups(kinds)
    called = _mentions(users, sights)
    found: dict[int, dict[str, int]] = {}
    for user in users:
        mine = dict.fromkeys(COUNTED, 0)
        own = [(one, *kinds[_name(one)]) for one in views.get(user.pk, ()) if _is_grouped(one)]
        mine |= {f"saved_{one.pk}": 0 for one, *_rest in own}
        sight = sights[user.pk]
        for group in groups:
            if not sight.allows(group.facts):
                continue
            for view in COUNTED:
                if _holds(view, group, user.pk):
                    mine[view] += group.count
            for one, at, _condition in own:
                if _is_in(one.filters, group, user.pk):
                    mine[f"saved_{one.pk}"] += group.counts[at]
        mine["mentioned"] = called.get(user.pk, 0)
        for one in views.get(user.pk, ()):
            if one.filters.get("view") == "mentioned":  # rare: asked one by one
                work = in_view(user, "", saved=one).filter(status__in=(_OPEN, _SNOOZED))
                mine[f"saved_{one.pk}"] = work.count()
        found[user.pk] = mine
    return found


# ── Groups of work ───────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class _Group:
    facts: Facts
    status: str
    waits: bool
    late: bool
    count: int
    counts: tuple[int, ...]  # of saved lists, by their place


def _groups(kinds: Mapping[str, tuple[int, Q]]) -> list[_Group]:
    counts = {
        f"n{at}": Count("pk", filter=condition) if condition else Count("pk")
        for at, condition in kinds.values()
    }
    waits = ExpressionWrapper(Q(waiting_since__isnull=False), output_field=BooleanField())
    rows = (
        Conversation.objects.filter(status__in=(_OPEN, _SNOOZED))
        .order_by()
        .values(*_KEY, waits=waits, late=ExpressionWrapper(missed(), output_field=BooleanField()))
        .annotate(count=Count("pk"), **counts)
    )
    return [
        _Group(
            Facts(
                0,
                row["team_id"],
                row["speaker"],
                False,
                row["agent_id"],
                row["offered_to_id"],
                None,
                (*row["followers"], *row["mentioned"]),
            ),
            row["status"],
            row["waits"],
            bool(row["late"]),
            row["count"],
            tuple(row[name] for name in counts),
        )
        for row in rows
    ]


def _holds(view: str, group: _Group, user: int) -> bool:
    """`desk._condition` for one group."""
    facts, is_open = group.facts, group.status == _OPEN
    match view:
        case "waiting":
            return is_open and group.waits and (facts.speaker == _QUEUE or facts.agent == user)
        case "mine":
            return is_open and facts.agent == user
        case "unassigned":
            return is_open and facts.speaker == _QUEUE
        case "bot":
            return is_open and facts.speaker == _BOT
        case "snoozed":
            return group.status == _SNOOZED
        case "missed":
            return group.late
    return False


def _is_in(filters: Mapping[str, Any], group: _Group, user: int) -> bool:
    """The part of a saved list that depends on who asks."""
    if not _holds(str(filters.get("view")), group, user):
        return False
    if not (value := filters.get("agents")):
        return True
    agent, words = group.facts.agent, words_in(value)
    return (
        agent in numbers_in(value)
        or ("me" in words and agent == user)
        or ("none" in words and agent is None)
    )


# ── Saved lists ──────────────────────────────────────────────────────────────────────────────
def _name(one: SavedView) -> str:
    """The same for lists that hold the same, but for who asks."""
    rest = {k: v for k, v in one.filters.items() if k not in ("view", "agents") and v}
    return json.dumps(rest, sort_keys=True)


def _is_grouped(one: SavedView) -> bool:
    view = one.filters.get("view", "all")
    return view in COUNTED and view != "mentioned"


def _kinds(views: Mapping[int, Sequence[SavedView]]) -> dict[str, tuple[int, Q]]:
    """Name → (place, condition) of all of these lists."""
    kinds: dict[str, tuple[int, Q]] = {}
    for one in (one for mine in views.values() for one in mine if _is_grouped(one)):
        if (name := _name(one)) not in kinds:
            condition = Q()
            for key, value in one.filters.items():
                if value and key in FILTERS and key != "agents":
                    condition &= FILTERS[key](None, value)
            kinds[name] = (len(kinds), condition)
    return kinds


def _views_of(users: Sequence[User]) -> dict[int, list[SavedView]]:
    """`desk.views_of` for many, in two queries."""
    teams: dict[int, set[int]] = {}
    for user, team in TeamMember.objects.filter(user__in=users).values_list("user_id", "team_id"):
        teams.setdefault(user, set()).add(team)
    # Postgres puts rows without an owner last.
    order = (F("owner_id").asc(nulls_last=True), "position", "pk")
    every = list(SavedView.objects.filter(Q(owner__in=users) | Q(owner=None)).order_by(*order))
    return {user.pk: _own(every, user.pk, teams.get(user.pk, set())) for user in users}


def _own(every: Iterable[SavedView], user: int, teams: set[int]) -> list[SavedView]:
    return [
        one
        for one in every
        if one.owner_id == user or one.team_id in teams or (not one.owner_id and not one.team_id)
    ][:VIEWS_AT_MOST]


def _mentions(users: Sequence[User], sights: Mapping[int, Sight]) -> dict[int, int]:
    """In how many conversations each is called and has not looked; resolved ones, too."""
    rows = Mention.objects.filter(user__in=users, seen_at=None).select_related("conversation")
    seen: dict[int, set[int]] = {}
    for row in rows.only("user_id", *(f"conversation__{name}" for name in _OF_FACTS)):
        if sights[row.user_id].allows(Facts.of(row.conversation)):
            seen.setdefault(row.user_id, set()).add(row.conversation_id)
    return {user: len(conversations) for user, conversations in seen.items()}


_OF_FACTS = tuple(name.removesuffix("_id") for name in Facts.FIELDS if name != "pk")
