"""Queues and offers: who is asked, in which order, and what becomes of an offer."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bots.models import AgentProfile, Contact, Conversation, Episode, Team, TeamMember
from bots.services import agents, assignment, queues
from bots.services.conversations import reply_send
from tenants.kernel import due, outbox
from tenants.services.people import person_delete, person_save
from tenants.workspace.models import User

_numbers = count(1)


class Floor:
    """A merchant's people and queue."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        with shop.inside():
            TeamMember.objects.all().delete()
            self.team = queues.default_team()
        self.method("least_loaded")

    def method(self, assignment: str, **more: Any) -> None:
        for name, value in {"assignment": assignment, **more}.items():
            setattr(self.team, name, value)
        with self.shop.inside():
            self.team.save()

    def person(self, name: str, *, team: Team | None = None, here: bool = True, **profile) -> User:
        with self.shop.inside():
            user = User.objects.create(email=f"{name}@people.example", name=name, role="agent")
            TeamMember.objects.filter(user=user).delete()
            TeamMember.objects.create(team=team or self.team, user=user)
            seen = timezone.now() if here else None
            AgentProfile.objects.create(user=user, **{"capacity": 1, "seen_at": seen, **profile})
        return user

    def talk(self, **fields: Any) -> Conversation:
        """A buyer who waits in the queue."""
        number = next(_numbers)
        with self.shop.inside(), transaction.atomic():
            contact = Contact.objects.create(channel=self.shop.channel, external_id=f"q{number}")
            conversation = Conversation.objects.create(
                channel=self.shop.channel, contact=contact, lane=number, speaker="queue",
                **{"waiting_since": timezone.now(), **fields}, deadline_at=timezone.now(),
            )  # fmt: skip
            conversation.episode = Episode.objects.create(conversation=conversation)
            conversation.save()
            assignment.enqueue(conversation, conversation.team)
        return conversation

    def work(self) -> None:
        outbox.relay()
        for _ in range(20):
            waiting = [w for w in due.overdue(grace_s=-0.01) if w[0] == self.shop.schema]
            waiting = [w for w in waiting if w[1] in ("assign", "offer", "shift")]
            if not waiting:
                return
            for schema, kind, object_id in waiting:
                due.take(schema, kind, object_id)

    def offered(self) -> dict[str, list[int]]:
        """Who is asked for which conversations, in their order."""
        found: dict[str, list[int]] = {}
        with self.shop.inside():
            rows = Conversation.objects.filter(offered_to__isnull=False, speaker="queue")
            for row in rows.select_related("offered_to").order_by("pk"):
                found.setdefault(row.offered_to.name, []).append(row.pk)
        return found

    def fresh(self, conversation: Conversation) -> Conversation:
        with self.shop.inside():
            return Conversation.objects.get(pk=conversation.pk)

    def lapse(self, conversation: Conversation) -> None:
        """The time to accept is over."""
        past = timezone.now() - timedelta(seconds=1)
        with self.shop.inside():
            Conversation.objects.filter(pk=conversation.pk).update(offer_until=past)
            due.reschedule("offer", conversation.pk, due_at=past)
        self.work()

    def facts(self, name: str) -> list[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT data FROM public.tenants_outboxevent WHERE schema = %s AND name = %s "
                "ORDER BY id",
                (self.shop.schema, name),
            )
            return [json.loads(row[0]) for row in cursor.fetchall()]


@pytest.fixture
def floor(alpha, beta):
    """Alpha's; beta has a queue and free people too, which must stay as they are."""
    theirs = Floor(beta)
    waits = theirs.talk()
    theirs.person("Bea")
    with beta.inside():
        due.cancel("assign", theirs.team.pk)
    yield Floor(alpha)
    assert theirs.fresh(waits).offered_to_id is None


def test_the_longest_waiting_goes_first_and_the_urgent_before_it(floor):
    first, second, urgent = floor.talk(), floor.talk(), floor.talk(priority=2)
    ann = floor.person("Ann", capacity=2)

    with floor.shop.inside():
        queues.wake_for(ann.pk)
    floor.work()

    assert floor.offered() == {"Ann": [first.pk, urgent.pk]}
    assert floor.fresh(second).offered_to_id is None


