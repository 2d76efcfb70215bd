"""No row outside the policy: 26 kinds of people, every address, every socket (acceptance check 7).

Addresses and sockets are found by walking what the product serves with (surface.py), so one that
is added later is walked without being listed. What a person may see is written down below by hand.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.live import _routes, application
from bots.live.sights import as_seen
from bots.models import (
    Attachment,
    Consent,
    Contact,
    Conversation,
    Draft,
    Episode,
    Identity,
    LaterMessage,
    MacroRun,
    Message,
    Person,
    PersonFact,
    Rating,
    RuleFiring,
    Team,
    TeamMember,
)
from bots.selectors import policy
from bots.services import queues
from tenants.kernel import due
from tenants.kernel.context import group_of
from tenants.kernel.files import file_save
from tenants.kernel.live import tell
from tenants.workspace.models import User
from tests.counts import FULL
from tests.fixtures.aside import run_aside
from tests.tenancy import surface

pytestmark = pytest.mark.slow

MERCHANT_URLS = "config.urls.merchant"

# Two teams beside the main one. "shy" is in none of the tested people's names: a colleague of all.
NOBODYS = {"queue", "bot", "offered away", "done by nobody"}
COLLEAGUES = {"held", "snoozed", "done"}
STATES = NOBODYS | COLLEAGUES
TIES = {"mine", "followed", "mentioned", "offered", "done by me"}


def of(team: str, states: set[str]) -> set[str]:
    return {f"{team}: {state}" for state in states}


OWN = of("far", TIES)
EVERYTHING = of("near", STATES) | of("far", STATES) | of("main", STATES) | OWN


@dataclass(frozen=True)
class Who:
    """`teams`: name → leads. `sees`: the near team lets people see colleagues' chats."""

    name: str
    role: str
    teams: dict[str, bool]
    sees: bool
    seen: frozenset[str]
    is_active: bool = True
    has_ties: bool = False

    def __str__(self) -> str:
        return self.name


def _people() -> Iterator[Who]:
    def who(name: str, role: str, teams: dict[str, bool], sees: bool, seen: set, **more) -> Who:
        return Who(name, role, teams, sees, frozenset(seen), **more)

    near, both, main = {"near": False}, {"near": False, "main": False}, {"main": False}
    pool, all_near = of("near", NOBODYS), of("near", STATES)
    for ties in (False, True):
        own = OWN if ties else set()
        more = {"has_ties": ties}
        tied = ", with ties" if ties else ""
        yield who(f"agent of no team{tied}", "agent", {}, True, own, **more)
        yield who(f"agent, colleagues hidden{tied}", "agent", near, False, pool | own, **more)
        yield who(f"agent, colleagues shown{tied}", "agent", near, True, all_near | own, **more)
        yield who(f"lead{tied}", "agent", {"near": True}, False, all_near | own, **more)
        yield who(
            f"agent of the main team{tied}", "agent", main, False, of("main", STATES) | own, **more
        )
        yield who(
            f"agent of two teams{tied}", "agent", both, False,
            pool | of("main", STATES) | own, **more,
        )  # fmt: skip
        yield who(f"supervisor{tied}", "supervisor", near, False, all_near | own, **more)
        yield who(f"supervisor of no team{tied}", "supervisor", {}, True, own, **more)
        yield who(f"administrator{tied}", "admin", {}, False, EVERYTHING, **more)
        yield who(f"owner{tied}", "owner", {}, False, EVERYTHING, **more)
    for role in ("agent", "supervisor", "admin", "owner"):
        yield who(f"former {role}", role, both, True, set(), is_active=False, has_ties=True)
    yield who("supervisor of two teams", "supervisor", both, False, all_near | of("main", STATES))
    yield who(
        "lead of one, agent of another", "agent", {"near": True, "main": False}, False,
        all_near | of("main", STATES),
    )  # fmt: skip


PEOPLE = list(_people())


def test_there_are_enough_kinds_of_people():
    assert len({one.name for one in PEOPLE}) == len(PEOPLE) >= 20


