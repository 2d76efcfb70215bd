"""When people answer: the shop's opening hours in its own time zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bots.engine import texts
from bots.models import Holiday, OpeningHours

LOOK_AHEAD_DAYS = 14


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


def opening(now: datetime, time_zone: str) -> tuple[bool, datetime | None]:
    """(open now, next opening in the merchant's zone or None where no hours are set)."""
    hours = shop_hours()
    if not hours:
        return False, None
    local = now.astimezone(ZoneInfo(time_zone))
    holidays = holidays_from(local.date() - timedelta(days=1))
    for opens, closes in intervals(local.date(), hours, holidays):
        if opens <= local.time() < closes:
            return True, local
    for ahead in range(LOOK_AHEAD_DAYS):
        day = local.date() + timedelta(days=ahead)
        for opens, _closes in intervals(day, hours, holidays):
            start = datetime.combine(day, opens, local.tzinfo)
            if start > local:
                return False, start
    return False, None


def expected_answer(now: datetime, time_zone: str, lang: str) -> str:
    """A sentence that tells a buyer when a person will answer, true to the opening hours."""
    is_open, start = opening(now, time_zone)
    if is_open:
        return texts.say(texts.WHEN_OPEN, lang)
    if start is None:
        return texts.say(texts.WHEN_UNKNOWN, lang)
    days = (start.date() - now.astimezone(start.tzinfo).date()).days
    at = f"{start:%H:%M}"
    if days == 0:
        when = texts.say(texts.TODAY, lang).format(time=at)
    elif days == 1:
        when = texts.say(texts.TOMORROW, lang).format(time=at)
    else:
        day = texts.say(texts.WEEKDAYS, lang)[start.weekday()]
        when = texts.say(texts.ON_DAY, lang).format(day=day, time=at)
    return texts.say(texts.WHEN_CLOSED, lang).format(when=when)
