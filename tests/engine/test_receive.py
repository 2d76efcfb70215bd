"""What else a channel tells: edits, receipts, blocks, the owner's own phone, files, polls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from bots.channels.base import BuyerEdit, BuyerMessage, File, OwnerEcho, Reachable, Receipt
from bots.channels.telegram.simulator import TOKEN, TelegramSimulator
from bots.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    Holiday,
    Identity,
    Message,
    Notice,
    OpeningHours,
)
from bots.selectors.calendars import expected_answer, opening
from bots.services.accept import lane_of
from bots.services.channels import (
    channel_broke,
    channel_connect,
    channel_create,
    channel_delete,
    channels_release,
    manifest_of,
)
from bots.services.conversations import conversation_take_over, reply_send
from bots.services.receive import apply
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.simulate import serve_simulator
from tenants.models import Due, OutboxEvent, RouteKey
from tenants.services.merchants import merchant_resume, merchant_suspend
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db


def tell(talk: Any, occurrence: Any) -> None:
    with talk.shop.inside():
        apply(talk.channel, lane_of(talk.channel.pk, occurrence.chat), occurrence)


def test_an_edit_changes_the_text_and_keeps_what_was_there(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?", ident="a")

    tell(talk, BuyerEdit("in-a", "buyer", "Есть 48 размер?"))
    tell(talk, BuyerEdit("in-a", "buyer", "Есть 48 размер?"))
    tell(talk, BuyerEdit("unknown", "buyer", "?"))
    tell(talk, BuyerEdit("in-a", "nobody", "?"))

    with alpha.inside():
        message = Message.objects.get(author="buyer")
    assert (message.text, message.meta["before"]) == ("Есть 48 размер?", ["Есть 46 размер?"])
    assert message.edited_at is not None


def test_receipts_only_move_forward(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    with alpha.inside():
        sent = Message.objects.get(author="bot")

    for state in ("read", "delivered"):
        tell(talk, Receipt(sent.external_id, "buyer", state))
    tell(talk, Receipt("unknown", "buyer", "read"))
    tell(talk, Receipt("x", "nobody", "read"))

    assert talk.thread()[-1][1] == "read"
    tell(talk, Receipt(sent.external_id, "buyer", "failed", "window closed"))
    with alpha.inside():
        sent.refresh_from_db()
    assert (sent.state, sent.failure) == ("failed", "window closed")


def test_the_owners_own_phone_silences_the_bot(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")

    for _ in range(2):
        tell(talk, OwnerEcho("phone-1", "buyer", "Да, есть, отложил для вас"))
    talk.says("Спасибо, а 48?")

    conversation = talk.conversation()
    assert (conversation.speaker, conversation.agent_id) == ("agent", None)
    assert [m for m in talk.thread() if m[0] == "echo"] == [
        ("echo", "sent", "Да, есть, отложил для вас")
    ]
    assert len(Pretend.sent) == 1


def test_a_buyer_who_blocks_us_is_not_written_to(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")

    tell(talk, Reachable("buyer", is_reachable=False))

    with alpha.inside():
        assert Contact.objects.get().is_reachable is False
    talk.says("Я вернулся, есть 48?")
    with alpha.inside():
        assert Contact.objects.get().is_reachable is True


def test_a_shared_contact_and_a_quote_are_kept(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?", ident="a")
    tell(
        talk,
        BuyerMessage(
            external_id="b",
            chat="buyer",
            text="Вот мой номер",
            name="Анна",
            username="anna",
            language="en",
            reply_to="in-a",
            identities=(("phone", "+79161234567", "shared"),),
            data={"page": "https://shop.example/1"},
        ),
    )

    with alpha.inside():
        contact = Contact.objects.get()
        identity = Identity.objects.get()
        message = Message.objects.select_related("reply_to").get(external_id="b")
    told = OutboxEvent.objects.filter(name="contact.identified").values_list("schema", "data")
    assert list(told) == [(alpha.schema, {"contact": contact.pk})]
    assert (contact.name, contact.username, contact.data["page"]) == (
        "Анна",
        "anna",
        "https://shop.example/1",
    )
    assert (identity.value, identity.proof) == ("+79161234567", "shared")
    assert message.reply_to.external_id == "in-a"


@pytest.fixture
def telegram(alpha: Any) -> Iterator[Any]:
    simulator = TelegramSimulator()
    with serve_simulator(simulator) as url, alpha.inside():
        channel = channel_create(
            kind="telegram", name="T", bot=alpha.bot, secrets={"token": TOKEN}, base_url=url
        )
        assert channel_connect(channel).ok
        simulator.channel = channel  # type: ignore[attr-defined]
        yield simulator


def test_what_is_no_text_gets_an_answer_all_the_same(alpha, telegram, monkeypatch):
    """Nobody is asked to say in words what can be understood without them."""
    monkeypatch.setattr("bots.services.polling.WAIT_S", 0.1)
    place = {"latitude": 55.751244, "longitude": 37.618423}
    card = {"phone_number": "79161234567", "first_name": "Олег"}
    told = {}
    for chat, content in enumerate(
        (
            {"sticker": {"file_id": "s", "emoji": "👍"}},
            {"sticker": {"file_id": "s", "emoji": "😡"}},
            {"location": place},
            {"contact": {**card, "user_id": 204}},
            {"video_note": {"file_id": "n", "length": 9}},
            {"story": {"id": 1}},
        ),
        start=201,
    ):
        telegram.buyer_says("", chat_id=chat, **content)
    Due.objects.filter(schema=alpha.schema, kind="poll").update(due_at=timezone.now())
    due.take(alpha.schema, "poll", telegram.channel.pk)
    for _round in range(4):
        for schema, kind, number in due.overdue(grace_s=-0.01):
            if kind in ("inbox", "turn", "deliver"):
                due.take(schema, kind, number)
    for message in telegram.sent:
        told.setdefault(message["chat"]["id"], message["text"])
    with alpha.inside():
        speakers = dict(
            Conversation.objects.values_list("contact__external_id", "speaker").filter(
                channel=telegram.channel.pk
            )
        )
        seen = dict(
            Message.objects.filter(author="buyer").values_list(
                "conversation__contact__external_id", "text"
            )
        )
        kept = Message.objects.get(meta__wordless="place")
        (proof,) = Identity.objects.values_list("value", "proof")
        assert "wordless" not in kept.conversation.contact.data

    assert told[201] == "Хорошо. Если появятся вопросы, напишите."
    assert told[202] == "Понимаю. Если что-то ещё понадобится, напишите."
    assert told[203].startswith("Спасибо, вижу место на карте.")
    assert told[204].startswith("Спасибо, номер подтверждён.")
    assert told[205].startswith("Файл посмотрит коллега.")
    assert "посмотрит коллега" in told[206]
    assert speakers == {
        "201": "bot", "202": "bot", "203": "queue", "204": "bot", "205": "queue", "206": "queue",
    }  # fmt: skip
    assert (seen["201"], seen["203"]) == ("👍", "📍 55.751244, 37.618423")
    assert kept.meta["location"] == {"lat": 55.751244, "lon": 37.618423}
    assert proof == ("+79161234567", "shared")


def test_a_polled_bot_is_read_answered_and_told_apart_from_a_broken_one(
    alpha, telegram, monkeypatch, answers
):
    monkeypatch.setattr("bots.services.polling.WAIT_S", 0.1)
    channel = telegram.channel
    assert channel.account["mode"] == "polling"
    telegram.buyer_says("Есть 46 размер?")

    for _ in range(2):
        Due.objects.filter(schema=alpha.schema, kind="poll").update(due_at=timezone.now())
        due.take(alpha.schema, "poll", channel.pk)
    for schema, kind, number in due.overdue(grace_s=-0.01):
        if kind in ("inbox", "turn", "deliver"):
            due.take(schema, kind, number)

    assert telegram.texts() == ["re: Есть 46 размер?"]
    telegram.is_revoked = True
    Due.objects.filter(schema=alpha.schema, kind="poll").update(due_at=timezone.now())
    due.take(alpha.schema, "poll", channel.pk)
    channel.refresh_from_db()
    assert channel.state == Channel.State.BROKEN


def test_ten_minutes_without_an_answer_are_told_once(alpha, telegram, monkeypatch):
    monkeypatch.setattr("bots.services.polling.WAIT_S", 0.1)
    channel = telegram.channel
    long_ago = (timezone.now() - timedelta(minutes=11)).isoformat()
    Channel.objects.filter(pk=channel.pk).update(
        cursor={"failing_since": long_ago}, base_url="http://127.0.0.1:9"
    )

    for _ in range(2):
        Due.objects.filter(schema=alpha.schema, kind="poll").update(
            due_at=timezone.now(), attempts=0
        )
        due.take(alpha.schema, "poll", channel.pk)

    channel.refresh_from_db()
    assert channel.state == Channel.State.BROKEN
    assert channel.state_detail.startswith("Нет связи с ")
    names = list(OutboxEvent.objects.filter(schema=alpha.schema).values_list("name", flat=True))
    assert names.count("channel.broke") == 1
    channel_broke(channel, "again")
    assert names.count("channel.broke") == 1


@pytest.fixture
def called(telegram: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same bot as in production: Telegram calls us."""
    monkeypatch.setattr(
        "bots.services.channels.url_of", lambda host, path: f"https://shop.example{path}"
    )
    assert channel_connect(telegram.channel).ok
    assert telegram.channel.account["mode"] == "webhook"
    return telegram