class World:
    """Conversations of every kind in three teams, each with marks of its own, and one person."""

    def __init__(self, shop: Any, who: Who) -> None:
        self.shop, self.who = shop, who
        with shop.inside():
            self.teams = {
                "main": queues.default_team(),
                "near": Team.objects.create(name="Near", sees_colleagues=who.sees),
                "far": Team.objects.create(name="Far"),
            }
            self.colleague = User.objects.create(email="shy@people.example", role="agent")
            self.user = User.objects.create(
                email="who@people.example", role=who.role, is_active=who.is_active
            )
            TeamMember.objects.filter(user=self.user).delete()
            for team, leads in who.teams.items():
                TeamMember.objects.create(team=self.teams[team], user=self.user, is_lead=leads)
            tied = self.user if who.has_ties else self.colleague
            self._talks(
                [(team, state, self.colleague) for team in self.teams for state in sorted(STATES)]
                + [("far", state, tied) for state in sorted(TIES)]
            )

    def mark(self, name: str) -> str:
        return self.marks[name]

    def _talks(self, wanted: list[tuple[str, str, User]]) -> None:
        """All of them at once: a statement for each model."""
        names = [f"{team}: {state}" for team, state, _tied in wanted]
        marks = [f"zq{number:03d}qz" for number in range(len(wanted))]
        self.marks = dict(zip(names, marks, strict=True))
        people = Person.objects.bulk_create(
            Person(name=f"Person {mark}", fields={"note": f"Field {mark}"}) for mark in marks
        )
        remembered = PersonFact.objects.bulk_create(
            PersonFact(person=person, text=f"Fact {mark}")
            for person, mark in zip(people, marks, strict=True)
        )
        contacts = Contact.objects.bulk_create(
            Contact(
                channel=self.shop.channel, external_id=f"x{mark}", name=f"Name {mark}",
                person=person,
                data={"page": f"https://shop.example/{mark}", "tags": [f"tag {mark}"]},
            )
            for person, mark in zip(people, marks, strict=True)
        )  # fmt: skip
        Consent.objects.bulk_create(
            Consent(contact=contact, kind="processing", is_given=True, text=f"Agreed {mark}")
            for contact, mark in zip(contacts, marks, strict=True)
        )
        Identity.objects.bulk_create(
            Identity(contact=contact, kind="email", value=f"{mark}@buyers.example")
            for contact, mark in zip(contacts, marks, strict=True)
        )
        rows = Conversation.objects.bulk_create(
            Conversation(
                channel=self.shop.channel, contact=contact, lane=number, last_seq=2, unread=1,
                preview=f"Preview {mark}", team=None if team == "main" else self.teams[team],
                labels=[f"label {mark}"], **self._fields(state, tied),
            )
            for number, (contact, mark, (team, state, tied)) in enumerate(
                zip(contacts, marks, wanted, strict=True), 1
            )
        )  # fmt: skip
        pairs = list(zip(rows, marks, strict=True))
        episodes = Episode.objects.bulk_create(
            Episode(conversation=row, summary=f"Summary {mark}") for row, mark in pairs
        )
        for row, episode in zip(rows, episodes, strict=True):
            row.episode = episode
        Conversation.objects.bulk_update(rows, ["episode"])
        said = Message.objects.bulk_create(
            Message(
                conversation=row, episode=row.episode, seq=1, author="buyer",
                text=f"Said {mark}", state="received",
            )
            for row, mark in pairs
        )  # fmt: skip
        Message.objects.bulk_create(
            Message(
                conversation=row, episode=row.episode, seq=2, author="bot", text=f"Bot {mark}",
                state="sent",
            )
            for row, mark in pairs
        )  # fmt: skip
        stored = [
            file_save(f"bytes {mark}".encode(), name=f"{mark}.txt", purpose="chat")
            for mark in marks
        ]
        Attachment.objects.bulk_create(
            Attachment(message=message, file=file, kind="file", name=f"{mark}.txt")
            for message, file, mark in zip(said, stored, marks, strict=True)
        )
        drafts = Draft.objects.bulk_create(
            Draft(conversation=row, user=self.colleague, text=f"Draft {mark}")
            for row, mark in pairs
        )
        laters = LaterMessage.objects.bulk_create(
            LaterMessage(
                conversation=row, user=self.colleague, text=f"Later {mark}",
                send_at=timezone.now() + timedelta(days=1),
            )
            for row, mark in pairs
        )  # fmt: skip
        ratings = Rating.objects.bulk_create(
            Rating(
                conversation=row, episode=row.episode, about="agent", agent=self.colleague,
                score=1, comment=f"Rated {mark}", rated_at=timezone.now(),
            )
            for row, mark in pairs
        )  # fmt: skip
        RuleFiring.objects.bulk_create(
            RuleFiring(
                conversation=row, outcome="done", detail={"name": f"Rule {mark}", "done": ["note"]}
            )
            for row, mark in pairs
        )
        runs = MacroRun.objects.bulk_create(
            MacroRun(user=self.colleague, conversation=row, undo=[{"mark": mark}])
            for row, mark in pairs
        )
        self.rows = dict(zip(names, rows, strict=True))
        self.pks = {
            name: {
                "bots.Conversation": [row.pk],
                "bots.Contact": [row.contact_id],
                "bots.Episode": [row.episode_id],
                "bots.Message": [message.pk],
                "bots.Draft": [draft.pk],
                "workspace.StoredFile": [file.pk],
                "bots.Person": [row.contact.person_id],
                "bots.PersonFact": [fact.pk],
                "bots.LaterMessage": [later.pk],
                "bots.Rating": [rating.pk],
                "bots.MacroRun": [run.pk],
            }
            for name, row, message, draft, file, fact, later, rating, run in zip(
                names, rows, said, drafts, stored, remembered, laters, ratings, runs, strict=True
            )
        }

    def _fields(self, state: str, tied: User) -> dict[str, Any]:
        return {
            "queue": {"speaker": "queue"},
            "bot": {"speaker": "bot"},
            "offered away": {"speaker": "queue", "offered_to": tied},
            "done by nobody": {"speaker": "nobody", "status": "resolved"},
            "held": {"speaker": "agent", "agent": tied},
            "snoozed": {"speaker": "agent", "agent": tied, "status": "snoozed"},
            "done": {"speaker": "nobody", "status": "resolved", "previous_agent": tied},
            "mine": {"speaker": "agent", "agent": tied},
            "followed": {"speaker": "agent", "agent": self.colleague, "followers": [tied.pk]},
            "mentioned": {"speaker": "agent", "agent": self.colleague, "mentioned": [tied.pk]},
            "offered": {"speaker": "queue", "offered_to": tied},
            "done by me": {"speaker": "nobody", "status": "resolved", "previous_agent": tied},
        }[state]

    @property
    def hidden(self) -> list[str]:
        return [name for name in self.rows if name not in self.who.seen]

    def state(self) -> list[tuple]:
        """All of what must not move by a call of somebody who may not see it."""
        rows = [self.rows[name].pk for name in self.hidden]
        contacts = [self.rows[name].contact_id for name in self.hidden]
        people = [self.pks[name]["bots.Person"][0] for name in self.hidden]
        with self.shop.inside():
            return [
                *Contact.objects.filter(pk__in=contacts).order_by("pk").values_list(),
                *Person.objects.filter(pk__in=people).order_by("pk").values_list(),
                *PersonFact.objects.filter(person__in=people).order_by("pk").values_list(),
                *LaterMessage.objects.filter(conversation__in=rows).order_by("pk").values_list(),
                *Rating.objects.filter(conversation__in=rows).order_by("pk").values_list(),
                *Conversation.objects.filter(pk__in=rows).order_by("pk").values_list(),
                *Message.objects.filter(conversation__in=rows).order_by("pk").values_list(),
                *Draft.objects.filter(conversation__in=rows).order_by("pk").values_list(),
            ]


