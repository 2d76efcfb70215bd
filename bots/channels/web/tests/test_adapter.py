from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bots.channels.base import (
    BuyerMessage,
    Call,
    Config,
    File,
    Inbound,
    Receipt,
    Reply,
    Sent,
    SignatureMismatch,
    Unsupported,
)
from bots.channels.web import adapter as module
from bots.channels.web import wire
from bots.channels.web.adapter import Web, inbound

KEY = "k-0123456789"


@pytest.fixture
def web() -> Web:
    return Web(Config(channel_id=7, schema="m_one", settings={}, secrets={}))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict]]:
    heard: list[tuple[str, dict]] = []
    monkeypatch.setattr(module, "tell", lambda group, message: heard.append((group, message)))
    return heard


def test_a_hook_is_closed(web: Web):
    with pytest.raises(SignatureMismatch):
        web.verify(Inbound(b"{}"))


def test_an_utterance_comes_out_as_it_went_in(web: Web):
    (envelope,) = web.envelopes(inbound("v1", KEY, " Есть 46 размер? ", locale="ru"))
    assert (envelope.dedupe_key, envelope.chat) == (f"v1:{KEY}", "v1")

    (said,) = web.parse(envelope.payload)

    assert said == BuyerMessage(
        external_id=KEY,
        chat="v1",
        text="Есть 46 размер?",
        sent_at=datetime.fromisoformat(envelope.payload["at"]),
        language="ru",
    )
    assert abs((datetime.now(UTC) - said.sent_at).total_seconds()) < 5


def test_files_proofs_and_page_travel_with_it(web: Web):
    envelope = wire.say(
        "v1",
        {"key": KEY, "reply_to": "m.4"},
        files=[{"kind": "image", "name": "a.png", "mime": "image/png", "size": 3, "stored_id": 9}],
        identities=[("customer", "42", "signed")],
        name="Анна",
        about={"page": "https://shop.example/p/1"},
    )

    (said,) = web.parse(envelope.payload)

    assert isinstance(said, BuyerMessage)
    assert said.files == (File("image", "a.png", "image/png", 3, stored_id=9),)
    assert said.identities == (("customer", "42", "signed"),)
    assert (said.name, said.reply_to) == ("Анна", "m.4")
    assert said.data == {"page": "https://shop.example/p/1"}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"text": "x"}, "key"),
        ({"key": "short", "text": "x"}, "key"),
        ({"key": "k'; DROP TABLE", "text": "x"}, "key"),
        ({"key": KEY, "text": "   "}, "empty"),
        ({"key": KEY, "text": ["x"]}, "empty"),
        ({"key": KEY, "text": "я" * 4001}, "too_long"),
    ],
)
def test_what_no_client_of_ours_sends_is_refused(frame: dict, code: str):
    with pytest.raises(wire.Malformed) as caught:
        wire.say("v1", frame)
    assert caught.value.code == code


def test_the_zero_byte_that_postgres_cannot_keep_is_dropped():
    assert wire.say("v1", {"key": KEY, "text": "a\x00b"}).payload["text"] == "ab"


def test_receipts_are_one_delivery_however_often_they_come(web: Web):
    first, again = wire.receipts("v1", "read", [5, 4]), wire.receipts("v1", "read", [4, 5, 5])

    assert first.dedupe_key == again.dedupe_key
    assert web.parse(first.payload) == [Receipt("m.4", "v1", "read"), Receipt("m.5", "v1", "read")]


def test_an_unknown_payload_is_named(web: Web):
    with pytest.raises(Unsupported, match="wave"):
        web.parse({"kind": "wave"})


def test_a_reply_is_one_nudge_of_the_buyers_own_group(web: Web, told):
    calls = web.render(Reply(chat="v1", text="Да, есть", message_id=12))
    assert calls == [Call("nudge", {"chat": "v1", "message": 12})]

    assert web.send(calls[0]) == Sent("m.12")
    assert web.look_up(calls[0]) == Sent("m.12")

    assert told == [("m_one.chat.v1", {"type": "chat.nudge", "message": 12})] * 2


def test_typing_and_streamed_sentences_are_told(web: Web, told):
    web.typing("v1")
    web.stream("v1", "Да, есть.", "3:8")

    assert told == [
        ("m_one.chat.v1", {"type": "chat.typing"}),
        ("m_one.chat.v1", {"type": "chat.stream", "key": "3:8", "text": "Да, есть."}),
    ]


def test_connecting_needs_no_platform_and_names_a_short_secret(web: Web):
    assert web.connect().ok
    short = Web(Config(7, "m_one", {}, {"identity_secret": "123"}))
    assert not short.connect().ok
