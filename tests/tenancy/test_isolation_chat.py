"""Buyers' pages and the live chat, attacked with everything that is a stranger's.

The stranger is beta's buyer for alpha, and another buyer of alpha for alpha's own.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core import signing
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bots.channels.web import identity
from bots.live import chat_http, visit
from bots.models import Contact, Conversation, Message
from bots.services import places, uploads, visitors
from tenants.kernel.context import PUBLIC, group_of, merchant_context
from tenants.kernel.live import tell
from tenants.models import RouteKey
from tests.fixtures.merchants import SiteClient
from tests.live.conftest import answers, browser_of, live, work  # noqa: F401
from tests.tenancy import canaries, surface
from tests.tenancy.test_isolation import MERCHANT_URLS, is_open_to_buyers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECRET = "a-secret-of-beta-that-is-long-enough"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000000000200015e5f0a2d0000000049454e44ae426082"
)


@dataclass
class Buyer:
    """Somebody who has talked, with all that could be taken from them."""

    shop: Any
    mark: str
    token: str
    visitor: str = ""
    handle: str = ""
    link: str = ""
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return str(self.shop.channel.route_key)


@pytest.fixture
def buyer_of(browser_of, work, answers):  # noqa: F811
    """`buyer_of(beta, "mark")`: has written, was answered, has sent a file; through the door."""

    def make(shop: Any, mark: str) -> Buyer:
        browser = browser_of(shop)
        sent = browser.http.post(
            "upload/", data={"token": browser.token}, files={"file": (f"{mark}.png", PNG)}
        ).json()
        frames = [
            {"t": "say", "key": "key-000001", "text": f"I am {mark}", "files": [sent["handle"]]},
        ]
        browser.exchange(*frames, about={"title": mark})
        work(shop)
        found = Buyer(shop, mark, browser.token, handle=sent["handle"], link=sent["url"])
        with shop.inside():
            found.visitor = visitors.visitor_of(shop.schema, shop.channel.pk, browser.token) or ""
            contact = Contact.objects.get(external_id=found.visitor)
            talk = Conversation.objects.get(contact=contact)
            found.ids = {
                "contact": contact.pk,
                "conversation": talk.pk,
                "message": Message.objects.get(conversation=talk, author="bot").pk,
            }
            assert Message.objects.filter(conversation=talk, text=f"I am {mark}").exists()
        return found

    return make


@pytest.fixture
def theirs(beta, buyer_of) -> Buyer:
    with beta.inside():
        beta.channel.secrets = {**(beta.channel.secrets or {}), "identity_secret": SECRET}
        beta.channel.save(update_fields=["secrets"])
    return buyer_of(beta, canaries.mark_of("beta"))


@pytest.fixture
def neighbour(alpha, buyer_of) -> Buyer:
    """Another buyer of alpha itself."""
    return buyer_of(alpha, "zqneighbourcanary")


# ── Pages ────────────────────────────────────────────────────────────────────────────────────
def call_pages(host: str, keys: dict[str, list[Any]], client: Any, mark: str) -> list[str]:
    """Every buyers' page of a host with keys that are not its own: answered like nobody's key."""
    found = []
    pages = [route for route in surface.routes(MERCHANT_URLS) if is_open_to_buyers(route)]
    assert {route.path for route in pages} >= {"/chat/<key>/", "/chat/<key>/qr.svg"}
    for route in pages:
        for path in surface.addresses(route, keys):
            nobodys = path.replace(keys["route_key"][0], "n" * 32)
            for method in ("get", "head", "post"):
                answer = getattr(client, method)(path)
                as_missing = getattr(client, method)(nobodys)
                where = f"{host}: {method.upper()} {path} → {answer.status_code}"
                if mark in surface.text_of(answer):
                    found.append(f"{where} shows a mark")
                if surface.plain_text(answer, path) != surface.plain_text(as_missing, nobodys):
                    found.append(f"{where} differs from a key nobody has")
    return found


@pytest.fixture
def marked(beta):
    """Beta's pages say its mark."""
    from tenants.models import Merchant
    from tenants.selectors.hosts import forget_hosts

    places._kept.clear()
    Merchant.objects.filter(pk=beta.merchant.pk).update(name=canaries.mark_of("beta"))
    forget_hosts()
    yield canaries.mark_of("beta")
    places._kept.clear()


