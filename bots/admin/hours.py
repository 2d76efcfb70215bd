"""When people answer: a week on one page, days off below it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import Calendar, Holiday, OpeningHours
from bots.selectors.calendars import opening
from bots.selectors.russia import YEARS, is_settled
from bots.services.calendars import holidays_fill
from bots.services.hours import hours_save, zone_save
from tenants.admin.base import settled
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.posted import asks_to, offer, posted
from tenants.kernel.text import whole
from tenants.selectors.requests import actor_of, merchant_here
from tenants.services.audit import audit

_INTERVAL = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*[-–—]\s*(\d{1,2})(?:[:.](\d{2}))?")
_MARK = re.compile(r"(?:=([1-7])|[-−–](\d{1,4}))(?:\s+|$)")
Interval = tuple[time, time]

# First the zones of Russia and its neighbours, as people look for them.
ZONES = (
    ("Europe/Kaliningrad", "Калининград, UTC+2"),
    ("Europe/Moscow", "Москва, UTC+3"),
    ("Europe/Samara", "Самара, UTC+4"),
    ("Asia/Yekaterinburg", "Екатеринбург, UTC+5"),
    ("Asia/Omsk", "Омск, UTC+6"),
    ("Asia/Novosibirsk", "Новосибирск, UTC+7"),
    ("Asia/Irkutsk", "Иркутск, UTC+8"),
    ("Asia/Yakutsk", "Якутск, UTC+9"),
    ("Asia/Vladivostok", "Владивосток, UTC+10"),
    ("Asia/Magadan", "Магадан, UTC+11"),
    ("Asia/Kamchatka", "Камчатка, UTC+12"),
    ("Europe/Minsk", "Минск, UTC+3"),
    ("Asia/Almaty", "Алматы, UTC+5"),
    ("Asia/Yerevan", "Ереван, UTC+4"),
    ("Asia/Tbilisi", "Тбилиси, UTC+4"),
    ("UTC", "UTC"),
)


def read_figures(text: str) -> Iterator[tuple[int, ...]]:
    """“10:00-14:00, 15-20” → (10, 0, 14, 0), (15, 0, 20, 0). Raises ValidationError in words."""
    for part in filter(None, (p.strip() for p in re.split(r"[,;]", text))):
        match = _INTERVAL.fullmatch(part)
        if match is None:
            raise forms.ValidationError(_("Write hours like 10:00–20:00, with commas between."))
        yield tuple(int(value or 0) for value in match.groups())


def time_of(hour: int, minute: int) -> time:
    try:
        return time(hour, minute)
    except ValueError:
        raise forms.ValidationError(_("There is no such time of day.")) from None


def read_intervals(text: str) -> list[Interval]:
    """“10:00-14:00, 15-20” → intervals in order. Raises ValidationError in words."""
    found = []
    for hour, minute, end_hour, end_minute in read_figures(text):
        if (end_hour, end_minute) == (24, 0):
            end_hour, end_minute = 23, 59
        opens, closes = time_of(hour, minute), time_of(end_hour, end_minute)
        if opens >= closes:
            raise forms.ValidationError(_("It has to close after it opens."))
        found.append((opens, closes))
    found.sort()
    for (_o, closes), (opens, _c) in pairwise(found):
        if opens < closes:
            raise forms.ValidationError(_("Two intervals overlap."))
    return found


def in_words(intervals: list[Interval]) -> str:
    return ", ".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in intervals)


class WeekForm(forms.Form):
    """One line a weekday, `day_0` to `day_6`; an empty one is a day off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day, title in OpeningHours.WEEKDAYS:
            self.fields[f"day_{day}"] = forms.CharField(
                label=title,
                required=False,
                max_length=120,
                widget=forms.TextInput({"placeholder": _("day off"), "autocomplete": "off"}),
            )

    @property
    def days(self) -> list[Any]:
        return [self[f"day_{day}"] for day, _title in OpeningHours.WEEKDAYS]

    def read_week(
        self, cleaned: Mapping[str, Any], read: Callable[[str], list[Interval]]
    ) -> dict[int, list[Interval]]:
        """Intervals of each day; what cannot be read is told beside its line."""
        week: dict[int, list[Interval]] = {}
        for day, _title in OpeningHours.WEEKDAYS:
            try:
                week[day] = read(cleaned.get(f"day_{day}", ""))
            except forms.ValidationError as error:
                self.add_error(f"day_{day}", error)
        return week


