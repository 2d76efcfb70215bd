"""Working time: whether it is on, when it begins, adding to it and counting it, in any calendar.

An interval is a stretch of real time: what a clock change takes or gives is neither lost nor
counted twice. A calendar without weekly hours is open round the clock (its days off still hold),
so that a promise always has an end. 23:59 as a closing time means midnight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bots.engine import texts
from bots.models import Calendar, Holiday, OpeningHours
from bots.selectors.hours import holidays_from, intervals, shop_hours
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# Nobody promises anything beyond; whoever is asked gets an end all the same.
FARTHEST = timedelta(days=3660)
# A buyer, or a person who sends later, is told no opening beyond.
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Times:
    """A calendar as it is read once: its zone, week and other days."""

    zone: ZoneInfo
    hours: Sequence[OpeningHours] = ()
    days: Mapping[date, Holiday] | None = None

    def open_on(self, day: date) -> list[tuple[datetime, datetime]]:
        """Working stretches of a local date in UTC, apart from each other."""
        if self.hours:
            found = intervals(day, self.hours, self.days or {})
        else:
            found = self._round_the_clock(day)
        stretches: list[tuple[datetime, datetime]] = []
        for opens, closes in found:
            start, end = self._at(day, opens), self._end(day, closes)
            if stretches and start < stretches[-1][1]:
                start = stretches[-1][1]
            if start < end:
                stretches.append((start, end))
        return stretches

    def _round_the_clock(self, day: date) -> list[tuple[time, time]]:
        special = (self.days or {}).get(day)
        if special is None or special.as_weekday is not None or special.shorter_min:
            return [(time(0), time(23, 59))]
        if special.opens and special.closes:
            return [(special.opens, special.closes)]
        return []

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def _end(self, day: date, closes: time) -> datetime:
        if (closes.hour, closes.minute) == (23, 59):
            return self._at(day + _DAY, time(0))
        return self._at(day, closes)

    def stretches(
        self, start: datetime, within: timedelta = FARTHEST
    ) -> Iterator[tuple[datetime, datetime]]:
        """What is left of working time from a moment on, earliest first."""
        start = start.astimezone(UTC)
        day = start.astimezone(self.zone).date() - _DAY
        last = day + _DAY + within
        while day < last:
            for opens, closes in self.open_on(day):
                if closes > start:
                    yield max(opens, start), closes
            day += _DAY

    def is_open(self, at: datetime) -> bool:
        day = at.astimezone(self.zone).date()
        return any(opens <= at < closes for opens, closes in self.open_on(day))

    def next_opening(self, at: datetime) -> datetime | None:
        """In the calendar's zone; the moment itself while open; None where none is soon."""
        for opens, _closes in self.stretches(at, SOON):
            return opens.astimezone(self.zone)
        return None


def add_working(start: datetime, seconds: float, times: Times) -> datetime:
    """When so much working time has passed; `start` itself for none."""
    left = timedelta(seconds=seconds)
    if left <= timedelta(0):
        return start
    for opens, closes in times.stretches(start):
        if closes - opens >= left:
            return opens + left
        left -= closes - opens
    return start.astimezone(UTC) + FARTHEST


def working_s(start: datetime, end: datetime, times: Times) -> int:
    """Whole seconds of working time between two moments; 0 where `end` is not later."""
    total = timedelta(0)
    if end <= start:
        return 0
    for opens, closes in times.stretches(start):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total // _SECOND


def times_of(calendar: Calendar | int | None = None) -> Times:
    """A calendar of the merchant, or (None) the shop's hours; two queries.

    Hours that are only our guess are nobody's promise: they count as none.
    """
    pk = calendar.pk if isinstance(calendar, Calendar) else calendar
    named = Calendar.objects.filter(pk=pk or 0).first() if isinstance(calendar, int) else calendar
    assert named is None or isinstance(named, Calendar)
    zone = named.time_zone if named is not None else ""
    zone = zone or merchant_of(current_schema()).time_zone
    where = named.pk if named is not None else None
    return Times(
        ZoneInfo(zone),
        list(OpeningHours.objects.filter(calendar=where, is_guess=False)),
        {day.day: day for day in Holiday.objects.filter(calendar=where)},
    )


# ── The shop's own ───────────────────────────────────────────────────────────────────────────
def shop_times(now: datetime, time_zone: str) -> Times | None:
    """The shop's hours, our guess where nobody has told them; None without any."""
    hours = shop_hours()
    if not hours:
        return None
    zone = ZoneInfo(time_zone)
    return Times(zone, hours, holidays_from(now.astimezone(zone).date() - _DAY))


def opening(now: datetime, time_zone: str) -> tuple[bool, datetime | None]:
    """(open now, next opening in the merchant's zone or None where no hours are set)."""
    times = shop_times(now, time_zone)
    start = times.next_opening(now) if times is not None else None
    return start == now, start


def expected_answer(now: datetime, time_zone: str, lang: str, calendar: int | None = None) -> str:
    """A sentence that tells a buyer when a person will answer, true to the opening hours.

    `calendar`: of the team that will answer; None: the shop's hours.
    """
    if calendar is None:
        is_open, start = opening(now, time_zone)
    else:
        start = times_of(calendar).next_opening(now)
        is_open = start == now
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
