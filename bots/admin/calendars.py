"""Calendars beside the shop's hours: for teams and answer times."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.admin.hours import HoursForm, day_lines, fill_year, in_words, preset_years
from bots.models import Calendar, Holiday, OpeningHours, Team
from bots.selectors.calendars import shop_times, times_of
from bots.services.calendars import calendar_delete, calendar_save
from tenants.admin.base import settled
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.posted import add_faults, asks_to, posted
from tenants.selectors.requests import merchant_here

SHOP = 0  # of teams without a calendar of their own


def _may(request: HttpRequest) -> None:
    if not request.user.has_perm("bots.change_calendar"):
        raise PermissionDenied


class CalendarForm(HoursForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)


@merchant_site.page("calendars/", name="calendars")
def calendars_page(request: HttpRequest) -> HttpResponse:
    _may(request)
    teams: dict[int, list[str]] = {}
    for team in Team.objects.all():
        teams.setdefault(team.calendar_id or SHOP, []).append(str(team))
    now = timezone.now()
    own = shop_times(now, merchant_here(request).time_zone)
    shop = {"is_known": own is not None, "is_open": own is not None and own.is_open(now),
            "teams": ", ".join(teams.get(SHOP, []))}  # fmt: skip
    rows = []
    for calendar in Calendar.objects.all():
        times = times_of(calendar)
        rows.append(
            {"calendar": calendar, "zone": str(times.zone), "is_open": times.is_open(now),
             "teams": ", ".join(teams.get(calendar.pk, []))}
        )  # fmt: skip
    return TemplateResponse(
        request,
        "desk/calendars.html",
        merchant_site.context(request, _("Calendars"), rows=rows, shop=shop),
    )


@merchant_site.page("calendars/add/", name="calendar_add")
@merchant_site.page("calendars/<int:pk>/", name="calendar")
def calendar_page(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    _may(request)
    calendar = get_object_or_404(Calendar, pk=pk) if pk is not None else None
    zone = (calendar.time_zone if calendar else "") or merchant_here(request).time_zone
    if calendar is not None and asks_to(request, "remove"):
        calendar_delete(calendar)
        return settled(
            request, "merchant:calendars", "calendar.deleted", calendar.name, _("Removed.")
        )
    if calendar is not None and asks_to(request, "fill"):
        fill_year(request, calendar)
        return redirect("merchant:calendar", calendar.pk)
    form = CalendarForm(posted(request), zone=zone, initial=_initial(calendar, zone))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            saved = calendar_save(
                calendar, name=given["name"], time_zone=given["time_zone"], week=given["week"],
                days=given["holidays"],
            )  # fmt: skip
        except ValidationError as error:
            add_faults(form, error)
        else:
            return settled(request, "merchant:calendars", "calendar.changed", saved.name)
    return TemplateResponse(
        request,
        "desk/calendar.html",
        merchant_site.context(
            request, calendar.name if calendar else _("New calendar"), form=form, calendar=calendar,
            years=preset_years(),
        ),
    )  # fmt: skip


def _initial(calendar: Calendar | None, zone: str) -> dict[str, Any]:
    if calendar is None:
        return {"time_zone": zone}
    week: dict[int, list[Any]] = {}
    for hours in OpeningHours.objects.filter(calendar=calendar).order_by("weekday", "opens"):
        week.setdefault(hours.weekday, []).append((hours.opens, hours.closes))
    return {
        "name": calendar.name,
        "time_zone": zone,
        "holidays": day_lines(Holiday.objects.filter(calendar=calendar)),
        **{f"day_{day}": in_words(found) for day, found in week.items()},
    }


merchant_menu.add(
    Entry("settings", 11, gettext_lazy("Calendars"), "calendar_month", "calendars",
          may("bots.change_calendar")),
)  # fmt: skip
