"""Opening hours and days off, replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time

from django.db import transaction
from django.utils import timezone

from bots.models import Holiday, OpeningHours, Shift
from bots.services import sla
from bots.services.agents import shifts_changed
from tenants.kernel import outbox
from tenants.models import Merchant
from tenants.services.shops import shop_save
from tenants.workspace.models import User


def zone_save(merchant: Merchant, zone: str) -> None:
    """The shop lives by another clock: shifts begin and end by it, reports count its hours."""
    shop_save(merchant, time_zone=zone)
    with transaction.atomic():
        sla.count_anew()
        for user in User.objects.filter(pk__in=Shift.objects.values("user")).order_by("pk"):
            shifts_changed(user)
        outbox.emit("shop.zone_changed", key="shop", data={})


def hours_save(
    *, week: Mapping[int, Iterable[tuple[time, time]]], holidays: Iterable[Holiday]
) -> None:
    """Intervals by weekday (0 = Monday) and days to come. Days gone by are kept."""
    with transaction.atomic():
        OpeningHours.objects.filter(calendar=None).delete()
        OpeningHours.objects.bulk_create(
            OpeningHours(weekday=day, opens=opens, closes=closes)
            for day, intervals in week.items()
            for opens, closes in intervals
        )
        Holiday.objects.filter(calendar=None, day__gte=timezone.localdate()).delete()
        Holiday.objects.bulk_create(
            holidays,
            update_conflicts=True,
            unique_fields=["calendar", "day"],
            update_fields=["name", "opens", "closes", "as_weekday", "shorter_min"],
        )
        sla.count_anew()
        outbox.emit("hours.changed", key="hours", data={})
