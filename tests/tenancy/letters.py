"""Letters of a merchant, whatever sends them, and what a stranger would find in one."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from analytics.models import DailyFigure
from bots.models import Notice
from bots.services import linking
from bots.services.channels import channel_create
from bots.services.partner_keys import LETTER as KEY_LETTER
from bots.services.partner_keys import key_broke
from bots.services.partner_models import partner_model_save
from integrations.models import Order
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Due, KeyFault, MailServer, Plan
from tenants.services import limit_letters, welcome
from tenants.services import mail as post
from tenants.services.partners import partner_host
from tenants.services.people import LETTER
from tenants.workspace.models import User
from tests.tenancy.canaries import mark_of

APPS = ("tenants", "bots", "integrations", "analytics", "config")
# Where the brand is put on; the guarded sockets it goes by; and the e-mail channel, whose letters
# are a buyer's conversation and leave by the account of that very channel.
DOORS = frozenset(
    {"tenants/services/mail.py", "tenants/kernel/mail.py", "bots/channels/mail/post.py"}
)
SENDS = {"mail_send", "mail_server_try", "password_link_send", "password_link_ask"}


@dataclass(frozen=True)
class Letter:
    """A letter with the server it was given to; `server` is "" for the platform's own."""

    text: str  # every header and the body
    sender: str
    server: str = ""
    user: str = ""
    password: str = ""

    @property
    def hosts(self) -> set[str]:
        return set(re.findall(r"https?://([^/\s:]+)", self.text))


class Postman:
    """Keeps what is sent, through whichever server."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def take(self, letters: list[EmailMessage], connection: Any = None) -> int:
        for letter in letters:
            self.letters.append(
                Letter(
                    f"{letter.message().as_bytes().decode()}\n{letter.subject}\n{letter.body}",
                    letter.from_email,
                    *(
                        (connection.host, connection.username, connection.password)
                        if connection
                        else ()
                    ),
                )
            )
        return len(letters)

    def collect(self) -> list[Letter]:
        """What was sent since the last time."""
        self.take(mail.outbox)
        mail.outbox.clear()
        found, self.letters = self.letters, []
        return found


@pytest.fixture
def postman(monkeypatch: pytest.MonkeyPatch) -> Postman:
    man = Postman()
    monkeypatch.setattr(
        post.GuardedSmtp, "send_messages", lambda server, letters: man.take(letters, server)
    )
    return man


_numbers = itertools.count()


# ── Every way a letter leaves ────────────────────────────────────────────────────────────────
def forgotten(shop: Any, client_of: Any) -> None:
    client_of(shop, None).post("/admin/password/forgotten/", {"email": shop.agent.email})


def invited(shop: Any, client_of: Any) -> None:
    who = f"new-{next(_numbers)}@{shop.slug}.example"
    form = {"email": who, "name": "N", "role": "agent", "language": ""}
    client_of(shop, "owner").post("/admin/workspace/user/add/", form)


def sent_later(shop: Any, client_of: Any) -> None:
    """No server took the letter at first."""
    with shop.inside():
        due.schedule(LETTER, shop.agent.pk)
    Due.objects.filter(kind=LETTER).update(due_at=timezone.now())
    assert due.take(shop.schema, LETTER, shop.agent.pk)


def server_tried(shop: Any, client_of: Any) -> None:
    form = {
        "host": f"mail.{shop.slug}.example", "port": 587, "security": "starttls",
        "username": f"post@{shop.slug}.example", "password": f"sesame-of-{shop.slug}",
        "sender": f"post@{shop.slug}.example", "do": "try",
    }  # fmt: skip
    client_of(shop, "owner").post("/admin/mail/", form)


def limits_near(shop: Any, client_of: Any) -> None:
    """To the merchant's owner in its own name, to the partner's in the partner's."""
    Plan.objects.filter(pk=shop.merchant.plan_id).update(conversations_a_month=10)
    with shop.inside():
        DailyFigure.objects.update_or_create(
            day=timezone.localdate(), name="opened", label="", defaults={"value": 9}
        )
        due.schedule(limit_letters.OWN, shop.owner.pk)
        with merchant_context(PUBLIC):
            boss = User.objects.get(email=PARTNER_OWNERS[shop.slug])
        due.schedule(limit_letters.PARTNERS, boss.pk)
    for kind, who in ((limit_letters.OWN, shop.owner), (limit_letters.PARTNERS, boss)):
        assert due.take(shop.schema, kind, who.pk)


def welcomed(shop: Any, client_of: Any) -> None:
    """In the partner's name, with the way into the shop."""
    with shop.inside():
        due.schedule(welcome.LETTER, shop.owner.pk)
    assert due.take(shop.schema, welcome.LETTER, shop.owner.pk)