# ── The rule itself ──────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("who", PEOPLE, ids=str)
def test_the_rule_is_the_same_for_the_database_and_for_sockets(alpha, who):
    world = World(alpha, who)
    with alpha.inside():
        sight = policy.sight_of(world.user)
        rows = {pk: name for name, row in world.rows.items() for pk in [row.pk]}
        seen = {rows[row.pk] for row in policy.visible(world.user)}
        facts = policy.facts_of(rows)
        said = {
            rows[row.conversation_id]
            for row in policy.of_visible(world.user, Message.objects.all())
        }

    assert seen == set(who.seen)
    assert said == set(who.seen)
    assert {rows[pk] for pk, one in facts.items() if sight.allows(one)} == set(who.seen)
    for pk, name in rows.items():
        event = {"seq": 7, "name": "message.received", "data": {"conversation": pk, "message": 9}}
        told = as_seen(sight, event, facts)
        assert told == (event if name in who.seen else {"seq": 7, "name": "hidden", "data": {}}), (
            name
        )


# ── Every address ────────────────────────────────────────────────────────────────────────────
def _body(pks: dict[str, list[int]], mark: str) -> dict[str, Any]:
    """Something every act takes, so that it is not the form that refuses."""
    conversation = pks["bots.Conversation"][0]
    return {
        "text": f"by a stranger {mark[:2]}", "seq": 1, "good": True, "mode": "reply",
        "labels": [], "priority": 2, "until": "2040-01-01T00:00:00Z", "presence": "online",
        "conversation": conversation, "ids": [conversation], "act": "priority",
        "params": {"priority": 2}, "files": pks["workspace.StoredFile"], "force": True,
        "client_key": mark, "other": pks["bots.Person"][0], "contact": pks["bots.Contact"][0],
        "name": f"by a stranger {mark[:2]}", "texts": "remove", "proof": "document", "merge": 1,
    }  # fmt: skip


