"""`live`: a message's way into open consoles; one room of many sockets beside plain `group_send`.

First 50 consoles of one merchant are open while 100 merchants get messages through their Telegram
webhooks, seven of ten answered by the bot and the others handed to people: as many at once as give
the most a second (that is the sustained rate, with the CPU of each stage), then 60 % of that rate
at random moments, while 100 sockets are torn off and come back. The same again while a document of
10 MB is read and indexed, one after the other, and an agent reads lists and threads and replies
(acceptance check 12). Then one room of 200 and of 1,000 sockets on the live role, and the same on a
plain Channels consumer over its Redis pub/sub layer.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import psycopg
import redis
from django.conf import settings

from config.bench import document, stage
from config.bench.reply import FACT, QUESTION, Platform
from tenants.kernel.context import group_of, merchant_context
from tenants.kernel.live import topic_of
from tenants.kernel.simulate import Answer, Request, serve_simulator

SIZES = {
    #          merchants, consoles, seconds at most rate, seconds of load, torn, seconds of a room
    "small": (4, 50, 10, 20, 100, 4),
    "default": (100, 50, 20, 60, 100, 6),
    "full": (100, 50, 60, 240, 100, 15),
}
AT_ONCE = 48
# The watched merchant gets this share, so that there is something to see.
WATCHED = 0.15
PERSON = "Позовите, пожалуйста, живого оператора!"
ACTS_EVERY_S = 0.25  # what one agent does beside the document


def run(size: str = "default") -> dict[str, Any]:
    merchants, consoles, most_s, load_s, torn, room_s = SIZES[size]
    platform = Replied()
    figures: dict[str, float] = {}
    with serve_simulator(platform) as url, ExitStack() as stack:
        shops = [stack.enter_context(stage.merchant()) for _ in range(merchants)]
        channels = [_prepare(shop, url) for shop in shops]
        processes = {
            "ingest": stack.enter_context(stage.process("asgi", ASGI_ROLES="ingest,web")),
            "live": stack.enter_context(stage.process("asgi", ASGI_ROLES="live")),
            "scheduler": stack.enter_context(stage.process("scheduler")),
            "worker": stack.enter_context(stage.process("worker")),
            "worker-2": stack.enter_context(stage.process("worker")),
        }
        ports = {name: processes[name].port for name in ("ingest", "live")}
        buyers = Buyers(ports["ingest"], channels, platform)
        buyers.together(4, 8.0)  # warm: imports, pools, plans
        cookies = stage.cookies(shops[0], consoles)
        with _clients(
            do="consoles",
            port=ports["live"],
            path="/live/console/",
            host=_host(shops[0]),
            cookies=cookies,
        ) as watching:
            before, began = _cpu(processes), time.monotonic()
            count = buyers.together(AT_ONCE, most_s)
            spent, took = _cpu(processes), time.monotonic() - began
            rate = count / took
            figures["sustained_per_s"] = round(rate, 1)
            for name in spent:
                figures[f"cpu_ms_{name}"] = round((spent[name] - before[name]) * 1000 / count, 2)
            buyers.posted.clear()
            _order(watching, f"tear {torn}")
            figures["load_per_s"] = round(0.6 * rate, 1)
            unanswered = buyers.at_rate(0.6 * rate, load_s)
            alone, began = set(buyers.posted), time.monotonic()
            agent = Agent(ports["ingest"], shops[0], cookies[0], platform)
            with document.beside(shops[1:] or shops) as reading, agent:
                unanswered += buyers.at_rate(0.6 * rate, load_s)
                beside_s = time.monotonic() - began
            heard = _answer(watching, f"stop {_last_seq(shops[0])}")
        if reading.failure:
            raise RuntimeError(reading.failure)
        beside = set(buyers.posted) - alone
        figures |= _visible(shops[0], heard, buyers, alone)
        figures |= {
            f"beside_{name}": value
            for name, value in _visible(shops[0], heard, buyers, beside).items()
        }
        figures |= reading.figures(beside_s) | agent.figures()
        figures |= {
            "unanswered": unanswered,
            "torn_off": heard["torn"],
            "missed": heard["missed"],
            "doubled": heard["doubled"],
        }
        figures |= _rooms(ports["live"], shops[0], room_s)
        reference = _plain(room_s)
    figures["room_200_ratio"] = round(figures["room_200_per_s"] / reference["plain_200_per_s"], 2)
    figures["room_200_p99_ratio"] = round(figures["room_200_p99"] / reference["plain_200_p99"], 2)
    figures["room_1000_to_200"] = round(figures["room_1000_per_s"] / figures["room_200_per_s"], 2)
    return {
        "figures": figures,
        "reference": reference,
        "goals": [
            {"figure": "visible_ms_p95", "op": "<=", "goal": 1000.0},
            {"figure": "beside_visible_ms_p95", "op": "<=", "goal": 1000.0},
            {"figure": "beside_share", "op": ">=", "goal": 0.9},
            {"figure": "documents_indexed", "op": ">=", "goal": 1},
            {"figure": "beside_list_ms_p95", "op": "<=", "goal": 150.0},
            {"figure": "beside_thread_ms_p95", "op": "<=", "goal": 300.0},
            {"figure": "beside_reply_ms_p95", "op": "<=", "goal": 500.0},
            {"figure": "missed", "op": "==", "goal": 0},
            {"figure": "doubled", "op": "==", "goal": 0},
            {"figure": "room_200_ratio", "op": ">=", "goal": 2.0},
            {"figure": "room_200_p99_ratio", "op": "<=", "goal": 0.5},
            {"figure": "room_1000_to_200", "op": ">=", "goal": 0.9},
        ],
    }


def _prepare(shop: Any, url: str) -> Any:
    from bots.retrieval import reindex_articles
    from bots.services.knowledge import article_save

    channel = stage.channel_for(shop, base_url=url)
    with merchant_context(shop.schema_name):
        article_save(external_id="delivery", lang="ru", title="Доставка", text=FACT)
        reindex_articles(None)
    return channel


class Buyers:
    """New buyers of all the merchants: each writes once and gets one text."""

    def __init__(self, port: int, channels: list[Any], platform: Platform) -> None:
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            trust_env=False,
            timeout=20,
            limits=httpx.Limits(max_connections=64),
        )
        self.channels, self.platform = channels, platform
        self.chance = random.Random(7)
        self.count = 0
        self.posted: dict[str, float] = {}

    def say(self) -> str:
        self.count += 1
        chat = 800_000 + self.count
        is_watched = len(self.channels) == 1 or self.chance.random() < WATCHED
        channel = self.channels[0] if is_watched else self.chance.choice(self.channels[1:])
        body = {
            "update_id": self.count,
            "message": {
                "message_id": self.count,
                "date": int(time.time()),
                "chat": {"id": chat, "type": "private"},
                "from": {"id": chat, "is_bot": False, "first_name": "А"},
                "text": QUESTION if self.chance.random() < 0.7 else PERSON,
            },
        }
        self.posted[str(chat)] = time.monotonic()
        self.client.post(
            f"/hooks/{channel.route_key}/",
            content=json.dumps(body),
            headers={"x-telegram-bot-api-secret-token": channel.secrets["hook"]},
        ).raise_for_status()
        return str(chat)

    def together(self, at_once: int, seconds: float) -> int:
        """Keep so many waiting; how many were answered in the time."""
        flying: set[str] = set()
        answered = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until or flying:
            while len(flying) < at_once and time.monotonic() < until:
                flying.add(self.say())
            with self.platform.told:
                self.platform.told.wait(0.02)
                done = {chat for chat in flying if chat in self.platform.arrived}
            flying -= done
            answered += len(done)
            if time.monotonic() > until + 60:
                break
        return answered

    def at_rate(self, per_s: float, seconds: float) -> int:
        """At random moments; how many have no answer 30 s after the end."""
        begun = time.monotonic()
        at = 0.0
        chats: list[str] = []
        pool = threading.BoundedSemaphore(32)

        def say() -> None:
            try:
                chats.append(self.say())
            finally:
                pool.release()

        while at < seconds:
            at += self.chance.expovariate(per_s)
            time.sleep(max(0.0, begun + at - time.monotonic()))
            pool.acquire()
            threading.Thread(target=say).start()
        for _ in range(32):
            pool.acquire()
        return self.platform.wait(chats, 30)


class Replied(Platform):
    """Also notes when each text of an agent has come."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, float] = {}

    def _message(self, request: Request) -> Answer:
        self.texts.setdefault(request.form().get("text", ""), time.monotonic())
        return super()._message(request)