def key_refused(shop: Any, client_of: Any) -> None:
    """A model key of the partner's, met by this merchant."""
    partner = shop.merchant.partner
    values = {"base_url": "https://model.example/v1", "model": "m", "api_key": "sk-123456789",
              "data_region": "own", "currency": "RUB", "concurrency": "8"}  # fmt: skip
    partner_model_save(partner=partner, provider="compatible", values=values)
    KeyFault.objects.update(told_at=None)
    with shop.inside():
        key_broke(partner.pk, "compatible", "Incorrect key.")
    [(kind, number)] = Due.objects.filter(kind=KEY_LETTER).values_list("kind", "object_id")
    assert due.take(shop.schema, kind, number)


def told_by_letter(shop: Any, client_of: Any) -> None:
    """A notice of a colleague's that goes by letter."""
    with shop.inside():
        Notice.objects.all().delete()
        Notice.objects.create(
            user=shop.agent, event="channel", key="letter", data={"name": "Bot"}, todo=["email"]
        )
        due.schedule("notice", shop.agent.pk)
    Due.objects.filter(kind="notice").update(due_at=timezone.now())
    assert due.take(shop.schema, "notice", shop.agent.pk)


def linked_by_letter(shop: Any, client_of: Any) -> None:
    """The code that links a voice assistant's account, to a buyer with an order."""
    with shop.inside():
        Order.objects.get_or_create(
            number="L-1",
            defaults={
                "email": "buyer@mail.example",
                "status": "new",
                "sum": 1,
                "placed_at": timezone.now(),
            },
        )
        channel = channel_create(kind="alice", name="Alice", bot=shop.bot)
        linking.code_send(channel, "buyer@mail.example", address="192.0.2.7")
        channel.delete()


PARTNER_OWNERS = {"alpha": "staff@partner.example", "beta": "root@platform.example"}
WAYS: dict[str, Callable[[Any, Any], None]] = {
    "tenants/admin/password.py forgotten": forgotten,
    "tenants/admin/mail.py _try": server_tried,
    "tenants/admin/people.py _send": invited,
    "tenants/services/people.py _password_letter": sent_later,
    "tenants/services/limit_letters.py _send": limits_near,
    "tenants/services/welcome.py _welcome": welcomed,
    "bots/services/partner_models.py _tell": key_refused,
    "bots/services/notice_work.py _letter": told_by_letter,
    "bots/services/linking.py _by_letter": linked_by_letter,
}


def senders() -> Iterator[str]:
    """`file function` of everything that sends a letter and is not merely passing it on."""
    for app in APPS:
        for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
            where = path.relative_to(settings.BASE_DIR)
            if "tests" in where.parts:
                continue
            for function in ast.walk(ast.parse(path.read_text())):
                if not isinstance(function, ast.FunctionDef) or function.name in SENDS:
                    continue
                called = {
                    getattr(node.func, "id", getattr(node.func, "attr", ""))
                    for node in ast.walk(function)
                    if isinstance(node, ast.Call)
                }
                if called & SENDS:
                    yield f"{where} {function.name}"


def other_doors() -> list[str]:
    """Files that would send by themselves, past the door where the brand is put on."""
    return [
        str(path.relative_to(settings.BASE_DIR))
        for app in APPS
        for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py"))
        if "tests" not in path.relative_to(settings.BASE_DIR).parts
        and re.search(
            r"(?m)^\s*(from|import) .*(core\.mail import|core import mail|smtplib)",
            path.read_text(),
        )
        and str(path.relative_to(settings.BASE_DIR)) not in DOORS
    ]


# ── What must not be in one ──────────────────────────────────────────────────────────────────
def own_server(shop: Any, *, is_partners: bool = False) -> MailServer | None:
    """The server the merchant's letters may go through: its own or its partner's."""
    own = None if is_partners else shop.merchant.brand_id
    brands = [b for b in (own, shop.merchant.partner.brand_id) if b]
    found = {server.brand_id: server for server in MailServer.objects.filter(brand__in=brands)}
    return next((found[pk] for pk in brands if pk in found), None)


def strange(letter: Letter, ours: Any, stranger: Any) -> list[str]:
    """What a letter of `ours` tells of `stranger`, a line each."""
    found = []
    for what in (
        mark_of(stranger.slug),
        stranger.host,
        f"@{stranger.slug}.example",
        stranger.schema,
    ):
        if what in letter.text or what in letter.sender:
            found.append(f"says {what}")
    homes = {ours.host, partner_host(ours.merchant.partner)}
    if other := letter.hosts - homes:
        found.append(f"leads to {sorted(other)}")
    servers = [own_server(ours, is_partners=is_partners) for is_partners in (False, True)]
    mine = {(server.host, server.username) if server else ("", "") for server in servers}
    if (letter.server, letter.user) not in mine:
        found.append(f"goes through {letter.server or 'the platform'}")
    if stranger.slug in letter.password:
        found.append("logs in with a stranger's password")
    return found
