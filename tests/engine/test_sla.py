"""Answer times: which policy holds, clocks in working time, warned and broken once."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bots.engine.base import Answer, Decision, Reason
from bots.engine.handover import hand_over
from bots.models import Calendar, Conversation, Label, OpeningHours, RuleFiring, SlaPolicy
from bots.services import actions, acts
from bots.services.conversations import (
    conversation_resolve,
    conversation_return_to_bot,
    conversation_take_over,
    reply_send,
)
from tenants.kernel import outbox
from tenants.models import Due
from tenants.workspace.models import Event
from tests.engine.clock import Clock

pytestmark = pytest.mark.django_db
MOSCOW = ZoneInfo("Europe/Moscow")
FRIDAY = datetime(2027, 11, 19, 13, 30, tzinfo=MOSCOW)
HUMAN = Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test")


@pytest.fixture
def clock(alpha, monkeypatch) -> Clock:
    found = Clock(alpha, FRIDAY)
    monkeypatch.setattr(timezone, "now", found.now)
    return found


@pytest.fixture
def lunch(alpha, beta) -> int:
    """10–14 and 15–19 on weekdays, for alpha's default team."""
    from bots.services.queues import default_team

    with alpha.inside():
        calendar = Calendar.objects.create(name="With lunch")
        for day in range(5):
            for opens, closes in ((10, 14), (15, 19)):
                OpeningHours.objects.create(
                    calendar=calendar, weekday=day, opens=time(opens), closes=time(closes)
                )
        team = default_team()
        team.calendar = calendar
        team.save()
    return calendar.pk


def policy(shop: Any, **more: Any) -> SlaPolicy:
    with shop.inside():
        return SlaPolicy.objects.create(
            **{"name": "All", "first_reply_s": 7200, "next_reply_s": 3600, **more}
        )


def events(shop: Any, *names: str) -> list[tuple[str, str]]:
    outbox.relay()
    with shop.inside():
        found = Event.objects.filter(name__in=names).order_by("seq")
        return [(one.name, one.data.get("kind", "")) for one in found]


def due_of(talk: Any) -> tuple[str, datetime | None]:
    found = talk.conversation()
    return found.sla_kind, found.sla_due_at


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


def test_promises_are_stored_in_working_time_and_end_with_the_reply(
    alpha, beta, talk_of, answers, clock, lunch
):
    policy(alpha)
    policy(beta, first_reply_s=60)
    talk = talk_of(alpha)
    answers.append(HUMAN)

    talk.says("Позовите человека?")

    assert due_of(talk) == ("first_reply", local("2027-11-19 16:30"))
    assert talk.conversation().deadline_at == local("2027-11-19 16:30")

    with alpha.inside():
        reply_send(
            conversation_id=talk.conversation().pk, agent=alpha.agent, text="Да", client_key="1"
        )
    assert due_of(talk) == ("", None)
    clock.to(local("2027-11-19 18:30"))
    talk.says("А ещё?")

    assert due_of(talk) == ("next_reply", local("2027-11-22 10:30"))
    assert talk.conversation().deadline_at == local("2027-11-19 18:45")  # an agent may be so silent
    with alpha.inside():
        reply_send(
            conversation_id=talk.conversation().pk, agent=alpha.agent, text="Да", client_key="2"
        )
    clock.to(local("2027-11-19 18:50"))
    talk.says("И ещё?")
    assert talk.conversation().deadline_at == local("2027-11-22 10:05")  # in working time, too


def test_a_buyer_is_told_the_hours_of_the_team_that_will_answer(
    alpha, beta, talk_of, answers, clock, lunch
):
    clock.at = local("2027-11-19 14:30")  # lunch; the shop itself never closes
    talk, other = talk_of(alpha), talk_of(beta)
    answers += [HUMAN, HUMAN]
    talk.says("Позовите человека?")
    other.says("Позовите человека?")

    assert "сегодня с 15:00" in talk.thread()[-1][2]
    assert "15:00" not in other.thread()[-1][2]


