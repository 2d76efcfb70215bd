"""What every template may show of the site it is on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from tenants.selectors.hosts import Site


def brand(request: HttpRequest) -> dict[str, Any]:
    site: Site | None = getattr(request, "site", None)
    return {
        "site": site,
        "brand": site.brand if site else {},
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }
