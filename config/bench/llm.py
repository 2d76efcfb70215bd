"""`llm`: what keys, budget, masking, retry, log row and cost add to a model call, in CPU.

The model is the OpenAI simulator in a process of its own. Two references with the same request,
called in turn with ours in the same run: the bare official client (`layer_…` is what we add to
it), and our provider without the gateway (`around_…` is what keys, budget, masking, breaker and
log row add). CPU is this process's: the call, the cache and the database's client side.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from bots.llm.base import Role

SIZES = {"small": 90, "default": 900, "full": 5000}
GOAL_MS = 2.0
MODEL = "gpt-4.1-mini"


def run(size: str = "default") -> dict[str, Any]:
    calls = SIZES.get(size, SIZES["default"])
    with _simulator() as (url, key), _merchant_account(url, key) as bot:
        ways = {**_bare(url, key), **_ours(bot)}
        for way in ways.values():
            way()
            way()
        cpu: dict[str, list[float]] = {name: [] for name in ways}
        wall: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(calls):
            # One call of each in turn: what disturbs the machine disturbs all alike.
            for name, way in ways.items():
                begun_cpu, begun = time.process_time(), time.perf_counter()
                way()
                cpu[name].append((time.process_time() - begun_cpu) * 1000)
                wall[name].append((time.perf_counter() - begun) * 1000)
    figures: dict[str, float] = {}
    reference: dict[str, float] = {}
    for kind in ("whole", "stream"):
        for figure, beside in (("layer", "bare"), ("around", "provider")):
            ours, theirs = _median(cpu[f"ours_{kind}"]), _median(cpu[f"{beside}_{kind}"])
            figures[f"{figure}_{kind}_cpu_ms"] = round(ours - theirs, 3)
            reference[f"{beside}_{kind}_cpu_ms"] = theirs
        figures[f"call_{kind}_cpu_ms"] = _median(cpu[f"ours_{kind}"])
        figures[f"call_{kind}_wall_ms"] = _median(wall[f"ours_{kind}"])
        reference[f"bare_{kind}_wall_ms"] = _median(wall[f"bare_{kind}"])
    figures |= {"calls": calls, "prompt_letters": sum(len(m[1]) for m in _prompt())}
    return {
        "bench": "llm",
        "figures": figures,
        "reference": reference,
        "goals": [
            {"figure": f"layer_{kind}_cpu_ms", "op": "<=", "goal": GOAL_MS}
            for kind in ("whole", "stream")
        ],
    }


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def _prompt() -> list[tuple[Role, str]]:
    """A page of facts and a short history with personal data in it, as the engine sends."""
    facts = "\n".join(
        f"- Куртка зимняя №{n}: размер {40 + n}, цена {5000 + 10 * n} ₽, в наличии {n} шт."
        for n in range(60)
    )
    history: list[tuple[Role, str]] = [
        ("user", "Здравствуйте, меня зовут Анна, мой номер +7 916 123-45-67"),
        ("assistant", "Здравствуйте, Анна! Чем помочь?"),
        ("user", "Пришлите ответ на anna@example.org"),
        ("assistant", "Хорошо."),
    ]
    return [("system", f"Ты консультант.\n{facts}"), *history, ("user", "Есть размер 42?")]


def _bare(url: str, key: str) -> dict[str, Callable[[], object]]:
    import httpx
    import openai

    # A client of the same kind as ours; the package's own default is its fork.
    http: Any = httpx.Client(timeout=20)
    client = openai.OpenAI(api_key=key, base_url=url, max_retries=0, http_client=http)
    messages: Any = [{"role": role, "content": text} for role, text in _prompt()]
    common: dict[str, Any] = {
        "model": MODEL,
        "messages": messages,
        "temperature": 0.2,
        "max_completion_tokens": 800,
        "store": False,
    }
    create: Any = client.chat.completions.create

    def whole() -> object:
        return create(**common).choices[0].message.content

    def stream() -> object:
        parts = []
        for chunk in create(**common, stream=True, stream_options={"include_usage": True}):
            if chunk.choices and chunk.choices[0].delta.content:
                parts.append(chunk.choices[0].delta.content)
        return "".join(parts)

    return {"bare_whole": whole, "bare_stream": stream}


def _ours(bot: dict[str, Any]) -> dict[str, Callable[[], object]]:
    from bots.llm.base import ChatMessage, ModelRequest, Patience
    from bots.llm.gateway import provider_for
    from bots.llm.manifests import manifests
    from bots.llm.masking import Known
    from bots.services.model_calls import model_complete, model_gateway

    account = model_gateway(bot).terms.accounts[0]
    provider = provider_for(account, manifests()["openai"])
    messages = tuple(ChatMessage(role, text) for role, text in _prompt())
    request = ModelRequest(messages, purpose="bench")
    known = Known(names=("Анна Петрова",), phones=("+79161234567",))
    parts: list[str] = []

    def whole() -> object:
        return model_complete(request, bot=bot, known=known).text

    def stream() -> object:
        parts.clear()
        return model_complete(request, bot=bot, known=known, on_delta=parts.append).text

    def provider_whole() -> object:
        return provider.complete(request, Patience(time.monotonic() + 20)).text

    def provider_stream() -> object:
        parts.clear()
        return provider.complete(request, Patience(time.monotonic() + 20), parts.append).text

    return {
        "provider_whole": provider_whole,
        "ours_whole": whole,
        "provider_stream": provider_stream,
        "ours_stream": stream,
    }


@contextmanager
def _simulator() -> Iterator[tuple[str, str]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.terminate()
        process.join(5)


def _serve(pipe: Any) -> None:
    from bots.llm.openai.simulator import OpenAISimulator
    from tenants.kernel.simulate import serve_simulator

    simulator = OpenAISimulator()
    with serve_simulator(simulator) as url:
        pipe.send((f"{url}/v1", simulator.key))
        while True:
            time.sleep(60)
            simulator.calls.clear()


@contextmanager
def _merchant_account(url: str, key: str) -> Iterator[dict[str, Any]]:
    """A merchant with an account at the simulator and money enough; everything goes after it."""
    from django.conf import settings
    from django.core.cache import cache
    from django.core.management import call_command

    from bots.models import ModelAccount, ModelCall
    from bots.services.model_calls import accounts_forget
    from tenants.kernel.context import PUBLIC, merchant_context
    from tenants.models import Merchant

    if not settings.ALLOW_PRIVATE_ADDRESSES:
        raise RuntimeError("this bench calls a simulator on loopback: ALLOW_PRIVATE_ADDRESSES=1")
    with merchant_context(PUBLIC):
        merchant = Merchant.objects.filter(state=Merchant.State.ACTIVE).first()
        if merchant is None:
            password = uuid.uuid4().hex
            call_command(
                "create_merchant",
                slug="bench-llm",
                name="Bench",
                email="bench@example.org",
                password=password,
            )
            merchant = Merchant.objects.get(slug="bench-llm")
    with merchant_context(merchant.schema_name):
        account = ModelAccount.objects.create(
            provider="openai",
            name="bench",
            settings={"model": MODEL},
            secrets=cast(Any, {"api_key": key}),
            base_url=url,
        )
        accounts_forget()
        try:
            yield {"providers": [{"account": account.pk}], "foreign_models": True}
        finally:
            account.delete()
            ModelCall.objects.filter(purpose="bench").delete()
            cache.clear()
            accounts_forget()