class Agent:
    """One person at work: a list, a thread, now and then a reply; milliseconds of each."""

    def __init__(self, port: int, shop: Any, cookie: str, platform: Replied) -> None:
        token = "b" * 32
        self.platform = platform
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1/",
            headers={
                "host": _host(shop), "cookie": f"{cookie}; csrf={token}", "x-csrftoken": token,
            },
            trust_env=False,
            timeout=30,
        )  # fmt: skip
        self.ms: dict[str, list[float]] = {"list": [], "thread": [], "reply": []}
        self.said: dict[str, float] = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Agent:
        rows = self._asked("list", "desk/conversations/?view=waiting")["rows"]
        for row in rows[:1]:
            self._asked("thread", f"desk/conversations/{row['id']}/")
        self.ms = {name: [] for name in self.ms}  # the process had not served a page yet
        self.thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop.set()
        self.thread.join(timeout=30)
        until = time.monotonic() + 10
        while time.monotonic() < until and not self.said.keys() <= self.platform.texts.keys():
            time.sleep(0.1)
        # One that has not come counts as it stands, so that none is left out.
        late = time.monotonic()
        self.ms["reply"] = [
            (self.platform.texts.get(text, late) - at) * 1000 for text, at in self.said.items()
        ]

    def _work(self) -> None:
        number = 0
        while not self.stop.wait(ACTS_EVERY_S):
            number += 1
            rows = self._asked("list", "desk/conversations/?view=waiting")["rows"]
            if not rows:
                continue
            pk = rows[number % len(rows)]["id"]
            self._asked("thread", f"desk/conversations/{pk}/")
            if number % 4 == 0:
                text = f"Смотрю ваш вопрос, минуту ({number})"
                self.said[text] = time.monotonic()
                answer = self.client.post(
                    f"conversations/{pk}/reply/", json={"text": text, "client_key": f"b{number}"}
                )
                if not answer.is_success:
                    del self.said[text]  # resolved, or another one's, meanwhile

    def _asked(self, name: str, path: str) -> Any:
        begun = time.monotonic()
        answer = self.client.get(path).raise_for_status().json()
        self.ms[name].append((time.monotonic() - begun) * 1000)
        return answer

    def figures(self) -> dict[str, float]:
        found = {
            f"beside_{name}_ms_p95": stage.Load(1, ms).percentile(0.95)
            for name, ms in self.ms.items()
        }
        return {**found, "beside_replies": len(self.ms["reply"])}


