"""The console's socket and its poll: no fact missed, none twice, nobody waits for anybody."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bots.live.hub import FRAMES_BEHIND, Line
from bots.services.agents import presence_set
from tenants.kernel import outbox
from tenants.kernel.context import group_of
from tenants.kernel.live import tell
from tests.fixtures.aside import run_aside
from tests.live.conftest import Server

pytestmark = pytest.mark.django_db(transaction=True)


def cookie_of(shop: Any, role: str = "owner") -> str:
    from django.test import Client

    with shop.inside():
        client = Client(HTTP_HOST=shop.host)
        client.force_login(shop.user(role))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


class Console:
    """An open console: what it heard, and how far."""

    def __init__(self, port: int, shop: Any, role: str = "owner", since: int | None = None) -> None:
        self.heard: list[dict[str, Any]] = []
        self.seqs: list[int] = []
        self.socket = connect(
            f"ws://{shop.host}:{port}/live/console/",
            additional_headers={"cookie": cookie_of(shop, role)},
            open_timeout=10,
        )
        self.seq = self.wait("hello")["seq"]
        self.at = self.seq if since is None else since
        if since is not None:
            self.say(type="since", seq=since)

    def say(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def wait(self, kind: str, timeout: float = 10) -> dict[str, Any]:
        until = time.monotonic() + timeout
        while True:
            frame = json.loads(self.socket.recv(timeout=max(0.01, until - time.monotonic())))
            self.heard.append(frame)
            if frame["type"] == "events":
                self._take([event["seq"] for event in frame["events"]])
            if frame["type"] == kind:
                return frame

    def _take(self, seqs: list[int]) -> None:
        """As the page does: what comes after a gap is asked for together with the gap."""
        if seqs[0] > self.at + 1:
            self.say(type="since", seq=self.at)
        else:
            self.seqs += seqs
            self.at = seqs[-1]

    def until(self, seq: int, timeout: float = 10) -> list[int]:
        """The numbers heard, in their order, up to one."""
        until = time.monotonic() + timeout
        while not self.seqs or self.seqs[-1] < seq:
            self.wait("events", until - time.monotonic())
        return self.seqs


def happen(shop: Any, count: int = 1) -> int:
    """So many facts of a merchant, relayed; the last one's number."""
    from tenants.workspace.models import Counter

    with shop.inside():
        for n in range(count):
            outbox.emit("catalogue.seen", key="x", data={"n": n})
    outbox.relay()
    with shop.inside():
        return Counter.objects.get(name="events").value


def test_each_fact_once_and_in_order(live, alpha, beta):
    console, other = Console(live.port, alpha), Console(live.port, beta)

    last = 0
    for _ in range(5):
        last = happen(alpha, 7)

    assert console.until(last) == list(range(console.seq + 1, last + 1))
    other.say(type="ping")
    other.wait("pong")
    assert "catalogue.seen" not in json.dumps(other.heard)


def test_what_was_missed_while_redis_was_away_comes_with_a_heartbeat(live, alpha, monkeypatch):
    console = Console(live.port, alpha)
    monkeypatch.setattr("bots.handlers.tell", lambda *_: None)
    last = happen(alpha, 3)

    console.say(type="ping")

    assert console.until(last) == list(range(console.seq + 1, last + 1))


def test_whoever_is_invisible_is_away_to_everybody_else(live, alpha, api_of):
    owner, bob = Console(live.port, alpha), Console(live.port, alpha, "supervisor")
    ann, start = Console(live.port, alpha, "agent"), owner.seq
    with alpha.inside():
        presence_set(alpha.agent, "invisible")
    outbox.relay()
    later = Console(live.port, alpha, "owner", since=start)  # and from the log

    def heard(console: Console) -> list[str]:
        found = console.wait("events")["events"]
        return [one["data"]["presence"] for one in found if one["name"] == "agent.presence"]

    assert [heard(one) for one in (owner, bob, later)] == [["away"]] * 3
    assert heard(ann) == ["invisible"]
    for role, shown in (("owner", "away"), ("supervisor", "away"), ("agent", "invisible")):
        people = api_of(alpha, role).get("/api/v1/agents/").json()
        assert {one["id"]: one["presence"] for one in people}[alpha.agent.pk] == shown
        one = api_of(alpha, role).get(f"/api/v1/agents/{alpha.agent.pk}/").json()
        assert one["presence"] == shown


