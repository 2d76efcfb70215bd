"""Telegram through real HTTP: our adapter on one side, the pretend Telegram on the other."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channels.base import (
    Button,
    BuyerEdit,
    BuyerMessage,
    Call,
    Config,
    Envelope,
    File,
    Inbound,
    Reachable,
    Reply,
    SignatureMismatch,
    TextUnit,
    Unreachable,
    Unsupported,
)
from bots.channels.telegram.adapter import Telegram
from bots.channels.telegram.incoming import PUT_AWAY
from bots.channels.telegram.simulator import TOKEN, TelegramSimulator, too_many
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater
from tenants.kernel.simulate import Answer, serve_simulator

SECRET = "hook-secret_1"
UTF16 = TextUnit.UTF16.size


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    simulator = TelegramSimulator()
    with serve_simulator(simulator) as url:
        simulator.url = url  # type: ignore[attr-defined]
        yield simulator


def adapter(telegram=None, *, hook_url: str = "", token: str = TOKEN) -> Telegram:
    return Telegram(
        Config(
            channel_id=1,
            schema="m_x",
            settings={},
            secrets={"token": token, "hook": SECRET},
            base_url=telegram.url if telegram else "",
            hook_url=hook_url,
        )
    )


MESSAGE = {
    "message_id": 55,
    "date": 1_782_038_400,
    "chat": {"id": 4_100_200_300_400, "type": "private", "first_name": "Анна"},
    "from": {
        "id": 4_100_200_300_400,
        "is_bot": False,
        "first_name": "Анна",
        "last_name": "Ким",
        "username": "anna",
        "language_code": "ru",
    },
    "text": "Есть 46 размер?",
}


def test_only_the_secret_opens_the_hook():
    good = Inbound(b"{}", {"x-telegram-bot-api-secret-token": SECRET})
    adapter().verify(good)

    for headers in ({}, {"x-telegram-bot-api-secret-token": "другой"}):
        with pytest.raises(SignatureMismatch):
            adapter().verify(Inbound(b"{}", headers))


def test_an_update_is_one_delivery_of_one_chat():
    body = b'{"update_id": 7, "message": {"chat": {"id": 9}}}'

    assert adapter().envelopes(Inbound(body)) == [
        Envelope("7", "9", {"update_id": 7, "message": {"chat": {"id": 9}}})
    ]


def test_a_message_becomes_what_the_buyer_said():
    (said,) = adapter().parse({"update_id": 1, "message": MESSAGE})

    assert said == BuyerMessage(
        external_id="55",
        chat="4100200300400",
        text="Есть 46 размер?",
        sent_at=datetime(2026, 6, 21, 10, 40, tzinfo=UTC),
        name="Анна Ким",
        username="anna",
        language="ru",
    )


def test_a_deep_link_starts_and_keeps_its_payload():
    (said,) = adapter().parse({"message": {**MESSAGE, "text": "/start promo42"}})

    assert (said.is_start, said.text, said.data) == (True, "/start", {"deep_link": "promo42"})


def test_the_largest_photo_and_the_caption_are_taken():
    sizes = [{"file_id": "small"}, {"file_id": "large", "file_size": 9}]
    (said,) = adapter().parse(
        {"message": {**MESSAGE, "text": None, "caption": "Вот", "photo": sizes}}
    )

    assert said.text == "Вот"
    assert said.files == (File(kind="image", external_id="large", size=9),)


ME, PHONE = MESSAGE["from"]["id"], ("phone", "+79161234567", "shared")


@pytest.mark.parametrize(
    ("user_id", "more", "identities", "text"),
    [
        (ME, {}, (PHONE,), "+79161234567"),
        (1, {}, (), "Олег Ли, +79161234567"),
        (None, {}, (), "Олег Ли, +79161234567"),
        # A card that somebody else has made may hold any number.
        (ME, {"forward_origin": {"type": "user"}}, (), "Олег Ли, +79161234567"),
        (ME, {"via_bot": {"id": 9}}, (), "Олег Ли, +79161234567"),
    ],
)
def test_a_contact_proves_the_phone_only_of_its_sender(user_id, more, identities, text):
    contact = {
        "phone_number": "7 916 123-45-67", "user_id": user_id,
        "first_name": "Олег", "last_name": "Ли",
    }  # fmt: skip
    (said,) = adapter().parse({"message": {**WORDLESS, "contact": contact, **more}})

    assert (said.identities, said.text) == (identities, text)
    assert said.data == ({"wordless": "phone", "thread": PUT_AWAY} if identities else {})


WORDLESS = {k: v for k, v in MESSAGE.items() if k != "text"}
PLACE = {"latitude": 55.751244, "longitude": 37.618423}


@pytest.mark.parametrize(
    ("content", "text", "data"),
    [
        ({"sticker": {"file_id": "s", "emoji": "👍"}}, "👍", {}),
        ({"sticker": {"file_id": "s"}}, "🖼️", {}),
        ({"dice": {"emoji": "🎲", "value": 3}}, "🎲", {}),
        (
            {"location": PLACE},
            "📍 55.751244, 37.618423",
            {
                "location": {"lat": 55.751244, "lon": 37.618423},
                "wordless": "place",
                "thread": PUT_AWAY,
            },
        ),
        (
            {"location": PLACE, "venue": {"title": "Кафе", "address": "Тверская, 1"}},
            "Кафе, Тверская, 1\n📍 55.751244, 37.618423",
            {
                "location": {"lat": 55.751244, "lon": 37.618423},
                "wordless": "place",
                "thread": PUT_AWAY,
            },
        ),
        (
            {"poll": {"question": "Какой?", "options": [{"text": "Синий"}, {"text": "Белый"}]}},
            "Какой?\n• Синий\n• Белый",
            {},
        ),
        (
            {"story": {"id": 1}},
            "Сообщение, которое видно только в Telegram",
            {"wordless": "other"},
        ),
    ],
)
def test_what_is_no_text_is_kept_as_one(content, text, data):
    (said,) = adapter().parse({"message": {**WORDLESS, **content}})

    assert (said.text, said.data, said.files) == (text, data, ())


@pytest.mark.parametrize(
    ("content", "file"),
    [
        ({"video": {"file_id": "v", "file_name": "a.mp4", "mime_type": "video/mp4"}},
         File("video", "a.mp4", "video/mp4", external_id="v")),
        ({"video_note": {"file_id": "n", "length": 240}}, File("video", external_id="n")),
        ({"animation": {"file_id": "g", "file_size": 9}, "document": {"file_id": "g"}},
         File("video", size=9, external_id="g")),
    ],
)  # fmt: skip
def test_moving_pictures_are_files(content, file):
    (said,) = adapter().parse({"message": {**WORDLESS, **content}})

    assert (said.text, said.files) == ("", (file,))


def test_telegrams_own_notes_are_nobodys_words():
    with pytest.raises(Unsupported, match="pinned_message"):
        adapter().parse({"message": {**WORDLESS, "pinned_message": {"message_id": 1}}})


def test_a_place_that_moves_is_an_edit():
    moved = {**WORDLESS, "location": {"latitude": 55.0, "longitude": 37.0}}
    assert adapter().parse({"edited_message": moved}) == [
        BuyerEdit(
            "55", str(ME), "📍 55.000000, 37.000000", {"location": {"lat": 55.0, "lon": 37.0}}
        )
    ]


@pytest.mark.parametrize(
    "body", [b"", b"cut off {", b"[]", b"{}", b'{"update_id": "x"}', b'{"update_id": 1e999}',
             b'{"update_id": 99999999999999999999999}'],
)  # fmt: skip
def test_what_is_no_update_is_passed_over(body):
    assert adapter().envelopes(Inbound(body)) == []


@pytest.mark.parametrize("inner", [{"message": {}}, {"message": "x"}, {"callback_query": []}])
def test_an_update_of_another_shape_is_kept_with_nobody_behind_it(inner):
    update = {"update_id": 7, **inner}
    assert adapter().envelopes(Inbound(json.dumps(update).encode())) == [
        Envelope("7", "other", update)
    ]


def test_an_edit_a_block_and_an_unknown_kind():
    edited = {"message_id": 55, "chat": {"id": 9}, "text": "48"}
    assert adapter().parse({"edited_message": edited}) == [BuyerEdit("55", "9", "48")]
    member = {"chat": {"id": 9}, "new_chat_member": {"status": "kicked"}}
    assert adapter().parse({"my_chat_member": member}) == [Reachable("9", is_reachable=False)]
    with pytest.raises(Unsupported, match="poll_answer"):
        adapter().parse({"update_id": 1, "poll_answer": {}})
    with pytest.raises(Unsupported, match="group"):
        adapter().parse({"message": {**MESSAGE, "chat": {"id": -1, "type": "group"}}})


def test_a_long_text_is_cut_at_sentences_and_counts_utf16():
    text = "Ответ про доставку 🚚. " * 300
    calls = adapter().render(Reply(chat="1", text=text, buttons=(Button("Да", "yes"),)))

    assert len(calls) == 2
    assert all(UTF16(call.data["text"]) <= 4096 for call in calls)
    assert all(call.data["text"].endswith(".") for call in calls)
    assert "markup" not in calls[0].data
    assert calls[1].data["markup"] == {
        "inline_keyboard": [[{"text": "Да", "callback_data": "yes"}]]
    }


# What replies are made of: words, links, marks of a text, and letters of two units.
grains = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *("слово ", "Предложение. ", "\n\n", "\n", "🚚", "👨\u200d👩\u200d👧"),
            *("e\u0301", "\u00a0", "&amp;", "<b>", "</i>", "a & b < c ", "**важно** ", "**"),
            "https://shop.example/очень/длинный/адрес?x=1&y=2 ",
        ]
    ),
)  # fmt: skip
long_texts = st.lists(st.tuples(grains, st.integers(1, 1500)), max_size=6).map(
    lambda parts: "".join(grain * times for grain, times in parts)[:20_000]
)


def bare(text: str) -> str:
    """Without the blanks, which a border between two messages may swallow."""
    return "".join(text.split())


def read(body: str) -> tuple[str, list[str]]:
    """As Telegram reads HTML: what is seen, and what of it is bold. Fails where it would refuse."""
    pieces = re.split(r"(</?b>)", body)
    tags = pieces[1::2]
    assert tags == ["<b>", "</b>"] * (len(tags) // 2)
    for piece in pieces[::2]:
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", piece)
    texts = [html.unescape(piece) for piece in pieces[::2]]
    return "".join(texts), texts[1::2]


def rendered(text: str) -> list[tuple[str, list[str]]]:
    """What arrives: what is seen of each message, and its bold pieces."""
    found = []
    for call in adapter().render(Reply(chat="1", text=text)):
        marked = call.data.get("html")
        seen, bold = read(marked) if marked else (call.data["text"], [])
        assert seen == call.data["text"]
        assert bool(bold) == bool(marked)
        found.append((seen, bold))
    return found


@given(long_texts)
def test_a_text_of_any_length_arrives_whole_in_parts_that_fit(text):
    whole = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    parts = [seen for seen, _ in rendered(text)]

    at = 0  # each part stands in the text where the one before ended, blanks apart
    for part in parts:
        found = whole.index(part, at)
        assert not whole[at:found].strip()
        at = found + len(part)
        assert part == part.strip() != ""
        assert UTF16(part) <= 4096
    assert not whole[at:].strip()
    # No more messages than needed: where a border is sought, a third of one is given up at most.
    assert len(parts) <= UTF16(whole) // (4096 // 3) + 1


@given(st.lists(st.text("абвгд🚚", min_size=1, max_size=60), max_size=900))
def test_words_are_never_cut(words):
    parts = [call.data["text"] for call in adapter().render(Reply(chat="1", text=" ".join(words)))]
    assert " ".join(parts).split() == words


@given(long_texts)
def test_bold_is_the_same_however_a_text_is_cut(text):
    """Telegram refuses a message whole for one open tag or half an entity; see `read`."""
    bold = [piece for _, pieces in rendered(text) for piece in pieces]
    assert bare("".join(bold)) == bare("".join(re.findall(r"\*\*(.+?)\*\*", text)))


@given(
    st.lists(st.sampled_from(["слово ", "a & b <c> ", "🚚 ", "e\u0301 "]), min_size=1, max_size=5),
    st.integers(1, 4000),
    st.integers(0, 4200),
)
def test_bold_across_a_cut_ends_and_begins_again(words, times, before):
    inside = ("".join(words) * times)[:9000].strip()
    text = f"{'п' * before} **{inside}** конец *"

    parts = rendered(text)

    assert bare("".join(seen for seen, _ in parts)) == bare(text).replace("**", "")
    assert bare("".join(piece for _, bold in parts for piece in bold)) == bare(inside)
    assert all("**" not in seen for seen, _ in parts)


def test_a_message_telegram_cannot_read_is_said_without_markup(telegram):
    telegram.buyer_says("Вопрос")
    ours = adapter(telegram)
    (call,) = ours.render(Reply(chat="101", text="**Да**, есть"))
    call.data["html"] = "<b>Да, есть"

    ours.send(call)

    assert telegram.sent[-1]["text"] == "Да, есть"


def test_button_data_fits_64_bytes_of_cyrillic():
    (call,) = adapter().render(Reply(chat="1", text="?", buttons=(Button("я" * 60),)))

    ((button,),) = call.data["markup"]["inline_keyboard"]
    assert button["callback_data"] == "я" * 32


def test_connecting_reads_the_account_and_sets_the_hook(telegram):
    check = adapter(telegram, hook_url="https://shop.example/hooks/key/").connect()

    assert check.ok
    assert check.account == {
        "name": "Помощник",
        "username": "pretend_shop_bot",
        "link": "https://t.me/pretend_shop_bot",
        "picture": "picture",
        "mode": "webhook",
    }
    assert (telegram.webhook, telegram.secret) == ("https://shop.example/hooks/key/", SECRET)


def test_a_local_run_is_polled(telegram):
    telegram.webhook = "https://old.example/"

    check = adapter(telegram, hook_url="http://demo.localhost:8000/hooks/key/").connect()

    assert (check.account["mode"], telegram.webhook) == ("polling", "")


@pytest.mark.parametrize("token", ["", "nonsense", "123:short"])
def test_what_is_no_token_is_told_without_a_call(telegram, token):
    check = adapter(telegram, token=token).connect()

    assert not check.ok
    assert telegram.calls == []


def test_polling_moves_on_and_repeats_nothing(telegram):
    telegram.buyer_says("Первое")
    telegram.buyer_says("Второе")
    ours = adapter(telegram)

    telegram.happens(message="of another shape")
    fetched, cursor = ours.poll({}, 1)
    again, after = ours.poll(cursor, 0)

    assert ours.envelopes(fetched.pop())[0].chat == "other"
    assert [ours.envelopes(f)[0].payload["message"]["text"] for f in fetched] == [
        "Первое",
        "Второе",
    ]
    assert (again, after) == ([], cursor)


def test_a_text_arrives_escaped_with_its_button_and_quote(telegram):
    telegram.buyer_says("Вопрос")
    ours = adapter(telegram)
    reply = Reply(
        chat="101",
        text="**Да**, <b>есть</b> & ждёт",
        buttons=(Button("Позвать человека"), Button("Сайт", url="https://shop.example/")),
        reply_to="1",
    )

    sent = [ours.send(call) for call in ours.render(reply)]

    assert [s.external_id for s in sent] == ["2"]
    request = telegram.calls[-1]
    assert "&lt;b&gt;есть&lt;/b&gt; &amp; ждёт" in request.form()["text"]
    assert telegram.sent[0]["reply_markup"]["inline_keyboard"] == [
        [{"text": "Позвать человека", "callback_data": "Позвать человека"}],
        [{"text": "Сайт", "url": "https://shop.example/"}],
    ]


def test_a_pressed_button_says_its_title_and_is_acknowledged(telegram):
    telegram.buyer_says("Вопрос")
    ours = adapter(telegram)
    (call,) = ours.render(Reply(chat="101", text="?", buttons=(Button("Синий", "colour:1"),)))
    ours.send(call)

    (said,) = ours.parse(telegram.buyer_presses("Синий"))
    ours.acknowledge(said.callback)

    assert (said.text, said.payload, said.chat) == ("Синий", "colour:1", "101")
    assert telegram.answered == [said.callback]


TEXT = Call("sendMessage", {"chat_id": "101", "text": "Да"})


def refusal(code: int, description: str) -> Answer:
    return Answer.json({"ok": False, "error_code": code, "description": description}, code)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (too_many(7), RetryLater),
        (refusal(502, "Bad Gateway"), OutcomeUnknown),
        (refusal(400, "Bad Request: chat not found"), Rejected),
        (refusal(403, "Forbidden: user is deactivated"), Unreachable),
        (refusal(401, "Unauthorized"), NeedsMerchant),
        (Answer(200, b"<html>"), OutcomeUnknown),
    ],
)
def test_each_refusal_says_what_to_do(telegram, trouble, error):
    telegram.chat()
    telegram.answer_next(trouble)

    with pytest.raises(error) as caught:
        adapter(telegram).send(TEXT)

    if error is RetryLater:
        assert caught.value.retry_after_s == 7


def test_a_blocked_bot_is_unreachable_and_no_server_is_retried(telegram):
    telegram.chat()
    telegram.buyer_blocks()
    with pytest.raises(Unreachable):
        adapter(telegram).send(TEXT)

    nobody = Telegram(
        Config(1, "m", {}, {"token": TOKEN, "hook": SECRET}, base_url="http://127.0.0.1:9")
    )
    with pytest.raises(RetryLater):
        nobody.send(TEXT)


def test_a_file_is_fetched_and_a_missing_one_refused(telegram):
    telegram.files["f1"] = b"\x89PNG"

    assert adapter(telegram).fetch_file(File(kind="image", external_id="f1")) == b"\x89PNG"
    with pytest.raises(Rejected):
        adapter(telegram).fetch_file(File(kind="image", external_id="other"))


def test_typing_never_raises(telegram):
    telegram.chat()
    adapter(telegram).typing("101")
    telegram.is_revoked = True
    adapter(telegram).typing("101")

    assert telegram.actions == [101]


def test_a_sent_text_is_changed_and_taken_back_and_doing_it_twice_changes_nothing(telegram):
    telegram.chat(101)
    ours = adapter(telegram)
    (call,) = ours.render(Reply("101", "Цена 300 ₽", buttons=(Button("Да", "yes"),)))
    sent = ours.send(call)
    (fresh,) = ours.render(Reply("101", "Цена **350** ₽", buttons=(Button("Да", "yes"),)))

    ours.edit(fresh, "101", sent.external_id)
    ours.edit(fresh, "101", sent.external_id)

    assert telegram.texts() == ["Цена 350 ₽"]
    assert telegram.sent[0]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "yes"

    ours.delete("101", sent.external_id)
    ours.delete("101", sent.external_id)

    assert telegram.texts() == []


def test_what_telegram_no_longer_deletes_is_refused(telegram):
    telegram.chat(101)
    ours = adapter(telegram)
    sent = ours.send(ours.render(Reply("101", "Старое"))[0])
    telegram.sent[0]["date"] -= 49 * 3600

    with pytest.raises(Rejected, match="can't be deleted"):
        ours.delete("101", sent.external_id)

    assert telegram.texts() == ["Старое"]


@pytest.mark.parametrize("why", ["sides", "weight"])
def test_what_telegram_takes_for_no_photo_arrives_as_a_file(telegram, monkeypatch, why):
    heavy = b"\x89PNG" + b"0" * (10 * 1024 * 1024 if why == "weight" else 10)
    monkeypatch.setattr("bots.channels.telegram.adapter.file_bytes", lambda _pk: ("a.png", heavy))
    telegram.chat(101)
    (call,) = adapter(telegram).render(
        Reply("101", "", files=(File(kind="image", name="a.png", stored_id=1),))
    )
    if why == "sides":
        said = "Bad Request: PHOTO_INVALID_DIMENSIONS"
        body = {"ok": False, "error_code": 400, "description": said}
        telegram.answer_next(Answer.json(body, status=400))

    adapter(telegram).send(call)

    assert ["document" in one for one in telegram.sent] == [True]