class HoursForm(WeekForm):
    """The week of the shop, or of one calendar, and the days that are unlike it."""

    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    holidays = forms.CharField(
        label=gettext_lazy("Days off and other hours"),
        required=False,
        widget=forms.Textarea({"rows": 6}),
        help_text=gettext_lazy(
            "A day a line: “31.12.2026 10:00–16:00 New Year's Eve”; without hours the day is off. "
            "“-60”: ends an hour earlier; “=1”: works like Monday."
        ),
    )

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = list(ZONES)
        if zone not in dict(choices) and zone in available_timezones():
            choices.append((zone, zone))
        offer(self, "time_zone", choices)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["week"] = self.read_week(cleaned, read_intervals)
        return cleaned

    def clean_holidays(self) -> list[Holiday]:
        found: dict[date, Holiday] = {}
        for number, line in enumerate(self.cleaned_data["holidays"].splitlines(), start=1):
            if line.strip():
                holiday = self._holiday(line.strip(), number)
                found[holiday.day] = holiday
        return list(found.values())

    def _holiday(self, line: str, number: int) -> Holiday:
        day_text, _space, rest = line.partition(" ")
        match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})|(\d{4})-(\d{2})-(\d{2})", day_text)
        try:
            assert match is not None
            a, b, c, d, e, f = match.groups()
            day = date(int(c), int(b), int(a)) if c else date(int(d), int(e), int(f))
        except (AssertionError, ValueError):
            raise forms.ValidationError(
                _("Line %(n)s: begin with a date like 31.12.2026.") % {"n": number}
            ) from None
        hours, name = None, rest.strip()
        if (found := _INTERVAL.match(name)) is not None:
            hours, name = read_intervals(found.group(0))[0], name[found.end() :].strip()
        like, shorter = None, 0
        while (mark := _MARK.match(name)) is not None:
            if mark[1]:
                like = int(mark[1]) - 1
            else:
                shorter = min(int(mark[2]), 1_440)
            name = name[mark.end() :]
        return Holiday(
            as_weekday=like,
            shorter_min=shorter,
            day=day,
            name=name[:80],
            opens=hours[0] if hours else None,
            closes=hours[1] if hours else None,
        )


def preset_years() -> list[tuple[int, bool]]:
    """(year, whether what the Government moved is known)."""
    return [(year, is_settled(year)) for year in YEARS]


def fill_year(request: HttpRequest, calendar: Calendar | None) -> None:
    """The button of the production calendar."""
    try:
        added = holidays_fill(calendar, whole(request.POST.get("fill", "")) or 0)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return
    audit("hours.changed", actor=actor_of(request))
    messages.success(request, _("Days put in: %s. What you had written stays.") % added)


@merchant_site.page("hours/", name="hours")
def hours_page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("bots.change_openinghours"):
        raise PermissionDenied
    merchant = merchant_here(request)
    if asks_to(request, "fill"):
        fill_year(request, None)
        return redirect("merchant:hours")
    form = HoursForm(posted(request), zone=merchant.time_zone, initial=_stored(merchant))
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["time_zone"] != merchant.time_zone:
            zone_save(merchant, form.cleaned_data["time_zone"])
        hours_save(week=form.cleaned_data["week"], holidays=form.cleaned_data["holidays"])
        return settled(
            request,
            "merchant:hours",
            "hours.changed",
            text=_("Saved. Buyers are told these hours from now on."),
        )
    is_open, start = opening(timezone.now(), merchant.time_zone)
    return TemplateResponse(
        request,
        "desk/hours.html",
        merchant_site.context(
            request,
            _("Opening hours"),
            form=form,
            is_open=is_open,
            start=start,
            years=preset_years(),
            is_guess=OpeningHours.objects.filter(calendar=None, is_guess=True).exists(),
        ),
    )


def day_lines(days: Iterable[Holiday]) -> str:
    """Days as the form reads them, a line each."""
    lines = []
    for day in sorted(days, key=lambda one: one.day):
        marks = (
            f"{day.day:%d.%m.%Y}",
            in_words([(day.opens, day.closes)]) if day.opens and day.closes else "",
            f"={day.as_weekday + 1}" if day.as_weekday is not None else "",
            f"-{day.shorter_min}" if day.shorter_min else "",
            day.name,
        )
        lines.append(" ".join(filter(None, marks)))
    return "\n".join(lines)


def _stored(merchant: Any) -> dict[str, Any]:
    week: dict[int, list[Interval]] = {}
    for hours in OpeningHours.objects.filter(calendar=None).order_by("weekday", "opens"):
        week.setdefault(hours.weekday, []).append((hours.opens, hours.closes))
    upcoming = Holiday.objects.filter(calendar=None, day__gte=timezone.localdate())
    return {
        "time_zone": merchant.time_zone,
        "holidays": day_lines(upcoming),
        **{f"day_{day}": in_words(intervals) for day, intervals in week.items()},
    }


merchant_menu.add(
    Entry("settings", 10, gettext_lazy("Opening hours"), "schedule", "hours",
          may("bots.change_openinghours")),
)  # fmt: skip