def test_a_strangers_route_key_opens_no_page(alpha, beta, client_of, marked):
    keys = {"route_key": [beta.channel.route_key]}
    shown = client_of(beta, None).get(f"/chat/{beta.channel.route_key}/")
    assert (shown.status_code, marked in shown.content.decode()) == (200, True)

    for host in (alpha.host, "localhost", "partner.localhost", "nobody.example"):
        assert call_pages(host, keys, SiteClient(HTTP_HOST=host), marked) == []
    for role in ("owner", "agent"):
        assert call_pages(alpha.host, keys, client_of(alpha, role), marked) == []
        # Nor does a session of beta's people help at alpha's host.
        client = SiteClient(HTTP_HOST=alpha.host)
        client.cookies = client_of(beta, role).cookies
        assert call_pages(alpha.host, keys, client, marked) == []
    assert client_of(alpha, None).get(f"/chat/{alpha.channel.route_key}/").status_code == 200


def test_a_page_that_forgets_to_ask_the_host_is_found(alpha, beta, client_of, marked, careless):
    keys = {"route_key": [beta.channel.route_key]}
    found = call_pages(alpha.host, keys, client_of(alpha, None), marked)
    assert any("GET /chat/" in line and "shows a mark" in line for line in found)
    assert any("qr.svg → 200 differs" in line for line in found)


@pytest.fixture
def careless(monkeypatch):
    """The planted leak: a route key is looked up without looking at the host."""
    from tenants.models import Domain

    look = places._look_up

    def anywhere(host: str, key: str) -> Any:
        with merchant_context(PUBLIC):
            route = RouteKey.objects.filter(key=key).first()
            domain = Domain.objects.filter(merchant__schema_name=route.schema) if route else ()
            where = domain[0].host if domain else host
        return look(where, key)

    places._kept.clear()
    monkeypatch.setattr(places, "_look_up", anywhere)
    yield
    places._kept.clear()


# ── Frames ───────────────────────────────────────────────────────────────────────────────────
# What a stranger sends of each kind. A new kind of frame has to be added here.
FRAMES: dict[str, Any] = {
    "say": lambda them: [
        {"key": "key-000001", "text": "mine"},
        {"key": "key-000009", "text": "mine", "files": [them.handle]},
        {"key": f"{them.visitor}", "text": "mine", "reply_to": f"m.{them.ids['message']}"},
        {"key": "key-000011", "text": "mine", "payload": str(them.ids["message"])},
    ],
    "got": lambda them: [{"ids": list(them.ids.values())}],
    "seen": lambda them: [{"ids": list(them.ids.values())}, {"ids": list(range(1, 200))}],
    "typing": lambda them: [{}],
    "about": lambda them: [{"about": {"title": "x", "page": them.visitor}}],
    "event": lambda them: [{"name": "x", "data": them.ids}],
    "identify": lambda them: [
        {"token": identity.sign({"sub": them.visitor, "exp": time.time() + 600}, SECRET)},
        {"token": them.token},
    ],
    "older": lambda them: [
        {"before": them.ids["message"]}, {"before": 2**31 - 1}, {"before": 10**30}
    ],
    "ping": lambda them: [{}],
}  # fmt: skip