def test_whoever_has_the_most_room_is_asked(floor):
    floor.person("Ann", capacity=2)
    floor.person("Bob", capacity=4)

    talks = [floor.talk() for _ in range(6)]
    floor.work()

    offered = floor.offered()
    assert {name: len(found) for name, found in offered.items()} == {"Ann": 2, "Bob": 4}
    assert offered["Ann"][0] == talks[0].pk
    assert offered["Bob"][0] == talks[1].pk


def test_in_turn_everybody_gets_one_after_the_other(floor):
    floor.method("round_robin")
    for name in ("Ann", "Bob", "Cid"):
        floor.person(name, capacity=9)

    talks = [floor.talk() for _ in range(6)]
    floor.work()

    assert floor.offered() == {
        "Ann": [talks[0].pk, talks[3].pk],
        "Bob": [talks[1].pk, talks[4].pk],
        "Cid": [talks[2].pk, talks[5].pk],
    }


def test_a_team_that_takes_by_hand_only_queues(floor):
    floor.method("manual")
    floor.person("Ann")

    talk = floor.talk()
    floor.work()

    assert floor.offered() == {}
    assert (floor.fresh(talk).speaker, floor.fresh(talk).queued_at is not None) == ("queue", True)


def test_nobody_gets_more_of_a_kind_of_channel_than_they_take(floor):
    floor.person("Ann", capacity=9, channel_capacity={"web": 1})
    floor.person("Bob", capacity=1)

    first, second, third = floor.talk(), floor.talk(), floor.talk()
    floor.work()

    assert floor.offered() == {"Ann": [first.pk], "Bob": [second.pk]}
    assert floor.fresh(third).offered_to_id is None


@pytest.mark.parametrize(
    "away",
    [{"presence": "busy"}, {"presence": "away"}, {"presence": "invisible"}, {"is_active": False}],
)
def test_who_is_not_online_is_not_asked(floor, away):
    ann = floor.person("Ann")
    with floor.shop.inside():
        User.objects.filter(pk=ann.pk).update(**away)

    floor.talk()
    floor.work()

    assert floor.offered() == {}


def test_a_closed_console_is_not_asked_and_gets_its_chats_when_it_opens(floor):
    ann = floor.person("Ann", here=False)
    talk = floor.talk()
    floor.work()
    assert floor.offered() == {}

    with floor.shop.inside():
        agents.seen(ann)
    floor.work()

    assert floor.offered() == {"Ann": [talk.pk]}


def test_skills_and_languages_decide_and_who_has_them_is_waited_for(floor):
    floor.person("Ann", capacity=9, languages=["ru"])
    floor.person("Bob", capacity=1, languages=["en"], skills=["returns"])

    russian = floor.talk()
    english = floor.talk(language="en")
    returns = floor.talk(language="en", needs={"skills": ["returns"]})
    floor.work()

    assert floor.offered() == {"Ann": [russian.pk], "Bob": [english.pk]}
    assert floor.fresh(returns).offered_to_id is None  # Bob has them and will be free
    assert floor.facts("conversation.needs_unmet") == []


def test_where_nobody_has_what_is_needed_anybody_of_the_team_is_asked_and_it_is_said(floor):
    floor.person("Ann", languages=["ru"])

    talk = floor.talk(language="en", needs={"skills": ["returns"]})
    floor.work()

    assert floor.offered() == {"Ann": [talk.pk]}
    assert floor.facts("conversation.needs_unmet") == [
        {"conversation": talk.pk, "team": floor.team.pk}
    ]


def test_needs_lead_to_the_team_that_has_them(floor):
    with floor.shop.inside():
        returns = agents.team_save({"name": "Returns", "skills": ["returns"]})

    talk = floor.talk(needs={"skills": ["returns"]})

    assert floor.fresh(talk).team_id == returns.pk
    assert floor.fresh(floor.talk()).team_id is None


def test_a_returning_buyer_goes_to_who_answered_before_while_on_shift(floor):
    ann, bob = floor.person("Ann", capacity=9), floor.person("Bob", capacity=9)

    first = floor.talk(previous_agent=bob)
    floor.work()
    assert floor.offered() == {"Bob": [first.pk]}

    local = timezone.now().astimezone(_zone(floor.shop))
    with floor.shop.inside():
        tomorrow = ((local.weekday() + 2) % 7, time(10), time(11))
        agents.shifts_save(bob, [tomorrow])
    second = floor.talk(previous_agent=bob)
    floor.work()

    assert floor.offered() == {"Bob": [first.pk], "Ann": [second.pk]}
    assert ann.pk == floor.fresh(second).offered_to_id


