"""The production calendar of Russia: days off, moved days and shorter days of a year.

Rules: Labour Code, article 112 (which days are holidays; one that falls on a weekend moves the day
off to the next working day, except for the January ones, of which the Government moves two),
article 95 (the working day right before a holiday is an hour shorter). What the Government moved
is a table here, for the years it is known for; where it is not, the page says so and the merchant
looks it up. Source for 2026: the Government's resolution 1466 of 24 September 2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext_noop

YEARS = (2026, 2027)
# Saturday or Sunday → the day off it became. A year that is here is settled.
MOVED: Mapping[int, Mapping[date, date]] = {
    2026: {
        date(2026, 1, 3): date(2026, 1, 9),
        date(2026, 1, 4): date(2026, 12, 31),
    },
}
SHORTER_MIN = 60
_JANUARY = frozenset({(1, day) for day in range(1, 9)})
_HOLIDAYS: Mapping[tuple[int, int], str] = {
    **{(1, day): gettext_noop("New Year holidays") for day in (1, 2, 3, 4, 5, 6, 8)},
    (1, 7): gettext_noop("Christmas"),
    (2, 23): gettext_noop("Defender of the Fatherland Day"),
    (3, 8): gettext_noop("International Women's Day"),
    (5, 1): gettext_noop("Spring and Labour Day"),
    (5, 9): gettext_noop("Victory Day"),
    (6, 12): gettext_noop("Russia Day"),
    (11, 4): gettext_noop("National Unity Day"),
}
MOVED_NAME = gettext_noop("Day off moved by the Government")
SHORT_NAME = gettext_noop("Shorter day before a holiday")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Special:
    """A day unlike its weekday: off, or so much shorter."""

    day: date
    name: str  # English; translated where it is shown or kept
    shorter_min: int = 0


def is_settled(year: int) -> bool:
    """Whether what the Government moved is known for the year."""
    return year in MOVED


def production_calendar(year: int) -> list[Special]:
    """Days off and shorter days of a year, by date; ordinary weekends are not named."""
    off = {date(year, *day): name for day, name in _HOLIDAYS.items()}
    moved = MOVED.get(year, {})
    off |= dict.fromkeys(moved.values(), MOVED_NAME)
    for (month, number), name in _HOLIDAYS.items():
        day = date(year, month, number)
        if day.weekday() >= 5 and (month, number) not in _JANUARY:
            while day.weekday() >= 5 or day in off:
                day += _DAY
            off[day] = name
    found = [Special(day, name) for day, name in off.items()]
    begins = [date(year, *day) for day in _HOLIDAYS] + [date(year + 1, 1, 1)]
    for holiday in begins:
        eve = holiday - _DAY
        if eve.year == year and eve.weekday() < 5 and eve not in off:
            found.append(Special(eve, SHORT_NAME, SHORTER_MIN))
    return sorted(found, key=lambda one: one.day)
