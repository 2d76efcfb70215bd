"""`reply`: the time we add between webhook and delivery round a model of known latency.

The production path: Telegram webhooks over HTTP → ingest → bell → worker process → model server
(a simulator of an OpenAI-compatible one over HTTP) → check → delivery to a simulated Telegram over
HTTP. Four bots, because Telegram lets one say 30 messages a second and we obey that.

Most questions here read complete and wait for nothing more. Fifty conversations in flight are
measured twice: with buyers who write a fragment, whose quiet window is subtracted and reported, and
with buyers who never pause, which asks for twice as many messages a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from bots.engine.timing import quiet_s
from config.bench import stage
from tenants.kernel.context import merchant_context
from tenants.kernel.simulate import Answer, Request, Simulator, serve_simulator

COUNT = {"small": 40, "default": 150, "full": 400}
CHANNELS = 4
QUESTION = "Сколько стоит доставка по Москве?"
FRAGMENT = "Москва"  # one word that no template answers: the model is asked
FACT = "Доставка по Москве стоит 300 рублей и занимает два дня."


class Platform(Simulator):
    """The other ends in one: a Telegram that notes arrivals, a model that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: dict[str, float] = {}
        self.told = threading.Condition()
        self.model_s = 0.0
        self.models_open = self.models_most = self.models_asked = 0
        self.route("POST", "/bot{token}/sendMessage", self._message)
        self.route("POST", "/bot{token}/{other}", self._other)
        self.route("POST", "/v1/chat/completions", self._model)

    def _message(self, request: Request) -> Answer:
        chat = request.form()["chat_id"]
        with self.told:
            self.arrived.setdefault(chat, time.monotonic())
            self.told.notify_all()
        # Numbers of both sides are one row of a chat: never one that the buyer has used.
        number = 1_000_000 + len(self.arrived)
        message = {"message_id": number, "date": 1, "chat": {"id": 1, "type": "private"}}
        return Answer.json({"ok": True, "result": message})

    def _other(self, request: Request) -> Answer:
        return Answer.json({"ok": True, "result": True})

    async def _model(self, request: Request) -> Answer:
        self.models_open += 1
        self.models_asked += 1
        self.models_most = max(self.models_most, self.models_open)
        try:
            if self.model_s:
                await asyncio.sleep(self.model_s)
        finally:
            self.models_open -= 1
        message = {"role": "assistant", "content": FACT + " [1]"}
        return Answer.json(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": "bench",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
        )

    def wait(self, chats: list[str], seconds: float) -> int:
        """How many of the chats are still without a text after at most `seconds`."""
        until = time.monotonic() + seconds
        with self.told:
            while (left := [c for c in chats if c not in self.arrived]) and (
                pause := until - time.monotonic()
            ) > 0:
                self.told.wait(min(pause, 0.5))
        return len(left)


def run(size: str = "default") -> dict[str, Any]:
    count = COUNT[size]
    platform = Platform()
    figures: dict[str, float] = {}
    with (
        serve_simulator(platform) as url,
        stage.merchant() as merchant,
        stage.process("asgi", ASGI_ROLES="ingest,web") as server,
        stage.process("scheduler"),
        stage.process("worker") as worker,
    ):
        channels = _prepare(merchant, url)
        post = _Poster(server.port, channels)
        _one_by_one(post, platform, 8)  # warm: imports, pools, plans
        figures |= _named("instant_ms", _one_by_one(post, platform, count))
        figures |= _beside_a_slow_model(post, platform)
        figures["worker_mb"] = _megabytes(worker.pid)
        figures |= _fifty_in_flight(post, platform, count * 3)
        reference = _references(url, platform, count, merchant.schema_name, channels[0])
    figures["added_ratio_p50"] = round(
        figures["instant_ms_p50"] / reference["celery_same_work_ms_p50"], 2
    )
    return {
        "figures": figures,
        "reference": reference,
        "goals": [
            {"figure": "added_ratio_p50", "op": "<=", "goal": 2.0},
            {"figure": "model_1s_50_ms_p99", "op": "<=", "goal": 1300.0},
            {"figure": "lost", "op": "==", "goal": 0, "value": figures["slow_lost"]},
            {"figure": "others_beside_200_slow_ratio", "op": "<=", "goal": 2.0},
        ],
    }


