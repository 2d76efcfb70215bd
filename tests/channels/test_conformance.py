"""What every channel has to do alike: in with anything, out within limits, errors told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channels.base import (
    Button,
    BuyerMessage,
    Call,
    ChannelAdapter,
    Inbound,
    Reply,
    SignatureMismatch,
    Unreachable,
    Unsupported,
)
from bots.channels.rendering import degraded
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, RetryLater, VendorError
from tenants.kernel.simulate import Answer, Broken, Request, Simulator, serve_simulator
from tests.channels.sample import Sample, samples

SAMPLES = samples()
NASTY = (
    "Привет! 👩‍👩‍👧‍👦 ¿qué? שלום مرحبا \u202eabc <b>&amp;</b> *звезда* _под_ `код` "
    "[x](http://y) {{ agent }} "
    "\u0000\ud800 '; DROP TABLE bots_message; --"
)


def of(choose: Callable[[Sample], Any]) -> Any:
    """Only those channels a question can be put to."""
    chosen = [one for one in SAMPLES if choose(one)]
    return pytest.mark.parametrize("sample", chosen, ids=lambda one: one.kind)


every = of(lambda one: True)
# Words come and go; the others only tell of calls.
speaking = of(lambda one: one.speaks)
mute = of(lambda one: not one.adapter().manifest.can_write)
calling = of(lambda one: one.speaks and one.simulator() is not None)
with_busy = of(lambda one: one.speaks and one.simulator() and one.busy)
with_revoked = of(lambda one: one.speaks and one.simulator() and one.revoked)
with_blocked = of(lambda one: one.speaks and one.simulator() and one.blocked)
objects = of(lambda one: isinstance(one.says("?"), dict))


@contextmanager
def platform(sample: Sample) -> Iterator[tuple[Any, ChannelAdapter]]:
    """The pretend platform and an account at it."""
    simulator = sample.simulator()
    assert simulator is not None
    with serve_simulator(simulator) as url:
        yield simulator, sample.adapter(url)


def take(adapter: ChannelAdapter, request: Inbound) -> list[Any]:
    """What ingest and worker make of a call, without storing. Anything but a refusal they know
    is an error of the adapter."""
    adapter.verify(request)
    try:
        envelopes = adapter.envelopes(request)
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    found: list[Any] = []
    for envelope in envelopes:
        assert envelope.dedupe_key and len(envelope.dedupe_key) < 500
        try:
            found += adapter.parse(json.loads(json.dumps(envelope.payload)))
        except Unsupported:
            continue
    return found


def texts(calls: list[Call]) -> list[str]:
    """Every string in the calls, however deep."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            for inner in node.values():
                yield from walk(inner)
        elif isinstance(node, list | tuple):
            for inner in node:
                yield from walk(inner)

    return [text for call in calls for text in walk(dict(call.data))]


# ── in ──
@every
def test_a_forged_call_is_refused(sample):
    body = json.dumps(sample.says("Здравствуйте")).encode()

    for forged in sample.forged(body):
        with pytest.raises(SignatureMismatch):
            sample.adapter().verify(forged)


@every
def test_another_merchants_proof_opens_nothing(sample):
    """A call that is right for one account is wrong at another's address."""
    body = json.dumps(sample.says("Здравствуйте")).encode()
    other = sample.adapter()
    other.config = type(other.config)(
        channel_id=2,
        schema="m_y",
        settings={name: f"other-{value}" for name, value in sample.settings.items()},
        secrets={name: f"other-{value}" for name, value in sample.secrets.items()},
    )

    with pytest.raises(SignatureMismatch):
        other.verify(sample.sign(body))


@speaking
def test_a_buyers_words_arrive_as_they_are(sample):
    (said,) = take(sample.adapter(), sample.inbound(sample.says("Есть 46 размер?")))

    assert isinstance(said, BuyerMessage)
    assert (said.text, said.chat) == ("Есть 46 размер?", sample.chat)
    assert said.external_id


@every
def test_a_repeated_delivery_is_the_same_delivery(sample):
    adapter, request = sample.adapter(), sample.inbound(sample.says("Привет", number=7))
    other = sample.inbound(sample.says("Привет", number=8))

    keys = [[one.dedupe_key for one in adapter.envelopes(r)] for r in (request, request, other)]
    assert keys[0] == keys[1] != keys[2]


