"""A brand's own mail server, tried against a real one on loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from django.contrib.messages import get_messages
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from tenants.kernel import due
from tenants.models import Due, MailServer
from tenants.services.mail import House, MailFailed, mail_send

NAME, SECRET = "letters@alpha.example", "sesame-open-up"


@dataclass
class Post:
    """A mail server with memory."""

    port: int = 0
    letters: list[tuple[str, list[str], Message]] = field(default_factory=list)
    log_ins: list[tuple[str, str]] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            letter = message_from_bytes(envelope.content)
            self.letters.append((envelope.mail_from, envelope.rcpt_tos, letter))
        return self.answer

    def authenticate(self, server: Any, session: Any, envelope: Any, how: str, given: Any) -> Any:
        assert isinstance(given, LoginPassword)
        self.log_ins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=self.log_ins[-1] == (NAME, SECRET), handled=False)


@pytest.fixture
def trusted(certificate, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@pytest.fixture
def post_of(certificate) -> Iterator[Callable[..., Post]]:
    """`post_of("starttls")`: a server that runs until the test ends."""
    running: list[Controller] = []

    def make(security: str = "none") -> Post:
        post = Post()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        more: dict[str, Any] = {}
        if security == "starttls":
            more = {"tls_context": context, "require_starttls": True}
        if security != "none":
            more |= {"authenticator": post.authenticate, "auth_required": True}
        if security == "tls":
            more |= {"ssl_context": context, "auth_require_tls": False}
        post.port = free_port()
        server = Controller(post, hostname="127.0.0.1", port=post.port, **more)
        server.start()
        running.append(server)
        return post

    yield make
    for server in running:
        server.stop(no_assert=True)


@pytest.fixture(autouse=True)
def _forgiven():
    cache.clear()
    yield
    cache.clear()


def form(post: Post, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": post.port,
        "security": "starttls",
        "username": NAME,
        "password": SECRET,
        "sender": NAME,
        "do": "try",
        **more,
    }


def said(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_merchants_server_is_tried_and_then_used(alpha, client_of, post_of, trusted, security):
    post = post_of(security)
    client = client_of(alpha, "owner")

    answer = client.post("/admin/mail/", form(post, security=security))
    client.post("/admin/password/forgotten/", {"email": alpha.agent.email})

    assert answer.status_code == 302, answer.context["form"].errors
    assert alpha.owner.email in said(answer)
    assert [(sender, to) for sender, to, _ in post.letters] == [
        (NAME, [alpha.owner.email]),
        (NAME, [alpha.agent.email]),
    ]
    assert post.log_ins == [(NAME, SECRET)] * 2
    letter = post.letters[1][2]
    assert letter["From"] == f"Alpha Shoes <{NAME}>"
    assert letter["Reply-To"] == "help@partner.example"
    assert mail.outbox == []


def test_a_refused_log_in_is_told_and_the_letter_goes_another_way(
    alpha, client_of, post_of, trusted
):
    post = post_of("starttls")
    client = client_of(alpha, "owner")

    answer = client.post("/admin/mail/", form(post, password="wrong"), HTTP_ACCEPT_LANGUAGE="en")
    client.post("/admin/password/forgotten/", {"email": alpha.agent.email})

    assert "refuses the user name or the password" in said(answer)
    assert "wrong" not in said(answer)
    assert post.letters == []
    [letter] = mail.outbox
    assert letter.to == [alpha.agent.email]
    assert letter.from_email == "Alpha Shoes <noreply@localhost>"
    assert letter.reply_to == ["help@partner.example"]
    home = client.get("/admin/", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "Your mail server does not take letters" in home
    assert SECRET not in home
    # While it rests it is not called again; afterwards it is, and what works is no fault.
    assert {password for _, password in post.log_ins} == {"wrong"}
    tried = len(post.log_ins)
    client.post("/admin/password/forgotten/", {"email": alpha.agent.email})
    assert len(post.log_ins) == tried
    MailServer.objects.update(fault_at=timezone.now() - timedelta(hours=1))
    client.post("/admin/mail/", form(post, do="save"))
    client.post("/admin/password/forgotten/", {"email": alpha.agent.email})
    assert len(post.letters) == 1
    home = client.get("/admin/", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "does not take letters" not in home


def test_a_merchant_inherits_its_partners_server_and_nobody_elses(
    alpha, beta, client_of, partner_client, post_of, trusted
):
    post = post_of("starttls")
    assert partner_client.post("/admin/mail/", form(post)).status_code == 302

    for shop in (alpha, beta):
        client_of(shop, None).post("/admin/password/forgotten/", {"email": shop.agent.email})

    assert [to for _, to, _ in post.letters] == [["staff@partner.example"], [alpha.agent.email]]
    assert post.letters[1][2]["From"] == f"Alpha Shoes <{NAME}>"
    assert [letter.to for letter in mail.outbox] == [[beta.agent.email]]


def test_the_password_is_sealed_and_stays_with_its_server(alpha, client_of, post_of, trusted):
    post = post_of("starttls")
    client = client_of(alpha, "owner")
    client.post("/admin/mail/", form(post, do="save"))
    [server] = MailServer.objects.all()
    assert SECRET not in server.sealed

    page = client.get("/admin/mail/").content.decode()
    kept = client.post("/admin/mail/", form(post, password="", sender="new@alpha.example"))
    moved = client.post("/admin/mail/", form(post, password="", host="mail.localhost"))

    assert SECRET not in page
    assert kept.status_code == 302
    assert "password" in moved.context["form"].errors
    server.refresh_from_db()
    assert (server.host, server.sender) == ("127.0.0.1", "new@alpha.example")
    assert post.log_ins == [(NAME, SECRET)]


def test_a_password_is_never_sent_unencrypted(alpha, client_of, post_of):
    post = post_of("none")
    answer = client_of(alpha, "owner").post("/admin/mail/", form(post, security="none"))
    assert "security" in answer.context["form"].errors
    assert not MailServer.objects.exists()


def test_faults_are_told_in_words(alpha, client_of, post_of, trusted, monkeypatch):
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"
    plain = post_of("none")
    open_door = {"security": "none", "username": "", "password": ""}
    plain.answer = "550 5.7.1 Relaying denied"

    refused = client.post("/admin/mail/", form(plain, **open_door))
    no_tls = client.post("/admin/mail/", form(plain))
    nobody = client.post("/admin/mail/", form(Post(port=1)))

    assert "did not take the letter. It said: 550 5.7.1 Relaying denied" in said(refused)
    assert "does not offer this encryption" in said(no_tls)
    assert "No connection to 127.0.0.1:1" in said(nobody)
    monkeypatch.delenv("SSL_CERT_FILE")
    unknown = client.post("/admin/mail/", form(post_of("starttls")))
    assert "certificate of" in said(unknown)


def test_a_private_address_is_not_called_unless_the_operator_names_it(
    alpha, client_of, post_of, trusted, settings
):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    post = post_of("starttls")
    client = client_of(alpha, "owner")

    refused = client.post("/admin/mail/", form(post), HTTP_ACCEPT_LANGUAGE="en")
    assert "is not an address we may connect to" in said(refused)
    assert post.log_ins == []

    settings.MAIL_PRIVATE_HOSTS = ("127.0.0.1",)
    client.post("/admin/mail/", form(post))
    assert len(post.letters) == 1


def test_a_letter_no_server_takes_is_sent_later(
    alpha, client_of, post_of, settings, mailoutbox, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client = client_of(alpha, None)

    answer = client.post("/admin/password/forgotten/", {"email": alpha.agent.email})

    assert answer.status_code == 200
    assert answer.context["sent"]
    waiting = Due.objects.get(schema=alpha.schema, kind="password.letter")
    assert waiting.object_id == alpha.agent.pk
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Due.objects.filter(pk=waiting.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    assert due.take(alpha.schema, "password.letter", alpha.agent.pk)
    [letter] = mail.outbox
    assert f"{alpha.host}" in letter.body
    assert not Due.objects.filter(pk=waiting.pk).exists()


def test_a_merchant_without_a_server_and_a_dead_platform_is_told(alpha, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(MailFailed):
        mail_send(
            House(alpha.merchant.partner, alpha.merchant), to="x@y.example", subject="s", text="t"
        )


def test_a_server_is_removed_only_when_its_name_is_typed(alpha, beta, client_of, post_of, trusted):
    post = post_of("starttls")
    for shop in (alpha, beta):
        client_of(shop, "owner").post("/admin/mail/", form(post, do="save"))
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"

    page = client.get("/admin/mail/").content.decode()
    for typed in ({}, {"typed": ""}, {"typed": "mail.localhost"}):
        answer = client.post("/admin/mail/", {"do": "remove", **typed})
        assert said(answer).endswith("This is not the name. Nothing was changed.")
        assert MailServer.objects.count() == 2

    assert 'data-typed-name="127.0.0.1"' in page
    assert "Its password is forgotten for good" in page
    client.post("/admin/mail/", {"do": "remove", "typed": "127.0.0.1"})
    beta.merchant.refresh_from_db()
    assert [server.brand_id for server in MailServer.objects.all()] == [beta.merchant.brand_id]


def sender_set(client: Any, address: str, **more: str) -> Any:
    brand = {"name": "", "colour": "", "support_email": "", "support_url": "", "privacy_url": "",
             "legal_name": "", "sender_name": "", "sender_email": address, **more}  # fmt: skip
    return client.post("/admin/brand/", brand)


def test_a_brand_without_a_server_cannot_choose_who_a_letter_is_from(alpha, beta, client_of):
    """An address typed into a form is where answers go, never the sender."""
    forged = "ceo@bank.example"
    client = client_of(alpha, "owner")
    assert sender_set(client, forged, sender_name="Alpha Post").status_code == 302

    for shop in (alpha, beta):
        client_of(shop, None).post("/admin/password/forgotten/", {"email": shop.agent.email})

    ours, theirs = mail.outbox
    assert ours.from_email == "Alpha Post <noreply@localhost>"
    assert ours.reply_to == [forged]
    assert ours.message()["Sender"] is None
    assert "noreply@localhost" in theirs.from_email
    assert forged not in theirs.message().as_string()
    page = client.get("/admin/brand/", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "Readers see it as the sender only where a mail server of your own is set up" in page


def test_a_merchants_own_address_gets_the_answers_before_its_partners(
    alpha, client_of, partner_client, partner, post_of, trusted
):
    """Its partner's server sends, and what the merchant typed is no sender there either."""
    partner.brand.sender_email = "robot@partner.example"
    partner.brand.save()
    post = post_of("starttls")
    partner_client.post("/admin/mail/", form(post, do="save"))
    owner = client_of(alpha, "owner")
    for values in ({}, {"support_email": "ask@alpha.example"}):
        sender_set(owner, "", **values)
        client_of(alpha, None).post("/admin/password/forgotten/", {"email": alpha.agent.email})
    sender_set(owner, "post@alpha.example", support_email="ask@alpha.example")
    client_of(alpha, None).post("/admin/password/forgotten/", {"email": alpha.agent.email})

    letters = [letter for _, _, letter in post.letters]
    assert [letter["From"] for letter in letters] == [f"Alpha Shoes <{NAME}>"] * 3
    assert [letter["Reply-To"] for letter in letters] == [
        "robot@partner.example",
        "ask@alpha.example",
        "post@alpha.example",
    ]
    assert mail.outbox == []


def test_a_new_server_begins_with_the_brands_address(alpha, client_of):
    client = client_of(alpha, "owner")
    sender_set(client, "post@alpha.example")
    assert 'value="post@alpha.example"' in client.get("/admin/mail/").content.decode()


def test_only_the_platforms_staff_sets_another_partners_server(
    partner_client, platform_client, platform, partner, post_of, trusted
):
    post = post_of("starttls")
    partner_client.post(f"/admin/mail/?partner={platform.pk}", form(post))
    assert [s.brand_id for s in MailServer.objects.all()] == [partner.brand_id]

    platform_client.post(
        f"/admin/mail/?partner={partner.pk}", {"do": "remove", "typed": "127.0.0.1"}
    )
    assert not MailServer.objects.exists()
