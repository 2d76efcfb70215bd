"""What the platform counts of a merchant, for its plan."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from analytics.models import DailyFigure
from bots.models import Channel
from integrations.models import Product
from tenants.kernel import registry


@registry.usage.register("analytics")
def usage() -> dict[str, int]:
    since = timezone.localdate() - timedelta(days=30)
    opened = DailyFigure.objects.filter(name="opened", day__gt=since).aggregate(n=Sum("value"))
    return {
        "dialogues": opened["n"] or 0,
        "channels": Channel.objects.exclude(settings__has_key="removed").count(),
        "products": Product.objects.filter(is_active=True).count(),
    }
