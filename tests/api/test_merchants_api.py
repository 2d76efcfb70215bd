"""Merchants by API: made, renamed, suspended, exported, deleted by whoever resells, each theirs."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tenants.kernel import due
from tenants.kernel.context import PUBLIC
from tenants.models import Due, Merchant
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


def test_renamed_and_the_old_address_is_gone(staff_api, alpha, beta):
    api = staff_api("partner.localhost", "partner")
    one = f"{LIST}{alpha.merchant.pk}/"
    with alpha.inside():
        token = alpha.token()

    for given, field in (
        ({"slug": "beta"}, "slug"),
        ({"name": " "}, "name"),
        ({"state": "active"}, "state"),
    ):
        answer = api.patch(one, given, format="json")
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])
    assert api.patch(one, {}, format="json").json()["slug"] == "alpha"
    told = api.patch(one, {"name": "Alpha Toys", "host": "toys.example"}, format="json").json()
    assert (told["name"], told["slug"], told["host"]) == ("Alpha Toys", "alpha", "toys.example")

    there = SiteApiClient(HTTP_HOST="toys.example")
    there.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert there.get("/api/v1/bots/").status_code == 200
    assert there.get("/api/v1/bots/", HTTP_HOST=alpha.host).status_code == 404
    entry = AuditEntry.objects.get(action="merchant.renamed")
    assert entry.data["host"] == ["alpha.localhost", "toys.example"]


def test_deleted_by_its_typed_name_and_called_off_as_it_was(staff_api, alpha, beta):
    api = staff_api("partner.localhost", "partner")
    one = f"{LIST}{alpha.merchant.pk}/"
    assert api.post(f"{one}deletion/", {}, format="json").status_code == 400
    wrong = api.post(f"{one}deletion/", {"confirm": "Alpha"}, format="json")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "not_confirmed")
    assert api.delete(f"{one}deletion/").json()["error"]["code"] == "wrong_state"

    for before in ("active", "suspended"):
        if before == "suspended":
            api.post(f"{one}suspend/", {"reason": "unpaid"}, format="json")
        answer = api.post(f"{one}deletion/", {"confirm": "alpha"}, format="json")
        assert (answer.status_code, answer.json()["state"]) == (202, "deleting")
        left = datetime.fromisoformat(answer.json()["delete_after"]) - timezone.now()
        assert timedelta(days=13) < left <= timedelta(days=14)
        assert Due.objects.filter(kind="merchant.erase", object_id=alpha.merchant.pk).exists()
        assert api.patch(one, {"name": "x"}, format="json").status_code == 409
        told = api.delete(f"{one}deletion/").json()
        assert (told["state"], told["delete_after"]) == (before, None)
    assert not Due.objects.filter(kind="merchant.erase").exists()
    assert api.get(one).json()["state_reason"] == "unpaid"


def test_exported_as_a_job_with_a_link(staff_api, alpha, beta, platform):
    api = staff_api("partner.localhost", "partner")
    exports = f"{LIST}{alpha.merchant.pk}/exports/"

    started = api.post(exports)
    job = started.json()
    assert (started.status_code, job["state"], job["file"]) == (202, "queued", None)
    assert started.headers["Location"] == job["url"]
    assert api.post(exports).json()["id"] == job["id"]  # one that is under way is not made twice
    assert api.get(f"{job['url']}file/").status_code == 404
    assert due.take(PUBLIC, "job", job["id"])

    done = api.get(job["url"]).json()
    assert (done["state"], done["file"]) == ("done", f"{job['url']}file/")
    assert [row["id"] for row in api.get(exports).json()] == [job["id"]]
    fetched = api.get(done["file"])
    assert fetched.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(fetched.streaming_content))) as archive:
        assert "about.json" in archive.namelist()
    assert AuditEntry.objects.filter(action="merchant.export_fetched").count() == 1

    # Not by another merchant's number, nor by another partner.
    platforms = staff_api("localhost", platform.slug)
    for path in (f"{LIST}{beta.merchant.pk}/exports/{job['id']}/",):
        assert platforms.get(path).status_code == platforms.get(f"{path}file/").status_code == 404
    for path in ("deletion/", "exports/"):
        url = f"{LIST}{beta.merchant.pk}/{path}"
        assert api.post(url, {"confirm": "beta"}, format="json").status_code == 404
    assert api.patch(f"{LIST}{beta.merchant.pk}/", {"name": "x"}).status_code == 404