def look(shop: Any, channel: Channel) -> Channel:
    Due.objects.filter(schema=shop.schema, kind="watch").update(due_at=timezone.now(), attempts=0)
    assert due.take(shop.schema, "watch", channel.pk)
    channel.refresh_from_db()
    return channel


def late(channel: Channel) -> None:
    """What is failing has been for eleven minutes."""
    channel.refresh_from_db()
    since = (timezone.now() - timedelta(minutes=11)).isoformat()
    Channel.objects.filter(pk=channel.pk).update(cursor={**channel.cursor, "failing_since": since})


def test_a_called_bot_out_of_reach_is_told_after_ten_minutes_and_comes_back(alpha, called):
    channel, address = called.channel, called.channel.base_url
    Channel.objects.filter(pk=channel.pk).update(base_url="http://127.0.0.1:9")

    assert look(alpha, channel).state == Channel.State.LIVE
    late(channel)
    for _ in range(2):
        assert look(alpha, channel).state == Channel.State.BROKEN

    names = list(OutboxEvent.objects.filter(schema=alpha.schema).values_list("name", flat=True))
    assert names.count("channel.broke") == 1
    assert channel.state_detail.startswith("Нет связи с ")
    Channel.objects.filter(pk=channel.pk).update(base_url=address)
    back = look(alpha, channel)
    assert (back.state, back.state_detail, back.cursor) == (Channel.State.LIVE, "", {})


