"""Working time between two moments, by a team's calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bots.models import Team
from bots.selectors.calendars import Times, times_of, working_s

Clock = Callable[[int, datetime, datetime], int]


def working_clock() -> Clock:
    """(team, start, end) → seconds people of that team work in between.

    0 is the default team; each calendar is read once. Without hours a shop is open round the clock.
    """
    calendars: dict[int, int | None] = {}
    read: dict[int | None, Times] = {}

    def count(team: int, start: datetime, end: datetime) -> int:
        if not calendars:
            for pk, calendar, is_default in Team.objects.values_list(
                "pk", "calendar_id", "is_default"
            ):
                calendars[0 if is_default else pk] = calendar
        found = calendars.get(team, calendars.get(0))
        if found not in read:
            read[found] = times_of(found)
        return working_s(start, end, read[found])

    return count
