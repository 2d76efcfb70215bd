"""Getting in: log-in, its limits, links that set a password, sign-up of a shop."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Domain, Due, Merchant
from tenants.services.merchants import merchant_suspend
from tenants.workspace.models import ApiToken, AuditEntry, User
from tests.fixtures.world import PASSWORD


@pytest.fixture(autouse=True)
def _forgiven():
    cache.clear()
    yield
    cache.clear()


def log_in(client, email, password=PASSWORD, **more):
    return client.post("/admin/login/", {"username": email, "password": password, **more})


def test_log_in_leads_to_the_desk(alpha, visitor):
    answer = log_in(visitor(alpha.host), "Owner@Alpha.example ")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_log_out_empties_what_the_console_keeps_in_the_browser(alpha, client_of):
    answer = client_of(alpha, "agent").post("/admin/logout/")
    assert answer.headers["Clear-Site-Data"] == '"storage"'


def test_log_in_does_not_lead_to_another_site(alpha, visitor):
    answer = log_in(visitor(alpha.host), alpha.owner.email, next="https://evil.example/")
    assert answer["Location"] == "/admin/"


def test_the_sixth_try_is_not_looked_at_even_when_right(alpha, beta, visitor):
    client = visitor(alpha.host)
    for _try in range(5):
        assert log_in(client, alpha.owner.email, "wrong").status_code == 200

    answer = log_in(client, alpha.owner.email)

    assert answer.status_code == 200
    assert "15" in answer.context["form"].non_field_errors()[0]
    with alpha.inside():
        assert AuditEntry.objects.filter(action="login.throttled").count() == 1
    # Another account and another merchant are not locked out by it.
    assert log_in(client, alpha.agent.email).status_code == 302
    assert log_in(visitor(beta.host), beta.owner.email).status_code == 302


def test_right_password_forgets_the_wrong_ones(alpha, visitor):
    for _round in range(3):
        client = visitor(alpha.host)
        for _try in range(4):
            log_in(client, alpha.owner.email, "wrong")
        assert log_in(client, alpha.owner.email).status_code == 302


def test_an_emptied_or_missing_cache_keeps_nobody_out(alpha, visitor, monkeypatch):
    def down(*args, **kwargs):
        raise ConnectionError

    for name in ("get", "add", "incr", "delete"):
        monkeypatch.setattr(cache, name, down)
    assert log_in(visitor(alpha.host), alpha.owner.email).status_code == 302


def test_a_forgotten_password_is_set_by_a_link_that_works_once(alpha, visitor):
    client = visitor(alpha.host)
    client.post("/admin/password/forgotten/", {"email": alpha.owner.email})
    [letter] = mail.outbox
    assert "Alpha Shoes" in letter.subject
    assert "help@partner.example" in letter.reply_to
    [link] = re.findall(r"http://alpha\.localhost(?::\d+)?(/\S+)", letter.body)

    form = client.get(link, follow=True)
    sent = client.post(
        form.redirect_chain[-1][0],
        {"new_password1": "Brand-new-word-7", "new_password2": "Brand-new-word-7"},
    )

    assert sent.status_code == 302
    assert log_in(client, alpha.owner.email, "Brand-new-word-7").status_code == 302
    again = client.get(link, follow=True)
    assert "new_password1" not in again.content.decode()


def test_an_unknown_address_is_answered_alike_and_gets_nothing(alpha, visitor):
    client = visitor(alpha.host)
    known = client.post("/admin/password/forgotten/", {"email": alpha.owner.email})
    unknown = client.post("/admin/password/forgotten/", {"email": "nobody@alpha.example"})
    assert len(mail.outbox) == 1
    strip = re.compile(r'value="[^"]{20,}"|nonce="[^"]+"')
    assert strip.sub("", known.content.decode()) == strip.sub("", unknown.content.decode())


def test_an_invited_person_sets_a_password_and_comes_in(alpha, client_of, visitor):
    form = {"email": "New@Alpha.example", "name": "Nina", "role": "agent", "language": ""}
    assert client_of(alpha, "owner").post("/admin/workspace/user/add/", form).status_code == 302
    [letter] = mail.outbox
    assert letter.to == ["new@alpha.example"]
    [link] = re.findall(r"http://alpha\.localhost(?::\d+)?(/\S+)", letter.body)

    client = visitor(alpha.host)
    page = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(page, {"new_password1": PASSWORD, "new_password2": PASSWORD})

    assert log_in(client, "new@alpha.example").status_code == 302


def test_a_token_is_shown_once(alpha, client_of, api_of):
    client = client_of(alpha, "owner")
    answer = client.post("/admin/workspace/apitoken/add/", {"name": "Site"})
    text = answer.context["token"]
    assert text in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]

    with alpha.inside():
        token = ApiToken.objects.get(name="Site")
    for page in ("", f"{token.pk}/change/"):
        assert text not in client.get(f"/admin/workspace/apitoken/{page}").content.decode()


# ── Sign-up ──────────────────────────────────────────────────────────────────────────────────
FORM = {
    "shop": "Gamma Hats",
    "slug": "gamma-hats",
    "email": "Boss@gamma.example",
    "password": "Long-enough-word-9",
    "processing": "on",
}


def test_a_shop_signs_up_and_logs_in_on_its_own_host(visitor, partner):
    answer = visitor("partner.localhost").post("/signup/", FORM)

    assert answer.status_code == 302
    assert "gamma-hats.partner.localhost" in answer["Location"]
    assert "/admin/login/" in answer["Location"]
    merchant = Merchant.objects.get(slug="gamma-hats")
    assert (merchant.partner_id, merchant.state) == (partner.pk, "active")
    with merchant_context(merchant.schema_name):
        consent = AuditEntry.objects.get(action="signup.consented").data
    assert (consent["processing"], consent["marketing"]) == (True, False)
    assert len(consent["texts"]) == 2
    client = visitor("gamma-hats.partner.localhost")
    assert log_in(client, "boss@gamma.example", FORM["password"]).status_code == 302
    assert "Gamma Hats" in client.get("/admin/").content.decode()


def welcomed(slug: str) -> list:
    """The letter's work done; the letters sent so far."""
    merchant = Merchant.objects.get(slug=slug)
    for row in Due.objects.filter(schema=merchant.schema_name, kind="welcome.letter"):
        assert due.take(row.schema, row.kind, row.object_id)
    return mail.outbox


