"""What every template may show of the site it is on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from tenants.selectors.requests import site_or_none


def brand(request: HttpRequest) -> dict[str, Any]:
    site = site_or_none(request)
    return {
        "site": site,
        "brand": site.brand if site else {},
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }
