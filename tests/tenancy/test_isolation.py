"""No merchant sees another: every address, with every session, token and number of a stranger.

The routes are found by walking what the product serves with (surface.py), the rows by walking its
models (canaries.py), so what is added later is in here without being listed.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import clear_url_caches, path

from bots.models import Bot
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Brand, Merchant, RouteKey
from tests.fixtures.merchants import SiteApiClient, SiteClient
from tests.tenancy import canaries, surface

pytestmark = pytest.mark.slow

MERCHANT_URLS = "config.urls.merchant"
PLATFORM_URLS = "config.urls.platform"


@pytest.fixture
def planted(alpha, beta) -> surface.Planted:
    """Beta full of marks, in its schema and in its public rows; alpha as it was made."""
    with beta.inside():
        rows = canaries.plant("beta")
    merchant, mark = beta.merchant, canaries.mark_of("beta")
    brand = Brand.objects.create(
        name=f"Brand {mark}", support_email=f"{mark}@mark.example", legal_name=mark
    )
    Merchant.objects.filter(pk=merchant.pk).update(
        name=f"Beta {mark}", state_reason=mark, brand=brand
    )
    rows["route_key"] = list(
        RouteKey.objects.filter(merchant=merchant).values_list("key", flat=True)
    )
    rows["tenants.Merchant"] = [merchant.pk]
    rows["tenants.Brand"] = [brand.pk]
    rows["tenants.Partner"] = [merchant.partner_id]
    rows["tenants.Domain"] = [merchant.domains.get().pk]
    return rows


def is_log_out(route: surface.Route) -> bool:
    """Would end the walk's own session."""
    return route.name == "logout"


# A buyer's page is for everybody who has its address; it shows the shop, not its people's rows.
def is_open_to_buyers(route: surface.Route) -> bool:
    return "key" in route.parameters


def test_every_parameter_of_every_route_is_known():
    for urlconf in (MERCHANT_URLS, PLATFORM_URLS):
        assert surface.unclassified(surface.routes(urlconf)) == []


def test_the_walk_finds_the_admin_and_our_own_pages():
    found = {route.path for route in surface.routes(MERCHANT_URLS)}
    assert "/admin/bots/channel/<object_id>/change/" in found
    assert "/chat/<key>/" in found
    assert len(found) > 100


@pytest.mark.parametrize("role", ["owner", "agent", None])
def test_no_page_shows_another_merchant(alpha, beta, planted, client_of, role):
    with beta.inside():
        before = canaries.snapshot(beta.schema)
    client = client_of(alpha, role)
    client.raise_request_exception = False

    seen = surface.call_all(
        surface.routes(MERCHANT_URLS), planted, client, f"alpha's {role}", owner="beta",
        skip=lambda route: is_log_out(route) or is_open_to_buyers(route),
    )  # fmt: skip

    assert not seen.leaks, "\n".join(seen.leaks)
    assert seen.called > 500
    assert seen.answered > (20 if role else 0)
    with beta.inside():
        assert canaries.snapshot(beta.schema) == before


@pytest.mark.parametrize("role", ["owner", "agent"])
def test_no_token_reads_another_merchant(alpha, beta, planted, api_of, role):
    with beta.inside():
        before = canaries.snapshot(beta.schema)
    client = api_of(alpha, role)
    client.raise_request_exception = False

    seen = surface.call_all(
        [r for r in surface.routes(MERCHANT_URLS) if "/api/" in r.path], planted, client,
        f"alpha's {role} token", owner="beta",
    )  # fmt: skip

    assert not seen.leaks, "\n".join(seen.leaks)
    with beta.inside():
        assert canaries.snapshot(beta.schema) == before


def test_a_session_opens_its_own_merchant_only(alpha, beta, client_of):
    ours = client_of(alpha, "owner")
    assert ours.get("/admin/").status_code == 200

    theirs = SiteClient(HTTP_HOST=beta.host)
    theirs.cookies = ours.cookies

    assert theirs.get("/admin/").status_code == 302
    for host in ("localhost", "partner.localhost"):
        staff = SiteClient(HTTP_HOST=host)
        staff.cookies = ours.cookies
        assert staff.get("/admin/").status_code == 302


def test_a_token_opens_its_own_merchant_only(alpha, beta):
    refused = 0
    open_to_all = ("/api/v1/schema/", "/api/v1/docs/")  # what the API is, not what is in it
    for route in surface.routes(MERCHANT_URLS):
        if (
            "/api/v1/" in route.path
            and not route.parameters
            and not route.path.startswith(open_to_all)
        ):
            client = SiteApiClient(HTTP_HOST=beta.host)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {alpha.token()}")
            status = client.get(route.path).status_code
            assert status in (401, 404, 405), route.path
            refused += status == 401
    assert refused > 5