def test_who_signs_up_gets_a_letter_in_the_partners_brand(visitor, partner):
    visitor("partner.localhost").post("/signup/", {**FORM, "email": "Boss+shop@gamma.example"})
    assert mail.outbox == []  # the request waits for no mail server

    [letter] = welcomed("gamma-hats")

    assert letter.to == ["boss+shop@gamma.example"]
    assert letter.subject == "Lavka Plus: помощник магазина Gamma Hats готов"
    assert letter.from_email.startswith("Lavka Plus <")
    assert letter.reply_to == ["help@partner.example"]
    home = "http://gamma-hats.partner.localhost/admin/"
    assert f"{home}login/?email=boss%2Bshop%40gamma.example\n" in letter.body
    assert [line[:2] for line in letter.body.splitlines() if line[:1].isdigit()] == [
        "1.",
        "2.",
        "3.",
    ]
    links = re.findall(rf"{home}(\S+)", letter.body)
    client = visitor("gamma-hats.partner.localhost")
    log_in(client, "boss+shop@gamma.example", FORM["password"])
    assert [client.get(f"/admin/{link}").status_code for link in links[1:]] == [200, 200, 200]
    assert "rilavok" not in letter.body
    assert len(welcomed("gamma-hats")) == 1


def test_a_worker_that_has_shown_no_page_knows_the_steps():
    program = (
        "import sys, django; django.setup()\n"
        "from tenants.kernel import registry\n"
        "print(list(registry.first_steps.members), 'analytics.admin' in sys.modules)\n"
        "from django.urls import reverse; print(reverse('merchant:catalogue_import'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.local"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['analytics'] False", "/admin/catalogue/import/"]


def test_the_letter_is_in_the_language_of_the_shop(visitor, partner):
    visitor("partner.localhost").post("/signup/", FORM, HTTP_ACCEPT_LANGUAGE="en")

    [letter] = welcomed("gamma-hats")

    assert letter.subject == "Lavka Plus: the assistant of Gamma Hats is ready"
    assert "1. Bring your catalogue in." in letter.body
    assert not re.search("[а-яё]", letter.body)


def test_a_letter_waits_for_a_mail_server_and_a_suspended_shop_gets_none(
    visitor, partner, settings
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    visitor("partner.localhost").post("/signup/", FORM)
    assert welcomed("gamma-hats") == []
    waiting = Due.objects.filter(kind="welcome.letter")
    assert waiting.get().attempts == 1

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    waiting.update(due_at=timezone.now())
    merchant = Merchant.objects.get(slug="gamma-hats")
    merchant_suspend(merchant, reason="x")
    assert welcomed("gamma-hats") == []
    assert not waiting.exists()


def test_a_merchant_made_by_hand_gets_no_letter(platform_client, partner):
    form = {"name": "Delta", "slug": "delta", "partner": partner.pk, "language": "ru",
            "email": "d@delta.example", "password": "Long-enough-word-9", "host": ""}  # fmt: skip
    assert platform_client.post("/admin/tenants/merchant/add/", form).status_code == 302
    assert welcomed("delta") == []


def test_consents_are_separate_and_not_ticked(visitor, partner):
    page = visitor("partner.localhost").get("/signup/").content.decode()
    boxes = re.findall(r"<input[^>]+type=\"checkbox\"[^>]*>", page)
    assert len(boxes) == 2
    assert not any("checked" in box for box in boxes)


@pytest.mark.parametrize(
    ("field", "value"),
    [("slug", "beta"), ("slug", "Ы"), ("email", "nobody"), ("password", "123"), ("processing", "")],
)
def test_a_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(
    visitor, partner, beta, field, value
):
    before = Merchant.objects.count()
    answer = visitor("partner.localhost").post("/signup/", {**FORM, field: value})

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert 'value="Gamma Hats"' in answer.content.decode()
    assert Merchant.objects.count() == before
    assert not Domain.objects.filter(host__startswith="gamma").exists()


def test_a_short_name_is_suggested_from_the_shops(visitor, partner):
    client = visitor("partner.localhost")
    suggest = client.get("/signup/slug/", {"shop": "Морошка и Ко"}).json()
    assert suggest == {"slug": "moroshka-i-ko", "fault": ""}
    assert client.get("/signup/slug/", {"slug": "admin"}).json()["fault"]


def test_a_closed_sign_up_is_not_there(visitor, partner):
    with merchant_context(PUBLIC):
        type(partner).objects.filter(pk=partner.pk).update(signup_open=False)
    client = visitor("partner.localhost")
    assert client.get("/signup/").status_code == 404
    assert client.post("/signup/", FORM).status_code == 404
    assert "/signup/" not in client.get("/").content.decode()


def test_nobody_signs_up_on_a_merchants_host(alpha, visitor):
    assert visitor(alpha.host).get("/signup/").status_code == 404


def test_people_of_the_platform_are_made_in_its_own_schema(platform_client, partner):
    form = {
        "partner": partner.pk, "email": "kate@partner.example", "name": "Kate",
        "role": "owner", "language": "",
    }  # fmt: skip
    platform_client.post("/admin/workspace/user/add/", form)
    made = User.objects.get(email="kate@partner.example")
    assert made.partner_id == partner.pk
    assert "http://partner.localhost" in mail.outbox[0].body
