"""The custom channel: told in words what is wrong, repeated without harm, only what is declared."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bots.channels.base import (
    Button,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    File,
    Inbound,
    OwnerEcho,
    Reachable,
    Reaction,
    Receipt,
    Reply,
    SignatureMismatch,
    Unreachable,
)
from bots.channels.custom.adapter import Custom
from bots.channels.custom.inbound import MOST_EVENTS, Refused
from bots.channels.custom.manifest import MANIFEST
from bots.channels.custom.signature import signed
from bots.channels.custom.simulator import SECRET, CustomSimulator
from bots.channels.custom.tests.sample import CustomSample
from bots.channels.rendering import degraded
from tenants.kernel.errors import NeedsMerchant, NotFound, Rejected, RetryLater
from tenants.kernel.simulate import Answer, serve_simulator

SAMPLE = CustomSample()


@pytest.fixture
def program():
    simulator = CustomSimulator()
    with serve_simulator(simulator) as url:
        simulator.address = url
        yield simulator


def adapter(url: str = "", **settings: Any) -> Custom:
    made = SAMPLE.adapter(url)
    assert isinstance(made, Custom)
    return Custom(replace(made.config, settings={**SAMPLE.settings, **settings}))


def events(*given: Any) -> list[Any]:
    body = given[0] if len(given) == 1 else list(given)
    ours = adapter()
    envelopes = ours.envelopes(SAMPLE.inbound(body))
    return [one for envelope in envelopes for one in ours.parse(envelope.payload)]


def said(**more: Any) -> dict[str, Any]:
    return {"id": "1", "chat": "77", "text": "Есть 46?", **more}


# ── in ──
def test_every_kind_is_understood():
    told = {"id": "e1", "chat": 77}
    assert events(
        {**told, "kind": "edit", "message": "m", "text": "Есть 48?"},
        {**told, "kind": "delete", "message": "m"},
        {**told, "kind": "reaction", "message": "m7", "emoji": "👍"},
        {**told, "kind": "receipt", "message": "m7", "state": "failed", "detail": "no"},
        {**told, "kind": "echo", "text": "Отвечу сама"},
        {**told, "kind": "blocked"},
        {**told, "kind": "unblocked"},
    ) == [
        BuyerEdit("m", "77", "Есть 48?"),
        BuyerDelete("m", "77"),
        Reaction("m7", "77", "👍"),
        Receipt("m7", "77", "failed", "no"),
        OwnerEcho("e1", "77", "Отвечу сама"),
        Reachable("77", is_reachable=False),
        Reachable("77", is_reachable=True),
    ]


def test_a_message_with_everything():
    (found,) = events(
        said(
            name="Анна",
            sent_at="2026-11-22T15:04:05+03:00",
            reply_to="m7",
            payload="size:46",
            files=[{"url": "https://f.example/1.ogg", "name": "1.ogg", "mime": "audio/ogg"}],
            buyer={"phone": "8 916 123-45-67", "email": " A@Example.com", "customer": 7},
        )
    )

    assert found == BuyerMessage(
        external_id="1",
        chat="77",
        text="Есть 46?",
        sent_at=datetime(2026, 11, 22, 12, 4, 5, tzinfo=UTC),
        name="Анна",
        reply_to="m7",
        payload="size:46",
        files=(File("voice", "1.ogg", "audio/ogg", external_id="https://f.example/1.ogg"),),
        identities=(
            ("phone", "+79161234567", "claimed"),
            ("email", "a@example.com", "claimed"),
            ("customer", "7", "claimed"),
        ),
    )


def test_who_the_buyer_is_counts_only_where_buyers_sign_in():
    ours = adapter(is_vouched=True)
    (envelope,) = ours.envelopes(SAMPLE.inbound(said(buyer={"customer": "7"})))
    (found,) = ours.parse(envelope.payload)

    assert found.identities == (("customer", "7", "signed"),)


def test_an_opened_chat_and_a_place():
    opened, place = events(
        {"id": "1", "chat": "77", "kind": "start", "payload": "banner"},
        {"id": "2", "chat": "77", "location": {"lat": 55.75, "lon": 37.62}},
    )

    assert (opened.is_start, opened.text, opened.data) == (True, "/start", {"deep_link": "banner"})
    assert place.text == "📍 55.750000, 37.620000"
    assert place.data == {"location": {"lat": 55.75, "lon": 37.62}, "wordless": "place"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], None),
        ({}, "id"),
        (said(id=""), "id"),
        (said(id=True), "id"),
        (said(id="x" * 101), "id"),
        (said(id="\ud800"), "id"),
        (said(chat=None), "chat"),
        (said(chat="a\nb"), "chat"),
        (said(kind="wave"), "kind"),
        (said(kind=["message"]), "kind"),
        (said(text=" "), "text"),
        (said(text=5), "text"),
        (said(sent_at="2026-11-22T15:04:05"), "sent_at"),
        (said(sent_at="0001-01-01T00:00:00+14:00"), "sent_at"),
        (said(sent_at=1782038400), "sent_at"),
        (said(files={}), "files"),
        (said(files=[{"url": "https://f.example/1"}, {}]), "files[1].url"),
        (said(files=[{"url": "file:///etc/passwd"}]), "files[0].url"),
        (said(files=[{"url": "https://[x"}]), "files[0].url"),
        (said(location={"lat": 95, "lon": 0}), "location"),
        (said(buyer={"phone": "many"}), "buyer.phone"),
        (said(buyer={"email": "@"}), "buyer.email"),
        (said(kind="edit"), "message"),
        (said(kind="receipt", message="m7", state="lost"), "state"),
        ([said(), said(chat=[])], "[1].chat"),
        ([said(), "x"], "[1]"),
        ([said()] * (MOST_EVENTS + 1), ""),
        ({"event": "message", "message_id": "m7", "chat": "77", "text": "Да"}, "event"),
        ("text", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field(given, field):
    ours = adapter()
    if field is None:
        assert ours.envelopes(SAMPLE.inbound(given)) == []
        return
    with pytest.raises(Refused) as refused:
        ours.envelopes(SAMPLE.sign(json.dumps(given).encode()))

    status, body, kind = ours.hook_refusal(refused.value)
    assert (status, kind) == (400, "application/json")
    assert json.loads(body)["error"]["field"] == field
    assert json.loads(body)["error"]["message"]


def test_no_json_and_nested_without_end_are_refused():
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(Refused):
            adapter().envelopes(SAMPLE.sign(body))


def test_a_refused_signature_says_why():
    ours = adapter()
    late = signed(SECRET, b"{}", at=time.time() - 301)
    for request, words in (
        (Inbound(b"{}"), "are needed"),
        (Inbound(b"{}", late), "behind our clock"),
        (Inbound(b"{ }", signed(SECRET, b"{}")), "HMAC-SHA256"),
    ):
        with pytest.raises(SignatureMismatch) as refused:
            ours.verify(request)
        status, body, _kind = ours.hook_refusal(refused.value)
        assert status == 403
        assert words in json.loads(body)["error"]["message"]
    ours.verify(Inbound(b"{}", signed(SECRET, b"{}", at=time.time() - 290)))


# ── out ──
def test_a_long_reply_is_parts_with_files_first_and_buttons_last():
    text = "\n\n".join(["слово " * 100] * 5)
    file = File("image", "1.jpg", "image/jpeg", 9, stored_id=3, url="https://shop.ru/files/sent/x/")
    reply = Reply(
        "77",
        text,
        (Button("46", "size:46"), Button("Сайт", url="https://shop.ru/")),
        (file,),
        reply_to="1",
        message_id=7,
        author="agent",
        author_name="Ольга",
    )

    first, second = adapter().render(reply)

    assert (first.data["message_id"], second.data["message_id"]) == ("m7", "m7.2")
    assert first.data["author"] == {"kind": "agent", "name": "Ольга"}
    assert first.data["reply_to"] == "1" and "reply_to" not in second.data
    assert first.data["files"] == [
        {"kind": "image", "name": "1.jpg", "mime": "image/jpeg", "size": 9, "url": file.url}
    ]
    assert "buttons" not in first.data
    assert second.data["buttons"] == [
        {"title": "46", "payload": "size:46"},
        {"title": "Сайт", "url": "https://shop.ru/"},
    ]


def test_the_account_declares_what_it_can():
    plain = MANIFEST.of_account({})
    rich = MANIFEST.of_account(
        {"text_limit": 500.0, "buttons": "3", "cards": True, "files": False, "edits": True,
         "deletes": True, "typing": True, "reads": True, "receipts": True, "rate_per_s": 2}
    )  # fmt: skip
    odd = MANIFEST.of_account({"text_limit": "many", "buttons": -4, "rate_per_s": [], "cards": ""})

    assert (plain.text_limit, plain.buttons, plain.can_edit, plain.rate_per_s) == (
        4000,
        0,
        False,
        20,
    )
    assert plain.files == MANIFEST.files
    assert (rich.text_limit, rich.buttons, rich.shows_cards, rich.files) == (
        500,
        3,
        True,
        frozenset(),
    )
    assert rich.can_edit and rich.can_delete and rich.can_type and rich.can_mark_read
    assert rich.has_receipts and rich.rate_per_s == 2
    assert (odd.text_limit, odd.buttons, odd.rate_per_s, odd.shows_cards) == (4000, 0, 20, False)
    assert adapter(buttons=2).manifest.buttons == 2
    shown = degraded(Reply("77", "?", (Button("46", "a"),)), adapter(buttons=0).manifest)
    assert (shown.text, shown.buttons) == ("?\n\n1. 46", ())


def test_sent_twice_is_shown_once_and_its_id_is_theirs(program):
    ours = adapter(program.address)
    (call,) = ours.render(Reply("77", "Да, есть.", message_id=7))

    assert ours.send(call) == ours.send(call)
    assert ours.send(call).external_id == program.messages["m7"]["id"]
    assert program.shown("77") == ["Да, есть."]


def test_changed_taken_back_typed_and_read(program):
    ours = adapter(program.address)
    (call,) = ours.render(Reply("77", "Да, есть.", message_id=7))
    ident = ours.send(call).external_id
    (other,) = ours.render(Reply("77", "Нет.", message_id=7))

    ours.edit(other, "77", ident)
    ours.edit(other, "77", ident)
    assert program.shown("77") == ["Нет."]
    ours.typing("77")
    ours.mark_read("77", "in-1")
    assert (program.typed, program.read) == (["77"], ["in-1"])
    ours.delete("77", ident)
    ours.delete("77", ident)
    assert program.shown("77") == []
    with pytest.raises(NotFound):
        ours.edit(other, "77", ident)


@pytest.mark.parametrize(
    ("answer", "raised", "detail"),
    [
        (Answer.json({"error": "такого чата нет"}, 422), Rejected, "такого чата нет"),
        (Answer.json({"error": "gone"}, 410), Unreachable, "gone"),
        (Answer(401), NeedsMerchant, "HTTP 401"),
        (Answer(302, headers={"location": "http://10.0.0.1/"}), NeedsMerchant, "leads on"),
        (Answer(500, b"trace"), RetryLater, "HTTP 500"),
        (Answer(200, b"x" * 200_000), RetryLater, "no JSON object"),
    ],
)
def test_the_programs_answer_says_what_follows(program, answer, raised, detail):
    ours = adapter(program.address)
    (call,) = ours.render(Reply("77", "Да", message_id=7))
    program.answer_next(answer)

    with pytest.raises(raised) as caught:
        ours.send(call)
    assert detail in str(caught.value)


def test_nobody_waits_for_typing(program):
    program.answer_next(Answer(500))
    adapter(program.address).typing("77")


def test_connecting_pings_and_wants_a_real_secret(program):
    check = adapter(program.address).connect()
    assert (check.ok, check.account) == (True, {"name": "gateway.example", "mode": "webhook"})
    assert program.pings == 1

    short = Custom(replace(adapter(program.address).config, secrets={"secret": "short"})).connect()
    assert not short.ok and "32" in short.detail
    other = replace(adapter(program.address).config, secrets={"secret": "f" * 32})
    with pytest.raises(NeedsMerchant):
        Custom(other).connect()


def test_a_programs_own_certificate_is_trusted_where_the_channel_says_so(certificate):
    simulator = CustomSimulator()
    with serve_simulator(simulator, certificate=certificate) as url:
        config = adapter(url).config
        with pytest.raises(RetryLater):
            Custom(config).connect()
        pem = Path(certificate[0]).read_text()
        assert Custom(replace(config, ca_bundle=pem)).connect().ok


def test_a_file_is_fetched_up_to_the_limit(program):
    program.route("GET", "/1.jpg", lambda request: Answer(200, b"\xff\xd8\xff"))
    program.route("GET", "/on", lambda request: Answer(302, headers={"location": "/1.jpg"}))
    program.route("GET", "/large", lambda request: Answer(200, b"x" * (20 * 1024 * 1024 + 1)))
    ours = adapter(program.address)

    assert ours.fetch_file(File("image", external_id=f"{program.address}/1.jpg")) == b"\xff\xd8\xff"
    with pytest.raises(NeedsMerchant):
        ours.fetch_file(File("image", external_id=f"{program.address}/on"))
    with pytest.raises(ValueError, match="20 MB"):
        ours.fetch_file(File("file", external_id=f"{program.address}/large"))