def test_who_is_logged_out_hears_no_more(live, alpha, monkeypatch):
    monkeypatch.setattr("bots.live.console.SIGHT_KEPT_S", 0.0)
    console, other = Console(live.port, alpha), Console(live.port, alpha, "admin")
    with alpha.inside():
        alpha.owner.set_password("Another-horse-43")
        alpha.owner.save()

    console.say(type="ping")
    with pytest.raises(ConnectionClosed) as closed:
        console.wait("pong")
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    other.say(type="ping")
    other.wait("pong")


def test_facts_told_in_the_wrong_order_come_in_the_right_one(live, alpha, monkeypatch):
    told: list[Any] = []
    console = Console(live.port, alpha)
    monkeypatch.setattr("bots.handlers.tell", lambda *what: told.append(what))
    happen(alpha, 2)
    last = happen(alpha, 2)

    for what in reversed(told):
        tell(*what)
        tell(*what)

    assert console.until(last) == list(range(console.seq + 1, last + 1))
    console.say(type="ping")
    console.wait("pong")
    assert len(console.seqs) == last - console.seq  # none twice


def test_after_a_hundred_reconnects_none_is_missed_and_none_comes_twice(live, alpha):
    console = Console(live.port, alpha)
    begin = console.seq
    heard: list[int] = []
    last = begin
    for number in range(100):
        last = happen(alpha, 1 + number % 3)
        if number % 2:
            console.until(last)
        console.socket.close()
        heard += [seq for seq in console.seqs if seq > (heard[-1] if heard else begin)]
        console = Console(live.port, alpha, since=heard[-1] if heard else begin)

    last = happen(alpha)
    console.until(last)
    heard += console.seqs
    assert heard == list(range(begin + 1, last + 1))


def test_a_fact_between_two_looks_at_the_log_is_not_skipped(live, alpha):
    """Whatever is written while the log is read: told now or with the next look."""
    from django.db import connection

    from bots.live.sights import events_since
    from bots.selectors.policy import sight_of

    before = happen(alpha)
    with alpha.inside():
        sight = sight_of(alpha.owner)
    for table, waiting in itertools.product(("workspace_counter", "workspace_event"), (0, 2)):
        last = happen(alpha, waiting) if waiting else before
        written: list[int] = []

        def meanwhile(execute, sql, *more, table=table, written=written):
            found = execute(sql, *more)
            if table in sql and not written:
                with ThreadPoolExecutor(1) as pool:
                    written.append(pool.submit(happen, alpha).result())
            return found

        with connection.execute_wrapper(meanwhile):
            found = events_since.func(alpha.schema, sight, before)
        again = events_since.func(alpha.schema, sight, found["seq"])

        told = [event["seq"] for event in [*found["events"], *again["events"]]]
        assert told == list(range(before + 1, max(written, default=last) + 1))
        before = again["seq"]


def test_a_server_that_dies_leaves_no_gap(live, alpha):
    from bots.live import application

    first = Console(live.port, alpha)
    happen(alpha, 2)
    first.until(first.seq + 2)
    live.stop()
    with pytest.raises(ConnectionClosed):
        while True:
            first.socket.recv(timeout=5)
    last = happen(alpha, 4)

    with Server(application) as again:
        second = Console(again.port, alpha, since=first.seqs[-1])
        assert second.until(last) == list(range(first.seqs[-1] + 1, last + 1))


