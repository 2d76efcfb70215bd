"""What happens at this minute, for who leads teams: who waits, who answers, what is broken.

Every number has a list behind it (`LISTS`): the same condition, as rows of the desk.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Min, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.models import Dialogue, HourlyFigure
from analytics.selectors.formulas import quantile
from analytics.selectors.reports import Tally, tallies_by
from analytics.selectors.scope import Scope
from bots.models import (
    AgentProfile,
    Channel,
    Conversation,
    ModelAccount,
    Team,
    TeamMember,
)
from bots.selectors.shifts import on_shift
from bots.selectors.teams import SEEN_FOR, presence_shown
from tenants.workspace.models import User

SOON = timedelta(hours=1)
LEARNT_FROM = timedelta(days=28)
# Where nothing was closed yet.
HANDLING_S = 600
FEWEST = 10  # closed dialogues a team needs for a handling time of its own
PEOPLE_AT_MOST = 200
WAITING_AT_MOST = 5000
TODAY_AT_MOST = 5000
_OPEN = Conversation.Status.OPEN
_QUEUE, _AGENT, _BOT = (
    Conversation.Speaker.QUEUE,
    Conversation.Speaker.AGENT,
    Conversation.Speaker.BOT,
)


def _windows(now: datetime) -> Q:
    return Q(
        window_expires_at__gt=now, window_expires_at__lte=now + SOON, waiting_since__isnull=False
    )


def _promise(row: Any) -> datetime | None:
    """By when a buyer has to be answered: the shop's promise, else our own deadline."""
    return row["sla_due_at"] or row["deadline_at"]


# Name → condition on open conversations; each is a number of the board and a list behind it.
def lists(now: datetime) -> dict[str, Q]:
    waits = Q(waiting_since__isnull=False)
    return {
        "waiting": waits & ~Q(speaker=_BOT),
        "queue": waits & Q(speaker=_QUEUE),
        "held": Q(speaker=_AGENT),
        "silent": waits & Q(speaker=_AGENT),
        "bot": Q(speaker=_BOT),
        "overdue": waits
        & ~Q(speaker=_BOT)
        & (Q(sla_due_at__lt=now) | Q(sla_due_at=None, deadline_at__lt=now)),
        "windows": _windows(now),
    }


# Numbers of today → what is noted of a dialogue when it happens (analytics.services.fold).
NOTED = {"answered": "sent|bot", "handed": "handed", "late": "late", "breach": "breach"}
LISTS = (
    "waiting", "queue", "held", "silent", "bot", "overdue", "windows", "short",
    *NOTED, "closed_alone",
)  # fmt: skip


def seen(scope: Scope) -> QuerySet[Conversation]:
    return Conversation.objects.filter(scope.conversations(), status=_OPEN)


def board(scope: Scope, me: User, zone: ZoneInfo) -> dict[str, Any]:
    """In a fixed number of queries, whatever there is."""
    now = timezone.now()
    teams = [one for one in Team.objects.all()[:200] if scope.allows(one.pk)]
    members = _members(scope)
    people = _people(scope, members, me, now)
    waiting = _waiting(scope)
    learnt = _handling(scope, now, zone)
    counted = _counted(scope, now)
    late = {
        scope.shown(team.pk): _short(team, scope, waiting, people, members, learnt, now)
        for team in teams
    }
    totals = Counter(dict.fromkeys(lists(now), 0))
    for row in counted.values():
        totals.update({name: row[name] for name in totals})
    today = _today(scope, now, zone)
    return {
        "at": now,
        "counts": {**totals, "short": sum(one["n"] for one in late.values())},
        "oldest": min((r["waiting_since"] for r in waiting), default=None),
        "teams": [
            {
                "id": scope.shown(team.pk),
                "name": str(team),
                **{name: counted[scope.shown(team.pk)][name] for name in totals},
                "oldest": min(
                    (r["waiting_since"] for r in waiting if r["team"] == scope.shown(team.pk)),
                    default=None,
                ),
                "short": late[scope.shown(team.pk)],
            }
            for team in teams
        ],
        "agents": people,
        "bot": today,
        "providers": _providers(scope),
        "channels": _channels(),
    }


