"""VK through real HTTP: our adapter on one side, the pretend VK on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bots.channels.base import (
    Button,
    BuyerEdit,
    BuyerMessage,
    Config,
    File,
    Inbound,
    OwnerEcho,
    Reachable,
    Reaction,
    Receipt,
    Reply,
    SignatureMismatch,
    Unreachable,
    Unsupported,
)
from bots.channels.vk import adapter as module
from bots.channels.vk.adapter import Vk
from bots.channels.vk.simulator import GROUP_ID, TOKEN, VkSimulator, error
from bots.channels.vk.tests.sample import AT, SECRET, VkSample
from bots.channels.vk.writing import random_id
from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater
from tenants.kernel.simulate import Answer, serve_simulator
from tests.fixtures.aside import run_aside

HOOK = "https://alpha.shop.ru/hooks/key-of-alpha-0123456789/"
SAMPLE = VkSample()


@pytest.fixture(scope="module")
def served() -> Iterator[VkSimulator]:
    simulator = VkSimulator()
    with serve_simulator(simulator) as url:
        simulator.url = url
        yield simulator


@pytest.fixture
def vk(served) -> VkSimulator:
    """One server for all tests, each time as new."""
    url = served.url
    served.__init__()  # type: ignore[misc]
    served.url = url
    served.has_bot_abilities = True
    module._codes.clear()
    return served


def adapter(vk: VkSimulator | None = None, *, hook_url: str = "", group: str = "") -> Vk:
    return Vk(
        Config(
            channel_id=1,
            schema="m_x",
            settings={"group_id": group} if group else {},
            secrets={"token": TOKEN, "hook": "hook-secret_1"},
            base_url=vk.url if vk else "",
            hook_url=hook_url,
        )
    )


def ask(ours: Vk, event: dict) -> str:
    """What the ingest answers to a call of VK."""
    request = Inbound(json.dumps(event).encode())
    run_aside(ours.prepare(request))
    ours.verify(request)
    ours.envelopes(request)
    status, body, kind = ours.hook_answer(request)
    return body.decode() if (status, kind) == (200, "text/plain") else str(status)


def parsed(event):
    (found,) = adapter().parse(event)
    return found


def message_of(text="", *attachments, **more):
    event = SAMPLE.says(text)
    event["object"]["message"] |= {"attachments": list(attachments), **more}
    return event


# ── in ──
def test_a_buyers_message_as_it_is():
    event = message_of("[id7|Анна], есть 42?", ref="promo42")
    assert parsed(event) == BuyerMessage(
        external_id="301",
        chat="101",
        text="Анна, есть 42?",
        sent_at=datetime.fromtimestamp(AT + 1, UTC),
        language="ru",
        data={"deep_link": "promo42"},
    )


def test_the_secret_of_the_body_is_not_kept_and_the_answer_is_exactly_ok():
    request = SAMPLE.inbound(SAMPLE.says("Привет"))
    ours = adapter(group=str(GROUP_ID))
    ours.verify(request)
    (envelope,) = ours.envelopes(request)

    assert SECRET.encode() in request.body and SECRET not in json.dumps(envelope.payload)
    assert (envelope.dedupe_key, envelope.chat) == (f"{1:040x}", "101")
    assert ours.hook_answer(request) == (200, b"ok", "text/plain")


def test_another_community_is_refused_even_with_the_secret():
    event = {**SAMPLE.says("Привет"), "group_id": 7, "secret": SECRET}
    request = Inbound(json.dumps(event).encode())
    with pytest.raises(SignatureMismatch):
        adapter(group=str(GROUP_ID)).verify(request)


def test_the_question_is_answered_with_the_communitys_word(vk):
    question = {"type": "confirmation", "group_id": GROUP_ID}
    assert ask(adapter(vk), question) == vk.code
    assert ask(adapter(vk), {**question, "secret": SECRET}) == vk.code
    with pytest.raises(SignatureMismatch):
        ask(adapter(vk), {**question, "secret": "guess"})
    assert ask(adapter(vk, group="7"), question) == vk.code  # a token of another community now
    assert len(vk.calls) == 1  # asked for once in a while, not at each call


def test_without_the_word_vk_is_asked_to_come_again(vk):
    vk.answer_next(error(15, "Access denied"))
    assert ask(adapter(vk), {"type": "confirmation", "group_id": GROUP_ID}) == "503"
    assert ask(adapter(vk), {"type": "confirmation", "group_id": 7}) == "503"


def test_a_button_tells_what_it_was(vk):
    vk.dialogue()
    (call,) = adapter().render(Reply("101", "Размер?", buttons=(Button("42", "size:42"),)))
    adapter(vk).send(call)
    event = vk.buyer_presses("42")
    said = parsed(event)

    assert (said.text, said.payload, said.chat) == ("42", "size:42", "101")
    as_text = {**event["object"], "payload": json.dumps(event["object"]["payload"])}
    assert parsed({**event, "object": as_text}) == said
    adapter(vk).acknowledge(said.callback)
    assert vk.answered == [event["object"]["event_id"]]


def test_start_is_a_payload_of_vks():
    said = parsed(message_of("Начать", payload='{"command":"start"}'))
    assert (said.text, said.is_start) == ("/start", True)


def test_who_wrote_in_the_communitys_name():
    """A person is named; ours carry our number; anything else is another program."""
    own = {**SAMPLE.message("Да"), "from_id": -GROUP_ID, "out": 1, "random_id": 7 * 32 + 1}
    persons = {**own, "admin_author_id": 77}
    others = {**own, "random_id": 0}

    def told(message):
        return parsed(SAMPLE.event("message_reply", message))

    sent_at = datetime.fromtimestamp(AT + 1, UTC)
    assert told(own) == OwnerEcho("301", "101", "Да", sent_at, own_id=7)
    assert told(persons) == told(others) == OwnerEcho("301", "101", "Да", sent_at)


def test_edits_readings_consent_and_reactions():
    kinds = SAMPLE.kinds()
    assert parsed(kinds["message_edit"]) == BuyerEdit("301", "101", "Привет")
    assert parsed(kinds["message_read"]) == Receipt("301", "101", "read", is_up_to=True)
    assert parsed(kinds["message_allow"]) == Reachable("101", is_reachable=True)
    assert parsed(kinds["message_deny"]) == Reachable("101", is_reachable=False)
    assert parsed(kinds["message_reaction_event"]) == Reaction("301", "101", "👍")
    taken_back = {"reacted_id": 101, "peer_id": 101, "cmid": 301}
    assert parsed(SAMPLE.event("message_reaction_event", taken_back)).emoji == ""


@pytest.mark.parametrize(
    "event",
    [
        SAMPLE.kinds()["message_new of several people"],
        message_of("Привет", peer_id=-5, from_id=-5),
        message_of("Привет", from_id=-5),
        SAMPLE.event("message_edit", {**SAMPLE.message("Да"), "out": 1}),
        SAMPLE.event("message_reaction_event", {"reacted_id": -1, "peer_id": 101, "cmid": 1}),
        SAMPLE.kinds()["message_typing_state"],
        SAMPLE.kinds()["wall_repost"],
        message_of(""),
    ],
)
def test_what_is_not_a_buyers_is_passed_over(event):
    with pytest.raises(Unsupported):
        parsed(event)


def test_places_goods_links_and_what_only_vk_shows():
    place = {"type": "point", "coordinates": {"latitude": 55.75, "longitude": 37.61}}
    goods = {"id": 9, "owner_id": -5, "title": "Свитер", "price": {"text": "4 990 ₽"}}
    link = {"type": "link", "link": {"url": "https://shop.ru/1"}}
    said = [
        parsed(event)
        for event in (
            message_of("", geo=place),
            message_of("Есть?", {"type": "market", "market": goods}),
            message_of("Смотрите https://shop.ru/1", link),
            message_of("", {"type": "sticker", "sticker": {"sticker_id": 1}}),
            message_of("", {"type": "video", "video": {"id": 1, "owner_id": 101}}),
            message_of("Ещё?", fwd_messages=[{"text": "Акция", "attachments": []}]),
        )
    ]

    assert [one.text for one in said] == [
        "📍 55.750000, 37.610000",
        "Есть?\nСвитер\n4 990 ₽\nhttps://vk.com/market-5?w=product-5_9",
        "Смотрите https://shop.ru/1",
        "🖼️",
        "Сообщение, которое видно только во ВКонтакте\nhttps://vk.com/video101_1",
        "Ещё?\n\nАкция",
    ]
    assert said[0].data == {"location": {"lat": 55.75, "lon": 37.61}, "wordless": "place"}
    assert said[4].data == {"wordless": "other"}


def test_files_of_a_buyer_are_fetched_by_message(vk):
    event = vk.buyer_says(
        "",
        vk.media("photo", b"picture"),
        vk.media("audio_message", b"voice"),
        vk.media("doc", b"bill"),
    )
    said = parsed(event)

    assert [(one.kind, one.name) for one in said.files] == [
        ("image", ""), ("voice", ""), ("file", "чек.pdf"),
    ]  # fmt: skip
    got = [adapter(vk).fetch_file(one) for one in said.files]
    assert got == [b"picture", b"voice", b"bill"]
    with pytest.raises(ValueError, match="any more"):
        adapter(vk).fetch_file(File("image", external_id="101/999/0"))


# ── out ──
def test_bold_has_no_mark_and_parts_have_numbers_of_their_own():
    calls = adapter().render(Reply("101", "**Да** " + "слово " * 900, message_id=7))
    assert calls[0].data["message"].startswith("Да слово")
    assert [one.data["random_id"] for one in calls] == [7 * 32, 7 * 32 + 1]
    assert max(len(one.data["message"]) for one in calls) <= 4096


def test_numbers_stay_within_32_bits_and_differ():
    numbers = {random_id(message, part) for message in range(1, 999) for part in range(9)}
    assert len(numbers) == 998 * 9
    assert 0 <= random_id(10**12 + 7, 3) < 2**31
    assert random_id(0, 3) == 0


def test_buttons_as_vk_takes_them(vk):
    vk.dialogue()
    many = tuple(Button("Вариант " * 5, f'"{n}"' * 200) for n in range(7))
    link = Button("Сайт", url="https://shop.ru/")
    place = Button("Где вы", kind="location")
    (call,) = adapter().render(Reply("101", "Выберите", buttons=(*many, link, place)))
    adapter(vk).send(call)

    rows = call.data["keyboard"]["buttons"]
    assert [len(row) for row in rows] == [2, 2, 2, 2, 1]
    assert rows[3][1]["action"] == {
        "type": "open_link", "label": "Сайт", "link": "https://shop.ru/",
    }  # fmt: skip
    assert rows[4][0]["action"]["type"] == "location"
    assert json.loads(rows[0][0]["action"]["payload"])["t"] == ("Вариант " * 5)[:40]


def test_sent_again_with_its_number_it_is_one_message(vk):
    vk.dialogue()
    (call,) = adapter().render(Reply("101", "Да", message_id=7))
    assert adapter(vk).send(call) == adapter(vk).send(call)
    assert adapter(vk).look_up(call) is None and vk.texts() == ["Да"]


def test_a_quoted_message_that_is_gone_is_not_in_the_way(vk):
    asked = vk.buyer_says("Есть?")["object"]["message"]["conversation_message_id"]
    for quoted in (str(asked), "999"):
        (call,) = adapter().render(Reply("101", f"Да {quoted}", reply_to=quoted))
        adapter(vk).send(call)
    first, second = vk.dialogue().messages[1:]
    assert first["reply_message"]["text"] == "Есть?" and "reply_message" not in second


@pytest.mark.parametrize(
    ("kind", "name", "arrives"),
    [("image", "a.jpg", "photo"), ("image", "a.svg", "doc"), ("voice", "a.ogg", "audio_message"),
     ("voice", "a.mp3", "doc"), ("file", "чек.pdf", "doc")],
)  # fmt: skip
def test_a_file_goes_through_the_upload_server(vk, monkeypatch, kind, name, arrives):
    monkeypatch.setattr(module, "file_bytes", lambda _id: (name, b"content"))
    vk.dialogue()
    (call,) = adapter().render(Reply("101", "", files=(File(kind, name, stored_id=5),)))
    adapter(vk).send(call)

    (message,) = vk.dialogue().messages
    assert [one["type"] for one in message["attachments"]] == [arrives]
    uploads = [one for one in vk.calls if one.path.startswith("/upload/")]
    assert TOKEN.encode() not in uploads[-1].body


def test_a_sent_text_is_changed_and_taken_back(vk):
    vk.dialogue()
    (call,) = adapter().render(Reply("101", "Нет", buttons=(Button("42", "42"),)))
    ident = adapter(vk).send(call).external_id
    (better,) = adapter().render(Reply("101", "**Есть** ещё"))
    for _ in range(2):
        adapter(vk).edit(better, "101", ident)
    assert vk.texts() == ["Есть ещё"]
    assert vk.dialogue().messages[0]["keyboard"]["buttons"] == []

    vk.dialogue().messages[0]["date"] -= 90_000
    with pytest.raises(Rejected):
        adapter(vk).delete("101", ident)
    with pytest.raises(Rejected):
        adapter(vk).edit(better, "101", ident)
    vk.dialogue().messages[0]["date"] += 90_000
    for _ in range(2):
        adapter(vk).delete("101", ident)
    assert vk.texts() == []


def test_typing_and_reading_are_shown(vk):
    adapter(vk).typing("101")
    adapter(vk).mark_read("101", "301")
    assert (vk.actions, vk.read) == ([101], [(101, 301)])


@pytest.mark.parametrize(
    ("code", "kind"),
    [(5, NeedsMerchant), (15, NeedsMerchant), (27, NeedsMerchant), (912, NeedsMerchant),
     (6, RetryLater), (9, RetryLater), (10, RetryLater), (29, RetryLater),
     (900, Unreachable), (901, Unreachable), (902, Unreachable), (936, Unreachable),
     (100, Rejected), (911, Rejected), (914, Rejected), (950, Rejected)],
)  # fmt: skip
def test_errors_by_consequence(vk, code, kind):
    vk.dialogue()
    (call,) = adapter().render(Reply("101", "Раз", message_id=7))
    vk.answer_next(error(code, "told by VK"))
    with pytest.raises(kind) as told:
        adapter(vk).send(call)
    if kind is RetryLater:
        assert told.value.retry_after_s == {6: 1, 9: 60, 10: 5, 29: 3600}[code]


def test_a_refusal_in_the_receivers_row_counts(vk):
    vk.dialogue().allows = False
    (call,) = adapter().render(Reply("101", "Раз"))
    with pytest.raises(Unreachable):
        adapter(vk).send(call)


def test_twenty_calls_a_second(vk):
    vk.dialogue()
    vk.keeps_rates = True
    calls = [adapter().render(Reply("101", f"{n}", message_id=n))[0] for n in range(1, 30)]
    with pytest.raises(RetryLater):
        for call in calls:
            adapter(vk).send(call)
    assert Vk.manifest.rate_per_s < 20


# ── the account ──
def test_connecting_adds_our_server_and_answers_its_question(vk):
    ours = adapter(vk, hook_url=HOOK)
    vk.reaches = lambda url, event: ask(ours, event) if url == HOOK else ""
    for url, status in (
        ("https://old.ru/hooks/key-of-alpha-0123456789/", "failed"),
        ("https://other-service.ru/vk", "ok"),
    ):
        number = 900 + len(vk.servers)
        vk.servers[number] = {"id": number, "url": url, "title": "x", "status": status,
                              "creator_id": 1, "secret_key": ""}  # fmt: skip
        vk.events[number] = set()
    for _ in range(2):
        check = ours.connect()

    assert check.ok and dict(check.account) == {
        "name": "Свитера",
        "username": "sweaters",
        "link": "https://vk.me/sweaters",
        "picture": f"{vk.url}/files/picture",
        "notice": "other services receive these messages, too: other-service.ru",
        "mode": "webhook",
    }
    assert check.settings == {"group_id": str(GROUP_ID)}
    assert sorted((one["url"], one["status"]) for one in vk.servers.values()) == [
        (HOOK, "ok"), ("https://other-service.ru/vk", "ok"),
    ]  # fmt: skip
    (number,) = [n for n, one in vk.servers.items() if one["url"] == HOOK]
    assert set(module.EVENTS) <= vk.events[number]
    assert vk.servers[number]["secret_key"] == SECRET and vk.has_bot_abilities

    vk.servers[number]["status"] = "failed"
    connected = adapter(vk, hook_url=HOOK, group=str(GROUP_ID))
    assert connected.health().ok and vk.servers[number]["status"] == "ok"
    vk.reaches = lambda _url, _event: "<html>"
    vk.servers[number]["status"] = "failed"
    assert not connected.health().ok
    connected.disconnect()
    assert [one["url"] for one in vk.servers.values()] == ["https://other-service.ru/vk"]
    vk.reaches = lambda _url, event: ask(connected, event)
    assert connected.health().ok and len(vk.servers) == 2


def test_what_keeps_a_community_from_being_connected_is_told(vk):
    vk.permissions = ["messages", "photos"]
    check = adapter(vk, hook_url=HOOK).connect()
    assert (check.ok, check.detail) == (False, "the token lacks rights: manage, docs")
    vk.permissions = ["messages", "photos", "docs", "manage"]
    for number in range(10):
        vk.servers[number] = {"id": number, "url": f"https://s{number}.ru/", "status": "ok"}
    check = adapter(vk, hook_url=HOOK).connect()
    assert (check.ok, check.detail) == (False, "The community has ten servers already")
    vk.servers.clear()
    vk.reaches = lambda _url, _event: "<html>"
    check = adapter(vk, hook_url=HOOK).connect()
    assert (check.ok, check.detail) == (False, "VK cannot bring us messages")
    vk._routes.insert(0, ("POST", vk._routes[0][1], lambda _: Answer.json({"response": []})))
    assert not adapter(vk).connect().ok


def test_reading_by_long_poll_goes_on_where_it_ended(vk):
    path = "/hooks/key-of-alpha-0123456789/"
    vk.servers[900] = {"id": 900, "url": f"https://old.ru{path}", "status": "ok"}
    local = adapter(vk, hook_url=f"http://alpha.localhost:8000{path}")
    assert local.connect().account["mode"] == "polling" and vk.servers == {}
    vk.buyer_says("Раз"), vk.buyer_says("Два")
    fetched, cursor = adapter(vk).poll({}, 0)
    assert [parsed(one.json()).text for one in fetched] == ["Раз", "Два"]
    for failed in (1, 2, 3):
        vk.failed = failed
        nothing, cursor = adapter(vk, group=str(GROUP_ID)).poll(cursor, 0)
        assert nothing == []
    vk.buyer_says("Три")
    fetched, cursor = adapter(vk).poll(cursor, 0)
    assert [parsed(one.json()).text for one in fetched][-1] == "Три"
    assert adapter(vk).poll(cursor, 0) == ([], cursor)
