from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bots.channels.alexa import chains
from bots.channels.alexa.adapter import Alexa
from bots.channels.alexa.chains import NotAmazon
from bots.channels.alexa.model import interaction_model
from bots.channels.alexa.simulator import (
    CHAIN_URL,
    SKILL_ID,
    AlexaSimulator,
    authority,
    understood,
)
from bots.channels.base import Button, BuyerMessage, Config, Inbound, Reply
from tenants.kernel.simulate import Answer, serve_simulator
from tests.channels.aloud import aloud
from tests.engine.conftest import answers
from tests.fixtures.aside import run_aside

__all__ = ["answers"]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    chains._kept.clear()
    yield
    chains._kept.clear()


def adapter(base_url: str = "", **settings: Any) -> Alexa:
    settings = {
        "skill_id": SKILL_ID,
        "invocation": "warm sweater",
        "vendor_id": "M2ABCDEF",
        **settings,
    }
    return Alexa(Config(1, "m_x", settings, {}, base_url, ca_bundle=authority().root))


def known() -> Alexa:
    chains.keep(CHAIN_URL, authority().chain, authority().root)
    return adapter()


def said(request: Inbound) -> BuyerMessage:
    ours = known()
    ours.verify(request)
    (envelope,) = ours.envelopes(request)
    (message,) = ours.parse(json.loads(json.dumps(envelope.payload)))
    assert isinstance(message, BuyerMessage)
    return message


def at_once(device: AlexaSimulator, request: Inbound) -> Any:
    body = known().instant(request)
    return body and device.played(200, body)


# ── whose call it is ──
@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/echo.api/echo-api-cert.pem",
        "https://s3.amazonaws.com:443/echo.api/echo-api-cert.pem",
        "HTTPS://S3.AMAZONAWS.COM/echo.api/../echo.api/echo-api-cert.pem",
    ],
)
def test_the_certificates_address_is_amazons(url):
    assert chains.address_of(url) == "https://s3.amazonaws.com/echo.api/echo-api-cert.pem"


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.amazonaws.com/echo.api/echo-api-cert.pem",
        "https://notamazon.com/echo.api/echo-api-cert.pem",
        "https://s3.amazonaws.com/EcHo.aPi/echo-api-cert.pem",
        "https://s3.amazonaws.com/invalid.path/echo-api-cert.pem",
        "https://s3.amazonaws.com:563/echo.api/echo-api-cert.pem",
        "https://s3.amazonaws.com/echo.api/../evil/cert.pem",
        "https://s3.amazonaws.com/echo.api/%2e%2e/evil/cert.pem",
        "https://s3.amazonaws.com@evil.example/echo.api/cert.pem",
        "https://s3.amazonaws.com.evil.example/echo.api/cert.pem",
        "https://s3.amazonaws.com:x/echo.api/cert.pem",
        "",
        "подпись",
    ],
)
def test_no_other_address_is(url):
    with pytest.raises(NotAmazon) as refused:
        chains.address_of(url)
    assert refused.value.status == 400


def test_the_chain_is_downloaded_once_and_a_bad_one_is_not_trusted():
    device = AlexaSimulator()
    with serve_simulator(device) as url:
        ours = adapter(url)
        for _ in range(2):
            request = device.call("is it ready")
            run_aside(ours.prepare(request))
            ours.verify(request)
        assert [call.path for call in device.calls] == ["/echo.api/echo-api-cert-pretend.pem"]

        chains._kept.clear()
        for odd in (
            Answer(404), Answer(200, b"<html>"), Answer(200, b"x" * 100_000), Answer(302),
            Answer(200, authority("echo-api.amazon.evil").chain),
        ):  # fmt: skip
            chains._kept.clear()
            device.answer_next(odd)
            with pytest.raises(NotAmazon):
                run_aside(ours.prepare(request))
                ours.verify(request)


@pytest.mark.parametrize(
    "ca",
    [
        authority("echo-api.amazon.com.evil.example"),  # made out to somebody else
        authority(days_ago=40),  # over
        authority(days_ago=-5),  # not yet
    ],
)
def test_a_chain_of_another_name_or_time_is_refused(ca):
    chains.keep(CHAIN_URL, ca.chain, ca.root)
    request = AlexaSimulator(ca=ca).call("help")

    with pytest.raises(NotAmazon):
        chains.check(CHAIN_URL, request.headers["signature-256"], request.body, ca_bundle=ca.root)


def test_a_root_nobody_trusts_is_refused():
    ca = authority()
    chains.keep(CHAIN_URL, ca.chain)  # the usual roots alone
    request = AlexaSimulator().call("help")

    with pytest.raises(NotAmazon):
        chains.check(CHAIN_URL, request.headers["signature-256"], request.body)


@pytest.mark.parametrize(
    ("seconds", "kind", "is_good"),
    [
        (140, "LaunchRequest", True), (-140, "LaunchRequest", True),
        (170, "LaunchRequest", False), (-170, "LaunchRequest", False),
        (3000, "AlexaSkillEvent.SkillEnabled", True),
        (4000, "AlexaSkillEvent.SkillEnabled", False),
    ],
)  # fmt: skip
def test_an_old_call_is_refused(seconds, kind, is_good):
    device, ours = AlexaSimulator(), known()
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    request = device.signed(device.envelope({"type": kind}, at=at))

    if is_good:
        ours.verify(request)
    else:
        with pytest.raises(NotAmazon):
            ours.verify(request)


def test_another_skills_call_is_refused():
    with pytest.raises(NotAmazon):
        known().verify(AlexaSimulator("amzn1.ask.skill.other").call("help"))