# Pieces of addresses whose word does not say which row is meant.
PIECES = {
    "people/<pk>": "bots.Person", "facts/<id>": "bots.PersonFact",
    "later/<pk>": "bots.LaterMessage", "runs/<pk>": "bots.MacroRun",
}  # fmt: skip
OF_ROWS = ("/conversations/<pk>/", "/people/<pk>/", "/later/<pk>/", "/messages/<pk>/")


def _is_of_a_row(route: surface.Route) -> bool:
    return "/api/" in route.path and any(piece in route.path for piece in OF_ROWS)


def _addressed(route: surface.Route, pks: dict[str, list[int]]) -> surface.Route:
    path = route.path
    for piece, label in PIECES.items():
        if piece in path and "/api/" in path:
            path = path.replace(piece, f"{piece.partition('<')[0]}{pks[label][0]}")
    return replace(route, path=path)


def _walk(
    world: World, client: Any, name: str, read: set[str] | None = None
) -> tuple[list[str], int]:
    """Call every address with the numbers of a hidden conversation; (leaks, calls).

    `read`: what was read by an earlier walk, and would answer the same.
    """
    marks = [world.mark(one) for one in world.hidden]
    leaks, called = [], 0
    read = set() if read is None else read
    for route in surface.routes(MERCHANT_URLS):
        if "key" in route.parameters or route.name in ("logout", "schema", "docs"):
            continue
        is_api = "/api/" in route.path
        pks = world.pks[name]
        is_file = "/files/" in route.path
        planted = {label: pks[label] for label in pks if not is_file or "File" in label}
        # Where an address names no row of ours it may mean any: the conversation's number then.
        asked_for = _addressed(route, pks)
        paths = list(surface.addresses(asked_for, {**planted, "route_key": ["nothing"]}))
        for path in paths[:1]:
            asked = [path]
            if not route.parameters and is_api:
                asked.append(f"{path}?view=all&q=Said+{world.mark(name)}")
            for address in asked:
                # A page of the admin only shows: what it moves is another page's of the API.
                ways = surface.methods_of(route) if is_api and "?" not in address else ("get",)
                for method in ways:
                    if method == "get":
                        if address in read:
                            continue
                        read.add(address)
                    body = {}
                    if method != "get":
                        body = {
                            "content_type": "application/json",
                            "data": json.dumps(_body(pks, world.mark(name))),
                        }
                    answer = getattr(client, method)(address, **body)
                    called += 1
                    text = surface.text_of(answer).replace(f"Said {world.mark(name)}", "")
                    where = f"{method.upper()} {address} → {answer.status_code}"
                    if method == "get" or answer.status_code < 400:
                        leaks += [f"{where} shows {mark}" for mark in marks if mark in text]
                    if _is_of_a_row(route) and answer.status_code not in (400, 401, 403, 404, 405):
                        leaks.append(f"{where} answers for a hidden chat")
                    if answer.status_code >= 500 and answer.status_code != 503:
                        leaks.append(f"{where} breaks")
    return leaks, called


