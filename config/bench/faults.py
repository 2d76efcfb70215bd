"""`faults`: kill -9 of every role under load, everything delivered twice; what is lost or doubled.

A seeded run: buyers write through the Telegram webhook, each update is delivered twice (and again
until it gets its 200, as Telegram does), while processes are killed at seeded moments and started
again, Redis is emptied, and every database connection is cut. Then everything is counted.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import redis
from django.conf import settings

from config.bench import stage
from config.bench.reply import FACT, Platform
from tenants.kernel.context import merchant_context
from tenants.kernel.simulate import Answer, Request, serve_simulator

KILLS = {"small": 10, "default": 40, "full": 100}
SEED = 20261122
# As `bin/up` starts them: two worker processes.
ROLES = ("worker", "asgi", "worker-2", "scheduler")
PAUSE_S = 0.25  # between buyers: about half of what two cores sustain
DRAIN_S = 120.0


class Counting(Platform):
    """Counts every text a chat gets, so that a doubled one is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def _message(self, request: Request) -> Answer:
        with self.told:
            self.count[request.form()["chat_id"]] += 1
        return super()._message(request)


class Role:
    """A process that is killed and started again on the same port."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.port = name, port
        self.child: subprocess.Popen | None = None

    def start(self) -> None:
        import os

        from config import roles

        before = os.environ.get("PORT")
        os.environ["PORT"] = str(self.port)
        try:
            command = roles.commands()[self.name.partition("-")[0]]
        finally:
            os.environ.pop("PORT")
            if before:
                os.environ["PORT"] = before
        self.child = subprocess.Popen(
            command,
            cwd=stage.ROOT,
            env=os.environ | {"DB_ROLE": "app", "ASGI_ROLES": "ingest,web"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(8)
            except subprocess.TimeoutExpired:
                self.kill()


class Buyers:
    """Writes until told to stop. Every update twice, and each again until it is taken."""

    def __init__(self, port: int, channel: Any) -> None:
        self.port, self.channel = port, channel
        self.accepted: dict[int, float] = {}
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(4)]
        self.numbers = iter(range(1, 10**9))
        self.lock = threading.Lock()

    def _run(self, _n: int) -> None:
        path = f"http://127.0.0.1:{self.port}/hooks/{self.channel.route_key}/"
        headers = {"x-telegram-bot-api-secret-token": self.channel.secrets["hook"]}
        client = httpx.Client(trust_env=False, timeout=5)
        while not self.stop.is_set():
            with self.lock:
                number = next(self.numbers)
            body = json.dumps(_update(number))
            for _ in range(2):
                self._until_taken(client, path, headers, body, number)
            time.sleep(PAUSE_S)

    def _until_taken(self, client, path, headers, body, number: int) -> None:
        for _try in range(200):
            try:
                if client.post(path, content=body, headers=headers).status_code == 200:
                    self.accepted.setdefault(number, time.monotonic())
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.15)


def _chat(number: int) -> str:
    return str(600_000 + number)


def _update(number: int) -> dict[str, Any]:
    chat = int(_chat(number))
    return {
        "update_id": number,
        "message": {
            "message_id": 1,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private"},
            "from": {"id": chat, "is_bot": False, "first_name": "А"},
            "text": "Сколько стоит доставка по Москве?",
        },
    }


def run(size: str = "default") -> dict[str, Any]:
    chance = random.Random(SEED)
    platform = Counting()
    gaps: list[float] = []
    port = stage.free_port()
    with (
        serve_simulator(platform) as url,
        stage.merchant() as merchant,
        _running(port) as roles,
    ):
        channel = _prepare(merchant, url)
        buyers = Buyers(port, channel)
        try:
            for thread in buyers.threads:
                thread.start()
            platform.wait([_chat(1)], 60)
            time.sleep(10)  # until both workers take part
            for number in range(KILLS[size]):
                time.sleep(chance.uniform(0.3, 2.5))
                gaps += _fault(roles, number, chance, platform, buyers)
        finally:
            buyers.stop.set()
            for thread in buyers.threads:
                thread.join()
        chats = [_chat(number) for number in buyers.accepted]
        drained = time.monotonic()
        unanswered = platform.wait(chats, DRAIN_S)
        drained = time.monotonic() - drained
        time.sleep(3)  # what might still come twice
        figures = _count(merchant.schema_name, buyers, platform)
    figures |= {
        "kills": KILLS[size],
        "never_sent": unanswered,
        "seconds_to_drain": round(drained, 1),
        "killed_workers_work_done_s": round(max(gaps, default=0.0), 1),
        "killed_workers_work_done_median_s": round(sorted(gaps)[len(gaps) // 2], 1),
    }
    zero = ("accepted_but_lost", "applied_twice", "never_sent")
    goals = [{"figure": name, "op": "==", "goal": 0} for name in zero]
    goals.append({"figure": "killed_workers_work_done_s", "op": "<=", "goal": 10.0})
    return {"figures": figures, "reference": {}, "goals": goals}


@contextlib.contextmanager
def _running(port: int) -> Iterator[dict[str, Role]]:
    roles = {name: Role(name, port if name == "asgi" else stage.free_port()) for name in ROLES}
    try:
        for role in roles.values():
            role.start()
        stage.wait_for(port, 90)
        yield roles
    finally:
        for role in roles.values():
            role.stop()


def _prepare(merchant: Any, url: str) -> Any:
    from bots.retrieval import reindex_articles
    from bots.services.knowledge import article_save

    channel = stage.channel_for(merchant, base_url=url)
    with merchant_context(merchant.schema_name):
        article_save(external_id="delivery", lang="ru", title="Доставка", text=FACT)
        reindex_articles(None)
    return channel


def _fault(
    roles: dict[str, Role], number: int, chance: random.Random, platform: Counting, buyers: Buyers
) -> list[float]:
    """Kill the roles in turn; now and then empty Redis or cut every connection of the database.

    Returns, where a worker was killed, the seconds until everything is answered that was accepted
    and waited at that moment.
    """
    if number % 10 == 9:
        redis.Redis.from_url(settings.REDIS_URL).flushall()
    if number % 10 == 4:
        with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND usename <> current_user"
            )
    role = roles[ROLES[number % len(ROLES)]]
    role.kill()
    begun = time.monotonic()
    waiting = [c for n in list(buyers.accepted) if (c := _chat(n)) not in platform.arrived]
    time.sleep(chance.uniform(0.05, 0.4))
    role.start()
    if role.name == "asgi":
        stage.wait_for(role.port, 60)  # without an intake there is no load to be killed under
    if not role.name.startswith("worker"):
        return []
    platform.wait(waiting, 60)
    return [time.monotonic() - begun]


def _count(schema: str, buyers: Buyers, platform: Counting) -> dict[str, float]:
    with psycopg.connect(settings.DATABASE_URL) as connection:
        connection.execute(f'SET search_path TO "{schema}"')
        received = Counter(
            int(chat) - 600_000
            for (chat,) in connection.execute(
                "SELECT c.external_id FROM bots_message m "
                "JOIN bots_conversation v ON v.id = m.conversation_id "
                "JOIN bots_contact c ON c.id = v.contact_id WHERE m.author = 'buyer'"
            )
        )
        bot_messages = connection.execute(
            "SELECT count(*) FROM bots_message WHERE author = 'bot'"
        ).fetchone()
    assert bot_messages is not None
    return {
        "accepted": len(buyers.accepted),
        "accepted_but_lost": sum(1 for n in buyers.accepted if not received[n]),
        "applied_twice": sum(count - 1 for count in received.values() if count > 1),
        "texts_at_the_platform": platform.count.total(),
        "bot_messages": bot_messages[0],
        "sent_twice": sum(count - 1 for count in platform.count.values() if count > 1),
    }