def _host(shop: Any) -> str:
    from tenants.selectors.hosts import primary_host

    return primary_host(shop)


@contextmanager
def _clients(**asked: Any) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [stage.python(), "-m", "config.bench.sockets"],
        cwd=stage.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _order(child, json.dumps(asked))
        if asked["do"] == "consoles" and _line(child) != "ready":
            raise RuntimeError("the consoles did not open")
        yield child
    finally:
        child.kill()
        child.wait()


def _order(child: subprocess.Popen[str], text: str) -> None:
    assert child.stdin is not None
    child.stdin.write(text + "\n")
    child.stdin.flush()


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _answer(child: subprocess.Popen[str], text: str) -> dict[str, Any]:
    _order(child, text)
    return json.loads(_line(child))


def _last_seq(shop: Any) -> int:
    """The number of the merchant's last fact, all being relayed."""
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            row = connection.execute(
                "SELECT count(*) FROM tenants_outboxevent WHERE schema = %s", (shop.schema_name,)
            ).fetchone()
            if row == (0,):
                break
            time.sleep(0.2)
        row = connection.execute(
            f'SELECT value FROM "{shop.schema_name}".workspace_counter '  # noqa: S608
            "WHERE name = 'events'"
        ).fetchone()
    return row[0] if row else 0