def _fifty_in_flight(post: _Poster, platform: Platform, count: int) -> dict[str, float]:
    """A model of 1 s and two workers, as `bin/up` starts them."""
    platform.model_s = 1.0
    found: dict[str, float] = {}
    with stage.process("worker"):
        time.sleep(8)  # until it takes part
        quiet_ms = quiet_s(FRAGMENT) * 1000
        platform.models_asked = 0
        taken = _together(post, platform, 50, count, FRAGMENT)
        if platform.models_asked < count:
            raise RuntimeError(f"the model was asked {platform.models_asked} times for {count}")
        found |= _named("model_1s_50_ms", [ms - quiet_ms for ms in taken])
        found["quiet_window_ms"] = quiet_ms
        platform.models_most = 0
        taken = _together(post, platform, 50, count, QUESTION)
        found |= _named("model_1s_50_unpaused_ms", taken)
        found["models_in_flight_unpaused"] = platform.models_most
    return found


def _prepare(merchant: Any, url: str) -> list[Any]:
    from bots.models import Bot
    from bots.retrieval import reindex_articles
    from bots.services.bots import bot_publish
    from bots.services.knowledge import article_save
    from bots.services.model_accounts import account_save

    channels = [stage.channel_for(merchant, base_url=url) for _ in range(CHANNELS)]
    with merchant_context(merchant.schema_name):
        article_save(external_id="delivery", lang="ru", title="Доставка", text=FACT)
        reindex_articles(None)
        account_save(
            provider="compatible",
            name="Bench",
            values={
                "base_url": f"{url}/v1",
                "model": "bench",
                "api_key": "k",
                "concurrency": "400",
            },
        )
        bot = Bot.objects.get(pk=channels[0].bot_id)
        bot.providers = [{"provider": "compatible"}]
        bot.save()
        bot_publish(bot=bot, by="bench")
    return channels


class _Poster:
    def __init__(self, port: int, channels: list[Any]) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10)
        self.hooks = [
            (f"/hooks/{c.route_key}/", {"x-telegram-bot-api-secret-token": c.secrets["hook"]})
            for c in channels
        ]
        self.count = 0

    def say(self, text: str = QUESTION) -> tuple[str, float]:
        """A new buyer asks; (chat, when it was sent)."""
        self.count += 1
        chat = 500_000 + self.count
        person = {"id": chat, "is_bot": False, "first_name": "А"}
        body = {
            "update_id": self.count,
            "message": {
                "message_id": self.count,
                "date": int(time.time()),
                "chat": {"id": chat, "type": "private"},
                "from": person,
                "text": text,
            },
        }
        begun = time.monotonic()
        path, headers = self.hooks[self.count % len(self.hooks)]
        answer = self.client.post(path, content=json.dumps(body), headers=headers)
        answer.raise_for_status()
        return str(chat), begun


def _one_by_one(post: _Poster, platform: Platform, count: int) -> list[float]:
    found = []
    for _ in range(count):
        chat, begun = post.say()
        if platform.wait([chat], 20):
            continue
        found.append((platform.arrived[chat] - begun) * 1000)
        time.sleep(0.02)
    return found


def _together(
    post: _Poster, platform: Platform, at_once: int, count: int, text: str
) -> list[float]:
    """Keep `at_once` conversations in flight; milliseconds of each.

    The first ones come over a second, as buyers do: a model of 1 s then keeps them apart.
    """
    found: list[float] = []
    flying: dict[str, float] = {}
    started = 0
    begun = time.monotonic()
    while (started < count or flying) and time.monotonic() < begun + 120:
        allowed = min(at_once, 1 + int((time.monotonic() - begun) * at_once))
        while started < count and len(flying) < allowed:
            chat, at = post.say(text)
            flying[chat] = at
            started += 1
        with platform.told:
            platform.told.wait(0.01)
            for chat in [c for c in flying if c in platform.arrived]:
                found.append((platform.arrived[chat] - flying.pop(chat)) * 1000)
    return found


