"""Every channel that is called has an example to measure, and the bench measures it."""

from __future__ import annotations

import pytest

from bots.channels.base import SignatureMismatch
from config.bench import hooks, ingest
from config.management.commands.bench import judged
from tests.channels.sample import samples
from tests.fixtures.aside import run_aside


def test_every_channel_that_is_called_has_an_example():
    assert set(hooks.examples()) == {sample.kind for sample in samples()}


@pytest.mark.parametrize("kind", sorted(hooks.examples()))
def test_an_example_is_a_delivery_of_its_own(kind):
    adapter, example = hooks.opened(kind)
    other = hooks.opened("custom" if kind != "custom" else "telegram")[1](1)
    for number in (1, 2):
        run_aside(adapter.prepare(example(number)))
        adapter.verify(example(number))

    first, again, second = (adapter.envelopes(example(n))[0].dedupe_key for n in (1, 1, 2))
    assert first != second
    assert adapter.parse(adapter.envelopes(example(1))[0].payload)
    with pytest.raises(SignatureMismatch):
        adapter.verify(other)
    assert again


def test_the_bench_measures_a_channel_beside_the_custom_one(monkeypatch):
    monkeypatch.setitem(hooks.ROUNDS, "small", 1)
    monkeypatch.setattr(hooks, "CALLS", 5)

    report = ingest.run("small", channel="telegram")

    assert set(report["figures"]) == {
        "telegram_us_a_call", "telegram_to_custom", "telegram_bytes_a_call",
    }  # fmt: skip
    (goal,) = report["goals"]
    assert goal == {"figure": "telegram_to_custom", "op": "<=", "goal": 1.5}
    assert isinstance(judged(goal, report["figures"])["met"], bool)
    with pytest.raises(ValueError, match="no channel nobody"):
        ingest.run("small", channel="nobody")