def test_a_bot_whose_calls_go_elsewhere_is_told_and_still_speaks(alpha, called, answers):
    channel = called.channel
    called.webhook = "https://thief.example/hook"
    look(alpha, channel)
    late(channel)

    assert look(alpha, channel).state == Channel.State.BROKEN
    assert "другая программа" in channel.state_detail
    called.chat(101)
    said = BuyerMessage(external_id="1", chat="101", text="Есть?")
    apply(channel, lane_of(channel.pk, "101"), said)
    for _ in range(3):
        for schema, kind, number in due.overdue(grace_s=-0.01):
            if kind in ("turn", "deliver"):
                due.take(schema, kind, number)
    assert called.texts() == ["re: Есть?"]


def test_a_shop_that_moved_is_called_at_its_new_host(alpha, called):
    ours, called.webhook = called.webhook, called.webhook.replace("shop.example", "old.example")

    assert look(alpha, called.channel).state == Channel.State.LIVE
    assert called.webhook == ours


def test_before_a_shop_is_erased_its_platforms_are_told_to_call_no_more(alpha, beta, called):
    assert called.webhook

    channels_release(alpha.merchant)

    assert called.webhook == ""


def test_a_suspended_shop_neither_reads_nor_writes_and_goes_on_afterwards(
    alpha, beta, telegram, monkeypatch, answers
):
    monkeypatch.setattr("bots.services.polling.WAIT_S", 0.1)
    channel = telegram.channel
    telegram.buyer_says("Есть 46 размер?")

    def work() -> None:
        for kind in ("poll", "inbox", "turn", "deliver"):
            Due.objects.filter(schema=alpha.schema).update(due_at=timezone.now(), attempts=0)
            for number in Due.objects.filter(schema=alpha.schema, kind=kind).values_list(
                "object_id", flat=True
            ):
                due.take(alpha.schema, kind, number)

    with merchant_context(PUBLIC):
        merchant_suspend(alpha.merchant, reason="unpaid")
    work()
    assert telegram.texts() == []
    assert not Message.objects.exists()
    with merchant_context(PUBLIC):
        merchant_resume(alpha.merchant)

    work()

    assert telegram.texts() == ["re: Есть 46 размер?"]
    assert channel.contacts.count() == 1


