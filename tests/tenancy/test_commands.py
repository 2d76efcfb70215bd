"""Merchants from the command line: the same services, the same rules."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from config import static_build
from config.management.commands import build_static
from tenants.models import Merchant
from tenants.workspace.models import AuditEntry

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str, **options: object) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def test_a_token_from_the_command_line_opens_the_api(alpha, client_of):
    token = run("api_token", merchant="alpha").strip().splitlines()[-1]

    answer = client_of(alpha).get("/api/v1/bots/", HTTP_AUTHORIZATION=f"Bearer {token.strip()}")

    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 1


def test_a_token_for_nobody_is_refused(alpha):
    with pytest.raises(CommandError):
        run("api_token", merchant="nobody-of-this-name")


def test_benches_are_listed():
    assert "ingest" in run("bench")
    with pytest.raises(CommandError):
        run("bench", "nothing")


# ── A merchant's life ────────────────────────────────────────────────────────────────────────
def actions_of(shop: Any) -> list[tuple[str, str]]:
    with shop.inside():
        found = AuditEntry.objects.order_by("pk").values_list("action", "actor")
        return [pair for pair in found if pair[0] != "merchant.created"]


def test_a_merchant_is_made_and_its_line_opens_the_api(visitor):
    line = json.loads(
        run("create_merchant", slug="delta", name="Delta Toys", partner="partner",
            email="Boss@delta.example", password="Long-enough-word-9", language="en")
    )  # fmt: skip

    assert set(line) == {"host", "token", "bot_id"}
    assert line["host"] == "delta.partner.localhost"
    answer = visitor(line["host"]).get(
        "/api/v1/bots/", HTTP_AUTHORIZATION=f"Bearer {line['token']}"
    )
    assert [bot["id"] for bot in answer.json()["results"]] == [line["bot_id"]]
    merchant = Merchant.objects.get(slug="delta")
    assert (merchant.name, merchant.language, merchant.partner.slug) == (
        *("Delta Toys", "en", "partner"),
    )
    login = {"username": "boss@delta.example", "password": "Long-enough-word-9"}
    assert visitor(line["host"]).post("/admin/login/", login).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"slug": "alpha"}, "slug: "),
        ({"host": "alpha.localhost"}, "host: "),
        ({"email": "nobody"}, "email: "),
        ({"password": "short"}, "password: "),
        ({"name": " "}, "name: "),
        ({"partner": "nobody"}, "There is no partner nobody."),
    ],
)
def test_a_merchant_that_does_not_fit_is_told_and_not_made(alpha, wrong, words):
    before = Merchant.objects.filter(state="active").count()
    given = {"slug": "delta", "name": "D", "email": "b@d.example", "password": "Long-enough-9"}
    with pytest.raises(CommandError, match=words):
        run("create_merchant", **{**given, **wrong})
    assert Merchant.objects.filter(state="active").count() == before


def test_a_merchant_is_suspended_and_resumed(alpha, visitor):
    assert run("suspend_merchant", merchant="alpha", reason="unpaid") == "alpha is suspended\n"
    assert visitor(alpha.host).get("/admin/").status_code == 503
    with pytest.raises(CommandError):
        run("suspend_merchant", merchant="alpha", reason="again")

    assert run("resume_merchant", merchant=alpha.schema) == "alpha is active\n"
    assert visitor(alpha.host).get("/admin/").status_code == 302
    with pytest.raises(CommandError):
        run("resume_merchant", merchant="alpha")
    with pytest.raises(CommandError, match="There is no merchant nobody"):
        run("resume_merchant", merchant="nobody")
    assert actions_of(alpha) == [
        ("merchant.suspended", "manage.py suspend_merchant"),
        ("merchant.resumed", "manage.py resume_merchant"),
    ]


def test_a_merchant_is_renamed_and_a_taken_name_is_refused(alpha, beta, visitor):
    said = run("rename_merchant", merchant="beta", name="Beta Light", slug="light")
    assert said == "light “Beta Light” at light.localhost\n"
    assert visitor("light.localhost").get("/admin/login/").status_code == 200
    assert visitor("beta.localhost").get("/admin/login/").status_code == 404
    for wrong in ({"slug": "alpha"}, {"host": alpha.host}, {"name": " "}, {"slug": "admin"}):
        with pytest.raises(CommandError):
            run("rename_merchant", merchant="light", **wrong)
    row = Merchant.objects.get(pk=beta.merchant.pk)
    assert (row.slug, row.name, row.schema_name) == ("light", "Beta Light", beta.schema)
    assert actions_of(beta) == [("merchant.renamed", "manage.py rename_merchant")]


def test_a_merchant_is_deleted_by_its_name_only(alpha, visitor):
    with pytest.raises(CommandError):
        run("delete_merchant", merchant="alpha", confirm="beta")
    assert visitor(alpha.host).get("/admin/").status_code == 302

    said = run("delete_merchant", merchant="alpha", confirm="alpha", days=3)

    gone_at = Merchant.objects.get(slug="alpha").delete_after
    assert said == f"alpha is erased after {gone_at:%Y-%m-%d %H:%M} UTC\n"
    assert timedelta(days=2) < gone_at - timezone.now() <= timedelta(days=3)
    assert visitor(alpha.host).get("/admin/").status_code == 503


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_merchant_is_erased_now_where_that_is_meant(alpha, beta):
    schema = alpha.schema
    assert run("delete_merchant", merchant="alpha", confirm="alpha", days=0) == "alpha is erased\n"
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (schema,))
        assert cursor.fetchone() == (0,)
    assert list(Merchant.objects.filter(state="active").values_list("slug", flat=True)) == ["beta"]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_broken_schema_alone_is_removed(alpha):
    with pytest.raises(CommandError, match=f"{alpha.schema} is whole"):
        run("repair_merchants", remove=alpha.schema)
    assert run("repair_merchants") == ""
    assert Merchant.objects.filter(slug="alpha").exists()


# ── The demo ─────────────────────────────────────────────────────────────────────────────────
def test_the_demo_is_not_put_beside_somebodys_own_shops(alpha):
    assert run("seed_demo", if_empty=True) == "not wanted here\n"
    assert not Merchant.objects.filter(is_demo=True).exists()


def test_the_demo_is_not_put_into_production(alpha, settings):
    settings.SETTINGS_MODULE = "config.settings.production"
    with pytest.raises(CommandError, match="not with production settings"):
        run("seed_demo")
    assert not Merchant.objects.filter(is_demo=True).exists()


# ── Static files ─────────────────────────────────────────────────────────────────────────────
def test_static_files_are_built_once_and_a_failure_is_told(monkeypatch, tmp_path):
    """What collects and builds is tried in tests/ops/test_building.py; here is what is said."""
    built: list[str] = []
    monkeypatch.setattr(static_build, "STAMP", tmp_path / ".built")
    monkeypatch.setattr(static_build, "build_browser_code", lambda: built.append("code"))
    done = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(build_static.subprocess, "run", lambda *_a, **_k: built.append("c") or done)

    assert run("build_static") == "built\n"
    assert run("build_static") == "nothing changed\n"
    assert built == ["code", "c"]
    assert run("build_static", force=True) == "built\n"

    done.returncode, done.stdout, done.stderr = 1, "two files ", "of one name"
    (tmp_path / ".built").unlink()
    with pytest.raises(CommandError, match="two files of one name"):
        run("build_static")
    assert not (tmp_path / ".built").exists()  # tried again next time

    def fails() -> None:
        raise static_build.CannotBuild("Node is missing.")

    monkeypatch.setattr(static_build, "build_browser_code", fails)
    with pytest.raises(CommandError, match="Node is missing"):
        run("build_static")
