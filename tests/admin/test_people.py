"""People who log in and the tokens of programs, on the desk of a merchant."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.utils import timezone

from tenants.workspace.models import ApiToken, AuditEntry, User

PEOPLE = "/admin/workspace/user/"
TOKENS = "/admin/workspace/apitoken/"


@pytest.fixture
def client(alpha, client_of) -> Any:
    cache.clear()
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"
    return client


def told(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def said(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def person(**more: Any) -> dict[str, Any]:
    return {"email": "nina@alpha.example", "name": "Nina", "role": "agent", "language": "", **more}


def test_a_letter_that_cannot_be_sent_leaves_the_link_to_hand_over(alpha, client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    answer = client.post(f"{PEOPLE}add/", person())

    assert answer.status_code == 302
    assert "could not be sent" in told(answer)
    [path] = re.findall(r"http://alpha\.localhost(?::\d+)?(/\S+)", told(answer))
    assert "new_password1" in client.get(path, follow=True).content.decode()
    with alpha.inside():
        assert not User.objects.get(email="nina@alpha.example").has_usable_password()


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "Agent@alpha.example"), ("email", "nobody"), ("role", "king"), ("language", "xx")],
)
def test_a_person_that_does_not_fit_is_told_by_field(alpha, client, mailoutbox, field, value):
    answer = client.post(f"{PEOPLE}add/", person(**{field: value}))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert mailoutbox == []
    with alpha.inside():
        assert User.objects.count() == 4


def test_a_role_changes_what_a_person_opens(alpha, client, client_of):
    agent = alpha.agent
    assert client_of(alpha, "agent").get("/admin/bots/article/").status_code == 403
    form = person(email=agent.email, name="Ann", role="supervisor", is_active="on")

    assert client.post(f"{PEOPLE}{agent.pk}/change/", form).status_code == 302

    with alpha.inside():
        changed = User.objects.get(pk=agent.pk)
    assert (changed.name, changed.role) == ("Ann", "supervisor")
    assert client_of(alpha, changed).get("/admin/bots/article/").status_code == 200
    with alpha.inside():
        entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.actor, entry.data) == (alpha.owner.email, {"fields": ["name", "role"]})


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_audit_log_names_fields_in_the_readers_language(alpha, beta, client_of, language):
    """Whoever made the change: keys are kept, words are the reader's."""
    form = person(email=alpha.agent.email, name="Ann", role="supervisor", is_active="on")
    brand = {"name": "Shoes", "colour": "", "sender_email": "post@alpha.example"}
    editor = client_of(alpha, "owner")
    editor.cookies["lang"] = language
    editor.post(f"{PEOPLE}{alpha.agent.pk}/change/", form)
    editor.post("/admin/brand/", brand)
    with alpha.inside():
        kept = {e.action: e.data for e in AuditEntry.objects.filter(action__endswith=".changed")}
        AuditEntry.objects.create(actor="x", action="user.changed", data={"fields": ["Role"]})
    with beta.inside():
        assert not AuditEntry.objects.filter(action__endswith=".changed").exists()

    pages = {}
    for reader in ("ru", "en"):
        client = client_of(alpha, "admin")
        client.cookies["lang"] = reader
        pages[reader] = said(client.get("/admin/workspace/auditentry/"))

    assert kept == {
        "user.changed": {"fields": ["name", "role"]},
        "brand.changed": {"fields": ["name", "sender_email"]},
    }
    assert "fields: Full name, Role" in pages["en"]
    assert "fields: Name, Address of e-mails" in pages["en"]
    assert "поля: Имя и фамилия, Роль" in pages["ru"]
    assert "поля: Название, Адрес писем" in pages["ru"]
    assert "Role" not in pages["ru"]  # an entry from before keys were kept, too


def test_who_is_switched_off_is_out_at_once(alpha, client, client_of):
    theirs = client_of(alpha, "agent")
    assert theirs.get("/admin/").status_code == 200
    form = person(email=alpha.agent.email, name="Ann", role="agent")  # not ticked: is_active

    client.post(f"{PEOPLE}{alpha.agent.pk}/change/", form)

    assert theirs.get("/admin/").status_code == 302
    assert "switched off" in said(client.get(PEOPLE))
    login = {"username": alpha.agent.email, "password": alpha.password}
    assert client_of(alpha, None).post("/admin/login/", login).status_code == 200


def test_a_person_is_deleted_and_nobody_deletes_themselves(alpha, client, client_of):
    assert client.post(f"{PEOPLE}{alpha.agent.pk}/delete/", {"post": "yes"}).status_code == 302
    assert client.post(f"{PEOPLE}{alpha.owner.pk}/delete/", {"post": "yes"}).status_code == 403
    admin = client_of(alpha, "admin")
    assert admin.post(f"{PEOPLE}{alpha.owner.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.post(f"{PEOPLE}{alpha.owner.pk}/send_link/").status_code == 403
    with alpha.inside():
        assert set(User.objects.values_list("role", flat=True)) == {"owner", "admin", "supervisor"}


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────
def test_a_token_works_until_it_ends_or_is_switched_off(alpha, beta, client, visitor):
    made = client.post(f"{TOKENS}add/", {"name": "Stock"})
    text = made.context["token"]

    def status(host: str = alpha.host) -> int:
        api = visitor(host).get("/api/v1/bots/", HTTP_AUTHORIZATION=f"Bearer {text}")
        return api.status_code

    assert (status(), status(beta.host)) == (200, 401)
    with alpha.inside():
        token = ApiToken.objects.get(name="Stock")
    assert token.digest not in text
    assert text.endswith(token.hint.lstrip("…"))

    change = f"{TOKENS}{token.pk}/change/"
    assert client.post(change, {"name": "Renamed"}).status_code == 302  # not ticked: is_active
    assert status() == 401
    assert "switched off" in said(client.get(TOKENS))
    client.post(change, {"name": "Renamed", "is_active": "on"})
    assert status() == 200

    with alpha.inside():
        past = timezone.now() - timedelta(seconds=1)
        ApiToken.objects.filter(pk=token.pk).update(expires_at=past)
    assert status() == 401
    with alpha.inside():
        actions = AuditEntry.objects.filter(action__startswith="apitoken.").order_by("pk")
        assert list(actions.values_list("action", flat=True)) == [
            "apitoken.added",
            "apitoken.changed",
            "apitoken.changed",
        ]


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_tokens_are_made_by_those_who_run_the_shop(alpha, client_of, role):
    client = client_of(alpha, role)
    assert client.get(TOKENS).status_code == 403
    assert client.post(f"{TOKENS}add/", {"name": "Mine"}).status_code == 403
    with alpha.inside():
        assert not ApiToken.objects.filter(name="Mine").exists()


# ── The log ──────────────────────────────────────────────────────────────────────────────────
def test_the_log_is_read_in_words_and_changed_by_nobody(alpha, client):
    client.post("/admin/bots/article/add/", {"title": "Delivery", "text": "x", "lang": "en"})
    client.post(f"{TOKENS}add/", {"name": "Stock"})
    page = said(client.get("/admin/workspace/auditentry/"))
    for words in ("article: added", "API token: added", alpha.owner.email, "Delivery"):
        assert words in page, words
    assert "Delivery" not in said(client.get("/admin/workspace/auditentry/?q=apitoken"))
    with alpha.inside():
        pk = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    for page in (f"{pk}/delete/", "add/"):
        url = f"/admin/workspace/auditentry/{page}"
        assert client.post(url, {"post": "yes"}).status_code == 403
    with alpha.inside():
        assert AuditEntry.objects.filter(pk=pk).exists()
