"""When people answer: the merchant's opening hours in its own time zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bots.engine import texts
from bots.models import Holiday, OpeningHours

LOOK_AHEAD_DAYS = 14


def intervals(day, hours: list[OpeningHours], holidays: dict) -> list[tuple[time, time]]:
    """Opening intervals of one date, earliest first."""
    if (holiday := holidays.get(day)) is not None:
        return [(holiday.opens, holiday.closes)] if holiday.opens and holiday.closes else []
    return [(h.opens, h.closes) for h in hours if h.weekday == day.weekday()]


def opening(now: datetime, time_zone: str) -> tuple[bool, datetime | None]:
    """(open now, next opening in the merchant's zone or None where no hours are set)."""
    hours = list(OpeningHours.objects.all())
    if not hours:
        return False, None
    local = now.astimezone(ZoneInfo(time_zone))
    holidays = {h.day: h for h in Holiday.objects.filter(day__gte=local.date() - timedelta(days=1))}
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
