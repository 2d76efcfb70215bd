"""What a channel tells of a chat: albums, groups that others read, windows of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.channels.base import BuyerMessage, File, Moved, OwnerEcho, Reachable, Sent
from bots.engine.base import Asker, Said, Turn
from bots.models import Attachment, Contact, Conversation, Identity, Message
from bots.services import limits
from bots.services.accept import lane_of
from bots.services.receive import apply
from tests.engine.pretend import MANIFEST, Pretend

pytestmark = pytest.mark.django_db


def tell(talk: Any, *occurrences: Any) -> None:
    with talk.shop.inside():
        for one in occurrences:
            apply(talk.channel, lane_of(talk.channel.pk, one.chat), one)


def picture(ident: str, text: str = "", *, album: str = "a1") -> BuyerMessage:
    files = (File("image", external_id=f"file-{ident}"),)
    return BuyerMessage(ident, "buyer", text, files=files, album=album)


def test_pictures_sent_together_are_one_message_with_its_caption(alpha, beta, talk_of):
    talk, other = talk_of(alpha), talk_of(beta)
    tell(other, picture("1"))

    tell(talk, picture("1"), picture("2", "Такой есть?"), picture("3"), picture("2", "Такой есть?"))

    with alpha.inside():
        (message,) = Message.objects.filter(author="buyer")
        assert (message.text, message.seq) == ("Такой есть?", 1)
        assert Attachment.objects.filter(message=message).count() == 3
        assert Conversation.objects.get().unread == 1
    tell(talk, picture("4", album="a2"))
    with alpha.inside():
        assert Message.objects.filter(author="buyer").count() == 2
    with beta.inside():
        assert Attachment.objects.count() == 1


def test_an_answer_waits_for_the_rest_of_an_album(alpha, talk_of, answers, monkeypatch):
    talk = talk_of(alpha)
    waited = []

    class Stale:
        def wait(self, seconds: float) -> bool:
            waited.append(seconds)
            return False

        def is_set(self) -> bool:
            return False

    from bots.engine import turn

    tell(talk, picture("1", "Такой есть в магазине на Тверской?"))
    with alpha.inside():
        newest = Message.objects.get(author="buyer")
        assert turn._wait_for_more([newest], newest, Stale()) is False
        newest.meta = {}
        turn._wait_for_more([newest], newest, Stale())

    assert len(waited) == 1 and waited[0] > 0.5


def test_a_group_is_public_and_nothing_proven_is_used_there(alpha, talk_of, answers):
    talk = talk_of(alpha)
    seen: list[Turn] = []
    answers.append(lambda turn: seen.append(turn) or "Есть")
    tell(talk, BuyerMessage("1", "g:-1:5", "Есть 46 размер?", is_public=True))
    with alpha.inside():
        contact = Contact.objects.get()
        Identity.objects.create(contact=contact, kind="phone", value="+79161234567", proof="shared")
    talk.work()

    assert talk.conversation("g:-1:5").is_public
    assert seen[0].is_public
    assert seen[0].asker.proofs == ()


def test_orders_are_not_spoken_of_where_others_read(alpha):
    from bots.answerer import reply

    turn = Turn(
        said=[Said("buyer", "Где мой заказ 1036? Телефон +7 916 123-45-67")],
        lang="ru",
        asker=Asker(),
        now=timezone.now(),
    )
    with alpha.inside():
        public, private = reply(replace(turn, is_public=True)), reply(turn)

    assert "личные сообщения" in public.text
    assert not public.memory.get("order_number")
    assert "личные сообщения" not in private.text


def test_a_chat_may_have_a_window_of_its_own(alpha, talk_of):
    talk = talk_of(alpha)
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    tell(talk, BuyerMessage("1", "own", "Есть?", sent_at=at, window_s=3600))
    tell(talk, BuyerMessage("2", "other", "Есть?", sent_at=at))

    assert talk.conversation("own").window_expires_at == at + timedelta(hours=1)
    assert talk.conversation("other").window_expires_at is None


def test_a_group_that_moves_takes_its_members_chats_along(alpha, beta, talk_of):
    talk, other = talk_of(alpha), talk_of(beta)
    for one in (talk, other):
        tell(one, *(BuyerMessage(f"{n}", f"g:-1:{n}", "Есть?", is_public=True) for n in (5, 6)))
    tell(talk, BuyerMessage("7", "g:-2:6", "Есть?"), BuyerMessage("8", "g:-11:5", "Есть?"))

    for _ in range(2):
        tell(talk, Moved("g:-1:", "g:-2:", is_all=True))

    moved = talk.conversation("g:-2:5")
    assert moved.lane == lane_of(talk.channel.pk, "g:-2:5")
    with alpha.inside():
        chats = dict(Contact.objects.values_list("external_id", "is_reachable"))
    assert chats == {"g:-2:5": True, "g:-1:6": False, "g:-2:6": True, "g:-11:5": True}
    with beta.inside():
        assert Contact.objects.filter(external_id__startswith="g:-1:").count() == 2


def test_a_chat_that_moved_while_we_wrote_goes_on_there(alpha, talk_of, monkeypatch):
    talk = talk_of(alpha)
    monkeypatch.setattr(Pretend, "send", lambda self, call: Sent("out-1", moved_to="new"))
    talk.says("Есть 46 размер?")

    assert talk.thread("new")[-1][1] == "sent"
    assert talk.conversation("new").lane == lane_of(talk.channel.pk, "new")


def test_all_chats_of_an_account_are_out_of_reach_at_once(alpha, talk_of):
    talk = talk_of(alpha)
    tell(talk, *(BuyerMessage(c, c, "Есть?") for c in ("b:x:1", "b:x:2", "b:xx:1", "1")))

    tell(talk, Reachable("b:x:", is_reachable=False, is_all=True))

    with alpha.inside():
        reached = set(
            Contact.objects.filter(is_reachable=True).values_list("external_id", flat=True)
        )
    assert reached == {"b:xx:1", "1"}


def test_whoever_wrote_first_from_our_side_keeps_the_chat(alpha, talk_of):
    talk = talk_of(alpha)
    tell(talk, OwnerEcho("e0", "nobody", "Добрый день"))
    for _ in range(2):
        tell(
            talk, OwnerEcho("e1", "b:x:1", "Добрый день, ваш свитер пришёл", begins=True, name="Ян")
        )
    talk.says("Отлично, заберу", chat="b:x:1")

    conversation = talk.conversation("b:x:1")
    assert (conversation.speaker, conversation.status) == ("agent", "open")
    assert [one[0] for one in talk.thread("b:x:1")] == ["echo", "buyer"]
    assert Pretend.sent == []
    with alpha.inside():
        assert Contact.objects.get().name == "Ян"


def test_what_a_reply_needed_of_an_earlier_message_is_forgotten(alpha, talk_of):
    talk = talk_of(alpha)
    tell(talk, BuyerMessage("1", "buyer", "+7916", data={"thread": {"keyboard": "away"}}))
    with alpha.inside():
        assert Contact.objects.get().data["thread"]
    tell(talk, BuyerMessage("2", "buyer", "Есть 46?"))

    with alpha.inside():
        assert "thread" not in Contact.objects.get().data


def test_chats_that_share_a_pace_wait_for_each_other(alpha, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(limits.time, "time", lambda: now[0])
    manifest = replace(
        MANIFEST,
        rate_per_chat_s=1.0,
        shared_pace=lambda chat: ("group", 0.25) if chat.startswith("g") else None,
    )
    with alpha.inside():

        def pace(chat: str) -> float:
            return limits.wait_s(7, chat, manifest)

        assert [pace(chat) for chat in ("g1", "g2", "g1", "g2")] == [0.0] * 4
        assert pace("g3") > 0
        assert pace("alone") == 0.0
        now[0] += 4.1
        assert pace("g3") == 0.0
