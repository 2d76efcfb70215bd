"""The opening hours as they are kept: a week, and days that are unlike it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time

from bots.models import Holiday, OpeningHours


def intervals(
    day: date, hours: Sequence[OpeningHours], holidays: Mapping[date, Holiday]
) -> list[tuple[time, time]]:
    """Opening intervals of one date, earliest first."""
    special = holidays.get(day)
    weekday = day.weekday()
    if special is not None:
        if special.opens and special.closes:
            return [(special.opens, special.closes)]
        if special.as_weekday is None and not special.shorter_min:
            return []
        weekday = special.as_weekday if special.as_weekday is not None else weekday
    found = sorted((h.opens, h.closes) for h in hours if h.weekday == weekday)
    return _shortened(found, special.shorter_min) if special else found


def _shortened(day: list[tuple[time, time]], minutes: int) -> list[tuple[time, time]]:
    """The day ends so much earlier."""
    while day and minutes:
        opens, closes = day.pop()
        start, end = opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute
        if end - start > minutes:
            end -= minutes
            day.append((opens, time(end // 60, end % 60)))
            break
        minutes -= end - start
    return day


def shop_hours() -> list[OpeningHours]:
    return list(OpeningHours.objects.filter(calendar=None))


def holidays_from(day: date) -> dict[date, Holiday]:
    """The shop's days with other hours, from a day on."""
    return {h.day: h for h in Holiday.objects.filter(calendar=None, day__gte=day)}