@every
def test_every_documented_kind_is_taken_or_passed_over(sample):
    for name, payload in sample.kinds().items():
        adapter, request = sample.adapter(), sample.inbound(payload)
        adapter.verify(request)
        for envelope in adapter.envelopes(request):  # no error: the platform would repeat it
            try:
                adapter.parse(envelope.payload)
            except Unsupported:
                continue
        assert adapter.hook_answer(request)[0] == 200, name


@objects
def test_a_kind_nobody_knows_is_passed_over(sample):
    payload = sample.says("Привет")
    take(sample.adapter(), sample.inbound({**payload, "of_tomorrow": {"x": [1, None]}}))


@every
def test_a_truncated_call_breaks_nothing(sample):
    body = json.dumps(sample.says("Сколько стоит доставка?"), ensure_ascii=False).encode()
    for end in range(0, len(body), max(1, len(body) // 40)):
        with suppress(SignatureMismatch):  # half a body has no proof where the proof is in it
            take(sample.adapter(), sample.sign(body[:end]))


def _spoiled(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(node, dict):
        return {k: _spoiled(v, path[1:], value) if k == path[0] else v for k, v in node.items()}
    if isinstance(node, list):
        return [_spoiled(v, path[1:], value) if n == path[0] else v for n, v in enumerate(node)]
    return node


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, inner in items:
        yield from _paths(inner, (*path, key))


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
    st.text(max_size=12), st.just([]), st.just({}), st.just([{}]), st.just("x" * 5000),
)  # fmt: skip


@given(data=st.data())
def test_hostile_values_never_break_ingest(data):
    """Any value anywhere in any documented delivery: kept, passed over, or refused in words."""
    sample = data.draw(st.sampled_from(SAMPLES))
    kinds = {"says": sample.says("Привет"), **sample.kinds()}
    payload = kinds[data.draw(st.sampled_from(sorted(kinds)))]
    spoiled = _spoiled(payload, data.draw(st.sampled_from(list(_paths(payload)))), data.draw(JUNK))
    adapter = sample.adapter()
    request = sample.inbound(spoiled)
    try:
        adapter.verify(request)
        envelopes = adapter.envelopes(request)
    except (SignatureMismatch, ValueError, KeyError, TypeError, AttributeError):
        return
    for envelope in envelopes:
        assert isinstance(envelope.dedupe_key, str) and isinstance(envelope.chat, str)
        assert 0 < len(envelope.dedupe_key) < 500


@speaking
def test_a_megabyte_of_text_and_odd_letters(sample):
    nasty = NASTY.encode("utf-8", "replace").decode()
    long = (nasty * (1_000_000 // len(nasty.encode()) + 1))[:500_000]
    for text in (nasty, long):
        for said in take(sample.adapter(), sample.inbound(sample.says(text))):
            assert isinstance(said, BuyerMessage)
            assert said.text.startswith(text[:20])


# ── out ──
@speaking
def test_a_long_reply_is_cut_to_the_channels_length(sample):
    adapter = sample.adapter()
    limit, size = adapter.manifest.text_limit, adapter.manifest.text_unit.size
    text = " ".join(f"слово{n}👍" for n in range(3000))

    calls = adapter.render(degraded(Reply(sample.chat, text), adapter.manifest))

    shown = texts(calls)
    assert all(size(one) <= limit for one in shown if "слово" in one)
    for n in (0, 1499, 2999):
        assert any(f"слово{n}👍" in one for one in shown), n


@speaking
def test_rendering_is_a_value_and_shows_every_choice(sample):
    adapter = sample.adapter()
    many = tuple(Button(f"Вариант {n}", f"p{n}") for n in range(12))
    card = {"title": "Свитер", "price": "4 990 ₽", "stock": "есть", "url": "https://shop.ru/1"}
    for reply in (
        Reply(sample.chat, "Выберите", buttons=many[:2]),
        Reply(sample.chat, "Выберите", buttons=many),
        Reply(sample.chat, "Вот", cards=(card,)),
        Reply(sample.chat, "Сайт", buttons=(Button("Открыть", url="https://shop.ru/"),)),
    ):
        reply = degraded(reply, adapter.manifest)
        calls = adapter.render(reply)
        assert calls and calls == adapter.render(reply)
        shown = "\n".join(texts(calls))
        for button in reply.buttons:
            assert button.title in shown
        for told in (reply.text, *(str(value) for one in reply.cards for value in one.values())):
            assert all(line in shown for line in told.splitlines())


@calling
def test_a_reply_arrives(sample):
    with platform(sample) as (simulator, adapter):
        for call in adapter.render(Reply(sample.chat, "Да, есть.")):
            adapter.send(call)

        assert sample.seen(simulator) == ["Да, есть."]


@mute
def test_where_nothing_can_be_written_nothing_is_sent(sample):
    adapter = sample.adapter()

    assert adapter.render(Reply(sample.chat, "Раз")) == []
    with pytest.raises(VendorError):
        adapter.send(Call("send", {}))


@calling
def test_odd_letters_arrive(sample):
    nasty = NASTY.replace("\u0000", "").replace("\ud800", "")
    with platform(sample) as (simulator, adapter):
        for call in adapter.render(Reply(sample.chat, nasty)):
            adapter.send(call)

        assert "".join(sample.seen(simulator)).replace(" ", "").startswith("Привет!")
        assert "DROPTABLEbots_message" in "".join(sample.seen(simulator)).replace(" ", "")


@with_busy
def test_too_fast_is_obeyed(sample):
    with platform(sample) as (simulator, adapter):
        simulator.answer_next(sample.busy)
        (call,) = adapter.render(Reply(sample.chat, "Раз"))
        with pytest.raises(RetryLater):
            adapter.send(call)


@with_revoked
def test_a_revoked_token_asks_for_a_person(sample):
    with platform(sample) as (simulator, adapter):
        simulator.answer_next(sample.revoked)
        (call,) = adapter.render(Reply(sample.chat, "Раз"))
        with pytest.raises(NeedsMerchant):
            adapter.send(call)


@with_blocked
def test_a_buyer_who_blocked_us_is_no_error_of_ours(sample):
    with platform(sample) as (simulator, adapter):
        simulator.answer_next(sample.blocked)
        (call,) = adapter.render(Reply(sample.chat, "Раз"))
        with pytest.raises(Unreachable):
            adapter.send(call)


@calling
def test_a_send_that_was_done_and_not_confirmed(sample):
    """The platform did it, the answer was lost: unknown, and where it can be found out or
    repeated without harm, the buyer sees it once."""
    with platform(sample) as (simulator, adapter):
        (call,) = adapter.render(Reply(sample.chat, "Один раз", message_id=7))
        simulator.answer_next(_done_and_lost(simulator))
        with pytest.raises(VendorError) as lost:
            adapter.send(call)
        assert isinstance(lost.value, OutcomeUnknown | RetryLater)
        if adapter.manifest.can_look_up:
            if adapter.look_up(call) is None:
                adapter.send(call)
            assert sample.seen(simulator) == ["Один раз"]


def _done_and_lost(simulator: Simulator) -> Any:
    """Let the route do its work, then break the connection."""

    async def handler(request: Request) -> Answer:
        for method, pattern, candidate in simulator._routes:
            found = pattern.match(request.path)
            if found and method == request.method:
                result = candidate(Request(**{**request.__dict__, "params": found.groupdict()}))
                if not isinstance(result, Answer):
                    await result
        raise Broken

    return handler


@calling
def test_an_answer_that_is_none_is_told_by_consequence(sample):
    """A proxy's page, half a JSON, a server error: one of ours, never another exception."""
    with platform(sample) as (simulator, adapter):
        (call,) = adapter.render(Reply(sample.chat, "Раз"))
        for answer in (
            Answer(200, b"<html>busy</html>", {"content-type": "text/html"}),
            Answer(200, b'{"ok": tr', {"content-type": "application/json"}),
            Answer(200, b"[]", {"content-type": "application/json"}),
            Answer(500, b"oops"),
            Answer(502, b""),
            Answer(503, b"", {"retry-after": "3"}),
        ):
            simulator.answer_next(answer)
            with pytest.raises((VendorError, Unreachable)):
                adapter.send(call)