def test_colleagues_see_each_other_through_two_servers(live, alpha):
    from bots.live import application

    with Server(application) as elsewhere:
        first = Console(live.port, alpha, "owner")
        second = Console(elsewhere.port, alpha, "admin")
        with alpha.inside():
            from bots.models import Contact, Conversation

            contact = Contact.objects.create(channel=alpha.channel, external_id="v")
            talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=77)
        begun = time.monotonic()

        with alpha.inside():
            presence_set(alpha.owner, "invisible")
        first.say(type="look", conversation=talk.pk)
        first.say(type="ping")
        first.wait("pong")
        second.say(type="ping")
        second.wait("pong")
        assert "presence" not in {frame["type"] for frame in second.heard}
        with alpha.inside():
            presence_set(alpha.owner, "online")
        first.say(type="look", conversation=talk.pk)
        seen = second.wait("presence")

        assert (seen["user"], seen["conversation"]) == (alpha.owner.pk, talk.pk)
        assert time.monotonic() - begun < 2
        late = Console(elsewhere.port, alpha, "admin")
        assert late.wait("presence")["conversation"] == talk.pk  # who comes later is told at once
        first.socket.close()
        assert second.wait("presence")["conversation"] is None


def test_a_colleague_whose_process_died_is_forgotten(live, alpha, monkeypatch):
    monkeypatch.setattr("bots.live.console.LOOK_KEPT_S", 0.3)
    console = Console(live.port, alpha)
    looks = {"type": "presence", "user": 999, "name": "X", "conversation": 5, "facts": []}

    tell(group_of(alpha.schema, "console"), looks)

    assert console.wait("presence")["conversation"] == 5
    assert console.wait("presence", 2) == {"type": "presence", "user": 999, "conversation": None}


def test_a_slow_socket_is_given_up_and_keeps_nobody_waiting():
    async def play() -> tuple[list[str], int, bool]:
        free, sent, given_up = asyncio.Event(), [], []

        async def stuck(message: dict[str, Any]) -> None:
            await free.wait()
            sent.append(message["text"])

        async def give_up() -> None:
            given_up.append(True)

        line = Line(stuck, give_up)
        begun = time.monotonic()
        for number in range(FRAMES_BEHIND):
            line.push(str(number))
        free.set()
        await asyncio.sleep(0.05)
        in_order = list(sent)
        free.clear()
        for number in range(FRAMES_BEHIND + 2):
            line.push(str(number))
        assert time.monotonic() - begun < 1
        await asyncio.sleep(0)
        return in_order, len(given_up), line.is_over

    in_order, given_up, is_over = run_aside(play())
    assert in_order == [str(number) for number in range(FRAMES_BEHIND)]
    assert (given_up, is_over) == (1, True)


# ── Where sockets are shut ───────────────────────────────────────────────────────────────────
def poll(live: Any, shop: Any, cookie: str, **more: Any) -> httpx.Response:
    headers = {"host": f"{shop.host}:{live.port}", **more.pop("headers", {})}
    if cookie:
        headers["cookie"] = cookie
    return httpx.post(
        f"http://127.0.0.1:{live.port}/live/console/poll/", json=more, headers=headers, timeout=40
    )


def test_a_poll_tells_what_a_socket_tells(live, alpha, beta):
    import threading

    cookie = cookie_of(alpha)
    poll(live, alpha, cookie, after=0)  # whoever comes is noted, which is a fact, too
    begin = happen(alpha)
    assert poll(live, alpha, cookie, after=0).json() == {"events": [], "seq": begin}
    last = happen(alpha, 3)

    found = poll(live, alpha, cookie, after=begin).json()
    assert [event["seq"] for event in found["events"]] == [begin + 1, begin + 2, begin + 3]
    threading.Timer(0.5, happen, (alpha,)).start()
    begun = time.monotonic()
    later = poll(live, alpha, cookie, after=last, wait=20).json()

    assert [event["seq"] for event in later["events"]] == [last + 1]
    assert time.monotonic() - begun < 5
    nothing = poll(live, alpha, cookie, after=last + 1, wait=0).json()
    assert (nothing["events"], nothing["seq"]) == ([], last + 1)
    assert poll(live, alpha, cookie, after=last + 100).json()["refresh"] is True


