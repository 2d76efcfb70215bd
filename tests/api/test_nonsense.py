"""What people and scanners put into addresses breaks no page: it is refused, or passed over."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.counts import times
from tests.tenancy import surface
from tests.tenancy.test_isolation import MERCHANT_URLS, PLATFORM_URLS, is_log_out

pytestmark = pytest.mark.slow

NONSENSE = (
    *("²", "2026-13-45T00:00:00+03:00", "9" * 30, "\x00"),
    *("-1", "'\"><", "%", b"\xed\xa0\x80", "x" * 5000),
)
# Names the admin's lists read, beside those of the API's own description.
ADMIN = (
    *("_facets", "is_active__exact", "language", "stock", "state__exact"),
    *("at_from", "at_to", "category__id__exact", "kind", "bot", "since", "days", "colour"),
    *("partner", "term", "app_label", "model_name", "field_name", "next", "email", "lang"),
)


def names_of(api: Any) -> set[str]:
    """Every parameter of a query the API's description knows."""
    schema = api.get("/api/v1/schema/", HTTP_ACCEPT="application/json").json()
    return {
        parameter["name"]
        for path in schema["paths"].values()
        for way in path.values()
        for parameter in way.get("parameters", ())
        if parameter["in"] == "query"
    }


def broken(client: Any, routes: list[surface.Route], *groups: Iterable[str]) -> list[str]:
    """Addresses that break with nonsense in each name of a group; lists stop at the first they
    refuse, so what they all read goes alone."""
    found = []
    client.raise_request_exception = False
    values = NONSENSE[: times(2, 9)]
    for route in routes:
        if route.parameters or is_log_out(route) or route.path.endswith("/add/"):
            continue
        for names, value in itertools.product(groups, values):
            query = urlencode(dict.fromkeys(names, value))
            status = client.get(f"{route.path}?{query}").status_code
            if status >= 500 and status != 503:
                found += [
                    f"{route.path}?{name}={value!r:.40}"
                    for name in names
                    if client.get(f"{route.path}?{urlencode({name: value})}").status_code >= 500
                ] or [f"{route.path}?{query:.200}"]
    return found


def test_no_query_breaks_the_api(alpha, api_of):
    api = api_of(alpha, "owner")
    names = names_of(api)
    assert {"q", "after", "before", "updated_since", "page_size", "cursor"} <= names
    routes = [r for r in surface.routes(MERCHANT_URLS) if r.path.startswith("/api/")]
    assert len(routes) > 15
    assert broken(api, routes, {"q"}, names - {"q"}) == []
    assert api.get("/api/v1/catalog/products/?q=%00").status_code == 400


def test_no_query_breaks_a_page_of_a_merchant(alpha, client_of):
    routes = [r for r in surface.routes(MERCHANT_URLS) if not r.path.startswith("/api/")]
    assert broken(client_of(alpha, "owner"), routes, {"q"}, {"p", "o"}, ADMIN) == []


def test_no_query_breaks_a_page_of_the_platform(platform_client):
    assert broken(platform_client, surface.routes(PLATFORM_URLS), {"q"}, {"p", "o"}, ADMIN) == []


@pytest.mark.parametrize("value", ["²", "9" * 30, "\x00", "x"])
def test_a_number_in_an_address_that_is_none_breaks_nothing(
    alpha, client_of, api_of, platform_client, value
):
    desk, api = client_of(alpha, "owner"), api_of(alpha)
    found = []
    for client, urls in ((desk, MERCHANT_URLS), (platform_client, PLATFORM_URLS)):
        for route in surface.routes(urls):
            if not {"pk", "id", "object_id"} & set(route.parameters):
                continue
            path = route.path
            for name in route.parameters:
                path = path.replace(f"<{name}>", quote(value))
            caller = api if "/api/" in path else client
            caller.raise_request_exception = False
            for method in ("get", "post"):
                if getattr(caller, method)(path).status_code >= 500:
                    found.append(f"{method} {path}")
    assert not found, "\n".join(found)
