"""Linking a voice assistant's account: who is proven, what comes once, what is taken back."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.cache import cache
from django.utils import timezone

from bots.channels import linked
from bots.channels.alexa.simulator import SKILL_ID as ALEXA_ID
from bots.channels.alice.adapter import LINK_REDIRECT
from bots.channels.alice.simulator import SKILL_ID, AliceSimulator
from bots.models import Channel, Contact, Identity
from bots.services import channels
from bots.services.accept import accept
from integrations.models import Order
from tenants.kernel import due
from tenants.workspace.models import Setting

pytestmark = pytest.mark.django_db

VERIFIER = "v" * 50
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


def skill_of(shop: Any, kind: str = "alice", **settings: Any) -> Channel:
    with shop.inside():
        channel = channels.channel_create(
            kind=kind, name=kind, bot=shop.bot, settings={"skill_id": SKILL_ID, **settings}
        )
        channels.channel_connect(channel)
    return channel


class Platform:
    """The assistant's side and the buyer's browser."""

    def __init__(self, shop: Any, channel: Channel, browser: Any) -> None:
        self.shop, self.channel, self.browser = shop, channel, browser
        self.client_id = f"shop-{channel.pk}"
        with shop.inside():
            self.secret = channels.adapter_of(channel).link_secret()

    def page(self, **more: str) -> str:
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": LINK_REDIRECT,
            "state": "st", "code_challenge": CHALLENGE, "code_challenge_method": "S256", **more,
        }  # fmt: skip
        return "/link/?" + urlencode({k: v for k, v in asked.items() if v})

    def asks(self, told: str, **more: str) -> str:
        """The step in the page that asks for the code."""
        text = self.browser.post(self.page(**more), {"told": told}).content.decode()
        found = re.search(r'name="step" value="([^"]+)"', text)
        assert found
        return found[1]

    def enters(self, step: str, code: str, **more: str) -> dict[str, list[str]]:
        """What the browser takes back to the platform; {} where it stays on the page."""
        answer = self.browser.post(self.page(**more), {"step": step, "code": code})
        return onward(answer.content.decode())

    def token(self, **fields: str) -> Any:
        basic = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return self.browser.post(
            "/link/token/", fields, headers={"authorization": f"Basic {basic}"}
        )

    def exchanged(self, code: str, **more: str) -> Any:
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": LINK_REDIRECT,
            "code_verifier": VERIFIER, **more,
        }  # fmt: skip
        return self.token(**{k: v for k, v in fields.items() if v})

    def who(self, access: str) -> Any:
        with self.shop.inside():
            return linked.identities_of(self.shop.schema, self.channel.pk, access)


def onward(page: str) -> dict[str, list[str]]:
    found = re.search(r'class="onward" href="([^"]+)"', page)
    if not found:
        return {}
    address = html.unescape(found[1])
    assert address.startswith(LINK_REDIRECT + "?")
    return parse_qs(urlsplit(address).query)


def code_in(letter: Any) -> str:
    found = re.search(r"\b(\d{6})\b", letter.subject)
    assert found
    return found[1]


@pytest.fixture(autouse=True)
def _nobody_has_tried() -> None:
    cache.clear()


@pytest.fixture
def platform(alpha, visitor) -> Platform:
    with alpha.inside():
        Order.objects.create(
            number="727", email="anna@example.com", status="new", sum=0, placed_at=timezone.now()
        )
    return Platform(alpha, skill_of(alpha), visitor(alpha.host))


@pytest.fixture
def code(platform, mailoutbox) -> str:
    step = platform.asks("Anna@example.com")
    return platform.enters(step, code_in(mailoutbox[-1]))["code"][0]


def test_a_code_by_letter_links_the_account_and_calls_prove_who_speaks(platform, mailoutbox):
    step = platform.asks("Anna@example.com")
    (letter,) = mailoutbox
    assert letter.to == ["anna@example.com"]
    back = platform.enters(step, code_in(letter))
    assert back["state"] == ["st"]
    tokens = platform.exchanged(back["code"][0]).json()

    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    with platform.shop.inside():
        alice = channels.adapter_of(platform.channel)
        request = AliceSimulator(token=tokens["access_token"]).call("где мой заказ 727")
        (envelope,) = alice.envelopes(request)
        (said,) = alice.parse(envelope.payload)
    assert said.identities == (("email", "anna@example.com", "code"),)
    assert tokens["access_token"] not in json.dumps(envelope.payload)


def test_an_account_that_was_unlinked_proves_nothing_more(platform, code):
    access = platform.exchanged(code).json()["access_token"]
    device = AliceSimulator(token=access)

    def proofs() -> list[tuple[str, str]]:
        return list(Identity.objects.values_list("value", "proof"))

    def says(words: str) -> None:
        alice = channels.adapter_of(platform.channel)
        accept(platform.channel.pk, alice.envelopes(device.call(words)), ring=False)
        for schema, kind, ident in due.overdue(grace_s=-0.01):
            if kind == "inbox":
                due.take(schema, kind, ident)

    with platform.shop.inside():
        says("где мой заказ 727")
        assert proofs() == [("anna@example.com", "code")]
        device.token = ""
        says("а сейчас")
        assert proofs() == []


def test_another_channel_and_another_merchant_believe_no_token(platform, code, beta):
    access = platform.exchanged(code).json()["access_token"]

    assert platform.who(access) == (("email", "anna@example.com", "code"),)
    other = skill_of(platform.shop)
    assert linked.identities_of(platform.shop.schema, other.pk, access) == ()
    assert linked.identities_of(beta.schema, platform.channel.pk, access) == ()
    assert linked.identities_of(platform.shop.schema, platform.channel.pk, access[:-4]) == ()


def test_a_refresh_token_is_no_access_token(platform, code):
    tokens = platform.exchanged(code).json()

    assert platform.who(tokens["refresh_token"]) == ()
    assert platform.who(code) == ()


def test_nobody_learns_whether_an_address_is_known(platform, mailoutbox):
    page = platform.page()
    shown = [
        re.sub(
            r'(?:value|nonce)="[^"]+"',
            "",
            platform.browser.post(page, {"told": one}).content.decode(),
        )
        for one in ("anna@example.com", "stranger@example.com", "+79160000000", "nonsense")
    ]

    assert len(set(shown)) == 1
    assert len(mailoutbox) == 1
    step = platform.asks("stranger@example.com")
    assert platform.enters(step, "000000") == {}


def test_letters_to_one_address_come_to_an_end(platform, mailoutbox):
    for _ in range(6):
        platform.asks("anna@example.com")

    assert len(mailoutbox) == 3


def test_a_code_is_not_guessed_and_is_good_once(platform, mailoutbox):
    step = platform.asks("anna@example.com")
    good = code_in(mailoutbox[-1])
    wrong = "000001" if good != "000001" else "000002"
    for _ in range(5):
        assert platform.enters(step, wrong) == {}
    assert platform.enters(step, good) == {}

    step = platform.asks("anna@example.com")
    assert platform.enters(step, code_in(mailoutbox[-1]))["code"]
    assert platform.enters(step, code_in(mailoutbox[-1])) == {}


def test_the_messenger_that_shared_the_phone_gets_the_code(platform, monkeypatch):
    sent: list[Any] = []
    with platform.shop.inside():
        telegram = channels.channel_create(kind="telegram", name="T", bot=platform.shop.bot)
        Channel.objects.filter(pk=telegram.pk).update(state=Channel.State.LIVE)
        contact = Contact.objects.create(channel=telegram, external_id="101")
        Identity.objects.create(
            contact=contact, kind="phone", value="+79161234567", proof=Identity.Proof.SHARED
        )
    adapter = type(channels.adapter_of(telegram))
    monkeypatch.setattr(adapter, "send", lambda self, call: sent.append(call))
    step = platform.asks("8 916 123-45-67")

    (call,) = sent
    said = re.search(r"\d{6}", str(call.data["text"]))
    assert said and call.data["chat_id"] == "101"
    back = platform.enters(step, said[0])
    access = platform.exchanged(back["code"][0]).json()["access_token"]
    assert platform.who(access) == (("phone", "+79161234567", "code"),)


@pytest.mark.parametrize(
    "more",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": LINK_REDIRECT + "/x"},
        {"redirect_uri": LINK_REDIRECT + "?a=1"},
        {"client_id": "shop-999999"},
        {"client_id": "shop-1 or 1=1"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_the_platforms(platform, more):
    answer = platform.browser.get(platform.page(**more))

    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()


def test_a_channel_without_linking_has_no_page(platform, alpha):
    alexa = skill_of(alpha, "alexa", skill_id=ALEXA_ID)
    page = platform.page(client_id=f"shop-{alexa.pk}")
    assert platform.browser.get(page).status_code == 400

    with alpha.inside():
        alexa.settings = {**alexa.settings, "vendor_id": "M2ABCDEF"}
        alexa.save()
    home = "https://layla.amazon.com/api/skill/link/M2ABCDEF"
    page = platform.page(client_id=f"shop-{alexa.pk}", redirect_uri=home)
    assert platform.browser.get(page).status_code == 200


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_the_platform_is_told_what_is_wrong(platform, more, error):
    page = platform.browser.get(platform.page(**more)).content.decode()
    assert onward(page) == {"error": [error], "state": ["st"]}


def test_a_buyer_may_say_no(platform):
    page = platform.browser.post(platform.page(), {"no": "1"}).content.decode()
    assert onward(page)["error"] == ["access_denied"]


@pytest.mark.parametrize(
    "more",
    [
        {"code_verifier": "w" * 50}, {"code_verifier": ""}, {"code_verifier": "short"},
        {"redirect_uri": "https://evil.example/"}, {"code": "nonsense"},
    ],
)  # fmt: skip
def test_a_code_without_its_proof_gives_nothing(platform, code, more):
    answer = platform.exchanged(**{"code": code, **more})

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})
    with platform.shop.inside():
        assert not Setting.objects.filter(name__startswith="voice-link:").exists()


def test_a_verifier_that_nobody_asked_for_is_refused(platform, mailoutbox):
    bare = {"code_challenge": "", "code_challenge_method": ""}
    step = platform.asks("anna@example.com", **bare)
    code = platform.enters(step, code_in(mailoutbox[-1]), **bare)["code"][0]

    assert platform.exchanged(code).status_code == 400
    assert platform.exchanged(code, code_verifier="").status_code == 200


def test_a_code_that_comes_twice_takes_its_tokens_back(platform, code):
    tokens = platform.exchanged(code).json()

    assert platform.exchanged(code).status_code == 400
    again = platform.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status_code == 400


def test_refresh_tokens_are_rotated_and_an_old_one_ends_the_link(platform, code):
    first = platform.exchanged(code).json()
    second = platform.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert platform.who(second["access_token"]) == (("email", "anna@example.com", "code"),)

    for old in (first, second):
        answer = platform.token(grant_type="refresh_token", refresh_token=old["refresh_token"])
        assert answer.json() == {"error": "invalid_grant"}


def test_a_link_is_taken_back(platform, code):
    tokens = platform.exchanged(code).json()
    fields = {
        "client_id": platform.client_id,
        "client_secret": platform.secret,
        "token": tokens["refresh_token"],
    }
    assert (
        platform.browser.post("/link/revoke/", {**fields, "client_secret": "x"}).status_code == 401
    )
    assert platform.browser.post("/link/revoke/", fields).status_code == 200
    answer = platform.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status_code == 400


def test_a_stranger_gets_no_token(platform, code, beta, visitor):
    platform.secret = "wrong"
    assert platform.exchanged(code).status_code == 401
    assert visitor(beta.host).post("/link/token/", {"client_id": "shop-1"}).status_code == 401
    assert visitor(beta.host).get("/link/token/").status_code == 405