def _counted(scope: Scope, now: datetime) -> dict[int, dict[str, int]]:
    """Numbers of each team."""
    conditions = lists(now)
    found: Any = (
        seen(scope)
        .order_by()
        .values("team")
        .annotate(**{name: Count("pk", filter=q) for name, q in conditions.items()})
    )
    rows: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(conditions, 0))
    for row in found:
        place = rows[scope.shown(row["team"])]
        for name in conditions:
            place[name] += row[name]
    return rows


def _waiting(scope: Scope) -> list[dict[str, Any]]:
    """Who waits for a person, in the order they are given out."""
    found = seen(scope).filter(lists(timezone.now())["waiting"])
    rows: list[Any] = list(
        found.order_by("-priority", "waiting_since", "pk").values(
            "pk", "team", "speaker", "agent", "waiting_since", "deadline_at", "sla_due_at"
        )[:WAITING_AT_MOST]
    )
    for row in rows:
        row["team"] = scope.shown(row["team"])
    return rows


def _members(scope: Scope) -> dict[int, set[int]]:
    """Person → teams of theirs that are looked at."""
    teams: dict[int, set[int]] = defaultdict(set)
    for user, team in TeamMember.objects.filter(user__is_active=True).values_list("user", "team"):
        if scope.allows(team):
            teams[user].add(scope.shown(team))
    return teams


def _people(
    scope: Scope, members: dict[int, set[int]], me: User, now: datetime
) -> list[dict[str, Any]]:
    users = list(User.objects.filter(pk__in=list(members)).order_by("name", "pk")[:PEOPLE_AT_MOST])
    ids = [one.pk for one in users]
    profiles = {one.user_id: one for one in AgentProfile.objects.filter(user__in=ids)}
    working = on_shift(ids, now)
    held: dict[int, Any] = {
        row["agent"]: row
        for row in Conversation.objects.filter(status=_OPEN, speaker=_AGENT, agent__in=ids)
        .order_by()
        .values("agent")
        .annotate(
            load=Count("pk"),  # wherever it is: that is the room that is taken
            waiting=Count("pk", filter=Q(waiting_since__isnull=False) & scope.conversations()),
            silence=Min("waiting_since", filter=scope.conversations()),
        )
    }
    rows = []
    for one in users:
        profile = profiles.get(one.pk) or AgentProfile(user=one)
        has = held.get(one.pk, {"load": 0, "waiting": 0, "silence": None})
        rows.append(
            {
                "id": one.pk,
                "name": str(one),
                "teams": sorted(members[one.pk]),
                "presence": presence_shown(one, me),
                "is_here": bool(profile.seen_at and profile.seen_at > now - SEEN_FOR),
                "on_shift": one.pk in working,
                "load": has["load"],
                "waiting": has["waiting"],
                "silence": has["silence"],
                "capacity": profile.capacity,
            }
        )
    return rows


# ── «Won't make it» ──────────────────────────────────────────────────────────────────────────
def _handling(scope: Scope, now: datetime, zone: ZoneInfo) -> dict[int, int]:
    """Median seconds from taking to closing by team, of the last weeks; -1: of all of them."""
    since = (now - LEARNT_FROM).astimezone(zone).date()
    found = HourlyFigure.objects.filter(scope.figures(), day__gte=since, name="handle")
    everything: Counter[str] = Counter()
    of_team: dict[int, Counter[str]] = defaultdict(Counter)
    grouped = found.order_by().values_list("team_id", "label").annotate(n=Sum("value"))
    for team, label, n in grouped:
        everything[label] += n
        of_team[team][label] += n
    learnt = {
        team: quantile(counts, 0.5) or HANDLING_S
        for team, counts in of_team.items()
        if counts.total() >= FEWEST
    }
    learnt[-1] = quantile(everything, 0.5) or HANDLING_S
    return learnt


