"""How much a merchant uses, beside what its plan allows."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache

from tenants.kernel import registry
from tenants.kernel.context import merchant_context
from tenants.models import Merchant
from tenants.workspace.models import User

KEEP_S = 60


@dataclass(frozen=True)
class Usage:
    dialogues: int = 0  # this month
    channels: int = 0
    products: int = 0
    people: int = 0
    most_dialogues: int | None = None


def usage_of(merchant: Merchant) -> Usage:
    """Counted by the apps that own the rows (`registry.usage`), kept for a minute."""
    key = f"usage:{merchant.pk}"
    counted = cache.get(key)
    if counted is None:
        with merchant_context(merchant.schema_name):
            counted = {"people": User.objects.filter(is_active=True).count()}
            for _name, count in registry.usage:
                counted |= count()
        cache.set(key, counted, KEEP_S)
    plan = merchant.plan
    return Usage(**counted, most_dialogues=plan.conversations_a_month if plan else None)
