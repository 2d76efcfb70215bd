"""What the platform counts of a merchant, for its plan."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import timezone

from analytics.models import DailyFigure
from tenants.kernel import registry
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of
from tenants.services import limits


@limits.counts(limits.DIALOGUES)
def dialogues_this_month() -> int:
    """Dialogues begun in the month at the merchant's."""
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    first = timezone.now().astimezone(zone).date().replace(day=1)
    opened = DailyFigure.objects.filter(name="opened", day__gte=first).aggregate(n=Sum("value"))
    return int(opened["n"] or 0)


@registry.usage.register("analytics")
def usage() -> dict[str, int]:
    return {
        "dialogues": limits.used(limits.DIALOGUES),
        "channels": limits.used("channels"),
        "products": limits.used("products"),
    }
