"""Partners: the platform itself is the first."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction

from tenants.kernel import outbox
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Brand, Domain, Merchant, Partner, Plan
from tenants.selectors.hosts import forget_hosts


def plan_default() -> Plan:
    return Plan.objects.get_or_create(name="Start")[0]


def partner_create(
    *,
    slug: str,
    name: str,
    host: str,
    is_platform: bool = False,
    plan: Plan | None = None,
    language: str = "ru",
    brand: dict[str, str] | None = None,
) -> Partner:
    """A partner with its brand and host. Its merchants get `<slug>.<host>`."""
    with merchant_context(PUBLIC), transaction.atomic():
        partner = Partner.objects.create(
            slug=slug,
            brand=Brand.objects.create(name=name, **(brand or {})),
            plan=plan or plan_default(),
            is_platform=is_platform,
            language=language,
        )
        Domain.objects.create(host=host, partner=partner)
    forget_hosts()
    return partner


def platform_ensure() -> Partner:
    """The platform's own partner row and host, as the settings name them."""
    with merchant_context(PUBLIC), transaction.atomic():
        partner = Partner.objects.filter(is_platform=True).first()
        if partner is None:
            return partner_create(
                slug="platform",
                name=settings.PLATFORM_NAME,
                host=settings.PLATFORM_HOST,
                is_platform=True,
            )
        Domain.objects.get_or_create(
            host=settings.PLATFORM_HOST, defaults={"partner": partner, "is_primary": False}
        )
    return partner


def partner_host(partner: Partner) -> str:
    """The host its merchants' names are put before."""
    with merchant_context(PUBLIC):
        domain = partner.domains.filter(merchant=None).order_by("-is_primary", "pk").first()
    if domain is None:
        raise LookupError(f"{partner} has no host")
    return domain.host


def partner_channels_off(partner: Partner, kinds: Iterable[str]) -> None:
    """What its merchants may not use from now on; what they have connected of it is paused.

    Switched on again, each merchant resumes its own.
    """
    with merchant_context(PUBLIC), transaction.atomic():
        found = Partner.objects.select_for_update(of=("self",)).get(pk=partner.pk)
        partner.channels_off = sorted(set(kinds))
        new = set(partner.channels_off) - set(found.channels_off)
        Partner.objects.filter(pk=partner.pk).update(channels_off=partner.channels_off)
        schemas = list(
            Merchant.objects.filter(partner=partner)
            .exclude(schema_name=PUBLIC)
            .values_list("schema_name", flat=True)
        )
    forget_hosts()
    if not new:
        return
    for schema in schemas:
        with merchant_context(schema):
            outbox.emit("channels.switched_off", key="channels", data={"kinds": sorted(new)})
