"""Against real servers on loopback: aiosmtpd takes our letters, pymap keeps a mailbox."""

from __future__ import annotations

import contextlib
import imaplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from bots.channels.base import File, Reply, Unreachable
from bots.channels.mail.adapter import Mail
from bots.channels.mail.simulator import BUYER, SHOP, letter
from bots.channels.mail.tests.sample import MailSample
from tenants.kernel.errors import (
    NeedsMerchant,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    VendorError,
)
from tenants.kernel.mail import MailAccount

PASSWORD = "sesame-of-the-shop"
# Its own start, with log-ins that cost no half a second of hashing each.
PYMAP = """
from pysasl.hashing import BuiltinHash
BuiltinHash.__init__.__kwdefaults__["rounds"] = 1
from pymap.main import main
main()
"""


# ── the servers ──
class Post:
    """A mail server's answers, and the letters it has taken."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str, EmailMessage]] = []
        self.sender = self.recipient = self.content = ""
        self.hangs_up = False

    def login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        good = (data.login, data.password) == (SHOP.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        return self.sender or "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.recipient:
            return self.recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if not self.content:
            made = message_from_bytes(envelope.content, policy=policy.default)
            self.letters.append((envelope.mail_from, envelope.rcpt_tos[0], made))
        if self.hangs_up:
            server.transport.abort()
        return self.content or "250 OK"


@pytest.fixture(scope="module")
def smtp(certificate: tuple[str, str]) -> Iterator[tuple[Post, int]]:
    post = Post()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    server = Controller(
        post,
        hostname="127.0.0.1",
        port=_free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=post.login,
    )
    server.start()
    yield post, server.port
    server.stop()


@pytest.fixture
def post(smtp: tuple[Post, int]) -> Post:
    smtp[0].__init__()  # type: ignore[misc]
    return smtp[0]


class Box:
    """A mailbox on the server, as its owner's mail program sees it."""

    def __init__(self, port: int, root: str) -> None:
        self.port, self.root = port, root

    @contextlib.contextmanager
    def opened(self) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        client.starttls(ssl.create_default_context(cafile=self.root))
        client.login(SHOP, PASSWORD)
        yield client
        client.logout()

    def take(self, *letters: EmailMessage | bytes, folder: str = "INBOX") -> None:
        with self.opened() as client:
            for one in letters:
                content = one if isinstance(one, bytes) else one.as_bytes()
                assert client.append(folder, "", "", content)[0] == "OK"

    def unread(self, folder: str = "INBOX") -> int:
        with self.opened() as client:
            client.select(folder)
            return len(client.search(None, "UNSEEN")[1][0].split())


@pytest.fixture(scope="module")
def imap(certificate: tuple[str, str]) -> Iterator[Box]:
    port = _free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", PYMAP),
            *("--host", "127.0.0.1", "--port", str(port), "--no-service", "admin"),
            *("--no-service", "managesieve", "--cert", certificate[0], "--key", certificate[1]),
            *("dict", "--demo-user", SHOP, "--demo-password", PASSWORD),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.05)
    assert server.poll() is None, server.stderr and server.stderr.read().decode()
    yield Box(port, certificate[0])
    server.terminate()
    server.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mail(certificate: tuple[str, str], smtp: tuple[Post, int], imap: Box, post: Post) -> Any:
    """`mail(**settings)`: the channel of the mailbox on both servers."""

    def make(**more: Any) -> Mail:
        sample = MailSample()
        sample.settings = {  # type: ignore[misc]
            "address": SHOP,
            "incoming": "imap",
            "imap_host": "127.0.0.1",
            "imap_port": imap.port,
            "imap_security": "starttls",
            "smtp_host": "127.0.0.1",
            "smtp_port": smtp[1],
            "smtp_security": "starttls",
            **more,
        }
        sample.secrets = {"hook": "h" * 32, "imap_password": more.get("password", PASSWORD)}  # type: ignore[misc]
        made = sample.adapter(
            ca_bundle=more.get("ca_bundle", Path(certificate[0]).read_text()),
            mail_server=more.get("mail_server"),
        )
        assert isinstance(made, Mail)
        return made

    return make


