"""Calendars: their hours and days replaced as a whole, a year's holidays put in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from bots.models import Calendar, Holiday, OpeningHours, Team
from bots.selectors.calendars import Times, add_working, times_of, working_s
from bots.selectors.russia import YEARS, production_calendar
from bots.services import sla
from tenants.kernel import outbox

__all__ = [
    "Times", "add_working", "calendar_delete", "calendar_save", "holidays_fill", "times_of",
    "working_s",
]  # fmt: skip

Week = Mapping[int, Iterable[tuple[time, time]]]


def calendar_save(
    calendar: Calendar | None,
    *,
    name: str,
    time_zone: str = "",
    week: Week,
    days: Iterable[Holiday],
    teams: Iterable[Team] | None = None,
) -> Calendar:
    """Make or change one; `week` and `days` replace what it had, `teams` are those that keep it.

    Raises ValidationError by field.
    """
    name = name.strip()
    if not name:
        raise ValidationError({"name": _("Give it a name.")})
    if Calendar.objects.filter(name=name).exclude(pk=calendar.pk if calendar else 0).exists():
        raise ValidationError({"name": _("There is a calendar of this name.")})
    if time_zone and time_zone not in available_timezones():
        raise ValidationError({"time_zone": _("There is no such time zone.")})
    with transaction.atomic():
        saved = calendar or Calendar()
        saved.name, saved.time_zone = name[:80], time_zone
        saved.save()
        OpeningHours.objects.filter(calendar=saved).delete()
        OpeningHours.objects.bulk_create(
            OpeningHours(calendar=saved, weekday=day, opens=opens, closes=closes)
            for day, intervals in week.items()
            for opens, closes in intervals
        )
        Holiday.objects.filter(calendar=saved).delete()
        found = list(days)
        for day in found:
            day.calendar = saved
        Holiday.objects.bulk_create(found)
        if teams is not None:
            Team.objects.filter(calendar=saved).update(calendar=None)
            Team.objects.filter(pk__in=[team.pk for team in teams]).update(calendar=saved)
        _changed(saved)
    return saved


def _changed(calendar: Calendar | None) -> None:
    sla.count_anew()
    outbox.emit("hours.changed", key="hours", data={"calendar": calendar.pk if calendar else None})


def calendar_delete(calendar: Calendar) -> None:
    """Its teams and answer times keep the shop's hours from now on."""
    with transaction.atomic():
        _changed(calendar)
        calendar.delete()


def holidays_fill(calendar: Calendar | None, year: int) -> int:
    """Put the production calendar of a year in (None: the shop's hours); how many days are new.

    Days the merchant has written are left as they are.
    """
    if year not in YEARS:
        raise ValidationError({"year": _("There is no production calendar for this year.")})
    with transaction.atomic():
        taken = set(
            Holiday.objects.filter(calendar=calendar, day__year=year).values_list("day", flat=True)
        )
        fresh = [
            Holiday(calendar=calendar, day=one.day, name=_(one.name), shorter_min=one.shorter_min)
            for one in production_calendar(year)
            if one.day not in taken
        ]
        Holiday.objects.bulk_create(fresh)
        _changed(calendar)
    return len(fresh)
