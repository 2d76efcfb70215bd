"""The way of one message: accepted once, answered once, in order, by one voice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bots.engine.base import Answer, Decision, Reason
from bots.models import Conversation, Delivery, Message
from bots.models.conversation import AlreadyTaken
from bots.services import acts
from bots.services.conversations import (
    NewerMessages,
    conversation_resolve,
    conversation_return_to_bot,
    conversation_take_over,
    note_add,
    reply_send,
)
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater
from tenants.models import Due, OutboxEvent
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db


def due_kinds(shop) -> list[str]:
    return sorted(Due.objects.filter(schema=shop.schema).values_list("kind", flat=True))


def deadline_over(shop) -> None:
    """The time that everybody who waits was promised has passed."""
    past = timezone.now() - timedelta(seconds=1)
    with shop.inside():
        Conversation.objects.update(deadline_at=past)
    Due.objects.filter(schema=shop.schema, kind="deadline").update(due_at=past)


def test_a_buyer_is_answered_once_and_nothing_stays_due(alpha, talk_of):
    talk = talk_of(alpha)

    talk.says("Сколько стоит доставка?")

    assert talk.thread() == [
        ("buyer", "received", "Сколько стоит доставка?"),
        ("bot", "sent", "re: Сколько стоит доставка?"),
    ]
    assert Pretend.sent == [("buyer", "re: Сколько стоит доставка?")]
    assert due_kinds(alpha) == []
    conversation = talk.conversation()
    assert (conversation.waiting_since, conversation.deadline_at) == (None, None)


def test_a_delivery_repeated_five_times_is_applied_once(alpha, talk_of):
    talk = talk_of(alpha)

    for _ in range(5):
        talk.says("Есть 46 размер?", ident="same")

    assert len(talk.thread()) == 2
    assert len(Pretend.sent) == 1


def test_a_message_delivered_under_two_delivery_ids_is_applied_once(alpha, talk_of):
    talk = talk_of(alpha)
    from bots.channels.base import Envelope
    from bots.services.accept import accept

    with alpha.inside():
        payload = {"id": "one", "chat": "buyer", "text": "Есть 46 размер?"}
        accept(talk.channel.pk, [Envelope("first", "buyer", payload)], ring=False)
        accept(talk.channel.pk, [Envelope("second", "buyer", payload)], ring=False)
    talk.work()

    assert [m[0] for m in talk.thread()] == ["buyer", "bot"]


def test_a_burst_gets_one_answer_to_all_of_it(alpha, talk_of):
    talk = talk_of(alpha)

    for text in ("Здравствуйте", "хочу куртку", "синюю", "Есть 46 размер?"):
        talk.says(text, work=False)
    talk.work()

    thread = talk.thread()
    assert [m[0] for m in thread] == ["buyer"] * 4 + ["bot"]
    assert thread[-1][2] == "re: Здравствуйте\nхочу куртку\nсинюю\nЕсть 46 размер?"


def test_a_message_during_an_answer_drops_it_and_is_answered_too(alpha, talk_of, answers):
    talk = talk_of(alpha)

    def slow(turn):
        talk.says("и в синем цвете?", work=False)
        lane = Due.objects.get(schema=alpha.schema, kind="inbox").object_id
        from bots.engine.inbox import apply_lane

        apply_lane(lane)
        return "out of date"

    answers.append(slow)
    talk.says("Есть 46 размер?")

    thread = talk.thread()
    assert [m[0] for m in thread] == ["buyer", "buyer", "bot"]
    assert thread[-1][2] == "re: Есть 46 размер?\nи в синем цвете?"
    assert len(Pretend.sent) == 1


def test_two_merchants_do_not_see_each_other(alpha, beta, talk_of):
    first, second = talk_of(alpha), talk_of(beta)

    first.says("alpha asks?", ident="1")
    second.says("beta asks?", ident="1")

    assert [m[2] for m in first.thread()] == ["alpha asks?", "re: alpha asks?"]
    assert [m[2] for m in second.thread()] == ["beta asks?", "re: beta asks?"]


def test_a_takeover_while_the_bot_thinks_leaves_one_voice(alpha, talk_of, answers):
    talk = talk_of(alpha)

    def slow(turn):
        with alpha.inside():
            conversation_take_over(conversation_id=talk.conversation().pk, agent=alpha.agent)
        return "too late"

    answers.append(slow)
    talk.says("Где мой заказ?")

    assert [m[0] for m in talk.thread()] == ["buyer"]
    assert Pretend.sent == []
    conversation = talk.conversation()
    assert (conversation.speaker, conversation.agent_id) == ("agent", alpha.agent.pk)
    assert conversation.deadline_at is not None


def test_a_takeover_between_writing_and_sending_drops_the_reply(alpha, talk_of, monkeypatch):
    talk = talk_of(alpha)
    from bots.services import delivery

    claimed = delivery._deliver_one

    def take_first(message, **more):
        conversation_take_over(conversation_id=message.conversation_id, agent=alpha.agent)
        return claimed(message, **more)

    monkeypatch.setattr(delivery, "_deliver_one", take_first)
    talk.says("Где мой заказ?")

    assert talk.thread()[-1] == ("bot", "dropped", "re: Где мой заказ?")
    assert Pretend.sent == []


def test_second_agent_is_told_who_answers(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Позовите человека?")
    conversation = talk.conversation()
    with alpha.inside():
        conversation_take_over(conversation_id=conversation.pk, agent=alpha.agent)

        with pytest.raises(AlreadyTaken) as caught:
            conversation_take_over(conversation_id=conversation.pk, agent=alpha.supervisor)

    assert caught.value.agent_id == alpha.agent.pk
    assert talk.conversation().agent_id == alpha.agent.pk


def test_an_agents_reply_silences_the_bot_and_is_sent_once(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()

    with alpha.inside():
        for _ in range(2):
            reply_send(
                conversation_id=conversation.pk,
                agent=alpha.agent,
                text="Да, есть.",
                client_key="k1",
            )
    talk.work()
    talk.says("Спасибо, а 48?")

    assert Pretend.sent == [("buyer", "re: Есть 46 размер?"), ("buyer", "Да, есть.")]
    assert talk.conversation().speaker == "agent"
    assert talk.conversation().waiting_since is not None


def test_a_reply_to_an_old_state_is_stopped_once(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()
    talk.says("И ещё вопрос про 48?")

    with alpha.inside(), pytest.raises(NewerMessages):
        reply_send(
            conversation_id=conversation.pk,
            agent=alpha.agent,
            text="Да",
            client_key="a",
            base_seq=2,
        )

    assert [m[0] for m in talk.thread()] == ["buyer", "bot", "buyer", "bot"]


def test_returning_to_the_bot_lets_it_answer_what_waits(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()
    with alpha.inside():
        conversation_take_over(conversation_id=conversation.pk, agent=alpha.agent)
    talk.says("А 48 есть?")
    with alpha.inside():
        conversation_return_to_bot(
            conversation_id=conversation.pk, agent=alpha.agent, instruction="Спроси рост"
        )
    talk.work()

    assert talk.thread()[-1] == ("bot", "sent", "re: А 48 есть?")
    with alpha.inside():
        assert Message.objects.get(meta__code="instruction").text == "Спроси рост"


def test_a_chat_that_was_put_off_is_answered_when_the_bot_has_it_back(alpha, beta, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()
    with alpha.inside():
        conversation_take_over(conversation_id=conversation.pk, agent=alpha.agent)
    talk.says("А 48 есть?")
    with alpha.inside():
        acts.snooze(conversation.pk, timezone.now() + timedelta(days=1), by=alpha.agent)
        conversation_return_to_bot(conversation_id=conversation.pk, agent=alpha.agent)
    talk.work()

    assert talk.thread()[-1] == ("bot", "sent", "re: А 48 есть?")
    back = talk.conversation()
    assert (back.status, back.snoozed_until, back.waiting_since) == ("open", None, None)
    assert due_kinds(alpha) == []


def test_what_is_said_by_itself_meanwhile_answers_nothing(alpha, beta, talk_of):
    """The agent was silent until the buyer was told to wait: the bot answers the question yet."""
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()
    with alpha.inside():
        conversation_take_over(conversation_id=conversation.pk, agent=alpha.agent)
    talk.says("А 48 есть?")
    deadline_over(alpha)
    talk.work()
    assert talk.thread()[-1][0] == "automation"
    talk.says("И 50?")

    with alpha.inside():
        conversation_return_to_bot(conversation_id=conversation.pk, agent=alpha.agent)
    talk.work()

    assert talk.thread()[-1] == ("bot", "sent", "re: А 48 есть?\nИ 50?")
    assert talk.conversation().waiting_since is None


def test_a_chat_that_comes_back_unanswered_is_not_silent(alpha, beta, talk_of, answers):
    talk = talk_of(alpha)
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.FAILURE, provider="test"))
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()
    assert (conversation.speaker, conversation.waiting_since is None) == ("queue", False)

    for _ in range(2):  # twice says no more than once
        with alpha.inside():
            conversation_return_to_bot(conversation_id=conversation.pk, agent=alpha.agent)
        talk.work()

    assert [text for _, text in Pretend.sent][1:] == [
        "С вами снова ассистент. Если вопрос остался, напишите его, и я отвечу."
    ]
    back = talk.conversation()
    assert (back.speaker, back.waiting_since, back.deadline_at) == ("bot", None, None)
    assert due_kinds(alpha) == []
    talk.says("Так есть 46 размер?")
    assert talk.thread()[-1] == ("bot", "sent", "re: Так есть 46 размер?")


def test_handover_tells_buyer_agent_and_clock(alpha, talk_of, answers):
    talk = talk_of(alpha)
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))

    talk.says("Позовите человека, пожалуйста")

    conversation = talk.conversation()
    assert (conversation.speaker, conversation.handover_reason) == ("queue", "asked")
    assert conversation.deadline_at > timezone.now()
    assert talk.thread()[-1][:2] == ("bot", "sent")
    assert talk.thread()[-1][2].startswith("Зову коллегу.")
    with alpha.inside():
        note = Message.objects.get(kind="note")
    assert "Позовите человека" in note.text
    assert len(note.text.splitlines()) == 5
    assert due_kinds(alpha) == ["deadline", "sla"]
    names = list(OutboxEvent.objects.filter(schema=alpha.schema).values_list("name", flat=True))
    assert names.count("conversation.handed_over") == 1


def test_a_deadline_missed_by_the_bot_ends_in_a_handover(alpha, talk_of, answers):
    talk = talk_of(alpha)
    answers.extend([lambda turn: None] * 5)
    talk.says("Где мой заказ?")
    Due.objects.filter(schema=alpha.schema, kind="turn").delete()
    deadline_over(alpha)
    talk.work()

    assert talk.conversation().handover_reason == "deadline"
    assert len(Pretend.sent) == 1


def test_a_silent_queue_tells_the_buyer_once_and_keeps_a_deadline(alpha, talk_of, answers):
    talk = talk_of(alpha)
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))
    talk.says("Человека?")
    for _ in range(3):
        deadline_over(alpha)
        talk.work()

    assert [text for _, text in Pretend.sent][1:] == [
        "Мы помним о вашем вопросе: коллега ответит здесь."
    ]
    assert talk.conversation().deadline_at > timezone.now()


def test_resolving_ends_waiting_and_thanks_reopen_nothing(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    conversation = talk.conversation()
    with alpha.inside():
        conversation_resolve(conversation_id=conversation.pk, by=alpha.agent)
        conversation_resolve(conversation_id=conversation.pk, by=alpha.agent)

    talk.says("Спасибо большое!")

    conversation = talk.conversation()
    assert (conversation.status, conversation.speaker) == ("resolved", "nobody")
    assert conversation.waiting_since is None
    assert len(Pretend.sent) == 1

    talk.says("А доставка сколько стоит?")

    conversation = talk.conversation()
    assert (conversation.status, conversation.speaker) == ("open", "bot")
    assert len(Pretend.sent) == 2


@pytest.mark.parametrize("said", ["?", "ок??"])
def test_who_only_asks_whether_anybody_is_there_is_answered(alpha, talk_of, said):
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    with alpha.inside():
        conversation_resolve(conversation_id=talk.conversation().pk, by=alpha.agent)

    talk.says(said)

    assert talk.conversation().status == "open"
    assert len(Pretend.sent) == 2


def test_a_busy_platform_is_tried_again_and_order_is_kept(alpha, talk_of):
    talk = talk_of(alpha)
    Pretend.trouble.append(RetryLater("slow down", retry_after_s=60))
    talk.says("Первый вопрос?")
    talk.says("Второй вопрос?")
    assert Pretend.sent == []

    Due.objects.filter(schema=alpha.schema, kind="deliver").update(due_at=timezone.now())
    talk.work()

    assert [text for _, text in Pretend.sent] == ["re: Первый вопрос?", "re: Второй вопрос?"]


def test_an_unknown_outcome_is_repeated_once_and_counted(alpha, talk_of):
    talk = talk_of(alpha)
    Pretend.trouble += [OutcomeUnknown("no answer"), OutcomeUnknown("no answer")]
    talk.says("Вопрос про доставку?")
    for _ in range(3):
        Due.objects.filter(schema=alpha.schema).update(due_at=timezone.now())
        talk.work()

    assert Pretend.sent == []
    assert talk.thread()[-1][1] == "failed"
    with alpha.inside():
        assert Delivery.objects.get().attempts == 2
    names = OutboxEvent.objects.filter(schema=alpha.schema).values_list("name", flat=True)
    assert list(names).count("delivery.resent") == 1


def test_a_refused_message_fails_with_the_platforms_reason(alpha, talk_of):
    talk = talk_of(alpha)
    Pretend.trouble.append(Rejected("message is too long"))

    talk.says("Вопрос про доставку?")

    with alpha.inside():
        message = Message.objects.get(author="bot")
    assert (message.state, message.failure) == ("failed", "message is too long")


def test_what_was_put_off_wakes_when_its_answer_fails(alpha, talk_of):
    """Found by the speaker machine: asleep, with the bot, and a buyer who waits."""
    talk = talk_of(alpha)
    Pretend.trouble += [RetryLater("busy", retry_after_s=60), Rejected("message is too long")]
    talk.says("Вопрос про доставку?")
    with alpha.inside():
        acts.snooze(talk.conversation().pk, timezone.now() + timedelta(days=1))
        assert talk.conversation().status == "snoozed"
        Due.objects.filter(schema=alpha.schema, kind="deliver").update(due_at=timezone.now())
    talk.work()

    found = talk.conversation()
    assert (found.status, found.snoozed_until, found.speaker) == ("open", None, "bot")
    assert found.waiting_since is not None and found.deadline_at is not None
    assert not Due.objects.filter(schema=alpha.schema, kind="snooze").exists()


def test_a_reply_the_channel_cannot_put_in_calls_holds_nobody_up(alpha, talk_of, monkeypatch):
    talk = talk_of(alpha)
    render = Pretend.render

    def broken(self, reply):
        if "картин" in reply.text:
            raise KeyError("size")
        return render(self, reply)

    monkeypatch.setattr(Pretend, "render", broken)
    talk.says("Пришлите картинку?")

    with alpha.inside():
        message = Message.objects.get(author="bot")
    assert (message.state, message.failure) == (
        "failed", "cannot be shown in this channel (KeyError)",
    )  # fmt: skip
    assert talk.conversation().waiting_since is not None  # and so has a deadline
    talk.says("А доставка есть?")
    assert Pretend.sent[-1][1].endswith("А доставка есть?")


def test_a_revoked_token_breaks_the_channel_once_and_keeps_the_reply(alpha, talk_of):
    talk = talk_of(alpha)
    Pretend.trouble += [NeedsMerchant("the token was revoked")]
    talk.says("Вопрос про доставку?")
    from bots.models import Channel

    with alpha.inside():
        channel = Channel.objects.get(pk=talk.channel.pk)
        assert (channel.state, channel.state_detail) == (
            "broken",
            "токен бота отозван: возьмите новый у @BotFather и вставьте его в настройках канала",
        )
        Channel.objects.filter(pk=channel.pk).update(state="live")
    Due.objects.filter(schema=alpha.schema, kind="deliver").update(due_at=timezone.now())
    talk.work()

    assert talk.thread()[-1] == ("bot", "sent", "re: Вопрос про доставку?")


def test_notes_are_kept_inside(alpha, talk_of):
    talk = talk_of(alpha)
    talk.says("Вопрос про доставку?")
    with alpha.inside():
        note_add(conversation_id=talk.conversation().pk, agent=alpha.agent, text="Важный клиент")
    talk.work()

    assert len(Pretend.sent) == 1
    assert talk.conversation().speaker == "bot"


def test_a_payload_that_does_not_fit_is_set_aside_and_the_lane_goes_on(alpha, talk_of):
    talk = talk_of(alpha)
    from bots.channels.base import Envelope
    from bots.models import Inbox
    from bots.services.accept import accept

    with alpha.inside():
        accept(talk.channel.pk, [Envelope("bad", "buyer", {"nonsense": True})], ring=False)
    talk.says("Вопрос про доставку?", work=False)
    for _ in range(6):
        Due.objects.filter(schema=alpha.schema).update(due_at=timezone.now())
        talk.work()

    assert [m[0] for m in talk.thread()] == ["buyer", "bot"]
    with alpha.inside():
        bad = Inbox.objects.get(dedupe_key="bad")
    assert bad.applied_at is not None
    assert "KeyError" in bad.error