# ── what is said ──
@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("where is my order twelve thirty four", "Where is my order 1234?"),
        ("do you have wool sweaters", "Is wool sweaters in stock?"),
        ("opening hours", "What are your opening hours?"),
        ("call a person", "I want to talk to a person"),
        ("order again", "I want to order the same again"),
        ("how long does delivery take", "how long does delivery take"),
        ("the number is a b twelve thirty four", "the number is AB1234"),
        ("ask whether you ship to Spain", "whether you ship to spain"),
        ("yes", "yes"),
    ],
)
def test_what_people_say_arrives_in_words(words, text):
    assert said(AlexaSimulator().call(words)).text == text


@pytest.mark.parametrize(
    ("words", "heard", "ends"),
    [
        ("help", "I am the shop's assistant.", False), ("stop", "Goodbye!", True),
        ("cancel", "Goodbye!", True), ("blah blah", "Sorry, I did not get that.", False),
        ("repeat", "I have not said anything yet.", False),
    ],
)  # fmt: skip
def test_what_needs_no_model_is_answered_at_once(words, heard, ends):
    device = AlexaSimulator()
    answer = at_once(device, device.call(words))

    assert answer.spoken.startswith(heard)
    assert answer.ends == ends


def test_a_reply_is_speech_a_card_and_choices_by_number():
    device = AlexaSimulator()
    reply = Reply(
        "A1", "It costs **$12.50** & is in stock.",
        buttons=(Button("Size 46", "size:46"), Button("Site", url="https://shop.example/1")),
    )  # fmt: skip
    status, body, _ = known().speak(device.call("do you have sweaters"), reply)
    heard, answer = device.played(status, body), json.loads(body)

    assert heard.spoken == ("It costs 12 dollars 50 cents and is in stock. Option 1: Size 46.")
    assert answer["response"]["reprompt"]["outputSpeech"]["type"] == "SSML"
    assert answer["response"]["shouldEndSession"] is False
    assert answer["response"]["card"]["content"] == (
        "It costs $12.50 & is in stock.\n\nSite: https://shop.example/1"
    )
    assert said(device.call("option 1")).payload == "size:46"
    assert at_once(device, device.call("repeat")).spoken == heard.spoken


def test_an_ended_session_and_events_are_answered_without_a_word():
    device, ours = AlexaSimulator(), known()
    for kind in ("SessionEndedRequest", "CanFulfillIntentRequest", "AlexaSkillEvent.SkillEnabled"):
        request = device.signed(device.envelope({"type": kind, "reason": "USER_INITIATED"}))
        assert ours.envelopes(request) == []
        assert json.loads(ours.hook_answer(request)[1]) == {"version": "1.0", "response": {}}


def test_linking_is_offered_by_the_platforms_card():
    device = AlexaSimulator()

    assert at_once(device, device.call("link my account")).shown == "LinkAccount"


def test_nothing_of_the_platforms_tokens_is_stored():
    device = AlexaSimulator(token="secret-token")
    kept = json.dumps([one.payload for one in known().envelopes(device.call("yes"))])

    assert "secret-token" not in kept and "of-the-platform" not in kept


def test_long_identities_fit_our_columns():
    assert len(said(AlexaSimulator(user="amzn1.ask.account." + "A" * 230).call("yes")).chat) < 100


def test_the_package_is_a_model_the_platform_takes():
    files = dict(adapter().package())
    model = json.loads(files["skill-package/interactionModels/custom/en-US.json"])
    language = model["interactionModel"]["languageModel"]
    intents = {one["name"]: one for one in language["intents"]}

    assert language["invocationName"] == "warm sweater"
    assert {
        "AMAZON.HelpIntent", "AMAZON.StopIntent", "AMAZON.CancelIntent", "AMAZON.FallbackIntent",
    } <= intents.keys()  # fmt: skip
    every = [sample for one in intents.values() for sample in one["samples"]]
    assert len(every) == len(set(every))
    for one in intents.values():
        slots = {slot["name"]: slot["type"] for slot in one.get("slots", ())}
        for sample in one["samples"]:
            used = [name for name in slots if "{" + name + "}" in sample]
            assert sample.count("{") == len(used) <= 1
            if any(slots[name] == "AMAZON.SearchQuery" for name in used):
                assert not sample.startswith("{"), "free words need a beginning"
    assert interaction_model("x") and understood("zzz")[0] == "AMAZON.FallbackIntent"
    skill = json.loads(files["skill-package/skill.json"])["manifest"]
    assert set(skill["publishingInformation"]["locales"]) == {
        path.split("/")[-1].removesuffix(".json") for path in files if "custom/" in path
    }


# ── the whole way ──
@pytest.mark.django_db(transaction=True)
def test_a_talk_with_a_late_answer(transactional_db, alpha, answers):
    go = threading.Event()

    def late(turn: Any) -> str:
        go.wait(10)
        return "Yes, $12."

    device = AlexaSimulator()
    with serve_simulator(device) as url:
        settings = {
            "skill_id": SKILL_ID,
            "answer_within_s": 3.5,
            "ca_bundle": authority().root,
        }
        with aloud(alpha, "alexa", device, settings, base_url=url) as shop:
            assert shop.says("").spoken == "re: /start."
            answers.append(late)
            assert shop.says("do you have sweaters").spoken.startswith("One moment")
            go.set()
            assert shop.says("is it ready").spoken == "Yes, 12 dollars."
            other = AlexaSimulator(ca=authority(days=31)).call("yes")
            assert shop.posts(other)[0] == 400
            assert len(shop.thread()) == 4
