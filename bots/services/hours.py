"""Opening hours and days off, replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time

from django.db import transaction
from django.utils import timezone

from bots.models import Holiday, OpeningHours
from tenants.kernel import outbox


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
        outbox.emit("hours.changed", key="hours", data={})