def frames_of(them: Buyer) -> list[dict[str, Any]]:
    """Every frame there is, with numbers and names of a stranger wherever one could be put."""
    named = {
        **{f"{what}_id": pk for what, pk in them.ids.items()},
        **them.ids,
        "visitor": them.visitor,
        "channel": them.shop.channel.pk,
        "schema": them.shop.schema,
        "contact": them.ids["contact"],
        "after": 0,
    }
    return [
        {**named, "t": kind, **values} for kind, make in FRAMES.items() for values in make(them)
    ]


def test_every_kind_of_frame_is_attacked_with():
    tree = ast.parse(textwrap.dedent(inspect.getsource(visit.Visit.handle)))
    known = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant)
    }
    assert set(FRAMES) == known


def talk(
    port: int, host: str, key: str, hello: dict[str, Any], frames: Any = (), cookie: str = ""
) -> list[Any]:
    """What a socket says from greeting to the last answer; a number is the code it closed with."""
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"} if cookie else None
    heard: list[Any] = []
    url = f"ws://{host}:{port}/live/chat/{key}/"
    try:
        with connect(url, additional_headers=headers, open_timeout=10) as socket:
            for frame in ({"t": "hello", "me": "x", "after": 0, **hello}, *frames):
                socket.send(json.dumps(frame))
            socket.send('{"t": "ping"}')
            pongs = 1 + sum(frame.get("t") == "ping" for frame in frames)
            while sum(isinstance(e, dict) and e["t"] == "pong" for e in heard) < pongs:
                heard.append(json.loads(socket.recv(timeout=10)))
    except ConnectionClosed as exc:
        heard.append(exc.rcvd.code if exc.rcvd else 0)
    except InvalidStatus as exc:
        heard.append(exc.response.status_code)
    return heard


@dataclass
class Attack:
    """Everything alpha's address can be told with what is a stranger's."""

    port: int
    ours: Any
    them: Buyer
    cookie: str
    token: str

    def run(self) -> list[str]:
        """What is wrong, a line each."""
        return [*self.greetings(), *self.sockets(), *self.calls()]

    def greetings(self) -> list[str]:
        """A token, a name or a number of a stranger's is nobody."""
        found = []
        key = self.ours.channel.route_key
        taken = [
            self.them.visitor,
            self.them.handle,
            *map(str, self.them.ids.values()),
            self.cookie,
        ]
        if self.them.shop is not self.ours:
            taken.append(self.them.token)
        for token in taken:
            heard = talk(self.port, self.ours.host, key, {"token": token}, cookie=self.cookie)
            if heard != [{"t": "expired"}, 4401]:
                found.append(f"hello with {token[:12]}… is answered: {str(heard)[:300]}")
        if self.them.shop is not self.ours:
            for host, other in ((self.ours.host, self.them.key), (self.them.shop.host, key)):
                for token in (self.token, self.them.token):
                    heard = talk(self.port, host, other, {"token": token}, cookie=self.cookie)
                    if heard not in ([403], [4404]):
                        found.append(f"{other[:8]} opens at {host}: {str(heard)[:300]}")
        return found

    def sockets(self) -> list[str]:
        """A good token of alpha's, and everything else a stranger's."""
        hello = {
            "token": self.token,
            "visitor": self.them.visitor,
            "conversation": self.them.ids["conversation"],
            "identity": identity.sign({"sub": "1", "exp": time.time() + 60}, SECRET),
        }
        visit.per_visitor._left.clear()  # what is asked here is not haste
        key, frames = self.ours.channel.route_key, frames_of(self.them)
        heard = talk(self.port, self.ours.host, key, hello, frames, self.cookie)
        return self._judged("socket", heard)

    def calls(self) -> list[str]:
        """The same over plain HTTP, and what is HTTP only."""
        http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/live/chat/{self.ours.channel.route_key}/",
            headers={"host": self.ours.host},
            cookies={settings.SESSION_COOKIE_NAME: self.cookie},
            timeout=20,
        )
        found = []
        visit.per_visitor._left.clear()
        chat_http._uploads._left.clear()
        body = {"token": self.token, "after": 0, "hello": True, "frames": frames_of(self.them)}
        heard: list[Any] = http.post("", content=json.dumps(body)).json()["events"]
        form = {"name": "N", "phone": "+79161234567", "given": {"processing": True}}
        token, png = self.them.token, {"file": ("a.png", PNG)}
        if self.them.shop is not self.ours:
            refused = [
                http.post("", content=json.dumps({"token": token, "hello": True})),
                http.post("contact/", content=json.dumps({"token": token, **form})),
                http.post("upload/", data={"token": token}, files=png),
            ]  # fmt: skip
            found += [
                f"{answer.request.method} {answer.request.url.path} → {answer.status_code}"
                for answer in refused
                if answer.status_code != 401
            ]
            # The stranger's file, by its own signature and by its number with ours.
            signed = self.them.link.rstrip("/").rpartition("/")[2]
            number = uploads.of_link(self.them.shop.schema, signed)
            for name in (signed, signing.dumps(number, salt="chat-file:"), str(number)):
                answer = http.get(f"files/{name}/")
                if answer.status_code != 404:
                    found.append(f"GET files/{name[:12]}… → {answer.status_code}")
                heard.append(answer.text)
        return found + self._judged("HTTP", heard)

    def _judged(self, where: str, heard: list[Any]) -> list[str]:
        found = []
        for event in heard:
            text = json.dumps(event, ensure_ascii=False)
            if self.them.mark in text:
                found.append(f"{where} tells a mark: {text[:300]}")
            if isinstance(event, int):
                found.append(f"{where} closes with {event}")
            if isinstance(event, dict) and event["t"] == "identified" and event["ok"]:
                found.append(f"{where} believes a stranger's signature")
        return found