def _zone(shop):
    return ZoneInfo(shop.merchant.time_zone)


def test_an_accepted_offer_makes_the_person_the_speaker(floor, api_as):
    ann = floor.person("Ann")
    talk = floor.talk()
    floor.work()

    answer = api_as(floor.shop, ann).post(f"/api/v1/conversations/{talk.pk}/accept/")

    assert answer.status_code == 200, answer.content
    now = floor.fresh(talk)
    assert (now.speaker, now.agent_id, now.offered_to_id) == ("agent", ann.pk, None)
    assert floor.facts("conversation.assigned") == [
        {
            "conversation": talk.pk, "agent": ann.pk, "team": None, "from_team": None,
            "from": None, "by": ann.pk,
        }
    ]  # fmt: skip


def test_without_a_time_to_accept_the_chat_is_given_at_once(floor):
    floor.method("least_loaded", accept_s=0)
    ann = floor.person("Ann")

    talk = floor.talk()
    floor.work()

    now = floor.fresh(talk)
    assert (now.speaker, now.agent_id, now.offered_to_id) == ("agent", ann.pk, None)


def test_a_declined_offer_goes_to_the_next_and_does_not_come_back(floor, api_as):
    ann, bob = floor.person("Ann"), floor.person("Bob")
    talk = floor.talk()
    floor.work()
    assert floor.offered() == {"Ann": [talk.pk]}

    for _ in range(2):
        api_as(floor.shop, ann).post(f"/api/v1/conversations/{talk.pk}/decline/")
    floor.work()
    assert floor.offered() == {"Bob": [talk.pk]}

    api_as(floor.shop, bob).post(f"/api/v1/conversations/{talk.pk}/decline/")
    floor.work()
    assert floor.offered() == {}
    assert floor.fresh(talk).speaker == "queue"


def test_who_misses_two_offers_is_away_and_the_next_is_asked(
    floor, django_capture_on_commit_callbacks
):
    ann = floor.person("Ann")
    talk = floor.talk()
    floor.work()

    floor.lapse(talk)
    assert floor.offered() == {"Ann": [talk.pk]}  # nobody else is here
    bob = floor.person("Bob")
    floor.lapse(talk)

    assert floor.offered() == {"Bob": [talk.pk]}
    with floor.shop.inside():
        assert User.objects.get(pk=ann.pk).presence == "away"
        assert User.objects.get(pk=bob.pk).presence == "online"
    assert floor.facts("agent.presence") == [
        {"agent": ann.pk, "presence": "away", "reason": "offers_missed"}
    ]