def test_what_waited_through_a_long_suspension_does_not_go_out_as_if_nothing_happened(
    alpha, beta, talk_of, client_of
):
    """The bot's words are dropped and asked anew or given to a person; an agent's come back."""
    talk = talk_of(alpha)
    fresh, old = "Есть 46 размер?", "Когда приедет заказ?"
    with merchant_context(PUBLIC):
        merchant_suspend(alpha.merchant, reason="unpaid")
    for chat, text in (("fresh", fresh), ("old", old), ("hers", "Позовите человека")):
        talk.says(text, chat=chat)
    with alpha.inside():
        ids = dict(Conversation.objects.values_list("contact__external_id", "pk"))
        conversation_take_over(conversation_id=ids["hers"], agent=alpha.agent)
        reply_send(conversation_id=ids["hers"], agent=alpha.agent, text="Уже иду", client_key="one")
    talk.work()
    assert [row[1] for row in talk.thread("fresh")] == ["received", "queued"]
    assert Pretend.sent == []
    ago = {"fresh": timedelta(minutes=20), "old": timedelta(days=30), "hers": timedelta(hours=2)}
    with alpha.inside():
        for chat, age in ago.items():
            at = timezone.now() - age
            Message.objects.filter(conversation=ids[chat]).update(created_at=at, sent_at=at)
    Due.objects.filter(schema=alpha.schema, kind="deadline").delete()
    with merchant_context(PUBLIC):
        merchant_resume(alpha.merchant)

    for _round in range(3):
        Due.objects.filter(schema=alpha.schema).update(due_at=timezone.now(), attempts=0)
        talk.work()

    # Asked twenty minutes ago: answered anew. Asked a month ago: a person decides, in silence.
    assert talk.thread("fresh") == [
        ("buyer", "received", fresh), ("bot", "dropped", f"re: {fresh}"),
        ("bot", "sent", f"re: {fresh}"),
    ]  # fmt: skip
    assert talk.thread("old") == [("buyer", "received", old), ("bot", "dropped", f"re: {old}")]
    assert (talk.conversation("old").speaker, talk.conversation("old").handover_reason) == (
        "queue", "deadline",
    )  # fmt: skip
    assert ("agent", "failed", "Уже иду") in talk.thread("hers")
    assert talk.conversation("hers").waiting_since is not None
    assert Pretend.sent == [("fresh", f"re: {fresh}")]
    # Told how many, to those who set up and to whose words came back; once.
    with alpha.inside():
        told = Notice.objects.filter(event="stale")
        assert sorted(row.user.role for row in told) == ["admin", "agent", "owner"]
        (words,) = {row.data["name"] for row in told}
        assert not Notice.objects.filter(event="failed").exists()
    assert words == "3 ответа ассистента, 1 ответ сотрудника"
    shown = client_of(alpha, "agent").get(f"/api/v1/desk/conversations/{ids['hers']}/")
    assert "не могло уйти слишком долго" in shown.content.decode()


