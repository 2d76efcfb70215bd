"""Merchants by API: made, listed, suspended and resumed by whoever resells, each their own."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tenants.models import Merchant
from tenants.workspace.models import AuditEntry
from tests.fixtures.merchants import SiteApiClient

pytestmark = pytest.mark.django_db

GAMMA = {
    "slug": "gamma",
    "name": "Gamma Books",
    "email": "owner@gamma.example",
    "password": "Correct-horse-42",
}
LIST = "/api/v1/merchants/"


@pytest.fixture
def staff_api(db: None) -> Any:
    """`staff_api("partner.localhost", "partner")`: with a token of that partner's owner."""

    def make(host: str, partner: str) -> SiteApiClient:
        out = StringIO()
        call_command("api_token", partner=partner, stdout=out)
        client = SiteApiClient(HTTP_HOST=host)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {out.getvalue().strip()}")
        return client

    return make


def test_a_partner_makes_a_merchant_that_works_at_once(staff_api, alpha, beta):
    answer = staff_api("partner.localhost", "partner").post(LIST, GAMMA, format="json")

    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["slug"], made["partner"], made["host"], made["state"]) == (
        "gamma", "partner", "gamma.partner.localhost", "active",
    )  # fmt: skip
    gamma = SiteApiClient(HTTP_HOST=made["host"])
    gamma.credentials(HTTP_AUTHORIZATION=f"Bearer {made['token']}")
    assert len(gamma.get("/api/v1/bots/").json()["results"]) == 1
    assert gamma.get(LIST).status_code == 404  # not on a merchant's host
    assert AuditEntry.objects.filter(action="merchant.created", target="merchant:gamma").exists()


def test_what_does_not_fit_is_told_by_field_and_makes_nothing(staff_api, alpha, beta):
    api = staff_api("partner.localhost", "partner")
    before = Merchant.objects.exclude(state="spare").count()
    for field, value in (
        ("slug", "alpha"),
        ("email", "nobody"),
        ("password", "1234"),
        ("partner", "platform"),
    ):
        answer = api.post(LIST, {**GAMMA, field: value}, format="json")
        assert answer.status_code == 400, field
        assert field in answer.json()["error"]["fields"]
    assert Merchant.objects.exclude(state="spare").count() == before


def test_each_sees_and_touches_its_own_only(staff_api, alpha, beta, platform):
    partners = staff_api("partner.localhost", "partner")
    platforms = staff_api("localhost", platform.slug)

    assert {row["slug"] for row in partners.get(LIST).json()["results"]} == {"alpha"}
    assert {"alpha", "beta"} <= {row["slug"] for row in platforms.get(LIST).json()["results"]}
    for act in ("", "suspend/", "resume/"):
        call = partners.post if act else partners.get
        answer = call(f"{LIST}{beta.merchant.pk}/{act}", {"reason": "x"}, format="json")
        assert answer.status_code == 404
    # On the partner's host the platform's people see that partner's, too.
    platforms.defaults["HTTP_HOST"] = "partner.localhost"
    assert {row["slug"] for row in platforms.get(LIST).json()["results"]} == {"alpha"}
    # A partner's token is no key to the platform's.
    partners.defaults["HTTP_HOST"] = "localhost"
    assert {row["slug"] for row in partners.get(LIST).json()["results"]} == {"alpha"}


def test_suspended_and_resumed_with_a_reason(staff_api, alpha, beta):
    api = staff_api("partner.localhost", "partner")
    one = f"{LIST}{alpha.merchant.pk}/"

    assert api.post(f"{one}suspend/", {}, format="json").status_code == 400
    told = api.post(f"{one}suspend/", {"reason": "unpaid"}, format="json").json()
    assert (told["state"], told["state_reason"]) == ("suspended", "unpaid")
    again = api.post(f"{one}suspend/", {"reason": "again"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_state")
    assert api.post(f"{one}resume/").json()["state"] == "active"
    assert api.get(one).json()["state"] == "active"


@pytest.mark.parametrize("token", ["", "guess"])
def test_a_stranger_and_a_merchants_own_token_get_nothing(alpha, token):
    client = SiteApiClient(HTTP_HOST="partner.localhost")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token or alpha.token()}")

    assert client.get(LIST).status_code == 401
    assert client.post(LIST, GAMMA, format="json").status_code == 401


def test_a_token_is_for_a_partner_that_is_there(db):
    with pytest.raises(CommandError, match="no partner nobody"):
        call_command("api_token", partner="nobody")