def _cpu(processes: dict[str, stage.Process]) -> dict[str, float]:
    found = {name: stage.cpu_s(one.pid) for name, one in processes.items()}
    found["worker"] += found.pop("worker-2")
    if master := stage.postmaster():
        found["postgres"] = stage.cpu_s(master)
    server: Any = redis.Redis.from_url(settings.REDIS_URL).info("server")
    found["redis"] = stage.cpu_s(int(server["process_id"]))
    return found


def _visible(
    shop: Any, heard: dict[str, Any], buyers: Buyers, chats_of: set[str]
) -> dict[str, float]:
    """From the webhook's call to each console, of these chats."""
    with psycopg.connect(settings.DATABASE_URL) as connection:
        connection.execute(f'SET search_path TO "{shop.schema_name}"')
        chats: dict[int, str] = dict(
            connection.execute(
                "SELECT v.id, c.external_id FROM bots_conversation v "
                "JOIN bots_contact c ON c.id = v.contact_id"
            ).fetchall()
        )
    ms = []
    for conversation, times in heard["seen"].items():
        chat = chats.get(int(conversation), "")
        posted = buyers.posted.get(chat)
        if posted is not None and chat in chats_of:
            ms += [(at - posted) * 1000 for at in times]
    ordered = sorted(ms) or [0.0]
    return {
        "visible_ms_p50": round(ordered[len(ordered) // 2], 1),
        "visible_ms_p95": round(ordered[int(len(ordered) * 0.95)], 1),
        "visible_ms_p99": round(ordered[int(len(ordered) * 0.99)], 1),
        "visible_count": len(ms),
    }


def _rooms(port: int, shop: Any, seconds: float) -> dict[str, float]:
    found: dict[str, float] = {}
    cookie = _one_cookie(shop)
    for count in (200, 1000):
        asked = {
            "do": "room",
            "plain": False,
            "port": port,
            "path": "/live/console/",
            "host": _host(shop),
            "cookie": cookie,
            "topic": topic_of(group_of(shop.schema_name, "console")),
            "seq": _last_seq(shop),
        }
        found |= _room(asked, count, seconds, "room")
    return found


def _one_cookie(shop: Any) -> str:
    with merchant_context(shop.schema_name):
        from django.contrib.sessions.models import Session

        return f"{settings.SESSION_COOKIE_NAME}={Session.objects.earliest('expire_date').pk}"


def _plain(seconds: float) -> dict[str, float]:
    port = stage.free_port()
    child = subprocess.Popen(
        [
            *(stage.python(), "-m", "uvicorn", "config.bench.plain_room:application"),
            *("--port", str(port), "--loop", "uvloop", "--lifespan", "off"),
            *("--ws-per-message-deflate", "false", "--log-level", "critical"),
        ],
        cwd=stage.ROOT,
        env=os.environ | {"REDIS_URL": settings.REDIS_URL},
    )
    try:
        stage.wait_for(port)
        asked = {
            "do": "room",
            "plain": True,
            "port": port,
            "path": "/",
            "host": "localhost",
            "group": "room",
            "seq": 0,
        }
        return _room(asked, 200, seconds, "plain") | _room(asked, 1000, seconds, "plain")
    finally:
        child.terminate()
        child.wait()


def _room(asked: dict[str, Any], count: int, seconds: float, name: str) -> dict[str, float]:
    more = {"count": count, "window": 8, "seconds": seconds, "greets": True}
    with _clients(**asked, **more, redis=settings.REDIS_URL) as child:
        found = json.loads(_line(child))
    return {f"{name}_{count}_{key}": value for key, value in found.items()}
