"""How the bot behaves in one channel: whom it answers, how it greets, when nothing is begun."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bots.models import Channel, Message, OpeningHours
from bots.selectors.conduct import KEY, Conduct, conduct_kept
from bots.services import messages
from tenants.kernel import due
from tenants.models import Due
from tests.engine.conftest import answers, talk_of
from tests.engine.pretend import Pretend

__all__ = ["answers", "talk_of"]

pytestmark = pytest.mark.django_db
MOSCOW = ZoneInfo("Europe/Moscow")


def behaves(talk, **conduct: str) -> None:
    with talk.shop.inside():
        channel = Channel.objects.get(pk=talk.channel.pk)
        channel.settings = {**channel.settings, KEY: conduct}
        channel.save()


def notes(talk) -> list[tuple[str, str]]:
    with talk.shop.inside():
        found = Message.objects.filter(kind="note").order_by("seq")
        return [(note.meta.get("code", ""), note.text) for note in found]


def test_off_hours_only_the_bot_answers_while_the_shop_is_closed(alpha, talk_of):
    talk = talk_of(alpha)
    behaves(talk, answers="off_hours")
    with alpha.inside():
        OpeningHours.objects.all().delete()
        for day in range(7):
            OpeningHours.objects.create(weekday=day, opens=time(0), closes=time(23, 59))
    talk.says("Есть доставка?", chat="day")
    assert talk.conversation("day").speaker == "queue"

    closed = (timezone.localtime(timezone.now(), MOSCOW) + timedelta(days=2)).weekday()
    with alpha.inside():
        OpeningHours.objects.all().delete()
        OpeningHours.objects.create(weekday=closed, opens=time(10), closes=time(11))
    talk.says("Есть доставка?", chat="night")
    assert talk.conversation("night").speaker == "bot"
    assert talk.thread("night")[-1][2] == "re: Есть доставка?"


def test_where_it_writes_drafts_people_get_its_answer_and_buyers_do_not(
    alpha, talk_of, monkeypatch
):
    from bots.engine.base import Answer, Decision

    monkeypatch.setattr(
        "bots.services.assist.answer_turn",
        lambda turn, **more: Answer(
            f"draft: {turn.question}", turn.lang, Decision.ANSWER, provider="test"
        ),
    )
    talk = talk_of(alpha)
    behaves(talk, answers="drafts")
    talk.says("Есть доставка?")

    assert talk.conversation().speaker == "queue"
    assert Pretend.sent == []
    assert notes(talk) == [("proposal", "draft: Есть доставка?")]
    talk.says("А самовывоз?")
    assert notes(talk)[-1] == ("proposal", "draft: Есть доставка?\nА самовывоз?")
    talk.says("А самовывоз?", ident="m2")  # the platform repeats itself
    assert len(notes(talk)) == 2


def test_a_channels_greeting_stands_before_the_first_answer_only(alpha, talk_of):
    talk = talk_of(alpha)
    behaves(talk, greeting_ru="Здравствуйте, это «Альфа»!")
    talk.says("Есть доставка?")
    talk.says("А самовывоз?")

    assert [text for author, _, text in talk.thread() if author == "bot"] == [
        "Здравствуйте, это «Альфа»!\n\nre: Есть доставка?",
        "re: А самовывоз?",
    ]


def test_at_night_the_shop_begins_nothing_and_answers_everybody(alpha, talk_of):
    talk = talk_of(alpha)
    now = timezone.localtime(timezone.now(), MOSCOW)
    night = {
        "quiet_from": (now - timedelta(hours=1)).strftime("%H:%M"),
        "quiet_to": (now + timedelta(hours=1)).strftime("%H:%M"),
    }
    behaves(talk, **night)
    talk.says("Есть доставка?")
    assert talk.thread()[-1][:2] == ("bot", "sent")

    talk_pk = talk.conversation().pk
    with alpha.inside():
        Message.objects.filter(author="buyer").update(sent_at=timezone.now() - timedelta(hours=2))
        messages.write(
            conversation=talk_pk, author=Message.Author.AUTOMATION, text="Как вам у нас?"
        )
        due.schedule("deliver", talk_pk)
    talk.work()
    assert talk.thread()[-1] == ("automation", "queued", "Как вам у нас?")
    until = Due.objects.get(schema=alpha.schema, kind="held").due_at
    assert timedelta(minutes=58) < until - timezone.now() < timedelta(minutes=61)

    talk.says("И ещё вопрос?")  # awake: what waits goes, too
    assert [state for author, state, _ in talk.thread() if author != "buyer"] == ["sent"] * 3


@pytest.mark.parametrize(
    ("begins", "ends", "at", "until"),
    [
        ("22:00", "08:00", "23:30", "08:00+1"), ("22:00", "08:00", "07:59", "08:00"),
        ("22:00", "08:00", "08:00", None), ("22:00", "08:00", "21:59", None),
        ("13:00", "14:00", "13:30", "14:00"), ("13:00", "14:00", "14:00", None),
    ],
)  # fmt: skip
def test_quiet_hours_end_by_the_shops_clock(begins, ends, at, until):
    clock = time.fromisoformat
    conduct = Conduct("everyone", {}, (clock(begins), clock(ends)))
    now = datetime.combine(datetime(2026, 11, 23).date(), clock(at), MOSCOW).astimezone(UTC)

    found = conduct.quiet_until(now, MOSCOW)

    if until is None:
        assert found is None
    else:
        day = 24 if until.endswith("+1") else 23
        assert found == datetime.combine(
            datetime(2026, 11, day).date(), clock(until.removesuffix("+1")), MOSCOW
        )


def test_what_is_the_default_is_not_kept():
    assert conduct_kept({"answers": "everyone", "greeting_ru": "", "quiet_from": None}) == {}
    assert conduct_kept({"answers": "drafts", "quiet_from": time(22)}) == {
        "answers": "drafts", "quiet_from": "22:00",
    }  # fmt: skip


def test_a_partner_switches_a_kind_off_for_its_merchants_alone(alpha, beta, talk_of, answers):
    from bots.services import channels
    from tenants.kernel.outbox import relay
    from tenants.services.partners import partner_channels_off

    talk, other = talk_of(alpha), talk_of(beta)
    partner = alpha.merchant.partner
    assert partner != beta.merchant.partner
    partner_channels_off(partner, ["pretend", "telegram"])
    relay()

    with alpha.inside():
        channel = Channel.objects.get(pk=talk.channel.pk)
        assert channel.state == Channel.State.PAUSED
        assert channel.state_detail == "Каналы этого вида выключены для ваших магазинов."
        assert "telegram" not in channels.offered()
        with pytest.raises(channels.SwitchedOff):
            channels.channel_pause(channel, paused=False)
        with pytest.raises(channels.SwitchedOff):
            channels.channel_create(kind="telegram", name="T", bot=alpha.bot)
    with beta.inside():
        assert Channel.objects.get(pk=other.channel.pk).state == Channel.State.LIVE
        assert "telegram" in channels.offered()

    partner_channels_off(partner, [])
    with alpha.inside():
        channels.channel_pause(Channel.objects.get(pk=talk.channel.pk), paused=False)
        assert "telegram" in channels.offered()


def test_the_same_account_comes_back_to_its_conversations(alpha, talk_of, monkeypatch):
    from bots.channels.base import Check
    from bots.services import channels

    talk = talk_of(alpha)
    account = Check(ok=True, account={"name": "Pretend", "username": "shop_bot"})
    monkeypatch.setattr(Pretend, "connect", lambda self: account)
    with alpha.inside():
        channels.channel_connect(Channel.objects.get(pk=talk.channel.pk))
    talk.says("Есть доставка?")
    with alpha.inside():
        channels.channel_delete(Channel.objects.get(pk=talk.channel.pk))
        new = channels.channel_create(
            kind="pretend", name="Again", bot=alpha.bot, secrets={"token": "new"}
        )
        channels.channel_connect(new)
        back = channels.channel_rejoined(new)
        assert back.pk == talk.channel.pk
        back.refresh_from_db()
        assert (back.name, back.state, back.secrets["token"]) == ("Again", "live", "new")
        assert back.route_key == new.route_key and "removed" not in back.settings
        assert Channel.objects.filter(kind="pretend").count() == 1
    talk.says("А самовывоз?")
    assert [text for _, _, text in talk.thread()][-1] == "re: А самовывоз?"


def test_an_access_that_ends_is_told_a_week_and_a_day_before(alpha, talk_of):
    from bots.services import channels
    from tenants.models import OutboxEvent

    talk = talk_of(alpha)
    ends = timezone.now() + timedelta(days=30)
    with alpha.inside():
        channel = Channel.objects.get(pk=talk.channel.pk)
        channel.account = {**channel.account, "expires_at": ends.isoformat()}
        channel.save()
        channels.channel_connect(channel)
    first = Due.objects.get(schema=alpha.schema, kind="expiry")
    assert abs(first.due_at - (ends - timedelta(days=7))) < timedelta(minutes=1)

    def told() -> int:
        return OutboxEvent.objects.filter(schema=alpha.schema, name="channel.expires").count()

    with alpha.inside():
        assert told() == 0
        channel.account["expires_at"] = (timezone.now() + timedelta(days=5)).isoformat()
        channel.save()
        again = channels.warn_of_expiry(channel.pk)
        assert told() == 1
        assert again is not None and timedelta(days=3) < again - timezone.now() < timedelta(days=4)
        channel.account["expires_at"] = (timezone.now() + timedelta(hours=20)).isoformat()
        channel.save()
        assert channels.warn_of_expiry(channel.pk) is None
        assert told() == 2
