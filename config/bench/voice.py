"""`voice`: whether assistants are answered inside their platform's limit while a model takes 3 s.

The production path: a pretend device calls the hook over HTTP → ingest waits → worker → model
(a simulator of a compatible server over HTTP, 3 s) → check → the answer in the device's own call.
Every question comes from a new buyer. Alice waits 4.5 s and is told to answer within 3, so there a
moment is asked for and the answer is fetched by “ну что?”; the others hear it in the same call. An
answer the platform would refuse counts as one that came too late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from bots.channels.alexa.simulator import SKILL_ID as ALEXA_ID
from bots.channels.alexa.simulator import AlexaSimulator, authority
from bots.channels.alice.simulator import SKILL_ID as ALICE_ID
from bots.channels.alice.simulator import AliceSimulator
from bots.channels.device import Device, Heard, Unplayable
from bots.channels.dialogflow.simulator import PASSWORD, USERNAME, DialogflowSimulator
from config.bench import stage
from config.bench.reply import FACT, Platform
from tenants.kernel.context import merchant_context
from tenants.kernel.simulate import Answer, serve_simulator

COUNT = {"small": 60, "default": 500, "full": 2000}
AT_ONCE = 24
MODEL_S = 3.0
TRIES = 4  # of “ну что?”
ENGLISH = "Delivery in Moscow costs 300 rubles and takes two days."
# Words of the answer, however it is said.
TOLD = ("300 рубл", "300 rubl")


@dataclass(frozen=True)
class Kind:
    name: str
    channel: str
    settings: dict[str, Any]
    question: str
    nudge: str
    device: Callable[[str], Device]
    secrets: dict[str, str] = field(default_factory=dict)


KINDS = (
    Kind(
        "alice", "alice", {"skill_id": ALICE_ID}, "сколько стоит доставка по Москве", "ну что",
        lambda who: AliceSimulator(user=who),
    ),
    Kind(
        "alexa", "alexa", {"skill_id": ALEXA_ID},
        "what does delivery in Moscow cost", "is it ready",
        lambda who: AlexaSimulator(user=who),
    ),
    Kind(
        "dialogflow_es", "dialogflow", {"username": USERNAME},
        "what does delivery in Moscow cost", "is it ready",
        lambda who: DialogflowSimulator(session=who), {"password": PASSWORD},
    ),
    Kind(
        "dialogflow_cx", "dialogflow", {"username": USERNAME},
        "what does delivery in Moscow cost", "is it ready",
        lambda who: DialogflowSimulator(session=who, is_cx=True), {"password": PASSWORD},
    ),
)  # fmt: skip


@dataclass
class Seen:
    """What devices of one kind have met."""

    ms: list[float] = field(default_factory=list)
    next_ms: list[float] = field(default_factory=list)  # “ну что?”
    in_call: int = 0
    on_the_next: int = 0
    refused: list[str] = field(default_factory=list)
    lost: int = 0


def run(size: str = "default") -> dict[str, Any]:
    count = COUNT[size]
    platform = Platform()
    platform.route("GET", "/echo.api/{name}", lambda _: Answer(200, authority().chain))
    with (
        serve_simulator(platform) as url,
        stage.merchant() as merchant,
        stage.process("asgi", ASGI_ROLES="ingest,web") as server,
        stage.process("scheduler"),
        stage.process("worker"),
    ):
        hooks = _prepare(merchant, url)
        base = f"http://127.0.0.1:{server.port}"
        asyncio.run(_all(base, hooks, 2 * len(KINDS), "warm"))  # imports, pools, plans
        probes = asyncio.run(_probes(base, hooks["alice"]))
        platform.model_s, platform.models_asked = MODEL_S, 0
        seen = asyncio.run(_all(base, hooks, count, "measured"))
        asked = platform.models_asked
    if asked < count:
        raise RuntimeError(f"the model was asked {asked} times for {count} questions")
    every = [ms for one in seen.values() for ms in one.ms]
    figures: dict[str, float] = {
        "questions": len(every),
        "requests": len(every) + sum(len(one.next_ms) for one in seen.values()),
        "models_asked": asked,
        "past_the_limit": sum(len(one.refused) for one in seen.values()),
        "answers_lost": sum(one.lost for one in seen.values()),
    }
    for name, one in seen.items():
        figures[f"{name}_ms_p50"] = _share(one.ms, 0.5)
        figures[f"{name}_ms_p99"] = _share(one.ms, 0.99)
        figures[f"{name}_ms_most"] = _share(one.ms + one.next_ms, 1.0)
        figures[f"{name}_limit_ms"] = next(
            kind.device("x").waits_s * 1000 for kind in KINDS if kind.name == name
        )
        figures[f"{name}_in_call"] = one.in_call
        figures[f"{name}_on_the_next"] = one.on_the_next
    return {
        "figures": figures,
        "reference": {
            "model_ms": MODEL_S * 1000,
            "probe_ms_p50": _share(probes, 0.5),
            "probe_ms_p99": _share(probes, 0.99),
        },
        "goals": [
            {"figure": "past_the_limit", "op": "==", "goal": 0},
            {"figure": "answers_lost", "op": "==", "goal": 0},
            {"figure": "questions", "op": ">=", "goal": count},
        ],
        "faults": [why for one in seen.values() for why in one.refused][:10],
    }


async def _all(base: str, hooks: dict[str, str], count: int, name: str) -> dict[str, Seen]:
    """Questions of all kinds in turn, so many at once."""
    seen = {kind.name: Seen() for kind in KINDS}
    limits = httpx.Limits(max_connections=AT_ONCE + 4)
    places = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=base, trust_env=False, limits=limits) as http:

        async def one(number: int) -> None:
            kind = KINDS[number % len(KINDS)]
            async with places:
                if number < AT_ONCE:
                    await asyncio.sleep(number * MODEL_S / AT_ONCE)  # as buyers come
                await _talk(http, kind, hooks[kind.name], f"{name}-{number}", seen[kind.name])

        await asyncio.gather(*[one(number) for number in range(count)])
    return seen


async def _talk(http: httpx.AsyncClient, kind: Kind, hook: str, who: str, seen: Seen) -> None:
    device = kind.device(who)
    heard = await _say(http, device, hook, kind.question, seen.ms, seen)
    if heard is None:
        return
    if _is_told(heard):
        seen.in_call += 1
        return
    for _ in range(TRIES):
        heard = await _say(http, device, hook, kind.nudge, seen.next_ms, seen)
        if heard is not None and _is_told(heard):
            seen.on_the_next += 1
            return
    seen.lost += 1


def _is_told(heard: Heard) -> bool:
    return any(words in heard.spoken or words in heard.shown for words in TOLD)


async def _say(
    http: httpx.AsyncClient, device: Device, hook: str, text: str, ms: list[float], seen: Seen
) -> Heard | None:
    request = device.call(text)
    begun = time.monotonic()
    try:
        answer = await http.post(
            hook, content=request.body, headers=dict(request.headers), timeout=30
        )
        seconds = time.monotonic() - begun
        ms.append(seconds * 1000)
        return device.played(answer.status_code, answer.content, seconds)
    except (Unplayable, httpx.HTTPError) as exc:
        seen.refused.append(f"{type(device).__name__}: {exc!r}")
        return None


async def _probes(base: str, hook: str) -> list[float]:
    """What the same way costs without a question: ping, answered by ourselves."""
    found: list[float] = []
    async with httpx.AsyncClient(base_url=base, trust_env=False) as http:
        for _ in range(50):
            await _say(http, AliceSimulator(user="probe"), hook, "ping", found, Seen())
    return found


def _prepare(merchant: Any, url: str) -> dict[str, str]:
    """The path of each kind's hook."""
    from bots.models import Bot, Channel
    from bots.retrieval import reindex_articles
    from bots.services.bots import bot_publish
    from bots.services.channels import channel_create, route_sync
    from bots.services.knowledge import article_save
    from bots.services.model_accounts import account_save

    hooks: dict[str, str] = {}
    with merchant_context(merchant.schema_name):
        bot = Bot.objects.earliest("pk")
        for lang, title, text in (("ru", "Доставка", FACT), ("en", "Delivery", ENGLISH)):
            article_save(external_id="delivery", lang=lang, title=title, text=text)
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
        bot.providers = [{"provider": "compatible"}]
        bot.save()
        bot_publish(bot=bot, by="bench")
        for kind in KINDS:
            channel = channel_create(
                kind=kind.channel,
                name=kind.name,
                bot=bot,
                base_url=url if kind.channel == "alexa" else "",
                settings={**kind.settings, "ca_bundle": authority().root},
                secrets=kind.secrets,
            )
            channel.state = Channel.State.LIVE
            channel.save(update_fields=["state"])
            route_sync(channel)
            hooks[kind.name] = f"/hooks/{channel.route_key}/"
    return hooks


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values) or [0.0]
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)