def test_a_person_of_the_same_number_is_somebody_else(alpha, beta, client_of):
    """Numbers of people repeat in every schema: a session says whose it is by where it is."""
    assert alpha.owner.pk == beta.owner.pk
    client = client_of(alpha, "owner")
    page = client.get("/admin/").content.decode()
    assert beta.owner.email not in page


@pytest.mark.parametrize("host", ["localhost", "partner.localhost", "beta.localhost"])
def test_a_stranger_sees_no_marks_anywhere(planted, host):
    client = SiteClient(HTTP_HOST=host, raise_request_exception=False)
    urlconf = MERCHANT_URLS if host.startswith("beta") else PLATFORM_URLS

    seen = surface.call_all(
        surface.routes(urlconf), planted, client, f"nobody at {host}", owner="beta",
        skip=is_open_to_buyers,
    )  # fmt: skip

    # The log-in page of beta's own host shows its brand, and nothing else of it.
    leaks = [
        leak for leak in seen.leaks if not (host.startswith("beta") and "shows a mark" in leak)
    ]
    assert not leaks, "\n".join(leaks)


def test_a_partners_staff_sees_its_own_merchants_only(planted, partner_client):
    partner_client.raise_request_exception = False

    seen = surface.call_all(
        surface.routes(PLATFORM_URLS), planted, partner_client, "partner's staff", owner="beta",
        skip=is_log_out,
    )  # fmt: skip

    assert not seen.leaks, "\n".join(seen.leaks)
    assert seen.answered > 10


def test_an_unknown_host_shows_a_plain_page_of_no_brand(visitor):
    for where in ("/", "/admin/", "/api/v1/bots/", "/console/"):
        answer = visitor("nobody.example").get(where)
        assert answer.status_code == 404
        for word in ("Prilavok", "Lavka", "Alpha", "Beta"):
            assert word not in answer.content.decode()


def test_a_suspended_merchants_host_shows_nothing_of_it(alpha, client_of):
    from tenants.services.merchants import merchant_resume, merchant_suspend

    client = client_of(alpha, "owner")
    merchant_suspend(alpha.merchant, reason="unpaid")

    for where in ("/admin/", "/api/v1/bots/", "/"):
        answer = client.get(where)
        assert answer.status_code == 503
        assert "Alpha" not in answer.content.decode()
    # Open consoles are told in their own shape what has happened.
    assert client.get("/api/v1/desk/").json()["error"]["code"] == "not_serving"

    merchant_resume(alpha.merchant)
    assert client.get("/admin/").status_code == 200


# ── The suite finds what it is for ───────────────────────────────────────────────────────────
urlpatterns: list[Any] = []


def test_a_leak_planted_on_purpose_is_found(alpha, beta, planted, client_of, settings):
    def leaking(request, pk):
        with merchant_context(beta.schema):
            return HttpResponse(get_object_or_404(Bot, pk=pk).name)

    def careless(request):
        with merchant_context(PUBLIC):
            return HttpResponse(Merchant.objects.order_by("pk").last() or "")

    def unknown(request, whatever):
        return HttpResponse()

    def harmless(request):
        return HttpResponse("fine")

    def changing(request):
        with merchant_context(beta.schema):
            Bot.objects.update(rules="changed")
        return HttpResponse("done")

    urlpatterns[:] = [
        path("leak/<int:pk>/", leaking),
        path("careless/", careless),
        path("harmless/", harmless),
        path("changing/", changing),
    ]
    Merchant.objects.filter(pk=beta.merchant.pk).update(name=canaries.mark_of("beta"))
    Merchant.objects.exclude(pk__in=[alpha.merchant.pk, beta.merchant.pk]).delete()
    found = surface.routes(__name__)
    settings.ROOT_URLCONF = __name__
    clear_url_caches()
    with beta.inside():
        before = canaries.snapshot(beta.schema)
    client = client_of(alpha, None)
    client.raise_request_exception = False

    seen = surface.call_all(found, planted, client, "alpha", owner="beta")

    shown = {leak.split()[2] for leak in seen.leaks if "mark" in leak}
    assert {where.split("/")[1] for where in shown} == {"leak", "careless"}
    assert any("answers for a stranger's row" in leak for leak in seen.leaks)
    with beta.inside():
        assert canaries.snapshot(beta.schema) != before
    urlpatterns[:] = [path("new/<whatever>/", unknown)]
    assert surface.unclassified(surface.routes(__name__)) == ["/new/<whatever>/: <whatever>"]
    urlpatterns[:] = []
    clear_url_caches()
