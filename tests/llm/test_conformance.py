"""Every provider, the same scenes, over real HTTP against its own simulator."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bots.channels.base import Maturity
from bots.llm.base import (
    Account,
    ChatMessage,
    Finish,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    ModelTooSlow,
    NeedsMerchant,
    Provider,
    Rejected,
    RetryLater,
    Stopped,
    ToolSpec,
)
from bots.llm.manifests import ProviderManifest, manifests
from bots.llm.simulation import Called, ModelSimulator, Reply, Trouble
from bots.llm.tests.contract import patience
from tenants.kernel import registry
from tenants.kernel.simulate import serve_simulator

FACTS = "Ты консультант.\n- Размер 42 есть, 3 штуки.\n- Доставка по Туле 300 ₽."
STOCK = ToolSpec(
    "get_stock",
    "Остаток товара по размеру",
    {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "description": "EU"},
            "city": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["size"],
    },
)
ASK = ModelRequest(
    (ChatMessage("system", FACTS), ChatMessage("user", "Есть размер 42?")),
    timeout_s=5,
    first_byte_s=3,
    stall_s=2,
)


def pytest_generate_tests(metafunc):
    if "manifest" in metafunc.fixturenames:
        metafunc.parametrize("manifest", manifests().values(), ids=lambda m: m.key, scope="module")


@pytest.fixture(scope="module")
def served(manifest) -> Iterator[tuple[ModelSimulator, str]]:
    simulator = registry.load(manifest.simulator)()
    with serve_simulator(simulator) as url:
        yield simulator, url + getattr(simulator, "prefix", "")


@pytest.fixture
def sim(served) -> Iterator[ModelSimulator]:
    served[0].reset()
    yield served[0]


@pytest.fixture
def account(manifest, sim, served) -> Account:
    return Account("a1", manifest.key, sim.settings(), base_url=served[1], allow_private=True)


@pytest.fixture
def provider(manifest, account) -> Provider:
    return manifest.build(account)


def both_ways(ask):
    """Streamed and whole: the same scene, the same outcome."""
    return pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])(ask)


def call(provider: Provider, request: ModelRequest = ASK, *, stream: bool, **how):
    pieces: list[str] = []
    completion = provider.complete(request, patience(**how), pieces.append if stream else None)
    if stream and completion.text:
        assert "".join(pieces) == completion.text
    return completion


@both_ways
def test_an_answer_follows_the_facts(provider, sim, stream, manifest):
    completion = call(provider, stream=stream)

    assert completion.text == "Размер 42 есть, 3 штуки."
    assert completion.finish is Finish.STOP
    assert completion.provider == manifest.key
    assert completion.usage.prompt > 0
    assert completion.usage.completion > 0
    assert completion.ms >= completion.first_ms >= 0
    assert len(sim.completions()) == 1


@both_ways
def test_a_tool_round(provider, sim, stream):
    request = replace(ASK, tools=(STOCK,))
    sim.script(Reply(tools=(Called("get_stock", {"size": 42}),)))

    first = call(provider, request, stream=stream)

    assert first.finish is Finish.TOOLS
    assert [(c.name, c.arguments) for c in first.tool_calls] == [("get_stock", {"size": 42})]
    assert all(c.id for c in first.tool_calls)
    told = ChatMessage("tool", '{"qty": 3}', tool_call_id=first.tool_calls[0].id, name="get_stock")
    second = call(
        provider,
        replace(request, messages=(*ASK.messages, first.as_message(), told)),
        stream=stream,
    )
    assert "3" in second.text
    assert second.finish is Finish.STOP


@both_ways
def test_two_tool_calls_of_another_provider_are_told(provider, stream):
    """After a fallback the history holds what this vendor could not have said."""
    from bots.llm.base import ToolCall

    calls = (ToolCall("x1", "get_stock", {"size": 41}), ToolCall("x2", "get_stock", {"size": 42}))
    messages = (
        *ASK.messages,
        ChatMessage("assistant", "Смотрю.", tool_calls=calls),
        ChatMessage("tool", '{"qty": 0}', tool_call_id="x1", name="get_stock"),
        ChatMessage("tool", "две штуки", tool_call_id="x2", name="get_stock"),
    )

    completion = call(provider, replace(ASK, messages=messages, tools=(STOCK,)), stream=stream)

    assert "две штуки" in completion.text


@both_ways
def test_system_text_anywhere_becomes_one_first_message(provider, sim, stream):
    messages = (*ASK.messages, ChatMessage("system", "- Отвечай кратко."))

    call(provider, replace(ASK, messages=messages), stream=stream)

    sent = sim.completions()[-1]["messages"]
    assert [m["role"] for m in sent] == ["system", "user"]
    assert "Отвечай кратко" in str(sent[0])


@both_ways
def test_a_refusal_is_recognised(provider, sim, stream):
    sim.script(Reply("Не люблю менять тему разговора.", finish="refusal"))

    with pytest.raises(ModelRefused) as caught:
        call(provider, stream=stream)

    assert caught.value.usage is not None


@both_ways
def test_a_cut_answer_says_so(provider, sim, stream):
    sim.script(Reply("Размер 42", finish="length"))

    assert call(provider, stream=stream).finish is Finish.LENGTH


@both_ways
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Trouble.RATE_LIMITED, RetryLater),
        (Trouble.SERVER_ERROR, RetryLater),
        (Trouble.NO_QUOTA, NeedsMerchant),
        (Trouble.UNAUTHORIZED, NeedsMerchant),
        (Trouble.NO_MODEL, NeedsMerchant),
        (Trouble.TOO_LONG, Rejected),
        (Trouble.NOT_JSON, (ModelMalformed, RetryLater)),
        (Trouble.EMPTY, (ModelMalformed, RetryLater)),
    ],
)
def test_troubles_say_what_to_do(provider, sim, account, stream, trouble, error):
    sim.script(trouble, trouble, retry_after_s=7)

    with pytest.raises(error) as caught:
        call(provider, stream=stream)

    assert caught.value.vendor == account.provider
    if trouble is Trouble.RATE_LIMITED:
        assert caught.value.retry_after_s == 7
    for secret in account.settings.values():
        if len(secret) > 20:
            assert secret not in str(caught.value)


@both_ways
def test_wrong_keys_need_the_merchant(manifest, account, stream):
    keys = {
        name: "wrong-but-long-enough" for name in manifest.secrets() if name in account.settings
    }
    provider = manifest.build(replace(account, settings={**account.settings, **keys}))

    with pytest.raises(NeedsMerchant):
        call(provider, stream=stream)


@both_ways
@pytest.mark.parametrize(
    "reply",
    [
        Reply("раз два три", cut_after=1),
        Reply("раз два три", bad_json_after=1),
        Reply(tools=(Called("get_stock", raw='{"size": '),)),
        Reply(tools=(Called("get_stock", raw="[1]"),)),
        Reply(tools=(Called("drop_tables", {}),)),
        Reply(" "),
    ],
    ids=["cut", "bad-json", "bad-arguments", "list-arguments", "unknown-tool", "blank"],
)
def test_a_broken_answer_is_never_taken(provider, sim, stream, reply):
    sim.script(reply)

    with pytest.raises((ModelMalformed, RetryLater)):
        call(provider, replace(ASK, tools=(STOCK,)), stream=stream)


@pytest.mark.parametrize(
    "reply",
    [Reply("раз два три", silent_end=True), Reply("раз два три", error_after=1)],
    ids=["no-end", "error"],
)
def test_a_stream_that_ends_early_is_never_taken(provider, sim, reply):
    sim.script(reply)

    with pytest.raises((ModelMalformed, RetryLater)):
        call(provider, stream=True)


@both_ways
def test_missing_usage_is_estimated(provider, sim, stream):
    sim.script(Reply("Размер есть.", usage=False))

    usage = call(provider, stream=stream).usage

    assert usage.prompt > 0
    assert usage.completion > 0


@both_ways
def test_the_deadline_holds(provider, sim, stream):
    sim.script(Reply("раз два три", first_pause_s=3))
    started = time.monotonic()

    with pytest.raises(ModelTooSlow):
        call(provider, stream=stream, for_s=0.4)

    assert time.monotonic() - started < 1.2


def test_no_first_byte_in_time(provider, sim):
    sim.script(Reply("раз два три", first_pause_s=3))
    started = time.monotonic()

    with pytest.raises(ModelTooSlow, match="first byte"):
        call(provider, stream=True, first_byte_s=0.4)

    assert time.monotonic() - started < 1.2


def test_a_stall_in_the_middle(provider, sim):
    sim.script(Reply("раз два три", pause_s=3))

    with pytest.raises(ModelTooSlow, match="stalled"):
        call(provider, stream=True, stall_s=0.3)


def test_slow_bytes_do_not_outlive_the_deadline(provider, sim):
    """Each gap is short, the whole is not: a read time-out alone would never fire."""
    sim.script(Reply("слово " * 200, pause_s=0.05))
    started = time.monotonic()

    with pytest.raises(ModelTooSlow):
        call(provider, stream=True, for_s=0.6)

    assert time.monotonic() - started < 1.5


@both_ways
def test_it_stops_when_nobody_waits_any_more(provider, sim, stream):
    sim.script(Reply("раз два три", first_pause_s=3))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    started = time.monotonic()

    with pytest.raises(Stopped):
        call(provider, stream=stream, should_stop=stop.is_set)

    assert time.monotonic() - started < 1.2


def test_the_next_call_works_after_a_broken_one(provider, sim):
    sim.script(Reply("раз два три", first_pause_s=1))
    with pytest.raises(ModelTooSlow):
        call(provider, stream=True, for_s=0.3)

    assert call(provider, stream=True).text == "Размер 42 есть, 3 штуки."


def test_unicode_line_marks_inside_a_text_are_letters(provider, sim):
    text = "раз\u2028два\u0085три"
    sim.script(Reply(text, pieces=("раз\u2028", "два\u0085", "три")))

    assert call(provider, stream=True).text == text


def test_nothing_is_stored_or_logged_by_the_vendor(provider, sim, manifest):
    call(provider, stream=False)

    last = [c for c in sim.calls if sim.is_scripted(c)][-1]
    if manifest.key == "openai":
        assert last.json()["store"] is False
    if manifest.key == "yandexgpt":
        assert last.headers["x-data-logging-enabled"] == "false"
    assert "cookie" not in last.headers


def test_credentials_can_be_checked(provider, sim):
    assert provider.check(patience())


def test_no_server_is_a_reason_to_try_later(manifest, account):
    provider = manifest.build(replace(account, base_url="http://127.0.0.1:9"))

    with pytest.raises(RetryLater) as caught:
        call(provider, stream=True)

    assert caught.value.vendor == manifest.key


def test_a_private_address_is_refused_unless_allowed(manifest, account):
    provider = manifest.build(replace(account, allow_private=False))

    with pytest.raises(NeedsMerchant, match="private"):
        call(provider, stream=True)


def test_a_proxy_inside_our_network_is_refused_too(manifest, account):
    made = replace(account, allow_private=False, proxy="http://127.0.0.1:6379")

    with pytest.raises(NeedsMerchant, match="private"):
        call(manifest.build(made), stream=True)


def test_threads_share_one_provider(provider, sim):
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(call(provider, stream=True).text))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == ["Размер 42 есть, 3 штуки."] * 8


def test_the_manifest_is_complete(manifest: ProviderManifest):
    assert manifest.title
    assert manifest.leaves
    assert manifest.maturity in Maturity
    assert manifest.missing(registry.load(manifest.simulator).settings()) in ((), ("base_url",))
    assert manifest.secrets()
    keys = [f.name for f in manifest.settings]
    assert len(keys) == len(set(keys))
    for price in manifest.prices.values():
        assert price.currency in ("RUB", "USD")