@pytest.mark.parametrize("who", PEOPLE, ids=str)
def test_no_address_shows_or_moves_what_is_hidden(alpha, beta, api_as, who):
    world = World(alpha, who)
    client = api_as(alpha, world.user)
    client.raise_request_exception = False
    if not world.hidden:
        answer = client.get("/api/v1/conversations/?page_size=200")
        assert {row["id"] for row in answer.json()["results"]} == {
            row.pk for row in world.rows.values()
        }
        return
    before = world.state()
    # One that nobody holds and one that a colleague holds, where there are such: both in a full
    # run, by turns in a short one.
    chosen = {name.partition(": ")[2] in NOBODYS: name for name in world.hidden}
    if not FULL and len(chosen) == 2:
        del chosen[PEOPLE.index(who) % 2 == 0]

    leaks, called, read = [], 0, set()
    for name in chosen.values():
        found, calls = _walk(world, client, name, read)
        leaks, called = leaks + found, called + calls
    for schema, kind, number in due.overdue(grace_s=-0.01):
        if (schema, kind) == (alpha.schema, "job"):
            due.take(schema, kind, number)

    assert not leaks, "\n".join(leaks[:20])
    assert called > 100
    assert world.state() == before
    if who.is_active:
        listed = client.get("/api/v1/conversations/?page_size=200").json()["results"]
        assert {row["id"] for row in listed} == {world.rows[name].pk for name in who.seen}
        for view, path in (("all", "/api/v1/desk/conversations/?view=all"),):
            rows = client.get(path).json()["rows"]
            assert {row["id"] for row in rows} == {world.rows[name].pk for name in who.seen}, view


@pytest.mark.parametrize("who", [one for one in PEOPLE if one.is_active and one.seen], ids=str)
def test_what_is_seen_is_seen_by_its_address(alpha, api_as, who):
    world = World(alpha, who)
    client = api_as(alpha, world.user)
    for name in sorted(who.seen)[::5]:
        row, mark = world.rows[name], world.mark(name)
        assert mark in client.get(f"/api/v1/conversations/{row.pk}/").content.decode()
        assert mark in client.get(f"/api/v1/desk/conversations/{row.pk}/").content.decode()
        stored = world.pks[name]["workspace.StoredFile"][0]
        answer = client.get(f"/api/v1/files/{stored}/")
        assert b"".join(answer.streaming_content) == f"bytes {mark}".encode()


def test_the_walk_finds_a_hole(alpha, api_as, monkeypatch):
    """Were the gate of the list open, the walk above would say so."""
    from bots.api import conversations

    world = World(alpha, PEOPLE[1])
    monkeypatch.setattr(conversations, "visible", lambda user: Conversation.objects.all())
    client = api_as(alpha, world.user)
    client.raise_request_exception = False

    leaks, _called = _walk(world, client, "near: held")

    assert any("/api/v1/conversations/ " in leak for leak in leaks)
    assert any("answers for a hidden chat" in leak for leak in leaks)