def reading(ours: Mail, cursor: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    found, cursor = ours.poll(cursor, 0)
    envelopes = [one for request in found for one in ours.envelopes(request)]
    return [one.payload["letter"]["text"] for one in envelopes], cursor


# ── IMAP ──
def test_only_what_comes_after_connecting_is_read_and_nothing_is_changed(mail, imap):
    imap.take(letter("Было раньше", number=1))
    ours = mail()
    assert ours.connect().account["mode"] == "polling"

    texts, cursor = reading(ours, {})
    assert texts == []
    imap.take(letter("Есть 46?", number=2), letter("А 48?", number=3))
    unread = imap.unread()
    texts, cursor = reading(ours, cursor)
    assert texts == ["Есть 46?", "А 48?"]
    assert reading(ours, cursor) == ([], cursor)
    assert imap.unread() == unread


def test_many_at_once_come_in_order_in_several_goes(mail, imap):
    _, cursor = reading(mail(), {})
    imap.take(*[letter(f"Письмо {n}", number=n) for n in range(60)])

    first, cursor = reading(mail(), cursor)
    rest, cursor = reading(mail(), cursor)
    assert [*first, *rest] == [f"Письмо {n}" for n in range(60)]
    assert len(first) == 50


def test_a_mailbox_made_anew_is_read_from_yesterday_on(mail, imap):
    """Another UIDVALIDITY: the numbers mean nothing, the Message-ID tells what is known."""
    with imap.opened() as client:
        client.create("Orders")
    ours = mail(imap_folder="Orders")
    _, cursor = reading(ours, {})
    imap.take(letter("Раз", number=51), folder="Orders")
    found, cursor = ours.poll(cursor, 0)
    (known,) = [one.dedupe_key for request in found for one in ours.envelopes(request)]
    with imap.opened() as client:
        client.delete("Orders")
        client.create("Orders")
    imap.take(letter("Раз", number=51), letter("Два", number=52), folder="Orders")

    found, cursor = ours.poll(cursor, 0)
    envelopes = [one for request in found for one in ours.envelopes(request)]
    assert [one.payload["letter"]["text"] for one in envelopes] == ["Раз", "Два"]
    assert envelopes[0].dedupe_key == known != envelopes[1].dedupe_key
    assert reading(ours, cursor)[0] == []


def test_a_file_is_fetched_from_the_mailbox_while_the_letter_is_there(mail, imap):
    ours = mail()
    _, cursor = reading(ours, {})
    raw = letter("Вот чек", number=71)
    raw.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Чек.pdf")
    imap.take(raw)
    found, _ = ours.poll(cursor, 0)
    (envelope,) = ours.envelopes(found[0])
    (said,) = ours.parse(envelope.payload)
    (file,) = said.files

    assert ours.fetch_file(File("file", external_id=file.external_id)) == b"%PDF-1.7"
    validity, uid, _whole, place = file.external_id.split(":")
    with pytest.raises(NotFound):
        ours.fetch_file(File("file", external_id=f"{validity}:99999:1:{place}"))
    with pytest.raises(NotFound):
        ours.fetch_file(File("file", external_id=f"1:{uid}:1:{place}"))
    with pytest.raises(ValueError, match="30 MB"):
        ours.fetch_file(File("file", external_id=f"{validity}:{uid}:0:{place}"))


def test_of_a_letter_too_large_the_words_are_read(mail, imap, monkeypatch):
    monkeypatch.setattr("bots.channels.mail.imap.LETTER_BYTES", 20_000)
    monkeypatch.setattr("bots.channels.mail.imap.HEAD_BYTES", 4_000)
    ours = mail()
    _, cursor = reading(ours, {})
    raw = letter("Вот видео", number=81)
    raw.add_attachment(b"x" * 50_000, maintype="video", subtype="mp4", filename="1.mp4")
    imap.take(raw)

    found, _ = ours.poll(cursor, 0)
    (envelope,) = ours.envelopes(found[0])
    assert envelope.payload["letter"]["text"] == "Вот видео"
    assert envelope.payload["letter"]["files"][0]["name"] == "1.mp4"


@pytest.mark.parametrize(
    ("settings", "raised", "words"),
    [
        ({"password": "wrong"}, NeedsMerchant, "user name or the password"),
        ({"imap_folder": "Nowhere"}, NeedsMerchant, "no such folder"),
        ({"ca_bundle": ""}, NeedsMerchant, "certificate is not valid"),
        ({"imap_security": "tls"}, NeedsMerchant, "check port and encryption"),
        ({"imap_host": "127.0.0.1", "imap_port": 1}, RetryLater, "no connection"),
        ({"imap_host": ""}, NeedsMerchant, "name is missing"),
        ({"imap_port": "x"}, NeedsMerchant, "not a port"),
    ],
)
def test_what_is_wrong_with_a_mailbox_is_told_in_words(mail, settings, raised, words):
    with pytest.raises(raised, match=words):
        mail(**settings).poll({}, 0)


def test_no_mailbox_inside_our_network_is_read(mail, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    for act in (lambda ours: ours.poll({}, 0), lambda ours: ours.connect()):
        with pytest.raises(NeedsMerchant, match="private address"):
            act(mail())


# ── SMTP ──
def send(ours: Mail, text: str = "Да, есть.", **more: Any) -> Any:
    (call,) = ours.render(Reply(BUYER, text, message_id=7, **more))
    return ours.send(call)


def test_a_letter_arrives_with_its_thread(mail, post):
    thread = {"subject": "Куртка", "references": ["<letter-1@example.com>"]}
    sent = send(mail(sender_name="Магазин «Север»"), thread=thread)
    ((sender, to, got),) = post.letters

    assert (sender, to) == (SHOP, BUYER)
    assert got["From"] == f"Магазин «Север» <{SHOP}>"
    assert got["Subject"] == "Re: Куртка"
    assert got["Message-ID"] == f"<{sent.external_id}>"
    assert got["In-Reply-To"] == "<letter-1@example.com>"
    assert got.get_content().strip() == "Да, есть."


def test_another_server_sends_in_its_own_name_and_answers_come_to_the_shop(mail, post, smtp):
    lent = MailAccount("127.0.0.1", smtp[1], "starttls", SHOP, PASSWORD, "post@partner.example")
    send(mail(outgoing="lent", mail_server=lent))
    ((sender, _to, got),) = post.letters

    assert (sender, got["From"], got["Reply-To"]) == ("post@partner.example",) * 2 + (SHOP,)
    with pytest.raises(NeedsMerchant, match="neither you nor your partner"):
        send(mail(outgoing="lent"))


@pytest.mark.parametrize(
    ("at", "answer", "raised"),
    [
        ("sender", "550 5.7.1 not your address", NeedsMerchant),
        ("recipient", "550 5.1.1 no such user", Unreachable),
        ("recipient", "554 5.7.1 relay denied", Rejected),
        ("recipient", "450 4.2.0 greylisted", RetryLater),
        ("content", "552 5.3.4 too big", Rejected),
        ("content", "451 4.3.0 busy", RetryLater),
    ],
)
def test_a_servers_answer_says_what_follows(mail, post, at, answer, raised):
    setattr(post, at, answer)

    with pytest.raises(raised) as caught:
        send(mail())
    assert answer.split(" ", 2)[2] in str(caught.value)
    if raised is RetryLater:
        assert caught.value.retry_after_s == 300
    assert post.letters == []


def test_a_letter_whose_answer_is_lost_may_be_there(mail, post):
    post.hangs_up = True

    with pytest.raises(OutcomeUnknown):
        send(mail())
    assert len(post.letters) == 1


@pytest.mark.parametrize(
    ("settings", "raised", "words"),
    [
        ({"password": "wrong"}, NeedsMerchant, "user name or the password"),
        ({"smtp_security": "tls"}, NeedsMerchant, "check port and encryption"),
        ({"ca_bundle": ""}, NeedsMerchant, "certificate is not valid"),
        ({"smtp_port": 1}, RetryLater, "no connection"),
    ],
)
def test_what_is_wrong_with_the_way_out_is_told_before_saving(mail, settings, raised, words):
    with pytest.raises(raised, match=words):
        mail(**settings).connect()


def test_connecting_wants_an_address_and_a_services_secret(mail):
    assert mail(address="shop").connect().detail == "this is not an e-mail address"
    assert "16 characters" in mail(incoming="postmark").connect().detail


def test_a_password_is_never_sent_in_the_clear(mail, smtp, post):
    open_to_all = MailAccount("127.0.0.1", smtp[1], "none", SHOP, PASSWORD, SHOP)
    with pytest.raises(VendorError, match="never sent unencrypted"):
        send(mail(outgoing="lent", mail_server=open_to_all))


def test_an_address_in_other_letters_is_written_as_servers_want_it(mail, post):
    ours = mail()
    (call,) = ours.render(Reply("anna@пример.example", "Да", message_id=7))
    ours.send(call)

    assert post.letters[0][1] == "anna@xn--e1afmkfd.example"