def test_a_poll_is_for_people_of_the_merchant_on_its_own_pages(live, alpha, beta):
    cookie = cookie_of(alpha)
    assert poll(live, alpha, "", after=0).status_code == 401
    assert poll(live, beta, cookie, after=0).status_code == 401
    evil = {"origin": "https://evil.example"}
    assert poll(live, alpha, cookie, after=0, headers=evil).status_code == 403
    assert poll(live, alpha, cookie, after="x").status_code == 400
    own = {"origin": f"http://{alpha.host}:{live.port}"}
    assert poll(live, alpha, cookie, after=0, headers=own).status_code == 200


# ── Figures of the lists ──
_lanes = itertools.count(10_000)


def waits(shop: Any, name: str) -> Any:
    """A conversation in the queue, and the fact that tells of it."""
    from django.utils import timezone

    from bots.models import Contact, Conversation

    with shop.inside():
        contact = Contact.objects.create(channel=shop.channel, external_id=name)
        talk = Conversation.objects.create(
            channel=shop.channel, contact=contact, lane=next(_lanes), speaker="queue",
            waiting_since=timezone.now(),
        )  # fmt: skip
        outbox.emit("message.received", key=name, data={"conversation": talk.pk})
    outbox.relay()
    return talk


def figures(console: Console, waiting: int) -> dict[str, int]:
    """The first ones in which so many wait."""
    while True:
        found = console.wait("counters")["counters"]
        if found["waiting"] == waiting:
            return found


def test_fifty_consoles_are_counted_for_at_once_and_each_is_told_its_own(
    live, alpha, beta, monkeypatch
):
    from bots.live import tally

    runs: list[int] = []
    count = tally.counters_of
    monkeypatch.setattr(tally, "counters_of", lambda people: runs.append(1) or count(people))
    consoles = [Console(live.port, alpha, ("owner", "admin", "agent")[n % 3]) for n in range(50)]
    for console in consoles:
        console.wait("counters")
    elsewhere = Console(live.port, beta)
    elsewhere.wait("counters")
    runs.clear()
    begun = time.monotonic()

    for n in range(20):
        waits(alpha, f"counted-{n}")
    told = [figures(console, 20) for console in consoles]

    # At most one reckoning in half a second, whatever the number of consoles and of facts.
    assert len(runs) <= 2 + (time.monotonic() - begun) / tally.EVERY_S
    assert {mine["unassigned"] for mine in told} == {20}
    elsewhere.say(type="ping")
    elsewhere.wait("pong")
    assert [f for f in elsewhere.heard if f["type"] == "counters"][1:] == []


def test_after_a_break_the_figures_are_the_servers(live, alpha, api_of):
    first = Console(live.port, alpha, "agent")
    first.wait("counters")
    first.socket.close()
    waits(alpha, "meanwhile")

    again = Console(live.port, alpha, "agent", since=first.seq)

    assert (
        again.wait("counters")["counters"]
        == api_of(alpha, "agent").get("/api/v1/desk/").json()["counters"]
    )
    # A list made since is counted as soon as the page asks.
    made = {"name": "Q", "filters": {"view": "unassigned"}}
    pk = api_of(alpha, "agent").post("/api/v1/desk/views/", made, format="json").json()["id"]
    again.say(type="count")
    assert again.wait("counters")["counters"][f"saved_{pk}"] == 1
    with alpha.inside():
        from bots.models import SavedView

        SavedView.objects.all().delete()


def test_who_polls_is_told_the_figures_too(live, alpha):
    waits(alpha, "polled")
    answer = httpx.post(
        f"http://127.0.0.1:{live.port}/live/console/poll/",
        headers={"host": alpha.host, "cookie": cookie_of(alpha, "agent")},
        json={"after": 1, "wait": 0},
    )
    assert answer.json()["counters"]["waiting"] == 1
