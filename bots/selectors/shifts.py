"""Who works now: weekly shifts in the merchant's zone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bots.models import Shift
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of


def zone() -> ZoneInfo:
    return ZoneInfo(merchant_of(current_schema()).time_zone)


def on_shift(users: Collection[int], now: datetime) -> set[int]:
    """Of these people, those whose shift it is; who has no shifts always is."""
    shifts: dict[int, list[Shift]] = defaultdict(list)
    for shift in Shift.objects.filter(user__in=users):
        shifts[shift.user_id].append(shift)
    local = now.astimezone(zone())
    return {
        user
        for user in users
        if user not in shifts
        or any(start <= now < end for s in shifts[user] for start, end in _turns(s, local))
    }


def next_change(user: int, now: datetime) -> datetime | None:
    """When a person's next shift begins or ends; None for who has none."""
    local = now.astimezone(zone())
    moments = [
        moment
        for shift in Shift.objects.filter(user=user)
        for turn in _turns(shift, local)
        for moment in turn
        if moment > now
    ]
    return min(moments, default=None)


def shift_of(user: int, now: datetime) -> dict[str, Any] | None:
    """Whether it is a person's shift, and when that changes; None for who has none."""
    changes = next_change(user, now)
    if changes is None:
        return None
    return {"is_on": user in on_shift([user], now), "changes_at": changes}


def _turns(shift: Shift, local: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Its beginnings and ends around a moment: of the week before, this one and the next.

    In UTC: two clocks of one zone are compared by what they show, which a clock change repeats.
    """
    ahead = (shift.weekday - local.weekday()) % 7
    for week in (-7, 0, 7):
        day = local.date() + timedelta(days=ahead + week)
        last = day if shift.starts < shift.ends else day + timedelta(days=1)
        yield (
            datetime.combine(day, shift.starts, local.tzinfo).astimezone(UTC),
            datetime.combine(last, shift.ends, local.tzinfo).astimezone(UTC),
        )