def _beside_a_slow_model(post: _Poster, platform: Platform) -> dict[str, float]:
    """200 buyers wait for a model that takes 8 s; others ask what needs no waiting."""
    platform.model_s = 0.0
    alone = _named("x", _one_by_one(post, platform, 15))["x_p50"]
    platform.model_s, platform.models_most = 8.0, 0
    slow = [post.say()[0] for _ in range(200)]
    until = time.monotonic() + 6
    while platform.models_open < 200 and time.monotonic() < until:
        time.sleep(0.05)
    most = platform.models_most
    platform.model_s = 0.0
    others = _named("x", _one_by_one(post, platform, 15))["x_p50"]
    lost = platform.wait(slow, 40)
    return {
        "slow_in_flight_on_one_worker": most,
        "slow_lost": lost,
        "others_ms_p50": others,
        "others_alone_ms_p50": alone,
        "others_beside_200_slow_ratio": round(others / alone, 2) if alone else 0.0,
    }


def _named(name: str, ms: list[float]) -> dict[str, float]:
    ordered = sorted(ms) or [0.0]
    return {
        f"{name}_p50": round(ordered[len(ordered) // 2], 1),
        f"{name}_p95": round(ordered[int(len(ordered) * 0.95)], 1),
        f"{name}_p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 1),
        f"{name}_count": len(ms),
    }


def _megabytes(pid: int) -> float:
    import psutil

    return round(psutil.Process(pid).memory_full_info().pss / 1e6, 1)


def _references(
    url: str, platform: Platform, count: int, schema: str, channel: Any
) -> dict[str, float]:
    """The same work as one plain Celery thread task; least Celery and asyncio bots beside it."""
    platform.model_s = 0.0
    port = stage.free_port()
    environment = os.environ | {"BENCH_URL": url, "BENCH_PORT": str(port), "DB_ROLE": "app"}
    found: dict[str, float] = {}
    celery = ["-m", "celery", "-A", "config.bench.plain", "worker", "-P", "threads", "-c", "50"]
    for name, command, sender in (
        ("celery_same_work_ms", celery, lambda: _celery_same(schema, channel.pk)),
        ("celery_least_ms", celery, _celery_least),
        ("bare_asyncio_ms", ["-m", "config.bench.plain"], lambda: _http_sender(port)),
    ):
        child = subprocess.Popen(
            [stage.python(), *command],
            cwd=stage.ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            send = sender()
            _plain_one_by_one(send, platform, 8, name)
            found |= _named(name, _plain_one_by_one(send, platform, count, name))
        finally:
            child.terminate()
            child.wait()
    return found


def _plain_one_by_one(send, platform: Platform, count: int, name: str) -> list[float]:
    found = []
    for number in range(count):
        chat = f"{name}-{time.monotonic_ns()}-{number}"
        begun = time.monotonic()
        send(chat)
        if platform.wait([chat], 30):
            raise RuntimeError(f"{name} does not answer")
        found.append((platform.arrived[chat] - begun) * 1000)
        time.sleep(0.02)
    return found


def _celery_same(schema: str, channel_id: int) -> Callable[[str], object]:
    from config.bench.plain import app

    return lambda chat: app.send_task(
        "plain.same", (schema, channel_id, chat, QUESTION), queue="plain"
    )


def _celery_least() -> Callable[[str], object]:
    from config.bench.plain import app, prepare

    prepare()
    return lambda chat: app.send_task("plain.answer", (chat,), queue="plain")


def _http_sender(port: int):
    stage.wait_for(port)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
    return lambda chat: client.post("/", content=chat).raise_for_status()