@pytest.fixture
def attack(alpha, beta, live, browser_of, client_of):  # noqa: F811
    cookie = client_of(beta, "owner").cookies[settings.SESSION_COOKIE_NAME].value

    def make(them: Buyer) -> Attack:
        return Attack(live.port, alpha, them, cookie, browser_of(alpha).token)

    return make


def test_no_socket_tells_or_takes_what_is_another_merchants(alpha, beta, theirs, attack, work):  # noqa: F811
    work(beta)
    with beta.inside():
        before = canaries.snapshot(beta.schema)

    assert attack(theirs).run() == []

    work(alpha)
    with beta.inside():
        assert canaries.snapshot(beta.schema) == before
    with alpha.inside():
        # The attacker is one buyer of alpha, and said only own words.
        assert Contact.objects.count() == 1
        said = set(Message.objects.filter(author="buyer").values_list("text", flat=True))
        assert said == {"mine"}


def test_no_socket_tells_or_takes_what_is_another_buyers(alpha, neighbour, attack, work):  # noqa: F811
    work(alpha)
    of_them = {"conversation": neighbour.ids["conversation"]}
    with alpha.inside():
        before = list(Message.objects.filter(**of_them).order_by("pk").values())
        contact = Contact.objects.filter(pk=neighbour.ids["contact"]).values().get()

    assert attack(neighbour).run() == []

    work(alpha)
    with alpha.inside():
        assert list(Message.objects.filter(**of_them).order_by("pk").values()) == before
        assert Contact.objects.filter(pk=contact["id"]).values().get() == contact


def test_a_socket_hears_nothing_of_anothers_group(alpha, beta, theirs, live, browser_of):  # noqa: F811
    """Even a visitor of the same name in both merchants is two."""
    token = visitors.seal(
        alpha.schema, f"visitor|{alpha.channel.pk}|{theirs.visitor}|{int(time.time())}"
    )
    with connect(f"ws://{alpha.host}:{live.port}/live/chat/{alpha.channel.route_key}/") as socket:
        socket.send(json.dumps({"t": "hello", "me": "x", "token": token, "after": 0}))
        greeting = json.loads(socket.recv(timeout=10))
        assert (greeting["t"], greeting["messages"]) == ("messages", [])
        for group in ("chat", theirs.visitor), ("console",):
            tell(group_of(beta.schema, *group), {"type": "chat.typing"})
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
        tell(group_of(alpha.schema, "chat", theirs.visitor), {"type": "chat.typing"})
        assert json.loads(socket.recv(timeout=10)) == {"t": "typing"}


