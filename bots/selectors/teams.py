"""What the desk tells of teams and people: their queues, how much each has, who is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from bots.models import AgentProfile, Conversation, Team, TeamMember
from bots.selectors.policy import visible
from bots.selectors.shifts import on_shift
from tenants.workspace.models import User

# A console that was not heard of for so long is closed.
SEEN_FOR = timedelta(seconds=150)
PEOPLE_AT_MOST = 200
# Cards about the buyer beside a dialogue, in their usual order (static/console/src/context).
CARDS = {
    "contact": gettext_lazy("Contact"),
    "summary": gettext_lazy("What the bot leaves"),
    "orders": gettext_lazy("Orders"),
    "product": gettext_lazy("Product"),
    "fields": gettext_lazy("Fields"),
    "facts": gettext_lazy("Remembered"),
    "past": gettext_lazy("Past episodes"),
    "helper": gettext_lazy("AI helper"),
    "consents": gettext_lazy("Consents"),
    "acts": gettext_lazy("What was done"),
}
_OPEN = Conversation.Status.OPEN
_QUEUE, _AGENT = Conversation.Speaker.QUEUE, Conversation.Speaker.AGENT


def presence_shown(user: User, me: User) -> str:
    """Whoever is invisible is away to everybody else."""
    hides = user.presence == User.Presence.INVISIBLE and user.pk != me.pk
    return User.Presence.AWAY if hides else user.presence


def held_by(users: Collection[int], now: datetime) -> list[tuple[int, str]]:
    """(person, kind of channel) of each conversation they hold or are offered."""
    rows = Conversation.objects.filter(status=_OPEN).filter(
        Q(speaker=_AGENT, agent__in=users)
        | Q(speaker=_QUEUE, offered_to__in=users, offer_until__gt=now)
    )
    return [
        (offered if speaker == _QUEUE else agent, kind)
        for speaker, agent, offered, kind in rows.values_list(
            "speaker", "agent_id", "offered_to_id", "channel__kind"
        )
    ]


def load_of(users: Collection[int]) -> dict[int, int]:
    """How many conversations each of these people has."""
    return Counter(user_id for user_id, _kind in held_by(users, timezone.now()))


def people_of(me: User) -> list[dict[str, Any]]:
    """Colleagues: whether they can be asked, and how much they have, in four queries."""
    now = timezone.now()
    people = list(User.objects.filter(is_active=True).order_by("name", "pk")[:PEOPLE_AT_MOST])
    ids = [one.pk for one in people]
    profiles = {one.user_id: one for one in AgentProfile.objects.filter(user__in=ids)}
    working, loads = on_shift(ids, now), load_of(ids)
    rows = []
    for one in people:
        profile = profiles.get(one.pk) or AgentProfile(user=one)
        rows.append(
            {
                "id": one.pk,
                "name": str(one),
                "presence": presence_shown(one, me),
                "is_here": bool(profile.seen_at and profile.seen_at > now - SEEN_FOR),
                "on_shift": one.pk in working,
                "load": loads.get(one.pk, 0),
                "capacity": profile.capacity,
            }
        )
    return rows


def teams_of(me: User) -> list[dict[str, Any]]:
    """Teams, mine marked, and what of theirs I see: in the queue, waiting, with people."""
    mine = dict(TeamMember.objects.filter(user=me).values_list("team_id", "is_lead"))
    rows_counted: Any = (
        visible(me)
        .filter(status=_OPEN)
        .order_by()
        .values("team")
        .annotate(
            queued=Count("pk", filter=Q(speaker=_QUEUE)),
            waiting=Count("pk", filter=Q(waiting_since__isnull=False) & ~Q(speaker="bot")),
            held=Count("pk", filter=Q(speaker=_AGENT)),
        )
    )
    counted: dict[int | None, dict[str, int]] = {
        row["team"]: {name: row[name] for name in ("queued", "waiting", "held")}
        for row in rows_counted
    }
    nothing = {"queued": 0, "waiting": 0, "held": 0}
    rows = []
    for team in Team.objects.all()[:100]:
        counters = counted.get(team.pk, nothing)
        if team.is_default:
            without = counted.get(None, nothing)
            counters = {name: counters[name] + without[name] for name in nothing}
        rows.append(
            {
                "id": team.pk,
                "name": str(team),
                "is_default": team.is_default,
                "assignment": team.assignment,
                "accept_s": team.accept_s,
                "cards": team.cards,
                "is_mine": team.pk in mine,
                "is_lead": mine.get(team.pk, False),
                "counters": dict(counters),
            }
        )
    return rows
