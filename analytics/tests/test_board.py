"""The live board: numbers and the lists behind them, whispers, watching, rebalancing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from analytics.models import Dialogue, HourlyFigure
from bots.models import (
    AgentProfile,
    Channel,
    Contact,
    Conversation,
    Episode,
    Message,
    ModelAccount,
    Team,
    TeamMember,
)
from tenants.kernel import due
from tenants.models import Due, OutboxEvent
from tenants.workspace.models import User

URL = "/api/v1/board/"


class Floor:
    """Conversations and people of one merchant at this minute."""

    def __init__(self, shop: Any) -> None:
        self.shop, self.now, self.count = shop, timezone.now(), 0
        with shop.inside():
            self.returns, _new = Team.objects.get_or_create(name="Returns")
            for user in (shop.agent, shop.supervisor):
                self.here(user)

    def here(self, user: User, capacity: int = 2, **more: Any) -> None:
        with self.shop.inside():
            AgentProfile.objects.update_or_create(
                user=user, defaults={"capacity": capacity, "seen_at": self.now, **more}
            )
            User.objects.filter(pk=user.pk).update(presence="online")

    def ago(self, minutes: float):
        return self.now - timedelta(minutes=minutes)

    def talk(self, name: str, waits: float | None = None, **more: Any) -> Conversation:
        self.count += 1
        with self.shop.inside():
            contact = Contact.objects.create(
                channel=self.shop.channel, external_id=f"f{self.count}", name=name
            )
            since = self.ago(waits) if waits is not None else None
            talk = Conversation.objects.create(
                channel=self.shop.channel, contact=contact, lane=self.count + 500,
                **{"waiting_since": since, "queued_at": since, "last_seq": 1, **more},
            )  # fmt: skip
            talk.episode = Episode.objects.create(conversation=talk)
            talk.save(update_fields=["episode"])
            Message.objects.create(
                conversation=talk, episode=talk.episode, seq=1, author="buyer", text=name,
                state="received",
            )  # fmt: skip
        return talk


@pytest.fixture
def floor(alpha, beta):
    theirs = Floor(beta)
    theirs.talk("Of beta", 50, speaker="queue")
    return Floor(alpha)


@pytest.fixture
def busy(floor, alpha):
    soon = floor.now + timedelta(minutes=30)
    floor.talk("Queued", 10, speaker="queue", deadline_at=floor.now + timedelta(minutes=90))
    floor.talk("Overdue", 40, speaker="queue", deadline_at=floor.ago(5))
    floor.talk("Returned", 20, speaker="queue", team=floor.returns, deadline_at=soon)
    floor.talk("Ann's silent one", 15, speaker="agent", agent=alpha.agent, window_expires_at=soon)
    floor.talk("Ann's answered one", None, speaker="agent", agent=alpha.agent)
    floor.talk("Bot's", 1, speaker="bot")
    floor.talk("Done", None, speaker="nobody", status="resolved")
    return floor


def names(client: Any, what: str, **more: Any) -> list[str]:
    answer = client.get(f"{URL}list/", {"what": what, **more})
    assert answer.status_code == 200, answer.content
    assert answer.json()["total"] == len(answer.json()["rows"])
    return [row["name"] for row in answer.json()["rows"]]


def test_every_number_is_the_length_of_the_list_behind_it(alpha, busy, api_of):
    client = api_of(alpha)
    answer = client.get(URL).json()

    assert answer["counts"] == {
        "waiting": 4, "queue": 3, "held": 2, "silent": 1, "bot": 1, "overdue": 1, "windows": 1,
        "short": 2,
    }  # fmt: skip
    assert {what: len(names(client, what)) for what in answer["counts"]} == answer["counts"]
    assert names(client, "waiting") == ["Overdue", "Returned", "Ann's silent one", "Queued"]
    assert names(client, "waiting", team=0) == ["Overdue", "Ann's silent one", "Queued"]
    assert names(client, "waiting", team=busy.returns.pk) == ["Returned"]
    assert names(client, "held", agent=alpha.agent.pk) == [
        "Ann's silent one", "Ann's answered one",
    ]  # fmt: skip
    assert names(client, "windows") == ["Ann's silent one"]
    assert answer["oldest"] == answer["teams"][0]["oldest"]
    teams = {one["name"]: one for one in answer["teams"]}
    assert [(n, one["waiting"], one["held"]) for n, one in teams.items()] == [
        (answer["teams"][0]["name"], 3, 2), ("Returns", 1, 0),
    ]  # fmt: skip
    ann = next(one for one in answer["agents"] if one["id"] == alpha.agent.pk)
    assert (ann["load"], ann["waiting"], ann["capacity"], ann["on_shift"], ann["is_here"]) == (
        2, 1, 2, True, True,
    )  # fmt: skip
    assert ann["silence"] == answer_time(busy.ago(15))
    # Of another team: room that is taken, but nobody whom the main team's supervisor may look at.
    busy.talk("Hidden", 99, speaker="agent", agent=alpha.agent, team=busy.returns)
    bob = api_of(alpha, "supervisor")
    ann = next(one for one in bob.get(URL).json()["agents"] if one["id"] == alpha.agent.pk)
    assert (ann["load"], ann["waiting"], ann["silence"]) == (3, 1, answer_time(busy.ago(15)))
    assert names(bob, "silent", agent=alpha.agent.pk) == ["Ann's silent one"]


def test_numbers_of_today_lead_to_their_dialogues(alpha, floor, api_of):
    """What happened today, closed ones too; not what happened yesterday, nor elsewhere."""
    zone = ZoneInfo(alpha.merchant.time_zone)
    hour = f"{timezone.now().astimezone(zone):%Y-%m-%d %H}"
    yesterday = f"{(timezone.now() - timedelta(days=1)).astimezone(zone):%Y-%m-%d %H}"

    def noted(name: str, acts: dict[str, int], **more: Any) -> None:
        talk = floor.talk(name, None, speaker="nobody", status="resolved")
        with alpha.inside():
            Dialogue.objects.create(
                seq=talk.pk, conversation_id=talk.pk, opened_at=floor.ago(5), acts=acts, **more
            )
            # As figures of hours have it.
            for key, n in acts.items():
                moment, what, label, agent = key.split("|")
                HourlyFigure.objects.create(
                    day=moment[:10], hour=int(moment[11:]), name=what, label=label,
                    agent_id=int(agent), channel_id=talk.pk, value=n,
                )  # fmt: skip

    now = timezone.now()
    noted("Angry", {f"{hour}|handed|complaint|0": 1, f"{hour}|sent|bot|0": 2}, closed_at=now)
    noted("Lost", {f"{hour}|handed|no_knowledge|0": 1, f"{hour}|late||7": 1})
    noted("Promised", {f"{hour}|breach||0": 1})
    noted("Yesterday's", {f"{yesterday}|handed|complaint|0": 1, f"{yesterday}|late||0": 1})
    noted("Alone", {f"{hour}|sent|bot|0": 1}, answered_at=now, closed_at=now)
    client = api_of(alpha)

    found = client.get(URL).json()["bot"]
    assert (found["answered"], found["handed"], found["late"], found["breach"]) == (3, 2, 1, 1)
    assert {what: sorted(names(client, what)) for what in ("answered", "handed", "late", "breach",
                                                           "closed_alone")} == {
        "answered": ["Alone", "Angry"], "handed": ["Angry", "Lost"], "late": ["Lost"],
        "breach": ["Promised"], "closed_alone": ["Alone"],
    }  # fmt: skip
    assert [names(client, "handed", reason=one["reason"]) for one in found["reasons"]] == [
        ["Angry"], ["Lost"],
    ]  # fmt: skip
    assert names(client, "handed", reason="comp") == []
    with alpha.inside():
        Dialogue.objects.update(team_id=floor.returns.pk)
    assert names(api_of(alpha, "supervisor"), "handed") == []


def answer_time(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_who_will_not_make_it_and_why(alpha, floor, api_of):
    """Two people, four chats at once, two taken: the third in the queue begins after a wait."""
    for n in range(2):
        floor.talk(f"Held {n}", None, speaker="agent", agent=alpha.agent)
    promised = floor.now + timedelta(minutes=4)
    for place in range(1, 6):
        floor.talk(f"{place}", 60 - place, speaker="queue", deadline_at=promised)
    client = api_of(alpha)
    with alpha.inside():  # only these two are there
        AgentProfile.objects.exclude(user__in=[alpha.agent, alpha.supervisor]).update(seen_at=None)

    short = client.get(URL).json()["teams"][0]["short"]

    # Ten minutes each, four at once: the third begins in 150 s, the fourth in 300.
    assert {k: v for k, v in short.items() if k not in ("ids", "formula")} == {
        "n": 2, "queue": 5, "people": 2, "capacity": 4, "room": 2, "handling_s": 600,
    }  # fmt: skip
    assert short["formula"]
    assert names(client, "short") == ["4", "5"]
    with alpha.inside():
        User.objects.update(presence="away")
    assert names(client, "short") == ["1", "2", "3", "4", "5"]


def test_the_board_is_for_those_who_lead_and_of_their_teams(alpha, beta, busy, api_of):
    agent, bob = api_of(alpha, "agent"), api_of(alpha, "supervisor")
    talk = busy.talk("Held by Bob", 1, speaker="agent", agent=alpha.supervisor)
    for call in (
        agent.get(URL),
        agent.get(f"{URL}list/?what=waiting"),
        agent.get(f"{URL}rebalance/"),
        agent.post(f"{URL}rebalance/", {"moves": []}, format="json"),
        agent.post(f"/api/v1/conversations/{talk.pk}/whisper/", {"text": "psst"}, format="json"),
    ):
        assert call.status_code == 403, call.content
    assert bob.get(URL).json()["counts"]["waiting"] == 4  # of the main team: not "Returned"
    assert "Returned" not in names(bob, "waiting")
    with alpha.inside():
        TeamMember.objects.create(team=busy.returns, user=alpha.agent, is_lead=True)
    assert names(agent, "waiting") == ["Returned"]
    assert [one["name"] for one in agent.get(URL).json()["teams"]] == ["Returns"]
    assert names(api_of(beta), "waiting") == ["Of beta"]


def test_channels_and_models_tell_what_is_broken(alpha, busy, api_of):
    with alpha.inside():
        Channel.objects.filter(pk=alpha.channel.pk).update(
            state="broken", state_detail="The token was revoked", last_in_at=busy.ago(3)
        )
        ModelAccount.objects.create(
            provider="openai", name="Ours", state="broken", state_detail="No money left"
        )
    answer, theirs = api_of(alpha).get(URL).json(), api_of(alpha, "supervisor").get(URL).json()
    channel = next(one for one in answer["channels"] if one["id"] == alpha.channel.pk)
    assert (channel["error"], channel["last_in_at"], channel["last_out_at"]) == (
        "The token was revoked", answer_time(busy.ago(3)), None,
    )  # fmt: skip
    assert [(one["name"], one["detail"]) for one in answer["providers"]] == [
        ("Ours", "No money left")
    ]
    assert [one["detail"] for one in theirs["providers"]] == [""]


def test_a_whisper_reaches_its_agent_and_nobody_else(alpha, floor, api_of, api_as):
    talk = floor.talk("Buyer", 5, speaker="agent", agent=alpha.agent)
    bob = api_of(alpha, "supervisor")
    with alpha.inside():
        third = User.objects.create(email="third@people.example", role="agent")
    url = f"/api/v1/conversations/{talk.pk}/whisper/"
    body = {"text": "Offer a refund", "client_key": "once"}
    assert [bob.post(url, body, format="json").status_code for _time in (1, 2)] == [201, 201]

    def heard(client: Any) -> tuple[bool, bool, bool]:
        thread = client.get(f"/api/v1/desk/conversations/{talk.pk}/").json()["messages"]
        listed = client.get(f"/api/v1/conversations/{talk.pk}/messages/").json()["results"]
        found = client.get("/api/v1/desk/search/", {"q": "refund"}).content.decode()
        texts = [[m["text"] for m in rows] for rows in (thread, listed)]
        assert all(rows.count("Offer a refund") <= 1 for rows in texts)
        return (*("Offer a refund" in rows for rows in texts), "refund" in found.lower())

    assert heard(api_of(alpha, "agent"))[:2] == (True, True)
    assert heard(bob)[:2] == (True, True)
    for other in (api_as(alpha, third), api_of(alpha)):
        assert heard(other)[:2] == (False, False)
    with alpha.inside():
        note = Message.objects.get(text="Offer a refund")
        assert (note.kind, note.state, note.meta["to"]) == ("note", "kept", alpha.agent.pk)
        assert not Due.objects.filter(schema=alpha.schema, kind="deliver").exists()
        talk.refresh_from_db()
        assert (talk.speaker, talk.preview) == ("agent", "")
        # What the assistant is given holds no notes at all.
        from bots.selectors.threads import thread_since

        shown = thread_since(talk.channel_id, talk.contact.external_id, after=0)
        assert [m["text"] for m in shown["messages"]] == ["Buyer"]


@pytest.mark.parametrize("state", ["queue", "bot", "mine"])
def test_a_whisper_needs_somebody_to_hear_it(alpha, floor, api_of, state):
    more = (
        {"speaker": "agent", "agent": alpha.supervisor} if state == "mine" else {"speaker": state}
    )
    talk = floor.talk("Buyer", 5, **more)
    answer = api_of(alpha, "supervisor").post(
        f"/api/v1/conversations/{talk.pk}/whisper/", {"text": "psst"}, format="json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nobody_holds")
    with alpha.inside():
        assert not Message.objects.filter(text="psst").exists()


def test_watching_leaves_no_trace(alpha, floor, api_of):
    talk = floor.talk("Buyer", 5, speaker="agent", agent=alpha.agent, unread=1)
    with alpha.inside():
        before = Conversation.objects.filter(pk=talk.pk).values().get()
        facts = OutboxEvent.objects.count()

    assert api_of(alpha).get(f"/api/v1/desk/conversations/{talk.pk}/").status_code == 200

    with alpha.inside():
        assert Conversation.objects.filter(pk=talk.pk).values().get() == before
        assert OutboxEvent.objects.count() == facts


def work_jobs() -> None:
    for schema, kind, number in due.overdue(grace_s=-0.01):
        if kind == "job":
            due.take(schema, kind, number)


def test_rebalancing_is_shown_then_done_then_taken_back(alpha, floor, api_of):
    ann, bob = alpha.agent, alpha.supervisor
    with alpha.inside():
        AgentProfile.objects.exclude(user__in=[ann, bob]).update(seen_at=None)
    talks = [
        floor.talk(f"{n}", waits, speaker="agent", agent=ann)
        for n, waits in enumerate((None, 30, 20, 10))
    ]
    client = api_of(alpha)

    moves = client.get(f"{URL}rebalance/").json()["moves"]

    # Ann takes two and has four: two of those who wait go, the longest waiting first.
    assert [(m["name"], m["from"]["id"], m["to"]["id"]) for m in moves] == [
        ("1", ann.pk, bob.pk), ("2", ann.pk, bob.pk),
    ]  # fmt: skip
    with alpha.inside():
        assert set(Conversation.objects.filter(pk__in=[t.pk for t in talks]).values_list(
            "agent", flat=True
        )) == {ann.pk}  # fmt: skip
    body = {"moves": [{"conversation": m["conversation"], "to": m["to"]["id"]} for m in moves]}
    begun = client.post(f"{URL}rebalance/", body, format="json")
    assert begun.status_code == 202, begun.content
    work_jobs()

    def holders() -> list[int | None]:
        with alpha.inside():
            return [Conversation.objects.get(pk=talk.pk).agent_id for talk in talks]

    assert holders() == [ann.pk, bob.pk, bob.pk, ann.pk]
    assert client.get(f"{URL}rebalance/").json()["moves"] == []
    undone = client.post(
        "/api/v1/conversations/bulk/undo/", {"token": begun.json()["undo"]}, format="json"
    )
    assert undone.status_code == 202, undone.content
    work_jobs()
    assert holders() == [ann.pk] * 4


def test_rebalancing_touches_only_what_one_leads(alpha, beta, floor, api_of):
    far = floor.talk("Far", 5, speaker="agent", agent=alpha.agent, team=floor.returns)
    body = {"moves": [{"conversation": far.pk, "to": alpha.supervisor.pk}]}
    answer = api_of(alpha, "supervisor").post(f"{URL}rebalance/", body, format="json")
    assert answer.status_code == 400
    assert api_of(beta).post(f"{URL}rebalance/", body, format="json").status_code == 400
    work_jobs()
    with alpha.inside():
        far.refresh_from_db()
    assert far.agent_id == alpha.agent.pk


def test_the_board_takes_the_same_number_of_queries_however_full_it_is(
    alpha, busy, api_of, django_assert_max_num_queries
):
    client = api_of(alpha)
    client.get(URL)
    with django_assert_max_num_queries(30) as few:
        client.get(URL)
    for n in range(8):
        busy.talk(f"more {n}", n, speaker="queue", team=busy.returns)
        with alpha.inside():
            user = User.objects.create(email=f"p{n}@people.example", role="agent")
            busy.here(user)
            Team.objects.create(name=f"Team {n}")
    with django_assert_max_num_queries(30) as many:
        client.get(URL)
    assert len(many) == len(few)