# ── Each way of leaking is found ─────────────────────────────────────────────────────────────
def _token_of_anybody(patch: Any, them: Buyer) -> None:
    own = visitors.visitor_of

    def anybodys(schema: str, channel_id: int, token: object) -> str | None:
        return own(schema, channel_id, token) or own(them.shop.schema, them.shop.channel.pk, token)

    patch.setattr(visitors, "visitor_of", anybodys)


def _thread_of_another(patch: Any, them: Buyer) -> None:
    own = visit.thread_since

    def strangers(channel_id: int, visitor: str, **more: Any) -> Any:
        with merchant_context(them.shop.schema):
            return own(them.shop.channel.pk, them.visitor, **more)

    patch.setattr(visit, "thread_since", strangers)


def _history_of_another(patch: Any, them: Buyer) -> None:
    own = visit.thread_before

    def strangers(channel_id: int, visitor: str, **more: Any) -> Any:
        with merchant_context(them.shop.schema):
            return own(them.shop.channel.pk, them.visitor, **more)

    patch.setattr(visit, "thread_before", strangers)


def _place_of_another(patch: Any, them: Buyer) -> None:
    own = visit.place_of
    patch.setattr(visit, "place_of", lambda host, key: own(host, key) or own(them.shop.host, key))


def _file_of_another(patch: Any, them: Buyer) -> None:
    own = uploads.of_link

    def any_merchants(schema: str, signed: str) -> int | None:
        return own(schema, signed) or own(them.shop.schema, signed)

    patch.setattr(uploads, "of_link", any_merchants)
    inside = chat_http.inside
    patch.setattr(
        chat_http,
        "inside",
        lambda schema, step, *args, **more: inside(
            them.shop.schema if getattr(step, "__name__", "") == "read" else schema,
            step, *args, **more,
        ),
    )  # fmt: skip


def _secret_of_another(patch: Any, them: Buyer) -> None:
    patch.setattr(visitors, "channel_secret", lambda *_: SECRET)


PLANTED = {
    _token_of_anybody: {"greetings": "hello with", "calls": "POST /live/chat/"},
    _thread_of_another: {"sockets": "tells a mark", "calls": "tells a mark"},
    _history_of_another: {"sockets": "tells a mark", "calls": "tells a mark"},
    _place_of_another: {"greetings": "opens at"},
    _file_of_another: {"calls": "GET files/"},
    _secret_of_another: {"sockets": "believes a stranger's signature"},
}


def test_each_planted_leak_is_found(theirs, attack, monkeypatch):
    for plant, told in PLANTED.items():
        for part, words in told.items():
            with monkeypatch.context() as patch:
                plant(patch, theirs)
                places._kept.clear()
                found = getattr(attack(theirs), part)()
            places._kept.clear()
            assert any(words in line for line in found), (plant.__name__, part, found)
    assert attack(theirs).run() == []  # and nothing of it once it is mended


def test_a_planted_write_is_found(beta, theirs, attack, work, monkeypatch):  # noqa: F811
    work(beta)
    with beta.inside():
        before = canaries.snapshot(beta.schema)
    own = visitors.visitor_event

    def strangers(channel_id: int, visitor: str, name: str, data: Any) -> None:
        with merchant_context(beta.schema):
            own(beta.channel.pk, theirs.visitor, name, data)

    monkeypatch.setattr(visitors, "visitor_event", strangers)
    attack(theirs).sockets()

    with beta.inside():
        after = canaries.snapshot(beta.schema)
    assert {table for table in after if after[table] != before[table]} == {"bots_contact"}
