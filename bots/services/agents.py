"""People who answer: teams and who is in them, profiles, presence, shifts, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Model, Q
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import (
    AgentProfile,
    Conversation,
    Label,
    Macro,
    Rule,
    SavedView,
    Segment,
    Shift,
    SlaPolicy,
    Team,
    TeamMember,
)
from bots.selectors.shifts import next_change
from bots.selectors.teams import SEEN_FOR
from bots.services import sla
from bots.services.queues import default_team, wake, wake_for
from tenants.kernel import due, outbox
from tenants.kernel.context import PUBLIC, current_schema
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

# A console is heard of no more often than this.
SEEN_EVERY = timedelta(seconds=20)


class NotPossible(RuleBroken):
    code = "not_possible"
    status = 400


def profile_of(user: User) -> AgentProfile:
    return AgentProfile.objects.get_or_create(user=user)[0]


@receiver(post_save, sender=User, dispatch_uid="bots.newcomer")
def newcomer(instance: User, created: bool, raw: bool = False, **_: Any) -> None:
    """Somebody new shares the default queue until a person decides otherwise."""
    if created and not raw and current_schema() != PUBLIC:
        TeamMember.objects.get_or_create(team=default_team(), user=instance)


# ── Presence ─────────────────────────────────────────────────────────────────────────────────
def presence_set(user: User, presence: str, *, reason: str = "") -> None:
    """Online takes new chats; any other state lets offers go to the next person (handlers)."""
    with transaction.atomic():
        if presence == User.Presence.ONLINE:
            AgentProfile.objects.filter(user=user).update(offers_missed=0)
        changed = User.objects.filter(pk=user.pk).exclude(presence=presence)
        if not changed.update(presence=presence):
            return
        user.presence = presence
        data = {"agent": user.pk, "presence": presence}
        outbox.emit(
            "agent.presence",
            key=f"agent:{user.pk}",
            data={**data, "reason": reason} if reason else data,
        )
        if presence == User.Presence.ONLINE:
            wake_for(user.pk)


# Notes it, unless that was done a moment ago; tells when it was done before (null: never).
_SEEN = """
WITH before AS (SELECT seen_at FROM bots_agentprofile WHERE user_id = %(user)s)
INSERT INTO bots_agentprofile AS p (user_id, capacity, channel_capacity, skills, languages,
    offers_missed, prefs, seen_at)
VALUES (%(user)s, %(capacity)s, '{}', '[]', '[]', 0, '{}', %(now)s)
ON CONFLICT (user_id) DO UPDATE SET seen_at = excluded.seen_at
    WHERE p.seen_at IS NULL OR p.seen_at < %(long_ago)s
RETURNING (SELECT seen_at FROM before)
"""


def seen(user: User) -> None:
    """An open console was heard of. Who was gone and is back may be asked again."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _SEEN,
            {
                "user": user.pk,
                "capacity": AgentProfile.CAPACITY,
                "now": now,
                "long_ago": now - SEEN_EVERY,
            },
        )
        row = cursor.fetchone()
        if row is not None and (row[0] is None or row[0] < now - SEEN_FOR):
            wake_for(user.pk)


# ── Teams ────────────────────────────────────────────────────────────────────────────────────
def team_save(
    values: Mapping[str, Any],
    *,
    team: Team | None = None,
    members: Iterable[tuple[User, bool]] | None = None,
) -> Team:
    """Make or change a team. `members`: (person, leads) in full; None leaves them as they are."""
    with transaction.atomic():
        team = team or Team()
        before = team.calendar_id
        for name, value in values.items():
            setattr(team, name, value)
        if not team.is_default and not team.name.strip():
            raise NotPossible(_("Give the team a name."))
        team.save()
        if members is not None:
            wanted = {user.pk: leads for user, leads in members}
            TeamMember.objects.filter(team=team).exclude(user__in=wanted).delete()
            for user_id, is_lead in wanted.items():
                TeamMember.objects.update_or_create(
                    team=team, user_id=user_id, defaults={"is_lead": is_lead}
                )
        team_changed(team)
        wake(team)
        if team.calendar_id != before:
            sla.count_anew()
    return team


def team_changed(team: Team, **more: Any) -> None:
    """Open consoles look again at what they may see."""
    outbox.emit("team.changed", key=f"team:{team.pk}", data={"team": team.pk, **more})


