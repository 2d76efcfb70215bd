"""Working time: gaps, holidays, moved and shorter days, clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.models import Calendar, Holiday, OpeningHours
from bots.selectors.calendars import Times, add_working, times_of, working_s
from bots.selectors.russia import production_calendar
from tests.counts import times as so_many

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")


def week(*intervals: tuple[int, str, str]) -> list[OpeningHours]:
    return [
        OpeningHours(weekday=d, opens=time.fromisoformat(a), closes=time.fromisoformat(b))
        for d, a, b in intervals
    ]


LUNCH = week(*((d, a, b) for d in range(5) for a, b in (("10:00", "14:00"), ("15:00", "19:00"))))


def at(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def test_a_promise_passes_over_lunch_night_and_weekend():
    times = Times(MOSCOW, LUNCH)

    # Friday, half an hour before lunch: two hours end at 16:30.
    assert add_working(at("2026-11-20 13:30"), 7200, times) == at("2026-11-20 16:30")
    # Friday evening: an hour is Monday's first, half of it was Friday's.
    assert add_working(at("2026-11-20 18:30"), 3600, times) == at("2026-11-23 10:30")
    assert add_working(at("2026-11-21 12:00"), 900, times) == at("2026-11-23 10:15")
    assert working_s(at("2026-11-20 13:30"), at("2026-11-23 10:15"), times) == 1800 + 14400 + 900
    assert working_s(at("2026-11-23 10:15"), at("2026-11-20 13:30"), times) == 0
    assert not times.is_open(at("2026-11-20 14:30"))
    assert times.is_open(at("2026-11-20 15:00"))


def test_other_days_are_off_shorter_moved_or_have_hours_of_their_own():
    times = Times(
        MOSCOW,
        LUNCH,
        {
            one.day: one
            for one in (
                Holiday(day=date(2026, 11, 4)),
                Holiday(day=date(2026, 11, 3), shorter_min=60),
                Holiday(day=date(2026, 11, 7), as_weekday=0),
                Holiday(day=date(2026, 11, 8), opens=time(12), closes=time(13)),
            )
        },
    )

    assert add_working(at("2026-11-03 17:30"), 3600, times) == at("2026-11-05 10:30")
    day = lambda number: working_s(  # noqa: E731
        at(f"2026-11-{number:02} 00:00"), at(f"2026-11-{number + 1:02} 00:00"), times
    )
    assert [day(n) // 3600 for n in range(3, 9)] == [7, 0, 8, 8, 8, 1]


def test_a_clock_change_neither_gives_nor_takes_working_time():
    night = Times(BERLIN, week(*((d, "01:00", "05:00") for d in range(7))))

    # 29 March 2026: 02:00 becomes 03:00; 25 October: 03:00 becomes 02:00.
    assert working_s(at("2026-03-29 00:00", BERLIN), at("2026-03-30 00:00", BERLIN), night) == 10800
    assert working_s(at("2026-10-25 00:00", BERLIN), at("2026-10-26 00:00", BERLIN), night) == 18000
    assert add_working(at("2026-03-29 01:30", BERLIN), 3600, night) == at(
        "2026-03-29 03:30", BERLIN
    )


def test_a_calendar_without_hours_is_open_round_the_clock():
    times = Times(MOSCOW, (), {date(2026, 11, 21): Holiday(day=date(2026, 11, 21))})

    assert add_working(at("2026-11-20 23:00"), 7200, times) == at("2026-11-22 01:00")
    assert working_s(at("2026-11-20 23:00"), at("2026-11-22 01:00"), times) == 7200


minutes = st.integers(0, 24 * 60 - 1)


@st.composite
def calendars(draw) -> Times:
    hours = []
    for weekday in range(7):
        marks = sorted(set(draw(st.lists(minutes, max_size=6))))
        for start, end in zip(marks[::2], marks[1::2], strict=False):
            clock = [time(m // 60, m % 60) for m in (start, end)]
            hours.append(OpeningHours(weekday=weekday, opens=clock[0], closes=clock[1]))
    first = date(2026, 3, 20)
    days = {}
    for offset in draw(st.sets(st.integers(0, 30), max_size=4)):
        day = first + timedelta(days=offset)
        days[day] = Holiday(
            day=day,
            shorter_min=draw(st.sampled_from((0, 60, 600))),
            as_weekday=draw(st.sampled_from((None, 0, 6))),
        )
    zone = draw(st.sampled_from(("Europe/Moscow", "Europe/Berlin", "America/St_Johns", "UTC")))
    return Times(ZoneInfo(zone), hours, days)


moments = st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 10), timezones=st.just(UTC))
seconds = st.integers(0, 200_000)


@settings(max_examples=so_many(120, 5_000), deadline=None)
@given(calendars(), moments, seconds, seconds)
def test_adding_working_time_and_counting_it_agree(times, start, less, more):
    less, more = sorted((less, more))
    end = add_working(start, less, times)

    assert working_s(start, end, times) == less
    assert start <= end <= add_working(start, more, times)
    assert add_working(end, more - less, times) == add_working(start, more, times) or less == 0


def test_the_production_calendar_of_2026_is_the_official_one():
    found = production_calendar(2026)
    off = [one.day for one in found if not one.shorter_min]
    working_days = sum(
        (date(2026, 1, 1) + timedelta(days=n)).weekday() < 5
        and date(2026, 1, 1) + timedelta(days=n) not in off
        for n in range(365)
    )

    assert [f"{d:%d.%m}" for d in off if d.weekday() < 5] == [
        *("01.01", "02.01", "05.01", "06.01", "07.01", "08.01", "09.01", "23.02", "09.03"),
        *("01.05", "11.05", "12.06", "04.11", "31.12"),
    ]
    assert [f"{one.day:%d.%m}" for one in found if one.shorter_min] == [
        "30.04", "08.05", "11.06", "03.11",
    ]  # fmt: skip
    assert working_days == 247


def test_the_production_calendar_of_2027_follows_the_rules_alone():
    found = production_calendar(2027)

    assert [f"{one.day:%d.%m}" for one in found if not one.shorter_min] == [
        *("01.01", "02.01", "03.01", "04.01", "05.01", "06.01", "07.01", "08.01", "23.02", "08.03"),
        *("01.05", "03.05", "09.05", "10.05", "12.06", "14.06", "04.11"),
    ]
    assert [f"{one.day:%d.%m}" for one in found if one.shorter_min] == [
        "22.02", "30.04", "11.06", "03.11", "31.12",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_calendar_has_its_own_zone_and_our_guess_is_no_promise(alpha, beta):
    with alpha.inside():
        OpeningHours.objects.update(is_guess=True)
        calendar = Calendar.objects.create(name="Far", time_zone="Asia/Omsk")
        OpeningHours.objects.create(calendar=calendar, weekday=0, opens=time(9), closes=time(10))
        mine, shops = times_of(calendar), times_of()
    with beta.inside():
        assert not Calendar.objects.exists()

    assert (str(mine.zone), len(mine.hours)) == ("Asia/Omsk", 1)
    assert shops.hours == []
    assert add_working(at("2026-11-22 12:00"), 60, mine) == at(
        "2026-11-23 09:01", ZoneInfo("Asia/Omsk")
    )