def test_near_and_past_the_end_are_told_once_each(alpha, beta, talk_of, answers, clock, lunch):
    with alpha.inside():
        Label.objects.create(name="late")
    policy(
        alpha,
        escalate={
            "warned": [{"act": "priority", "priority": 1}],
            "breached": [{"act": "label", "labels": ["late"]}],
        },
    )
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")

    # 70 % of two hours: 30 minutes before lunch and 54 after it.
    clock.to(local("2027-11-19 15:53"))
    assert events(alpha, "sla.warned", "sla.breached") == []
    clock.to(local("2027-11-19 15:54"))
    assert events(alpha, "sla.warned", "sla.breached") == [("sla.warned", "first_reply")]
    assert talk.conversation().priority == 1
    clock.to(local("2027-11-19 16:30"))
    clock.to(local("2027-11-23 18:00"))

    assert events(alpha, "sla.warned", "sla.breached") == [
        ("sla.warned", "first_reply"),
        ("sla.breached", "first_reply"),
    ]
    found = talk.conversation()
    assert found.labels == ["late"]
    assert (found.sla_warned_at, found.sla_breached_at) == (
        local("2027-11-19 15:54"),
        local("2027-11-19 16:30"),
    )
    with alpha.inside():
        assert [(one.outcome, one.rule_id) for one in RuleFiring.objects.order_by("pk")] == [
            ("done", None),
            ("done", None),
        ]
    assert events(beta, "sla.warned", "sla.breached") == []


def test_snooze_stops_the_clock_and_waking_goes_on_with_what_was_left(
    alpha, talk_of, answers, clock, lunch
):
    policy(alpha, resolve_s=14400)
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")
    pk = talk.conversation().pk
    clock.to(local("2027-11-19 13:45"))

    with alpha.inside():
        acts.snooze(pk, local("2027-11-22 12:00"), by=alpha.agent)
    assert due_of(talk) == ("", None)
    assert not Due.objects.filter(schema=alpha.schema, kind="sla").exists()
    clock.to(local("2027-11-22 12:00"))

    # 15 of 120 minutes were used.
    assert due_of(talk) == ("first_reply", local("2027-11-22 13:45"))
    with alpha.inside():
        reply_send(conversation_id=pk, agent=alpha.agent, text="Да", client_key="1")
    # 15 of 240 minutes of the resolution's.
    assert due_of(talk) == ("resolve", local("2027-11-22 16:45"))
    with alpha.inside():
        conversation_return_to_bot(conversation_id=pk, agent=alpha.agent)
    assert due_of(talk) == ("", None)
    with alpha.inside():
        conversation_take_over(conversation_id=pk, agent=alpha.agent)
    assert due_of(talk) == ("resolve", local("2027-11-22 16:45"))
    with alpha.inside():
        conversation_resolve(conversation_id=pk, by=alpha.agent)
    assert (due_of(talk), talk.conversation().sla) == (("", None), {})


def test_the_first_policy_that_fits_holds_and_a_label_chooses_again(
    alpha, talk_of, answers, clock, lunch
):
    urgent = [{"field": "label", "op": "has", "value": ["vip"]}]
    with alpha.inside():
        Label.objects.create(name="vip")
    policy(alpha, name="VIP", when=urgent, first_reply_s=600, position=0)
    policy(alpha, position=1)
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")
    assert due_of(talk) == ("first_reply", local("2027-11-19 16:30"))

    with alpha.inside():
        acts.label(talk.conversation().pk, add=["vip"], by=alpha.agent)
    outbox.relay()

    assert due_of(talk) == ("first_reply", local("2027-11-19 13:40"))

    tagged = [{"field": "tag", "op": "has", "value": ["wholesale"]}]
    policy(alpha, name="Wholesale", when=tagged, first_reply_s=300, position=-1)
    with alpha.inside():
        found = Conversation.objects.get(pk=talk.conversation().pk)
        actions.ACTIONS["tag"](found, {"tags": ["wholesale"]}, None)
    assert due_of(talk) == ("first_reply", local("2027-11-19 13:35"))