def team_delete(team: Team) -> None:
    """Its conversations become the default team's, in their order."""
    if team.is_default:
        raise NotPossible(_("The main team stays: it has whatever no other team has."))
    with transaction.atomic():
        team_changed(team, is_gone=True)
        Conversation.objects.filter(team=team).update(team=None)
        team.delete()
        wake(default_team())
        sla.count_anew()


# ── Profiles and shifts ──────────────────────────────────────────────────────────────────────
def profile_save(user: User, values: Mapping[str, Any]) -> AgentProfile:
    with transaction.atomic():
        profile = profile_of(user)
        for name, value in values.items():
            setattr(profile, name, value)
        profile.save(update_fields=[*values])
        agent_changed(user)
        wake_for(user.pk)
    return profile


def agent_changed(user: User) -> None:
    outbox.emit("agent.changed", key=f"agent:{user.pk}", data={"agent": user.pk})


def shifts_save(user: User, shifts: Sequence[tuple[int, time, time]]) -> list[Shift]:
    """Replace a person's week: (weekday, from, to); an end before the start is the next day's."""
    for weekday, starts, ends in shifts:
        if starts == ends or not 0 <= weekday <= 6:
            raise NotPossible(_("A shift needs a day, a start and another end."))
    with transaction.atomic():
        Shift.objects.filter(user=user).delete()
        made = Shift.objects.bulk_create(
            Shift(user=user, weekday=weekday, starts=starts, ends=ends)
            for weekday, starts, ends in sorted(set(shifts))
        )
        shifts_changed(user)
    return made


def shifts_changed(user: User) -> None:
    """Set the timer of a person's next start or end, and look at the queues now."""
    if (at := next_change(user.pk, timezone.now())) is None:
        due.cancel("shift", user.pk)
    else:
        due.reschedule("shift", user.pk, due_at=at)
    agent_changed(user)
    wake_for(user.pk)


# ── Labels ───────────────────────────────────────────────────────────────────────────────────
# In one statement each: what colleagues put on meanwhile is not lost.
_RENAME = """
UPDATE bots_conversation SET labels = (
    SELECT jsonb_agg(CASE WHEN name = %(before)s THEN %(after)s ELSE name END ORDER BY place)
    FROM jsonb_array_elements_text(labels) WITH ORDINALITY AS each(name, place))
WHERE labels @> jsonb_build_array(%(before)s::text)
"""
_TAKE_OFF = """
UPDATE bots_conversation SET labels = labels - %(name)s::text
WHERE labels @> jsonb_build_array(%(name)s::text)
"""
# Where labels are kept by their names.
_BY_NAME: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
    (Rule, ("when", "then")), (SlaPolicy, ("when", "escalate")), (Macro, ("then",)),
    (SavedView, ("filters",)), (Segment, ("conditions",)),
)  # fmt: skip


def _rename_in_settings(before: str, after: str) -> None:
    """Rules, answer times, macros, lists and segments go on meaning the same label."""

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(one) for one in value]
        return after if value == before else value

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(one) for one in value]
        if not isinstance(value, dict):
            return value
        is_condition = value.get("field") == "label"
        return {
            key: named(one)
            if key == "labels" or (is_condition and key == "value")
            else renamed(one)
            for key, one in value.items()
        }

    for model, fields in _BY_NAME:
        for row in model._default_manager.all():
            kept = {name: getattr(row, name) for name in fields}
            if (now := {name: renamed(value) for name, value in kept.items()}) != kept:
                for name, value in now.items():
                    setattr(row, name, value)
                row.save(update_fields=fields)


def label_save(values: Mapping[str, Any], *, label: Label | None = None) -> Label:
    """Make or change a label; a new name goes to all that has the old one."""
    with transaction.atomic():
        label = label or Label()
        before = label.name
        for name, value in values.items():
            setattr(label, name, value.strip() if isinstance(value, str) else value)
        if not label.name:
            raise NotPossible(_("Give the label a name."))
        twins = Label.objects.filter(Q(name__iexact=label.name)).exclude(pk=label.pk)
        if twins.exists():
            raise NotPossible(_("There is such a label."))
        label.save()
        if before and before != label.name:
            with connection.cursor() as cursor:
                cursor.execute(_RENAME, {"before": before, "after": label.name})
            _rename_in_settings(before, label.name)
        outbox.emit("label.changed", key="labels", data={"label": label.pk})
    return label


def label_delete(label: Label) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_OFF, {"name": label.name})
        outbox.emit("label.changed", key="labels", data={"label": label.pk})
        label.delete()