def test_the_rule_takes_as_many_queries_however_much_there_is(alpha, api_as):
    few, many = World(alpha, PEOPLE[2]), None
    client = api_as(alpha, few.user)

    def queries() -> list[int]:
        found = []
        for path in ("/api/v1/conversations/", "/api/v1/desk/conversations/?view=all"):
            with CaptureQueriesContext(connection) as seen:
                assert client.get(path).status_code == 200
            found.append(len(seen))
        return found

    queries()
    before = queries()
    with alpha.inside():
        for number in range(30):
            few.rows[f"more {number}"] = Conversation(pk=0)
            team = Team.objects.create(name=f"T{number}")
            TeamMember.objects.create(team=team, user=few.user)
            contact = Contact.objects.create(channel=alpha.channel, external_id=f"m{number}")
            Conversation.objects.create(
                channel=alpha.channel, contact=contact, lane=1000 + number, team=team,
                speaker="queue",
            )  # fmt: skip
    assert many is None
    assert queries() == before


# ── Every socket ─────────────────────────────────────────────────────────────────────────────
# Sockets of people; the buyers' is walked by test_isolation_chat.
OF_PEOPLE = {"/live/console/"}
OF_BUYERS = {"/live/chat/"}


def test_every_socket_is_of_people_or_of_buyers():
    assert {prefix for prefix, _ in _routes()} == OF_PEOPLE | OF_BUYERS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "who", [one for one in PEOPLE if one.is_active and not one.has_ties], ids=str
)
def test_a_console_hears_nothing_of_hidden_chats(alpha, beta, who):
    from django.test import Client

    world = World(alpha, who)
    pks = {name: row.pk for name, row in world.rows.items()}
    with alpha.inside():
        facts = {pk: astuple(one) for pk, one in policy.facts_of(pks.values()).items()}
        client = Client(HTTP_HOST=alpha.host)
        client.force_login(world.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    group = group_of(alpha.schema, "console")

    async def listen() -> list[dict[str, Any]]:
        socket = ApplicationCommunicator(
            application,
            {
                "type": "websocket", "path": "/live/console/", "query_string": b"",
                "headers": [
                    (b"host", alpha.host.encode()),
                    (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()),
                ],
                "subprotocols": [],
            },
        )  # fmt: skip
        await socket.send_input({"type": "websocket.connect"})
        await socket.receive_output(timeout=5)  # accept
        await socket.receive_output(timeout=5)  # hello
        events = [
            {"seq": n, "name": "message.received", "data": {"conversation": pk, "message": pk}}
            for n, pk in enumerate(pks.values(), 1)
        ]
        await asyncio.to_thread(
            tell, group, {"type": "events", "events": events, "facts": list(facts.values())}
        )
        for pk in pks.values():
            await asyncio.to_thread(tell, group, {"type": "buyer_typing", "conversation": pk})
            await asyncio.to_thread(tell,
                group,
                {
                    "type": "presence", "user": world.colleague.pk, "name": "Shy",
                    "conversation": pk, "typing": True, "facts": [facts[pk]],
                },
            )  # fmt: skip
        # What it says itself of a hidden chat reaches nobody, itself included.
        await socket.send_input({"type": "websocket.receive", "text": '{"type": "ping"}'})
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["type"] != "end":
            said = await socket.receive_output(timeout=5)
            heard.append(json.loads(said["text"]))
            if heard[-1]["type"] == "pong":
                await asyncio.to_thread(
                    tell,
                    group,
                    {"type": "presence", "user": 0, "conversation": None, "facts": []},
                )
            if heard[-1]["type"] == "presence" and heard[-1]["conversation"] is None:
                heard.append({"type": "end"})
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait(timeout=5)
        return heard

    heard = run_aside(listen())

    seen = {pks[name] for name in who.seen}
    events = [event for one in heard if one["type"] == "events" for event in one["events"]]
    assert [event["seq"] for event in events] == list(range(1, len(pks) + 1))  # without a gap
    told = {event["data"].get("conversation") for event in events} - {None}
    typing = {one["conversation"] for one in heard if one["type"] == "buyer_typing"}
    looks = {one["conversation"] for one in heard if one["type"] == "presence"} - {None}
    assert (told, typing, looks) == (seen, seen, seen)