def test_an_offer_to_another_cannot_be_accepted(floor, api_as):
    floor.person("Ann")
    bob = floor.person("Bob", here=False)
    talk = floor.talk()
    floor.work()

    answer = api_as(floor.shop, bob).post(f"/api/v1/conversations/{talk.pk}/accept/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "offer_gone")
    assert floor.offered() == {"Ann": [talk.pk]}


@pytest.mark.parametrize("how", ["resolve", "return-to-bot", "assign"])
def test_room_that_becomes_free_is_filled(floor, api_as, how):
    ann = floor.person("Ann")
    first, second = floor.talk(), floor.talk()
    floor.work()
    client = api_as(floor.shop, ann)
    client.post(f"/api/v1/conversations/{first.pk}/accept/")
    floor.work()
    assert floor.offered() == {}

    body = {"team": None, "agent": None} if how == "assign" else {}
    answer = client.post(f"/api/v1/conversations/{first.pk}/{how}/", body, format="json")
    assert answer.status_code == 200, answer.content
    floor.work()

    assert floor.offered() == {"Ann": [second.pk]}


@pytest.mark.parametrize("how", ["resolve", "return-to-bot", "assign", "decline"])
def test_an_offer_that_is_over_leaves_room_for_what_other_teams_have(floor, api_of, api_as, how):
    with floor.shop.inside():
        far = agents.team_save({"name": "Far", "assignment": "least_loaded"})
    ann = floor.person("Ann")
    with floor.shop.inside():
        TeamMember.objects.create(team=far, user=ann)
        other = agents.team_save({"name": "Nobody's", "assignment": "least_loaded"})
    first = floor.talk()
    floor.work()
    second = floor.talk(team=far)
    floor.work()
    assert floor.offered() == {"Ann": [first.pk]}

    client = api_as(floor.shop, ann) if how == "decline" else api_of(floor.shop)
    body = {"team": other.pk} if how == "assign" else {}
    answer = client.post(f"/api/v1/conversations/{first.pk}/{how}/", body, format="json")
    assert answer.status_code == 200, answer.content
    floor.work()

    assert floor.offered() == {"Ann": [second.pk]}


def test_more_capacity_and_coming_online_are_filled(floor, api_as):
    ann = floor.person("Ann")
    talks = [floor.talk() for _ in range(3)]
    floor.work()
    assert floor.offered() == {"Ann": [talks[0].pk]}

    with floor.shop.inside():
        agents.profile_save(ann, {"capacity": 2})
    floor.work()
    assert floor.offered() == {"Ann": [talks[0].pk, talks[1].pk]}

    bob = floor.person("Bob")
    client = api_as(floor.shop, bob)
    for presence in ("away", "online"):
        client.post("/api/v1/desk/presence/", {"presence": presence}, format="json")
    floor.work()
    assert floor.offered() == {"Ann": [talks[0].pk, talks[1].pk], "Bob": [talks[2].pk]}


def test_going_away_passes_offers_on(floor, api_as, django_capture_on_commit_callbacks):
    ann = floor.person("Ann")
    talk = floor.talk()
    floor.work()
    floor.person("Bob")

    with django_capture_on_commit_callbacks(execute=True):
        api_as(floor.shop, ann).post("/api/v1/desk/presence/", {"presence": "busy"}, format="json")
    floor.work()

    assert floor.offered() == {"Bob": [talk.pk]}


# ── Shifts ───────────────────────────────────────────────────────────────────────────────────
def test_at_the_end_of_a_shift_waiting_buyers_go_back_and_the_others_stay(floor):
    ann = floor.person("Ann", capacity=9)
    waits, answered = floor.talk(), floor.talk()
    with floor.shop.inside():
        for one in (waits, answered):
            assignment.accept(one.pk, ann)
        Conversation.objects.filter(pk=answered.pk).update(waiting_since=None)
        local = timezone.now().astimezone(_zone(floor.shop))
        agents.shifts_save(ann, [((local.weekday() + 2) % 7, time(10), time(11))])

        again = assignment.shift_change(ann.pk)

    back, kept = floor.fresh(waits), floor.fresh(answered)
    assert (back.speaker, back.agent_id, back.previous_agent_id) == ("queue", None, ann.pk)
    assert (back.followers, back.handover_reason) == ([ann.pk], "shift_end")
    assert back.deadline_at > timezone.now()
    assert (kept.speaker, kept.agent_id, kept.previous_agent_id) == ("agent", ann.pk, ann.pk)
    assert again is not None and again.astimezone(_zone(floor.shop)).time() == time(10)


def test_a_night_shift_goes_past_midnight(floor):
    from bots.selectors import shifts

    ann = floor.person("Ann")
    zone = _zone(floor.shop)
    with floor.shop.inside():
        agents.shifts_save(ann, [(0, time(22), time(6))])
        monday = datetime(2026, 11, 23, tzinfo=zone)
        seen = {
            hours: ann.pk in shifts.on_shift([ann.pk], monday + timedelta(hours=hours))
            for hours in (21, 22, 29, 30, 46)
        }
        turns = shifts.next_change(ann.pk, monday + timedelta(hours=23))

    assert seen == {21: False, 22: True, 29: True, 30: False, 46: False}
    assert turns == monday + timedelta(hours=30)


# ── Many at once ─────────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("accept_s", [0, 30])
def test_sixteen_workers_give_nothing_out_twice_and_nobody_too_much(alpha, beta, accept_s):
    floor = Floor(alpha)
    floor.method("least_loaded", accept_s=accept_s)
    with alpha.inside():
        second = agents.team_save({"name": "Second", "assignment": "round_robin"})
        Team.objects.filter(pk=second.pk).update(accept_s=accept_s)
    people = [floor.person(f"P{n}", capacity=3) for n in range(4)]
    with alpha.inside():  # everybody is in both teams: two queues meet at each one's edge
        for one in people:
            TeamMember.objects.create(team=second, user=one)
    talks = [floor.talk(team=second if n % 2 else None) for n in range(20)]

    def drain(n: int) -> None:
        try:
            with alpha.inside():
                assignment.drain((floor.team if n % 2 else second).pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(drain, n) for n in range(16)]:
            done.result()
    with alpha.inside():
        assignment.drain(floor.team.pk)
        assignment.drain(second.pk)

    now = [floor.fresh(one) for one in talks]
    who = [one.agent_id or one.offered_to_id for one in now]
    assert {pk: who.count(pk) for pk in who if pk} == {one.pk: 3 for one in people}
    assert who.count(None) == 8
    given = floor.facts("conversation.assigned" if accept_s == 0 else "conversation.offered")
    assert len(given) == len({one["conversation"] for one in given}) == 12


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_take_at_once_one_has_it(alpha, beta):
    floor = Floor(alpha)
    floor.method("manual")
    people = [floor.person(f"P{n}") for n in range(16)]
    talk = floor.talk()

    def take(one: User) -> str:
        try:
            with alpha.inside():
                assignment.accept(talk.pk, one)
            return "taken"
        except Exception as exc:
            return type(exc).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(take, people))

    assert sorted(results) == ["AlreadyTaken"] * 15 + ["taken"]
    assert floor.fresh(talk).epoch == 1


