"""From a draft to each buyer's message: who gets it, once, and who is left in peace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bots.models import BroadcastItem, Channel, Consent, Contact, Conversation, Episode, Message
from bots.services import broadcast_run, broadcasts
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db


def test_advertising_goes_to_whoever_agreed_with_the_marks_of_the_law(mine, other):
    mine.buyer("anna", consent=True)
    mine.buyer("boris", consent=False)
    mine.buyer("vera")
    other.buyer("anna", consent=True)
    Pretend.sent.clear()

    row = mine.broadcast()
    mine.start(row)

    assert mine.results(row) == {
        "anna": ("sent", ""),
        "boris": ("skipped", "no_consent"),
        "vera": ("skipped", "no_consent"),
    }
    text = (
        "Реклама\n\nСкидка 20 % до воскресенья\n\nООО «Ромашка», ИНН 7707083893. erid: 2VtzqvXq1Rw"
    )
    assert Pretend.sent == [("anna", text)]
    assert mine.state(row) == "done"
    with mine.shop.inside():
        sent = Message.objects.get(meta__broadcast=row.pk)
        assert sent.meta["buttons"] == [{"title": "Отписаться", "payload": f"unsubscribe:{row.pk}"}]
        talk = sent.conversation
        assert (talk.status, talk.speaker, talk.waiting_since) == ("resolved", "nobody", None)


def test_what_does_not_fit_is_told_by_field_before_it_goes_out(mine):
    mine.buyer("anna", consent=True)
    with mine.shop.inside():
        row = mine.broadcast(ad={}, texts={"ru": "Здравствуйте, {{order.number}} {{agent.name}}"})
        service = mine.broadcast(kind="service", texts={"ru": "Скидка"})

        with pytest.raises(broadcasts.NotReady) as first:
            broadcasts.broadcast_start(row.pk, by=mine.shop.owner)
        with pytest.raises(broadcasts.NotReady) as second:
            broadcasts.broadcast_start(service.pk, by=mine.shop.owner)

        assert set(first.value.data["faults"]) == {"texts", "advertiser", "inn", "erid"}
        assert set(second.value.data["faults"]) == {"texts", "audience"}
        assert not BroadcastItem.objects.exists()


def test_a_service_message_tells_of_the_buyers_own_order(mine, other):
    mine.buyer("anna", order="10241")
    mine.buyer("boris")
    other.buyer("anna", order="777")
    Pretend.sent.clear()

    row = mine.broadcast(
        kind="service",
        audience={"who": "orders", "statuses": ["ready"]},
        texts={"ru": "Заказ {{order.number}} {{order.status}}"},
    )
    mine.start(row)

    assert Pretend.sent == [("anna", "Заказ 10241 ждёт в пункте выдачи")]
    assert mine.results(row) == {"anna": ("sent", "")}


def test_advertising_is_kept_out_of_forbidden_channels_by_the_operators_table(mine):
    from tenants.models import AdPolicy

    mine.buyer("anna", consent=True)
    row = mine.broadcast()
    ban = AdPolicy.objects.create(
        region="RU", channel="pretend", forbidden_from="2026-01-01", why="Access is restricted."
    )

    with mine.shop.inside(), pytest.raises(broadcasts.NotReady) as refused:
        broadcasts.broadcast_start(row.pk, by=mine.shop.owner)
    AdPolicy.objects.filter(pk=ban.pk).update(forbidden_until="2026-02-01")
    mine.start(row)

    assert set(refused.value.data["faults"]) == {"channels"}
    assert mine.results(row) == {"anna": ("sent", "")}


def test_the_platform_begins_with_bans_where_access_is_restricted():
    from tenants.models import AdPolicy

    seeded = dict(AdPolicy.objects.values_list("channel", "forbidden_from"))
    assert {"instagram", "facebook", "whatsapp", "telegram"} <= set(seeded)
    assert str(seeded["instagram"]) == "2025-09-01"


def test_many_are_confirmed_by_the_name(mine, monkeypatch):
    monkeypatch.setattr(broadcasts, "LARGE", 1)
    mine.buyer("anna", consent=True)
    row = mine.broadcast()

    with mine.shop.inside(), pytest.raises(broadcasts.NotConfirmed):
        broadcasts.broadcast_start(row.pk, by=mine.shop.owner, confirm="осень")
    assert mine.state(row) == "draft"
    mine.start(row, confirm="Осень")

    assert mine.state(row) == "done"


def test_a_person_with_two_contacts_gets_it_once(mine):
    anna, second = mine.buyer("anna", consent=True), mine.buyer("anna-too")
    with mine.shop.inside():
        Contact.objects.filter(pk=second.pk).update(person=anna.person_id)
    row = mine.broadcast()

    mine.start(row)

    assert sorted(mine.results(row).values()) == [("sent", ""), ("skipped", "twice")]


def test_blocked_and_gone_buyers_are_skipped_with_their_reason(mine):
    for chat, change in (("one", {"is_blocked": True}), ("two", {"is_reachable": False})):
        contact = mine.buyer(chat, consent=True)
        with mine.shop.inside():
            Contact.objects.filter(pk=contact.pk).update(**change)
    mine.buyer("three", consent=True)
    row = mine.broadcast()

    mine.start(row)

    assert mine.results(row) == {
        "one": ("skipped", "blocked"),
        "two": ("skipped", "unreachable"),
        "three": ("sent", ""),
    }


def test_a_talk_with_a_person_is_not_interrupted_and_given_up_after_a_day(mine):
    contact = mine.buyer("anna", consent=True)
    with mine.shop.inside():
        Conversation.objects.filter(contact=contact).update(
            status="open", speaker="agent", agent=mine.shop.agent, updated_at=timezone.now()
        )
    row = mine.broadcast()

    mine.start(row)
    assert mine.results(row) == {"anna": ("waiting", "busy")}
    with mine.shop.inside():
        BroadcastItem.objects.update(at=timezone.now() - timedelta(hours=25), later_at=None)
    mine.go(row)

    assert mine.results(row) == {"anna": ("skipped", "busy")}
    assert mine.state(row) == "done"


def test_stop_takes_back_what_has_not_left(mine):
    for chat in ("anna", "boris"):
        mine.buyer(chat, consent=True)
    row = mine.broadcast()
    with mine.shop.inside():
        broadcasts.broadcast_start(row.pk, by=mine.shop.owner)
        broadcast_run.send(row.pk)
        Pretend.sent.clear()

        broadcasts.broadcast_stop(row.pk, by=mine.shop.owner)
    mine.go(row)

    assert Pretend.sent == []
    assert set(mine.results(row).values()) == {("skipped", "stopped")}
    assert mine.state(row) == "stopped"


def test_pause_and_resume_go_on_with_the_rest(mine):
    for chat in ("anna", "boris"):
        mine.buyer(chat, consent=True)
    row = mine.broadcast()
    with mine.shop.inside():
        broadcasts.broadcast_start(row.pk, by=mine.shop.owner)
        broadcasts.broadcast_pause(row.pk, by=mine.shop.owner)
    mine.go(row)
    assert mine.results(row) == {}

    with mine.shop.inside():
        broadcasts.broadcast_resume(row.pk, by=mine.shop.owner)
    mine.go(row)

    assert set(mine.results(row).values()) == {("sent", "")}


def test_a_worker_that_dies_anywhere_sends_each_buyer_one_message(mine, monkeypatch):
    chats = [f"buyer-{n}" for n in range(6)]
    for chat in chats:
        mine.buyer(chat, consent=True)
    row = mine.broadcast()
    Pretend.sent.clear()
    write = broadcast_run.message_write
    count = iter(range(100))

    def dies(*args, **kwargs):
        found = write(*args, **kwargs)
        if next(count) in (1, 3):
            raise SystemError("killed before the end of the transaction")
        return found

    monkeypatch.setattr(broadcast_run, "message_write", dies)
    with mine.shop.inside():
        broadcasts.broadcast_start(row.pk, by=mine.shop.owner)
        for _ in range(3):
            try:
                broadcast_run.send(row.pk)
            except SystemError:
                continue
    mine.go(row)

    assert sorted(chat for chat, _text in Pretend.sent) == chats
    assert set(mine.results(row).values()) == {("sent", "")}


def test_a_message_that_fails_makes_nobody_wait(mine):
    from tenants.kernel.errors import Rejected

    mine.buyer("anna", consent=True)
    row = mine.broadcast()
    Pretend.trouble.append(Rejected("no such chat", vendor="pretend", operation="send"))

    mine.start(row)

    assert mine.results(row) == {"anna": ("failed", "")}
    assert mine.talk.conversation("anna").waiting_since is None


def test_an_answer_opens_a_talk_that_knows_what_was_sent(mine, answers):
    heard = []
    mine.buyer("anna", consent=True)
    row = mine.broadcast()
    mine.start(row)

    answers.append(lambda turn: heard.extend(turn.said) or "На всё, кроме обуви")
    mine.talk.says("А на что скидка?", chat="anna")

    assert [(one.role, one.text.splitlines()[-1]) for one in heard] == [
        ("bot", "ООО «Ромашка», ИНН 7707083893. erid: 2VtzqvXq1Rw"),
        ("buyer", "А на что скидка?"),
    ]
    with mine.shop.inside():
        assert Episode.objects.filter(conversation__contact__external_id="anna").count() == 2


def test_a_paused_channel_waits_and_is_told(mine):
    mine.buyer("anna", consent=True)
    row = mine.broadcast()
    with mine.shop.inside():
        Channel.objects.filter(pk=mine.talk.channel.pk).update(state="paused")

    mine.start(row)
    assert (mine.state(row), row.detail) == ("sending", "channel")
    with mine.shop.inside():
        Channel.objects.filter(pk=mine.talk.channel.pk).update(state="live")
    mine.go(row)

    assert mine.results(row) == {"anna": ("sent", "")}


def test_consent_withdrawn_meanwhile_counts(mine):
    contact = mine.buyer("anna", consent=True)
    row = mine.broadcast(scheduled_at=timezone.now() + timedelta(hours=1))
    with mine.shop.inside():
        broadcasts.broadcast_start(row.pk, by=mine.shop.owner)
        assert broadcast_run._prepare(row)
        Consent.objects.create(
            contact=contact, kind="marketing", is_given=False, text_version="t", text="t"
        )
    mine.go(row)

    assert mine.results(row) == {"anna": ("skipped", "no_consent")}
