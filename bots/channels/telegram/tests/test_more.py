"""Owners' accounts, groups, albums, keyboards, drafts and servers of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bots.channels.base import (
    AccountChanged,
    Button,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    Config,
    File,
    Inbound,
    Moved,
    OwnerEcho,
    Reachable,
    Reaction,
    Reply,
    Unreachable,
    Unsupported,
)
from bots.channels.telegram import adapter as module
from bots.channels.telegram.adapter import Telegram
from bots.channels.telegram.chats import Chat, message_ids, shared_pace
from bots.channels.telegram.incoming import ALLOWED_UPDATES, CONNECTED, DISCONNECTED, MUTE
from bots.channels.telegram.manifest import MANIFEST
from bots.channels.telegram.simulator import TOKEN, USERNAME, TelegramSimulator
from tenants.kernel.simulate import Answer, serve_simulator

HOOK = "https://shop.example/hooks/key/"


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    simulator = TelegramSimulator()
    with serve_simulator(simulator) as url:
        simulator.url = url
        yield simulator


def adapter(telegram: TelegramSimulator | None = None, *, hook: str = "", **settings) -> Telegram:
    return Telegram(
        Config(
            channel_id=1,
            schema="m_x",
            settings={"username": USERNAME, **settings},
            secrets={"token": TOKEN, "hook": "hook-secret_1"},
            base_url=telegram.url if telegram else "",
            hook_url=hook,
        )
    )


def say(ours: Telegram, reply: Reply) -> list[str]:
    return [ours.send(call).external_id for call in ours.render(reply)]


# ── in the owner's account ──
def test_a_buyer_in_the_owners_account_has_a_chat_apart_and_a_window():
    telegram, ours = TelegramSimulator(), adapter()
    (private,) = ours.parse(telegram.buyer_says("Привет"))
    (said,) = ours.parse(telegram.said_in_account("Есть 46?"))

    assert isinstance(said, BuyerMessage)
    assert (private.chat, said.chat) == ("101", "b:bc1:101")
    assert (private.window_s, said.window_s) == (None, 24 * 3600)
    assert not said.is_public


def test_the_owners_own_words_are_a_persons_and_ours_are_nobodys():
    telegram, ours = TelegramSimulator(), adapter()
    (echo,) = ours.parse(telegram.said_in_account("Сейчас отвечу", by="owner"))

    assert isinstance(echo, OwnerEcho)
    assert (echo.chat, echo.text) == ("b:bc1:101", "Сейчас отвечу")
    with pytest.raises(Unsupported, match="our own"):
        ours.parse(telegram.said_in_account("Ответ бота", by="bot"))
    changed = telegram.said_in_account("Иначе", by="owner")["business_message"]
    with pytest.raises(Unsupported, match="owner"):
        ours.parse({"edited_business_message": changed})


def test_what_the_buyer_changes_or_takes_back_there_is_told():
    telegram, ours = TelegramSimulator(), adapter()
    message = telegram.said_in_account("46")["business_message"]
    ident = str(message["message_id"])
    deleted = {"business_connection_id": "bc1", "chat": message["chat"], "message_ids": [4, 5]}

    assert ours.parse({"edited_business_message": {**message, "text": "48"}}) == [
        BuyerEdit(ident, "b:bc1:101", "48")
    ]
    assert ours.parse({"deleted_business_messages": deleted}) == [
        BuyerDelete("4", "b:bc1:101"),
        BuyerDelete("5", "b:bc1:101"),
    ]


@pytest.mark.parametrize(
    ("may", "words"),
    [
        ({}, CONNECTED),
        ({"can_reply": False}, MUTE),
        ({"is_enabled": False}, DISCONNECTED),
    ],
)
def test_what_the_owner_lets_the_bot_do_is_kept_and_decides_who_can_be_reached(may, words):
    told, reachable = adapter().parse(TelegramSimulator().owner_connects(**may))

    assert isinstance(told, AccountChanged)
    assert (told.detail, told.data["business_bc1"]["owner"]) == (words, "Олег")
    assert reachable == Reachable("b:bc1:", is_reachable=not may, is_all=True)


def test_an_answer_goes_through_the_connection_it_came_by(telegram):
    telegram.owner_connects()
    telegram.said_in_account("Есть 46?")
    ours, chat = adapter(telegram), "b:bc1:101"
    buttons = (Button("Да", "yes"), Button("Мой номер", kind="phone"))

    (ident,) = say(ours, Reply(chat, "Есть", buttons=buttons))
    ours.typing(chat)
    ours.mark_read(chat, "1")
    (fresh,) = ours.render(Reply(chat, "Есть, последний", buttons=buttons))
    ours.edit(fresh, chat, ident)

    assert telegram.sent[0]["business_connection_id"] == "bc1"
    assert telegram.texts() == ["Есть, последний"]
    assert telegram.read == [("bc1", 1)]
    ours.delete(chat, ident)
    ours.delete(chat, ident)
    assert telegram.texts() == []


def test_a_bot_that_was_taken_out_reaches_nobody_there(telegram):
    telegram.owner_connects(is_enabled=False)
    telegram.said_in_account("Есть 46?")

    with pytest.raises(Unreachable):
        say(adapter(telegram), Reply("b:bc1:101", "Есть"))


# ── groups ──
@pytest.mark.parametrize(
    ("text", "more", "heard"),
    [
        (f"@{USERNAME}, есть 46?", {}, "есть 46?"),
        (f"есть 46? @{USERNAME.upper()}", {}, "есть 46?"),
        (f"@{USERNAME}", {}, "?"),
        (f"/start@{USERNAME}", {}, "/start"),
        ("/price 46", {}, "/price 46"),
        ("а 48?", {"reply_to_message": {"message_id": 3, "from": {"id": 700000001}}}, "а 48?"),
        ("бот, есть?", {"entities": [{"type": "text_mention", "offset": 0, "length": 3,
                                      "user": {"id": 700000001}}]}, "бот, есть?"),
    ],
)  # fmt: skip
def test_in_a_group_the_bot_hears_what_is_said_to_it(text, more, heard):
    telegram, ours = TelegramSimulator(), adapter()
    update = telegram.said_in_group(text, **more)
    (said,) = ours.parse(update)

    assert (said.text, said.chat, said.is_public) == (heard, "g:-1001:101", True)
    assert said.external_id.startswith("-1001/")
    (envelope,) = ours.envelopes(Inbound(json.dumps(update).encode()))
    assert envelope.chat == said.chat


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("кто идёт в кино?", {}),
        (f"@{USERNAME}2 есть?", {}),
        ("/start@another_bot", {}),
        (f"@{USERNAME} я тоже бот", {"from": {"id": 5, "is_bot": True}}),
        ("да", {"reply_to_message": {"message_id": 3, "from": {"id": 102}}}),
    ],
)
def test_what_people_say_to_each_other_is_not_even_kept(text, more):
    update = TelegramSimulator().said_in_group(text, **more)

    assert adapter().envelopes(Inbound(json.dumps(update).encode())) == []
    with pytest.raises(Unsupported, match="not to the bot"):
        adapter().parse(update)


def test_a_shop_may_switch_groups_off():
    update = TelegramSimulator().said_in_group(f"@{USERNAME} есть?")

    assert adapter(groups=False).envelopes(Inbound(json.dumps(update).encode())) == []


def test_a_phone_shared_in_a_group_proves_nothing():
    contact = {"phone_number": "79161234567", "user_id": 101, "first_name": "Анна"}
    update = TelegramSimulator().said_in_group(
        "", contact=contact, reply_to_message={"message_id": 1, "from": {"id": 700000001}}
    )
    (said,) = adapter().parse(update)

    assert said.identities == ()


def test_the_answer_stands_below_the_members_message(telegram):
    ours = adapter(telegram)
    asked = telegram.said_in_group(f"@{USERNAME} есть 46?", member=102)
    (said,) = ours.parse(asked)

    (ident,) = say(ours, Reply(said.chat, "Есть", thread=said.data["thread"]))

    assert telegram.sent[0]["chat"]["id"] == -1001
    assert telegram.sent[0]["_quoted"] == asked["message"]["message_id"]
    assert ident == f"-1001/{telegram.sent[0]['message_id']}"
    ours.delete(said.chat, ident)
    assert telegram.sent == []


def test_a_button_in_a_group_is_who_pressed_it(telegram):
    telegram.said_in_group(f"@{USERNAME} есть?")
    ours = adapter(telegram)
    say(ours, Reply("g:-1001:101", "?", buttons=(Button("Да", "yes"),)))

    (said,) = ours.parse(telegram.buyer_presses("Да", chat_id=-1001, member=102))

    assert (said.chat, said.payload, said.is_public) == ("g:-1001:102", "yes", True)


def test_a_group_that_grew_goes_on_under_its_new_id(telegram):
    telegram.said_in_group(f"@{USERNAME} есть?", chat_id=-1)
    moved = telegram.group_grows()
    ours = adapter(telegram)
    (call,) = ours.render(Reply("g:-1:101", "Есть", reply_to="-1/1"))

    sent = ours.send(call)

    assert ours.parse(moved) == [Moved("g:-1:", "g:-1002:", is_all=True)]
    assert sent.moved_to == "g:-1002:101"
    assert sent.external_id.startswith("-1002/")
    assert telegram.texts(-1002) == ["Есть"]


@pytest.mark.parametrize(
    ("member", "is_in"),
    [
        ({"status": "member"}, True),
        ({"status": "left"}, False),
        ({"status": "restricted", "can_send_messages": False}, False),
    ],
)
def test_a_group_that_lets_us_in_or_out_is_told_for_all_its_members(member, is_in):
    chat = {"id": -1001, "type": "supergroup", "title": "Покупатели"}
    update = {"my_chat_member": {"chat": chat, "new_chat_member": member}}

    assert adapter().parse(update) == [Reachable("g:-1001:", is_reachable=is_in, is_all=True)]


def test_the_members_of_a_group_share_its_pace():
    one, other, alone = (shared_pace(key) for key in ("g:-1:5", "g:-1:6", "101"))

    assert one == other != shared_pace("g:-2:5")
    assert one[1] * 60 + 3 <= 20
    assert alone is None


@pytest.mark.parametrize("key", ["101", "b:bc:1:101", "g:-1001:5"])
def test_a_chats_name_says_where_to_write(key):
    at = Chat.of(key)

    assert at.key == key
    assert at.id in ("101", "-1001")
    assert message_ids(at.ident(5, 6)) == [5, 6]
    assert message_ids("callback:800") == []


# ── albums, reactions ──
def test_pictures_chosen_together_carry_one_mark():
    ours = adapter()
    said = [ours.parse(one)[0] for one in TelegramSimulator().album("", "Такой есть?")]

    assert said[0].album == said[1].album != ""
    assert [one.text for one in said] == ["", "Такой есть?"]
    assert said[0].external_id != said[1].external_id


PICTURES = tuple(File("image", f"{n}.png", stored_id=n) for n in (1, 2, 3))


def test_several_pictures_go_out_as_albums_of_ten():
    files = (*PICTURES, File("file", "a.pdf", stored_id=9), PICTURES[0])
    assert [c.method for c in adapter().render(Reply("101", "Вот", files=files))] == [
        *("sendMediaGroup", "sendDocument", "sendPhoto", "sendMessage")
    ]
    eleven = adapter().render(Reply("101", "", files=(PICTURES[0],) * 11))
    assert [len(c.files["stored"]) for c in eleven if c.method == "sendMediaGroup"] == [10]
    assert eleven[1].method == "sendPhoto"


@pytest.mark.parametrize("why", ["", "sides", "weight"])
def test_an_album_arrives_and_is_taken_back_whole(telegram, monkeypatch, why):
    content = b"\x89PNG" + b"0" * (10 * 1024 * 1024 if why == "weight" else 10)
    monkeypatch.setattr(module, "file_bytes", lambda _pk: ("a.png", content))
    telegram.chat()
    ours = adapter(telegram)
    if why == "sides":
        body = {"ok": False, "error_code": 400, "description": "Bad Request: PHOTO_INVALID"}
        telegram.answer_next(Answer.json(body, status=400))

    (ident,) = say(ours, Reply("101", "", files=PICTURES))

    kind = "document" if why else "photo"
    assert [kind in one for one in telegram.sent] == [True] * 3
    assert len({one["media_group_id"] for one in telegram.sent}) == 1
    ours.delete("101", ident)
    assert telegram.sent == []


def test_a_sign_on_a_message_is_told_and_taken_away():
    telegram, ours = TelegramSimulator(), adapter()

    assert ours.parse(telegram.buyer_reacts(5, "👍")) == [Reaction("5", "101", "👍")]
    assert ours.parse(telegram.buyer_reacts(5, "")) == [Reaction("5", "101", "")]
    nobody = telegram.buyer_reacts(5, "👍")["message_reaction"]
    del nobody["user"]
    with pytest.raises(Unsupported):
        ours.parse({"message_reaction": nobody})


# ── keyboards ──
def rows(*titles: str) -> list[list[str]]:
    buttons = tuple(Button(title) for title in titles)
    (call,) = adapter().render(Reply("101", "?", buttons=buttons))
    return [[one["text"] for one in row] for row in call.data["markup"]["inline_keyboard"]]


def test_short_buttons_share_a_row():
    assert rows("42", "43", "44", "45") == [["42", "43", "44"], ["45"]]
    assert rows("Да", "Позвать человека", "Нет") == [["Да"], ["Позвать человека"], ["Нет"]]
    assert rows("Самовывоз", "Доставка") == [["Самовывоз", "Доставка"]]


def test_a_phone_is_asked_for_below_the_field_and_the_button_goes_away(telegram):
    ours = adapter(telegram)
    telegram.buyer_says("Где заказ?")
    say(ours, Reply("101", "Ваш номер?", buttons=(Button("Отправить номер", kind="phone"),)))
    (said,) = ours.parse(telegram.buyer_shares_phone("79161234567"))

    say(ours, Reply("101", "Спасибо", thread=said.data["thread"]))

    asked, thanked = telegram.sent
    assert asked["_below"]["keyboard"] == [[{"text": "Отправить номер", "request_contact": True}]]
    assert said.identities == (("phone", "+79161234567", "shared"),)
    assert thanked["_below"] == {"remove_keyboard": True}


def test_other_buttons_keep_their_place_beside_one_that_asks():
    buttons = (Button("Человек", "human"), Button("Где я", kind="location"))
    first, second = adapter().render(Reply("101", "Адрес?", buttons=buttons))

    assert "inline_keyboard" in first.data["markup"]
    assert second.data["markup"]["keyboard"] == [[{"text": "Где я", "request_location": True}]]
    (only,) = adapter().render(Reply("g:-1:5", "Адрес?", buttons=buttons))
    assert "inline_keyboard" in only.data["markup"]


def test_pages_of_the_shop_open_inside_telegram(telegram):
    page, other = "https://shop.example/c/1", "https://other.example/"
    ours = adapter(telegram, hook=HOOK, catalogue="https://shop.example/c/")
    buttons = (Button("Свитер", url=page), Button("Другой", url=other))
    (call,) = ours.render(Reply("101", "Вот", buttons=buttons))

    assert call.data["markup"]["inline_keyboard"] == [
        [
            {"text": "Свитер", "web_app": {"url": page}},
            {"text": "Другой", "url": other},
        ]
    ]
    (group,) = ours.render(Reply("g:-1:5", "Вот", buttons=buttons[:1]))
    assert group.data["markup"]["inline_keyboard"] == [[{"text": "Свитер", "url": page}]]
    check = ours.connect()
    assert check.settings == {"username": USERNAME, "menu": True}
    assert telegram.menu["web_app"] == {"url": "https://shop.example/c/"}
    assert telegram.menu["text"] == "Каталог"
    adapter(telegram, hook=HOOK, menu=True).connect()
    assert telegram.menu["type"] == "default"


def test_a_menu_of_the_merchants_own_is_left_alone_and_http_is_refused(telegram):
    assert adapter(telegram, hook=HOOK).connect().ok
    assert "setChatMenuButton" not in [call.path.rpartition("/")[2] for call in telegram.calls]
    assert not adapter(telegram, hook=HOOK, chat="http://shop.example/").connect().ok


# ── drafts ──
@pytest.fixture
def drafting(telegram, monkeypatch):
    monkeypatch.setattr(module, "_drafts_off", {})
    module._drafted.clear()
    telegram.chat()
    return telegram


def test_checked_sentences_are_shown_while_the_answer_is_written(drafting, monkeypatch):
    ours = adapter(drafting)
    monkeypatch.setattr(module, "DRAFT_EVERY_S", 0.0)
    ours.stream("101", "**Да**, есть.", "7:3")
    ours.stream("101", "**Да**, есть. Привезём завтра.", "7:3")

    assert {one["draft_id"] for one in drafting.drafts} != {"0"}
    assert len({one["draft_id"] for one in drafting.drafts}) == 1
    assert drafting.drafts[0]["text"] == "<b>Да</b>, есть."
    assert drafting.sent == []


def test_drafts_are_for_the_bots_own_chats_and_not_more_than_one_a_second(drafting):
    ours = adapter(drafting)
    for chat in ("b:bc1:101", "g:-1:101", "-1001", "101", "101"):
        ours.stream(chat, "Да, есть.", "7:3")

    assert len(drafting.drafts) == 1


def test_a_server_that_knows_no_drafts_is_asked_once(drafting, monkeypatch):
    monkeypatch.setattr(module, "DRAFT_EVERY_S", 0.0)
    drafting.knows_drafts = False
    ours = adapter(drafting)
    for _ in range(3):
        ours.stream("101", "Да, есть.", "7:3")

    assert len([c for c in drafting.calls if c.path.endswith("sendMessageDraft")]) == 1


# ── a server of one's own ──
def test_a_file_of_a_local_server_is_fetched_over_http_and_never_read_from_disk(telegram):
    telegram.files["f1"], telegram.is_local = b"\x89PNG", True
    assert adapter(telegram).fetch_file(File("image", external_id="f1")) == b"\x89PNG"

    outside = {"file_id": "f1", "file_unique_id": "f1", "file_path": "/etc/hostname"}
    telegram.answer_next(Answer.json({"ok": True, "result": outside}))
    with pytest.raises(Exception, match=r"Not Found|answer|token"):
        adapter(telegram).fetch_file(File("image", external_id="f1"))


@pytest.mark.parametrize(
    ("told", "most"),
    [({}, 20), ({"largest_mb": 500}, 500), ({"largest_mb": "9999"}, 2000), ({"largest_mb": []}, 20),
     ({"largest_mb": "x"}, 20), ({"largest_mb": float("inf")}, 20)],
)  # fmt: skip
def test_the_largest_file_is_the_servers_own(told, most):
    assert MANIFEST.of_account(told).max_file_bytes == most * 1024 * 1024


def test_a_larger_file_is_refused_with_the_figure(telegram):
    telegram.files["f1"] = b"0" * (1024 * 1024 + 1)

    with pytest.raises(ValueError, match="1 MB"):
        adapter(telegram, largest_mb=1).fetch_file(File("file", external_id="f1"))


def test_a_bot_connected_when_fewer_kinds_were_known_is_told_of_all(telegram):
    telegram.webhook, telegram.allowed = HOOK, ["message"]
    ours = adapter(telegram, hook=HOOK)

    assert ours.health().ok
    assert telegram.allowed == ALLOWED_UPDATES
    before = len(telegram.calls)
    assert ours.health().ok
    assert len(telegram.calls) == before + 1
