"""MAX through real HTTP: our adapter on one side, the pretend MAX on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bots.channels.base import (
    Button,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    Call,
    Config,
    File,
    Inbound,
    Reachable,
    Reply,
    Unreachable,
    Unsupported,
)
from bots.channels.max import adapter as module
from bots.channels.max.adapter import Max
from bots.channels.max.simulator import TOKEN, MaxSimulator, too_many
from bots.channels.max.tests.sample import AT, USER, MaxSample
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater
from tenants.kernel.simulate import Answer, serve_simulator

HOOK = "https://alpha.shop.ru/hooks/key-of-alpha-0123456789/"
SAMPLE = MaxSample()


@pytest.fixture(scope="module")
def served() -> Iterator[MaxSimulator]:
    simulator = MaxSimulator()
    with serve_simulator(simulator) as url:
        simulator.url = url
        yield simulator


@pytest.fixture
def max_(served) -> MaxSimulator:
    """One server for all tests, each time as new."""
    url = served.url
    served.__init__()  # type: ignore[misc]
    served.url = url
    return served


def adapter(max_: MaxSimulator | None = None, *, hook_url: str = "", **more) -> Max:
    return Max(
        Config(
            channel_id=1,
            schema="m_x",
            settings={},
            secrets={"token": TOKEN, "hook": "hook-secret_1"},
            base_url=max_.url if max_ else "",
            hook_url=hook_url,
            **more,
        )
    )


def parsed(update):
    (envelope,) = adapter().envelopes(Inbound(json.dumps(update).encode()))
    (found,) = adapter().parse(envelope.payload)
    return found


def body_of(*attachments, text=None, **more):
    update = SAMPLE.says(text)
    update["message"]["body"]["attachments"] = list(attachments)
    update["message"].update(more)
    return update


# ── in ──
def test_a_buyers_message_as_it_is():
    assert parsed(SAMPLE.says("Есть размер 42?")) == BuyerMessage(
        external_id="mid.00000001",
        chat="101",
        text="Есть размер 42?",
        sent_at=datetime.fromtimestamp((AT + 1) / 1000, UTC),
        name="Анна",
        language="ru",
    )


def test_what_happened_is_the_identity_for_updates_have_no_id():
    def key(update):
        (envelope,) = adapter().envelopes(Inbound(json.dumps(update).encode()))
        return envelope.dedupe_key

    kinds = SAMPLE.kinds()
    edited = kinds["message_edited"]
    pressed = kinds["message_callback"]
    again = {**pressed, "callback": {**pressed["callback"], "timestamp": AT + 900}}

    assert key(SAMPLE.says("а")) == "message_created:mid.00000001"
    assert key(edited) == key(json.loads(json.dumps(edited)))
    assert key(edited) != key({**edited, "timestamp": AT + 5})
    assert key(pressed) != key(again)
    assert key(kinds["bot_started"]) == f"bot_started:{AT}:101:500100"
    assert len(key(SAMPLE.says("а", number=1) | {"update_type": "x" * 500})) <= 120


def test_start_tells_where_the_link_was():
    started = parsed(SAMPLE.kinds()["bot_started"])

    assert (started.is_start, started.text, started.chat) == (True, "/start", "101")
    assert started.data == {"deep_link": "promo42"}


def test_a_stopped_bot_and_a_deleted_dialogue_mean_no_more_writing():
    kinds = SAMPLE.kinds()
    for kind in ("bot_stopped", "dialog_removed"):
        assert parsed(kinds[kind]) == Reachable("101", is_reachable=False)


def test_edits_and_deletions():
    kinds = SAMPLE.kinds()
    assert parsed(kinds["message_edited"]) == BuyerEdit("mid.00000001", "101", "Привет")
    assert parsed(kinds["message_removed"]) == BuyerDelete("mid.1", "101")


def test_groups_and_bots_are_not_answered():
    kinds = SAMPLE.kinds()
    of_a_bot = body_of(text="Привет", sender={**USER, "is_bot": True})
    for update in (
        kinds["message_created in a group"],
        kinds["message_callback of a deleted message"],
        of_a_bot,
        kinds["bot_added"],
    ):
        with pytest.raises(Unsupported):
            adapter().parse(update)


def test_stickers_places_links_and_what_only_max_shows():
    said = [
        parsed(body_of(one))
        for one in (
            {"type": "sticker", "payload": {"url": "https://x", "code": "s1"}},
            {"type": "location", "latitude": 55.75, "longitude": 37.61},
            {"type": "share", "payload": {"url": "https://shop.ru/1"}},
            {"type": "story", "payload": {}},
        )
    ]

    assert [one.text for one in said] == [
        "🖼️",
        "📍 55.750000, 37.610000",
        "https://shop.ru/1",
        "Сообщение, которое видно только в MAX",
    ]
    assert said[1].data == {"location": {"lat": 55.75, "lon": 37.61}, "wordless": "place"}
    assert said[3].data == {"wordless": "other"}
    place = {"type": "location", "latitude": 55.75, "longitude": 37.61}
    share = {"type": "share", "payload": {"url": "https://shop.ru/1"}}
    both = parsed(body_of(place, share, text="Сюда привезёте? shop.ru/1"))
    assert both.text == "Сюда привезёте? shop.ru/1\n📍 55.750000, 37.610000"
    assert both.data == {"location": {"lat": 55.75, "lon": 37.61}}


def test_a_forwarded_message_is_what_it_says():
    link = {"type": "forward", "message": {"mid": "m9", "text": "Акция", "attachments": []}}
    quoted = {"type": "reply", "message": {"mid": "m7", "text": "Свитер"}}

    assert parsed(body_of(text="Ещё идёт?", link=link)).text == "Ещё идёт?\n\nАкция"
    assert parsed(body_of(text="Этот", link=quoted)).reply_to == "m7"


def test_a_contact_proves_the_phone_only_signed_and_the_writers_own():
    max_ = MaxSimulator()
    max_.dialogue(101).user_id = USER["user_id"]
    own = max_.contact("7 900 555-00-01")
    told_twice = {
        **own["payload"],
        "vcf_info": own["payload"]["vcf_info"].replace("\r\n", "\\r\\n"),
    }
    forged = {**own["payload"], "vcf_info": own["payload"]["vcf_info"].replace("555", "777")}
    anothers = {**own["payload"], "max_info": {**USER, "user_id": 1}}

    said = parsed(body_of(own))
    assert (said.text, said.data) == ("+79005550001", {"wordless": "phone"})
    proof = (("phone", "+79005550001", "shared"),)
    assert said.identities == proof
    assert parsed(body_of({"type": "contact", "payload": told_twice})).identities == proof
    for payload in (forged, anothers, max_.contact("79005550001", is_own=False)["payload"]):
        said = parsed(body_of({"type": "contact", "payload": payload}))
        assert said.identities == () and said.text.startswith("Анна, +7")
    link = {"type": "forward", "message": {"mid": "m", "attachments": [own]}}
    assert parsed(body_of(text="", link=link)).identities == ()


def test_files_of_a_buyer_are_fetched_by_message(max_):
    given = max_.buyer_says(
        None,
        max_.media("image", b"picture"),
        max_.media("file", b"bill", filename="чек.pdf", size=4),
        max_.media("video", b"film"),
        max_.media("audio", b"voice"),
    )
    (said,) = adapter().parse(given)

    assert [(one.kind, one.name) for one in said.files] == [
        ("image", ""), ("file", "чек.pdf"), ("video", ""), ("voice", ""),
    ]  # fmt: skip
    got = [adapter(max_).fetch_file(one) for one in said.files]
    assert got == [b"picture", b"bill", b"film", b"voice"]
    with pytest.raises(ValueError, match="any more"):
        adapter(max_).fetch_file(File("image", external_id=said.files[0].external_id[:-1] + "9"))


def test_a_file_too_large_is_refused_in_words(max_, monkeypatch):
    monkeypatch.setattr(module, "DOWNLOAD_LIMIT", 3)
    (said,) = adapter().parse(max_.buyer_says(None, max_.media("file", b"long", filename="a")))
    with pytest.raises(ValueError, match="too large"):
        adapter(max_).fetch_file(said.files[0])


# ── out ──
def test_plain_text_needs_no_markup_and_bold_is_html():
    def body(text):
        (call,) = adapter().render(Reply("101", text))
        return call.data["body"]

    assert body("2*3 <b> & _x_") == {"text": "2*3 <b> & _x_", "attachments": None, "link": None}
    assert body("**Есть** 1<2")["text"] == "<b>Есть</b> 1&lt;2"
    assert body("**Есть**")["format"] == "html"


def test_marks_that_do_not_fit_are_left_out():
    text = f"**Свитер** {'<' * 3985}"
    (call,) = adapter().render(Reply("101", text))
    assert call.data["body"]["text"] == text.replace("*", "") and "plain" not in call.data


def test_buttons_stand_beside_each_other_as_long_as_titles_are_read_whole():
    titles = ["42", "44", "46", "48", "50", "Самовывоз", "Курьером", "Позвать консультанта"]
    buttons = tuple(Button(one, one) for one in titles)
    asks = (
        Button("☎", kind="phone"),
        Button("📍", kind="location"),
        Button("Сайт", url="https://shop.ru/"),
        Button("Длинная", url="https://shop.ru/?" + "x" * 2048),
    )
    (call,) = adapter().render(Reply("101", "Выберите", buttons=buttons + asks))

    keyboard = call.data["body"]["attachments"][0]["payload"]["buttons"]
    assert [[one["text"] for one in row] for row in keyboard] == [
        ["42", "44", "46", "48"], ["50", "Самовывоз"], ["Курьером"], ["Позвать консультанта"],
        ["☎", "📍", "Сайт"],
    ]  # fmt: skip
    assert keyboard[0][0] == {"type": "callback", "text": "42", "payload": "42"}
    assert [one["type"] for one in keyboard[-1]] == [
        "request_contact", "request_geo_location", "link",
    ]  # fmt: skip
    assert "Длинная: https://shop.ru/?xxx" in call.data["body"]["text"]


def test_a_pressed_button_comes_back_and_stops_turning(max_):
    max_.dialogue()
    (call,) = adapter().render(Reply("101", "Размер?", buttons=(Button("42", "size:42"),)))
    adapter(max_).send(call)
    (said,) = adapter().parse(max_.buyer_presses("42"))

    assert (said.text, said.payload, said.chat) == ("42", "size:42", "101")
    adapter(max_).acknowledge(said.callback)
    assert max_.answered == [said.callback]


def test_an_acknowledgement_that_wants_a_word_gets_one(max_):
    max_.answer_next(Answer.json({"code": "proto.payload", "message": "empty"}, 400))
    adapter(max_).acknowledge("cb")
    bodies = [one.json() for one in max_.calls if one.path == "/answers"]
    assert bodies == [{}, {"notification": "✓"}]


def test_the_token_goes_bare_in_the_header(max_):
    max_.dialogue()
    adapter(max_).send(adapter().render(Reply("101", "Да"))[0])
    (seen,) = max_.calls
    assert seen.headers["authorization"] == TOKEN
    assert seen.query == {"chat_id": "101"}


@pytest.mark.parametrize(("kind", "name"), [("image", "a.jpg"), ("voice", "a.mp3"), ("file", "ч")])
def test_a_file_goes_in_two_steps_and_waits_until_it_is_ready(max_, monkeypatch, kind, name):
    monkeypatch.setattr(module, "file_bytes", lambda _id: (name, b"content"))
    monkeypatch.setattr(module, "READY_AFTER_S", (0, 0, 0))
    max_.dialogue()
    max_.not_ready = 2
    (call,) = adapter().render(Reply("101", "", files=(File(kind, name=name, stored_id=5),)))
    sent = adapter(max_).send(call)

    assert max_.sent[0]["body"]["mid"] == sent.external_id
    (attached,) = max_.sent[0]["body"]["attachments"]
    assert attached["type"] == {"voice": "audio"}.get(kind, kind)
    assert max_.files[attached["payload"]["token"]] == b"content"
    uploads = [one for one in max_.calls if one.path.startswith("/upload/")]
    assert "authorization" not in uploads[0].headers


def test_a_file_never_ready_is_tried_later_and_a_wrong_kind_goes_as_a_file(max_, monkeypatch):
    monkeypatch.setattr(module, "file_bytes", lambda _id: ("a.amr", b"content"))
    monkeypatch.setattr(module, "READY_AFTER_S", (0,))
    max_.dialogue()
    call = Call(
        "sendFile", {"chat_id": "101", "type": "audio"}, files={"stored": 1, "name": "a.amr"}
    )
    adapter(max_).send(call)
    assert max_.sent[0]["body"]["attachments"][0]["type"] == "file"

    max_.not_ready = 9
    with pytest.raises(RetryLater):
        adapter(max_).send(call)


def test_a_quoted_message_that_is_gone_is_not_in_the_way(max_):
    max_.dialogue()
    (call,) = adapter().render(Reply("101", "Да", reply_to="mid.gone"))
    adapter(max_).send(call)
    assert max_.texts() == ["Да"]


def test_markup_that_is_refused_goes_as_plain_text(max_):
    max_.dialogue()
    (call,) = adapter().render(Reply("101", "**Да**, есть"))
    max_.answer_next(Answer.json({"code": "proto.payload", "message": "format: bad"}, 400))
    adapter(max_).send(call)
    assert json.loads(max_.calls[-1].body)["text"] == "Да, есть"


def test_a_sent_text_is_changed_and_taken_back(max_):
    max_.dialogue()
    buttons = (Button("42", "42"),)
    (call,) = adapter().render(Reply("101", "Нет", buttons=buttons))
    mid = adapter(max_).send(call).external_id
    (better,) = adapter().render(Reply("101", "**Есть** ещё"))
    for _ in range(2):
        adapter(max_).edit(better, "101", mid)
    assert max_.texts() == ["Есть ещё"] and not max_.sent[0]["body"]["attachments"]

    for _ in range(2):
        adapter(max_).delete("101", mid)
    assert max_.texts() == []
    with pytest.raises(Rejected):
        adapter(max_).edit(better, "101", mid)


def test_a_lost_answer_is_looked_up_by_text_and_time(max_):
    max_.dialogue()
    (call,) = adapter().render(Reply("101", "**Да**, есть"))
    assert adapter(max_).look_up(call) is None
    sent = adapter(max_).send(call)
    assert adapter(max_).look_up(call) == sent
    max_.buyer_says("А ещё?")  # what answers this is another message, be it the same words
    assert adapter(max_).look_up(call) is None
    max_.dialogue().messages.pop()
    max_.sent[0]["timestamp"] -= 3_600_000
    assert adapter(max_).look_up(call) is None


def test_errors_by_consequence(max_):
    max_.dialogue()
    (call,) = adapter().render(Reply("101", "Раз"))
    for answer, kind in (
        (too_many(), RetryLater),
        (Answer.json({"code": "verify.token", "message": "Invalid access_token"}, 403),
         NeedsMerchant),
        (Answer.json({"code": "chat.denied", "message": "error.dialog.suspended"}, 403),
         Unreachable),
        (Answer.json({"code": "chat.not.found", "message": "Chat not found"}, 404), Unreachable),
        (Answer.json({"code": "proto.payload", "message": "text: size"}, 400), Rejected),
        (Answer.json({"code": "internal", "message": "oops"}, 500), OutcomeUnknown),
        (Answer.json({"code": "service.unavailable", "message": "…"}, 503), RetryLater),
        (Answer.json({"success": True}), OutcomeUnknown),
    ):  # fmt: skip
        max_.answer_next(answer)
        with pytest.raises(kind):
            adapter(max_).send(call)


def test_two_a_second_in_a_dialogue(max_):
    """Its limit is kept by the engine (the manifest's pace); here: that it is what MAX refuses."""
    max_.dialogue()
    max_.keeps_rates = True
    (call,) = adapter().render(Reply("101", "Раз"))
    adapter(max_).send(call), adapter(max_).send(call)
    with pytest.raises(RetryLater):
        adapter(max_).send(call)
    assert Max.manifest.rate_per_chat_s < 2 and Max.manifest.rate_per_s < 30


# ── the account ──
def test_connecting_subscribes_this_address_alone(max_):
    old = ("https://old.ru/hooks/key-of-alpha-0123456789/", "https://other-service.ru/max")
    for url in old:
        max_.subscriptions[url] = {"url": url, "time": 1, "update_types": None}
    check = adapter(max_, hook_url=HOOK).connect()

    assert check.ok and dict(check.account) == {
        "name": "Помощник",
        "username": "pretend_shop_bot",
        "link": "https://max.ru/pretend_shop_bot",
        "notice": "",
        "picture": f"{max_.url}/files/picture",
        "mode": "webhook",
    }
    assert list(max_.subscriptions) == [HOOK]
    assert max_.subscriptions[HOOK]["secret"] == "hook-secret-1"
    assert "message_callback" in max_.subscriptions[HOOK]["update_types"]


def test_what_max_calls_with_opens_our_door(max_):
    adapter(max_, hook_url=HOOK).connect()
    secret = max_.subscriptions[HOOK]["secret"]
    adapter().verify(Inbound(b"{}", {"x-max-bot-api-secret": secret}))


def test_a_lost_subscription_is_renewed_and_a_strangers_is_left(max_):
    stranger = "https://other-service.ru/max"
    moved = "https://old.ru/hooks/key-of-alpha-0123456789/"
    for url in (stranger, moved):
        max_.subscriptions[url] = {"url": url, "time": 1, "update_types": []}
    connected = adapter(max_, hook_url=HOOK)
    assert connected.health().ok
    assert sorted(max_.subscriptions) == sorted([HOOK, stranger])

    max_.calls.clear()
    assert connected.health().ok
    assert [one.method for one in max_.calls] == ["GET"]
    connected.disconnect()
    assert list(max_.subscriptions) == [stranger]


@pytest.mark.parametrize(
    "hook", ["", "http://alpha.localhost:8000/hooks/k/", "https://localhost/hooks/k/",
             "https://alpha.shop.ru:8443/hooks/k/"],
)  # fmt: skip
def test_where_max_cannot_call_it_is_asked(max_, hook):
    max_.subscriptions["https://old.ru/x"] = {"url": "https://old.ru/x", "time": 1}
    check = adapter(max_, hook_url=hook).connect()
    assert (check.account["mode"], max_.subscriptions) == ("polling", {})


def test_asking_goes_on_where_it_ended(max_):
    for text in ("Раз", "Два"):
        max_.buyer_says(text)
    fetched, cursor = adapter(max_).poll({}, 0)
    assert [parsed(one.json()).text for one in fetched] == ["Раз", "Два"]
    max_.buyer_says("Три")
    fetched, cursor = adapter(max_).poll(cursor, 0)
    assert [parsed(one.json()).text for one in fetched] == ["Три"]
    assert adapter(max_).poll(cursor, 0) == ([], cursor)


def test_a_wrong_token_and_an_unchecked_bot_are_told_apart(max_):
    other = Max(Config(1, "m_x", {}, {"token": "x" * 30, "hook": "h"}, base_url=max_.url))
    with pytest.raises(NeedsMerchant, match="revoked"):
        other.connect()
    with_letters = Max(Config(1, "m_x", {}, {"token": "токен", "hook": "h"}, base_url=max_.url))
    assert not with_letters.connect().ok
    max_._routes.insert(
        0, ("GET", max_._routes[0][1], lambda _: Answer.json({"code": "x", "message": "no"}, 403))
    )
    check = adapter(max_).connect()
    assert (check.ok, check.detail) == (False, "MAX has not let this bot work yet")


def test_typing_is_shown(max_):
    adapter(max_).typing("101")
    assert max_.actions == [(101, "typing_on")]


def test_the_russian_root_is_trusted_for_max_alone(certificate, settings):
    """A root that nobody knows: refused in words; from the account or the operator: trusted; for
    another host it is of no use."""
    simulator = MaxSimulator()
    with serve_simulator(simulator, certificate=certificate) as url:
        simulator.url = url
        simulator.dialogue()
        with pytest.raises(NeedsMerchant, match="CA certificate"):
            adapter(simulator).connect()
        pem = Path(certificate[0]).read_text()
        assert adapter(simulator, ca_bundle=pem).connect().ok
        settings.RUSSIAN_CA_FILE = certificate[0]
        assert adapter(simulator).connect().ok
        client = adapter(simulator, ca_bundle=pem)._client
        client._base = "https://platform-api2.max.ru"
        with pytest.raises(NeedsMerchant, match="CA certificate"):
            client.download(f"{url}/files/picture", 10)
