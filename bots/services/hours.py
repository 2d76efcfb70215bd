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
        OpeningHours.objects.all().delete()
        OpeningHours.objects.bulk_create(
            OpeningHours(weekday=day, opens=opens, closes=closes)
            for day, intervals in week.items()
            for opens, closes in intervals
        )
        Holiday.objects.filter(day__gte=timezone.localdate()).delete()
        Holiday.objects.bulk_create(
            holidays,
            update_conflicts=True,
            unique_fields=["day"],
            update_fields=["name", "opens", "closes"],
        )
        outbox.emit("hours.changed", key="hours", data={})
