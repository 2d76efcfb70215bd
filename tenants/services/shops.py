"""What a merchant changes of itself: its name, zone, brand. The rows are public ones."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Brand, Merchant
from tenants.selectors.hosts import forget_hosts

SHOP_FIELDS = frozenset({"time_zone", "language", "currency"})
BRAND_FIELDS = frozenset(f.name for f in Brand._meta.fields if f.name != "id")


def shop_save(merchant: Merchant, **values: Any) -> None:
    """Change the merchant's own settings (SHOP_FIELDS)."""
    if unknown := values.keys() - SHOP_FIELDS:
        raise TypeError(f"not a setting of a shop: {', '.join(sorted(unknown))}")
    with merchant_context(PUBLIC), transaction.atomic():
        found = Merchant.objects.select_for_update(of=("self",)).get(pk=merchant.pk)
        for name, value in values.items():
            setattr(found, name, value)
            setattr(merchant, name, value)
        found.full_clean(exclude=[f.name for f in Merchant._meta.fields if f.name not in values])
        found.save(update_fields=list(values))
    forget_hosts()


def shop_brand_save(merchant: Merchant, **values: Any) -> Brand:
    """Change the merchant's brand; an empty value is inherited from the partner.

    Raises: ValidationError, by field.
    """
    if unknown := values.keys() - BRAND_FIELDS:
        raise TypeError(f"not a part of a brand: {', '.join(sorted(unknown))}")
    with merchant_context(PUBLIC), transaction.atomic():
        found = Merchant.objects.select_for_update(of=("self",)).get(pk=merchant.pk)
        brand = Brand.objects.filter(pk=found.brand_id).first() or Brand()
        for name, value in values.items():
            setattr(brand, name, value)
        brand.full_clean()
        brand.save()
        if found.brand_id != brand.pk:
            found.brand = brand
            found.save(update_fields=["brand"])
    forget_hosts()
    return brand
