from __future__ import annotations

from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Merchant, Plan


def plan_of(merchant: Merchant) -> Plan | None:
    """Limits of a merchant. A merchant's own role may not read the table of plans."""
    with merchant_context(PUBLIC):
        return Plan.objects.filter(pk=merchant.plan_id).first()
