"""Where advertising is forbidden today, by the operator's table."""

from __future__ import annotations

from datetime import date

from django.db.models import Q

from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import AdPolicy


def bans_on(day: date, region: str) -> dict[str, str]:
    """Kind of channel → why, for merchants of a country. Words are to be translated when shown."""
    with merchant_context(PUBLIC):
        rows = AdPolicy.objects.filter(
            Q(forbidden_until=None) | Q(forbidden_until__gte=day),
            region=region,
            forbidden_from__lte=day,
            is_on=True,
        )
        return dict(rows.order_by("forbidden_from").values_list("channel", "why"))