def test_a_waiting_buyer_has_a_deadline_without_any_policy(alpha, talk_of, answers, clock):
    talk = talk_of(alpha)
    answers.append(HUMAN)

    talk.says("Позовите человека?")

    assert due_of(talk) == ("first_reply", FRIDAY + timedelta(minutes=15))
    assert talk.conversation().deadline_at == FRIDAY + timedelta(minutes=15)


def test_the_bot_keeps_no_promises_and_costs_no_statement(alpha, talk_of, clock):
    talk = talk_of(alpha)

    talk.says("Есть 46 размер?")

    found = talk.conversation()
    assert (found.speaker, found.sla, found.sla_due_at) == ("bot", {}, None)
    assert not Due.objects.filter(schema=alpha.schema, kind="sla").exists()
    with alpha.inside():
        assert Conversation.objects.count() == 1


def test_deadlines_that_run_follow_the_hours_of_now(
    alpha, beta, talk_of, api_of, answers, clock, lunch
):
    found = policy(alpha)
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")
    assert due_of(talk) == ("first_reply", local("2027-11-19 16:30"))
    api = api_of(alpha)

    def hours(*intervals: tuple[str, str]) -> None:
        week = [{"weekday": 4, "opens": a, "closes": b} for a, b in intervals]
        body = {"name": "With lunch", "time_zone": "Europe/Moscow", "hours": week, "days": []}
        answer = api.put(f"/api/v1/calendars/{lunch}/", body, format="json")
        assert answer.status_code == 200, answer.content
        talk.work()

    hours(("10:00", "19:00"))  # no lunch
    assert due_of(talk) == ("first_reply", local("2027-11-19 15:30"))
    assert talk.conversation().deadline_at == local("2027-11-19 15:30")
    clock.to(local("2027-11-19 15:00"))
    assert events(alpha, "sla.warned", "sla.breached") == [("sla.warned", "first_reply")]

    hours(("10:00", "14:00"))  # the rest is next Friday: neither near nor over any more
    assert due_of(talk) == ("first_reply", local("2027-11-26 11:30"))
    assert talk.conversation().sla_warned_at is None

    body = {"first_reply_s": 600}  # what was promised stays promised
    assert api.patch(f"/api/v1/sla-policies/{found.pk}/", body, format="json").status_code == 200
    assert api.delete(f"/api/v1/calendars/{lunch}/").status_code == 204
    talk.work()
    kind, due = due_of(talk)
    assert kind == "first_reply" and due is not None and due < local("2027-11-19 17:01")
    clock.to(local("2027-11-19 17:01"))  # the shop itself never closes
    assert events(alpha, "sla.breached") == [("sla.breached", "first_reply")]


def test_neither_the_bot_nor_a_closing_taken_back_gives_people_more_time(
    alpha, talk_of, answers, clock, lunch
):
    policy(alpha, resolve_s=14400)
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")
    pk = talk.conversation().pk
    clock.to(local("2027-11-19 13:45"))
    with alpha.inside():
        conversation_return_to_bot(conversation_id=pk, agent=alpha.agent)
        assert due_of(talk) == ("", None)
        hand_over(conversation_id=pk, reason=Reason.ASKED)  # the same buyer waits

    assert due_of(talk) == ("first_reply", local("2027-11-19 16:30"))
    before = talk.conversation().sla
    with alpha.inside():
        found = Conversation.objects.get(pk=pk)
        how = actions.ACTIONS["resolve"](found, {}, alpha.agent)
        assert talk.conversation().sla == {}
        assert actions.undo(pk, how, alpha.agent)
    assert due_of(talk) == ("first_reply", local("2027-11-19 16:30"))
    assert talk.conversation().sla == before
