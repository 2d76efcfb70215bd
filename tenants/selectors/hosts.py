"""Host → site. Looked up on each request, so it is kept in the process for some seconds."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Domain, Merchant, Partner

KEEP_S = 20.0


@dataclass(frozen=True)
class Site:
    """What a host stands for. `kind`: platform | partner | merchant."""

    host: str
    kind: str
    partner: Partner
    merchant: Merchant | None
    brand: dict[str, Any]

    @property
    def schema(self) -> str:
        return self.merchant.schema_name if self.merchant else PUBLIC


_BRAND_FIELDS = (
    "name",
    "colour",
    "logo",
    "logo_dark",
    "favicon",
    "support_email",
    "support_url",
    "sender_name",
    "sender_email",
    "privacy_url",
    "legal_name",
)


def brand_of(partner: Partner, merchant: Merchant | None = None) -> dict[str, str]:
    """Values a page shows: the merchant's own, else its partner's."""
    values = {name: getattr(partner.brand, name) for name in _BRAND_FIELDS}
    if merchant is not None and merchant.brand:
        values |= {n: v for n in _BRAND_FIELDS if (v := getattr(merchant.brand, n))}
    if merchant is not None and not (merchant.brand and merchant.brand.name):
        values["name"] = merchant.name or values["name"]
    values["colour"] = values["colour"] or "#3b5bdb"
    return values


_cache: dict[str, tuple[float, Site | None]] = {}
_lock = threading.Lock()


def site_of(host: str) -> Site | None:
    """The site a host stands for; None for a host that is not ours."""
    host = host.rsplit(":", 1)[0].lower().rstrip(".")
    now = time.monotonic()
    if (kept := _cache.get(host)) and kept[0] > now:
        return kept[1]
    site = _look_up(host)
    with _lock:
        if len(_cache) > 10_000:
            _cache.clear()
        _cache[host] = (now + (KEEP_S if site else 3.0), site)
    return site


def forget_hosts() -> None:
    """After a change of domain, brand or state. Other processes follow within KEEP_S."""
    with _lock:
        _cache.clear()
        _merchants.clear()


def _look_up(host: str) -> Site | None:
    with merchant_context(PUBLIC):
        domain = (
            Domain.objects.select_related("partner__brand", "merchant__brand")
            .filter(host=host)
            .first()
        )
    if domain is None:
        return None
    merchant, partner = domain.merchant, domain.partner
    if merchant is None and not partner.is_active:
        return None
    kind = "merchant" if merchant else "platform" if partner.is_platform else "partner"
    return Site(host, kind, partner, merchant, brand_of(partner, merchant))


def url_of(host: str, path: str = "/") -> str:
    """Public address of a path on one of our hosts."""
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    return f"{settings.PUBLIC_SCHEME}://{host}{port}{path}"


def primary_host(merchant: Merchant) -> str:
    with merchant_context(PUBLIC):
        domain = merchant.domains.order_by("-is_primary", "pk").first()
    if domain is None:
        raise LookupError(f"{merchant} has no host")
    return domain.host


_merchants: dict[str, tuple[float, Merchant]] = {}


def merchant_of(schema: str) -> Merchant:
    """The merchant of a schema, kept for KEEP_S seconds. Raises Merchant.DoesNotExist."""
    now = time.monotonic()
    if (kept := _merchants.get(schema)) and kept[0] > now:
        return kept[1]
    with merchant_context(PUBLIC):
        found = Merchant.objects.select_related("partner__brand", "brand").get(schema_name=schema)
    with _lock:
        if len(_merchants) > 10_000:
            _merchants.clear()
        _merchants[schema] = (now + KEEP_S, found)
    return found


def is_known(schema: str) -> bool:
    """Whether a schema is a merchant's. A bell may outlive the merchant it was rung for."""
    try:
        merchant_of(schema)
    except Merchant.DoesNotExist:
        return False
    return True
