"""Where a request is and who sends it: what our middleware has put on it, with its types."""

from __future__ import annotations

from typing import Protocol, cast

from django.http import HttpRequest

from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Merchant, Partner
from tenants.selectors.hosts import Site
from tenants.workspace.models import User


class Placed(Protocol):
    """A request as `HostMiddleware` hands it on."""

    site: Site | None
    tenant: Merchant | None
    csp_nonce: str


def placed(request: HttpRequest) -> Placed:
    return cast(Placed, request)


def site_or_none(request: HttpRequest) -> Site | None:
    """For what also serves requests that no host was looked up for: error pages, forms in tests."""
    return getattr(request, "site", None)


def site_here(request: HttpRequest) -> Site:
    """The site of the host. Only a known host leads to a view."""
    site = placed(request).site
    assert site is not None
    return site


def merchant_here(request: HttpRequest) -> Merchant:
    """The merchant of the host, for views of a merchant's own pages and API."""
    merchant = placed(request).tenant
    assert merchant is not None
    return merchant


def merchant_branded(request: HttpRequest) -> tuple[Merchant, Partner]:
    """The merchant of the host as it is now, with its brand, and its partner with theirs."""
    with merchant_context(PUBLIC):
        found = Merchant.objects.select_related("brand", "partner__brand").get(
            pk=merchant_here(request).pk
        )
    assert found.partner is not None
    return found, found.partner


def actor_of(request: HttpRequest) -> User:
    """Who does it, for services that ask. Only where the log-in has been checked."""
    return cast(User, request.user)