def test_a_file_of_a_message_is_fetched_and_a_lost_one_says_why(alpha, telegram):
    telegram.files["photo-1"] = b"\x89PNG\r\n\x1a\n"
    channel = telegram.channel
    for number, ident in (("1", "photo-1"), ("2", "gone")):
        said = BuyerMessage(
            external_id=number,
            chat="101",
            files=(File(kind="image", external_id=ident),),
        )
        apply(channel, lane_of(channel.pk, "101"), said)
    for message_id in Message.objects.filter(author="buyer").values_list("pk", flat=True):
        due.take(alpha.schema, "fetch", message_id)

    kept, lost = Attachment.objects.order_by("id")
    assert kept.file.size == 8
    assert (lost.file, bool(lost.error)) == (None, True)


def test_removing_a_channel_takes_its_address_and_keeps_the_talks(alpha, telegram):
    channel = telegram.channel
    apply(channel, lane_of(channel.pk, "7"), BuyerMessage(external_id="1", chat="7", text="Есть?"))
    channel_delete(channel)

    channel.refresh_from_db()
    assert channel.state == Channel.State.PAUSED
    assert not RouteKey.objects.filter(key=channel.route_key).exists()


def test_a_platform_that_says_no_is_shown_in_words(alpha, telegram):
    telegram.is_revoked = True
    check = channel_connect(telegram.channel)

    assert not check.ok
    assert check.detail.startswith("токен бота отозван: возьмите новый у @BotFather")
    assert telegram.channel.state == Channel.State.BROKEN
    with pytest.raises(Exception, match="nothing"):
        manifest_of("nothing")


ZONE = "Europe/Moscow"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo(ZONE))


def test_the_expected_time_is_true_to_the_opening_hours(alpha):
    with alpha.inside():
        OpeningHours.objects.all().delete()
        assert expected_answer(at(23, 12), ZONE, "ru") == "Ответим здесь, как только сможем."
        for weekday in range(5):
            OpeningHours.objects.create(weekday=weekday, opens=time(10), closes=time(13))
            OpeningHours.objects.create(weekday=weekday, opens=time(14), closes=time(20))
        Holiday.objects.create(day=at(24, 0).date())

        assert expected_answer(at(23, 12), ZONE, "en") == "We will answer in this chat shortly."
        assert opening(at(23, 13, 30), ZONE) == (False, at(23, 14))
        lunch = expected_answer(at(23, 13, 30), ZONE, "ru")
        assert lunch == "Сейчас нерабочее время. Ответим здесь сегодня с 14:00."
        # Tuesday is a holiday: Wednesday is next.
        assert "в среду с 10:00" in expected_answer(at(23, 21), ZONE, "ru")
        assert "tomorrow from 10:00" in expected_answer(at(24, 9), ZONE, "en")


def test_a_release_has_channels_of_before_watched_without_a_save(alpha, beta, called):
    sql = import_module("bots.migrations.0018_watched").WATCHED
    channel = called.channel
    watched = Due.objects.filter(kind="watch").values_list("schema", "object_id")
    kept = watched.get(schema=alpha.schema)
    Due.objects.filter(kind="watch").delete()

    for _round in range(2):
        for shop in (alpha, beta):
            with shop.inside(), connection.cursor() as cursor:
                cursor.execute(sql)

    # Those that are called; not the chat on the site, and nobody twice.
    assert list(watched) == [kept] == [(alpha.schema, channel.pk)]
    assert look(alpha, channel).state == Channel.State.LIVE
