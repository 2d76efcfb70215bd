"""Facts → figures of the day. The log is read in order from where the last time ended.

A handler only rings: a fact may be told twice or late, while the log has every number once. So a
figure is added up exactly once, and all of them can be made anew from the log (`figures_rebuild`).
"""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from analytics.histogram import bucket_of
from analytics.models import DailyFigure
from analytics.services.dialogues import (
    dialogues_advance,
    dialogues_rebuild,
    figures_recount,
    team_went,
)
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of
from tenants.services.limit_letters import dialogues_watch
from tenants.workspace.models import Counter, Event

WATERMARK = "figures"
AT_ONCE = 5000
# Facts come in bursts; figures of a dashboard may be two seconds old.
GATHER = timedelta(seconds=2)
NAMES = (
    "conversation.opened",
    "conversation.handed_over",
    "conversation.resolved",
    "turn.answered",
)
# What only dialogues and figures of hours are made of (analytics.services.dialogues).
MORE = (
    "conversation.taken_over",
    "conversation.reopened",
    "conversation.offer_ended",
    "conversation.overdue",
    "rating.given",
    "sla.breached",
)

Key = tuple[object, str, str]


@outbox.on(*NAMES, *MORE)
def ring(event: outbox.Event) -> None:
    due.schedule("figures", 0, due_at=timezone.now() + GATHER)


@outbox.on("message.written")
def ring_for_people(event: outbox.Event) -> None:
    """What the bot writes is told by `turn.answered`."""
    if event.data.get("author") == "agent":
        ring(event)


@outbox.on("shop.zone_changed")
def ring_for_hours(event: outbox.Event) -> None:
    due.schedule("figures_zone", 0)


@due.worker("figures_zone")
def figures_by_zone(_object_id: int) -> datetime | None:
    """The shop lives by another clock: what is taken in later is told apart by it, so all is."""
    figures_recount()
    return None


@outbox.on("team.changed")
def ring_for_team(event: outbox.Event) -> None:
    if event.data.get("is_gone"):
        due.schedule("figures_team", event.data["team"])


@due.worker("figures_team")
def figures_of_gone(team_id: int) -> datetime | None:
    """What a deleted team had is the main team's, in reports too."""
    dialogues_advance()
    team_went(team_id)
    return None


@due.worker("figures")
def figures_advance(_object_id: int) -> datetime | None:
    """Add up what the log has more than last time."""
    while _advance():
        pass
    dialogues_advance()
    dialogues_watch()
    return None


def figures_rebuild() -> None:
    """Everything anew, from the log."""
    with transaction.atomic():
        Counter.objects.filter(name=WATERMARK).update(value=0)
        DailyFigure.objects.all().delete()
    dialogues_rebuild()
    figures_advance(0)


def _advance() -> bool:
    """One batch in one transaction; True when there may be more."""
    with transaction.atomic():
        Counter.objects.get_or_create(name=WATERMARK)
        mark = Counter.objects.select_for_update().get(name=WATERMARK)
        events = list(Event.objects.filter(seq__gt=mark.value).order_by("seq")[:AT_ONCE])
        if not events:
            return False
        zone = ZoneInfo(merchant_of(current_schema()).time_zone)
        tally: Tally[Key] = Tally()
        for event in events:
            for name, label in figures_of(event.name, event.data):
                tally[event.at.astimezone(zone).date(), name, label] += 1
        _add(tally)
        mark.value = events[-1].seq
        mark.save(update_fields=["value"])
    return len(events) == AT_ONCE


def figures_of(name: str, data: dict) -> list[tuple[str, str]]:
    """(figure, label) pairs one fact counts for."""
    match name:
        case "conversation.opened":
            return [("opened", "")]
        case "conversation.handed_over":
            return [("handed_over", str(data.get("reason", "")))]
        case "conversation.resolved":
            return [("resolved", "agent" if data.get("agent") else "rule")]
        case "turn.answered":
            found = [("turn", str(data.get("decision", "")))]
            if (waited := data.get("waited_ms")) is not None:
                found.append(("waited", str(bucket_of(waited))))
            return found
    return []


def _add(tally: Tally[Key]) -> None:
    if not tally:
        return
    table = DailyFigure._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (day, name, label, value) "  # noqa: S608 - our table's name
            "SELECT * FROM unnest(%s::date[], %s::text[], %s::text[], %s::bigint[]) "
            "ON CONFLICT (day, name, label) DO UPDATE SET "
            f"value = {table}.value + excluded.value",
            (
                [key[0] for key in tally],
                [key[1] for key in tally],
                [key[2] for key in tally],
                list(tally.values()),
            ),
        )