def test_a_row_in_other_hands_is_looked_at_again_soon(floor):
    floor.person("Ann")
    talk = floor.talk()
    with floor.shop.inside(), mock.patch.object(assignment, "_place", return_value=None):
        again = assignment.drain(floor.team.pk)
    assert again is not None and again <= timezone.now() + assignment.SOON
    assert floor.fresh(talk).offered_to_id is None


def test_who_left_and_whose_shift_is_over_keep_no_buyer_waiting(floor, talk_of, api_of, answers):
    """A buyer who writes at night to whoever answered by day waits for nobody in particular."""
    talk, ann = talk_of(floor.shop), floor.person("Ann", capacity=9)
    for chat in ("night", "gone", "deleted"):
        talk.says("Есть 46 размер?", chat=chat)
        with floor.shop.inside():
            assignment.assign(talk.conversation(chat).pk, ann)
            reply_send(
                conversation_id=talk.conversation(chat).pk, agent=ann, text="Да", client_key=chat
            )
    with floor.shop.inside():
        local = timezone.now().astimezone(_zone(floor.shop))
        agents.shifts_save(ann, [((local.weekday() + 2) % 7, time(10), time(11))])
        assignment.shift_change(ann.pk)
    assert talk.conversation("night").agent_id == ann.pk

    talk.says("А 48?", chat="night")

    night = talk.conversation("night")
    assert (night.speaker, night.agent_id, night.followers) == ("queue", None, [ann.pk])
    assert night.waiting_since is not None and night.deadline_at > timezone.now()

    with floor.shop.inside():
        agents.shifts_save(ann, [])
    talk.says("А 48?", chat="gone")
    assert talk.conversation("gone").agent_id == ann.pk
    with floor.shop.inside():
        ann.is_active = False
        person_save(ann)
    talk.work()
    assert talk.conversation("gone").speaker == "queue"
    assert talk.conversation("deleted").agent_id == ann.pk  # nobody waits there

    with floor.shop.inside():
        person_delete(ann)
    gone = talk.conversation("deleted")
    assert (gone.speaker, gone.agent_id) == ("queue", None)
    talk.says("А 50?", chat="deleted")
    assert talk.conversation("deleted").deadline_at is not None


def test_a_clock_change_ends_a_shift_once(floor):
    """Last Sunday of October in Riga: three o'clock comes twice."""
    from bots.selectors import shifts

    ann = floor.person("Ann")
    riga = ZoneInfo("Europe/Riga")
    with floor.shop.inside(), mock.patch.object(shifts, "zone", return_value=riga):
        agents.shifts_save(ann, [(5, time(22), time(3, 45))])
        end = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 3:45 for the first time
        ends = shifts.next_change(ann.pk, end - timedelta(minutes=1))
        again = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 3:30 for the second time
        after = shifts.next_change(ann.pk, again)
        working = shifts.on_shift([ann.pk], again)
    assert (ends, working) == (end, set())
    assert after is not None and after > again + timedelta(days=5)


def test_who_waited_longest_is_first_whatever_hands_it_went_through(floor):
    floor.method("manual")
    ann = floor.person("Ann", capacity=9)
    first = floor.talk(waiting_since=timezone.now() - timedelta(minutes=20))
    second = floor.talk()
    with floor.shop.inside():
        assignment.accept(first.pk, ann)
        assignment.hand_back(ann.pk)
        order = list(assignment.waiting_in(floor.team, timezone.now()))
    assert order == [first, second]