def _short(
    team: Team,
    scope: Scope,
    waiting: list[dict[str, Any]],
    people: list[dict[str, Any]],
    members: dict[int, set[int]],
    learnt: dict[int, int],
    now: datetime,
) -> dict[str, Any]:
    """How many of a team's queue will not be answered in time as things are, and why we think so.

    The k-th in the queue is begun at once while there is room, then one after another as people
    finish: (k − room) × handling time ÷ chats at once. Later than promised: will not make it.
    """
    pk = scope.shown(team.pk)
    here = [
        one
        for one in people
        if pk in members[one["id"]]
        and one["presence"] == User.Presence.ONLINE
        and one["is_here"]
        and one["on_shift"]
    ]
    capacity = sum(one["capacity"] for one in here)
    room = sum(max(0, one["capacity"] - one["load"]) for one in here)
    handling = learnt.get(pk, learnt[-1])
    queue = [row for row in waiting if row["team"] == pk and row["speaker"] == _QUEUE]
    ids = []
    for place, row in enumerate(queue, 1):
        promise = _promise(row)
        if promise is None:
            continue
        if not capacity:
            ids.append(row["pk"])
            continue
        begins = now + timedelta(seconds=max(0, place - room) * handling / capacity)
        if begins > promise:
            ids.append(row["pk"])
    return {
        "n": len(ids),
        "ids": ids,
        "queue": len(queue),
        "people": len(here),
        "capacity": capacity,
        "room": room,
        "handling_s": handling,
        "formula": _(
            "The k-th in the queue is begun after (k − free places) × median handling time ÷ "
            "chats at once; who would be begun later than promised will not make it. With "
            "nobody online, everybody who was promised a time."
        ),
    }


def short_ids(scope: Scope, me: User, zone: ZoneInfo, team: int | None) -> list[int]:
    now = timezone.now()
    members, waiting = _members(scope), _waiting(scope)
    people, learnt = _people(scope, members, me, now), _handling(scope, now, zone)
    found: list[int] = []
    for one in Team.objects.all()[:200]:
        if scope.allows(one.pk) and team in (None, scope.shown(one.pk)):
            found += _short(one, scope, waiting, people, members, learnt, now)["ids"]
    return found


# ── The assistant, models, channels ──────────────────────────────────────────────────────────
def _today(scope: Scope, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Since midnight of the shop, from figures of hours."""
    from bots.admin.preview import reason_in_words

    day = now.astimezone(zone).date()
    found = HourlyFigure.objects.filter(
        scope.figures(), day=day, name__in=("sent", "handed", "late", "breach", "closed", "opened")
    )
    tally: Tally = tallies_by(found, ())[()]
    handed = tally["handed"]
    return {
        "since": datetime.combine(day, time.min, zone),
        "opened": sum(tally["opened"].values()),
        "answered": tally["sent"]["bot"],
        "closed_alone": tally["closed"]["bot"],
        "handed": sum(handed.values()),
        "reasons": [
            {"reason": reason, "title": str(reason_in_words(reason)), "value": n}
            for reason, n in sorted(handed.items(), key=lambda one: (-one[1], one[0]))
        ],
        "late": sum(tally["late"].values()),
        "breach": sum(tally["breach"].values()),
    }


def today_ids(scope: Scope, zone: ZoneInfo, what: str, reason: str = "") -> list[int]:
    """Conversations behind a number of today; `reason`: of those handed over, why."""
    now = timezone.now()
    midnight = datetime.combine(now.astimezone(zone).date(), time.min, zone)
    found = Dialogue.objects.filter(scope.figures())
    if what == "closed_alone":
        found = found.filter(
            closed_at__gte=midnight, answered_at__isnull=False, taken_at=None, reply_at=None,
            handed_at=None,
        )  # fmt: skip
    else:
        noted = rf"{NOTED[what]}|{reason}".rstrip("|") + "|"
        found = (
            found.filter(Q(closed_at=None) | Q(closed_at__gte=midnight))
            .annotate(noted=Cast("acts", TextField()))
            .filter(noted__regex=rf'"{midnight:%Y-%m-%d} [0-9]{{2}}\|{re.escape(noted)}')
        )
    return list(found.values_list("conversation_id", flat=True).distinct()[:TODAY_AT_MOST])


def _providers(scope: Scope) -> list[dict[str, Any]]:
    """The shop's own model accounts; what a key's owner has to mend is told to admins only."""
    return [
        {
            "name": str(one),
            "state": one.state,
            "state_label": one.get_state_display(),
            "detail": one.state_detail if scope.everything else "",
        }
        for one in ModelAccount.objects.order_by("position", "pk")[:20]
    ]


def _channels() -> list[dict[str, Any]]:
    return [
        {
            "id": one.pk,
            "kind": one.kind,
            "name": one.name,
            "state": one.state,
            "error": one.state_detail if one.state == Channel.State.BROKEN else "",
            "last_in_at": one.last_in_at,
            "last_out_at": one.last_out_at,
        }
        for one in Channel.objects.exclude(state=Channel.State.NEW).order_by("pk")[:100]
    ]
