"""What a channel's signature and parsing cost per webhook call, beside the custom channel's.

Of each channel's own example (its simulator's `hook_example`): `verify`, `envelopes` and, where the
answer does not wait for anybody, `hook_answer`. CPU time of this process; the two take turns, so
that whatever else the machine does falls on both.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from bots.channels.base import ChannelAdapter, Config, Inbound, ReplyMode
from bots.services.channels import manifests, open_adapter

REFERENCE = "custom"
GOAL = 1.5
ROUNDS = {"small": 15, "default": 60, "full": 200}
CALLS = 200  # in a round


def examples() -> dict[str, ModuleType]:
    """Simulators of the channels that are called, by kind."""
    found = {}
    for kind in sorted(manifests()):
        name = f"bots.channels.{kind}.simulator"
        if importlib.util.find_spec(name):
            module = importlib.import_module(name)
            if hasattr(module, "hook_example"):
                found[kind] = module
    return found


def opened(kind: str) -> tuple[ChannelAdapter, Callable[[int], Inbound]]:
    module = examples()[kind]
    about: dict[str, Any] = {"settings": {}, "secrets": {}, **module.example_account()}
    config = Config(channel_id=1, schema="m_bench", **about)
    return open_adapter(kind, config), lambda number: module.hook_example(config, number)


def run_channels(kinds: list[str], size: str) -> dict[str, Any]:
    """Each of `kinds` in turn with the reference."""
    figures: dict[str, float] = {}
    reference: dict[str, float] = {}
    goals = []
    for kind in kinds:
        costs = _measure(kind, ROUNDS[size])
        figures[f"{kind}_us_a_call"] = round(costs[0], 1)
        figures[f"{kind}_to_{REFERENCE}"] = round(costs[0] / costs[1], 2)
        figures[f"{kind}_bytes_a_call"] = len(opened(kind)[1](1).body)
        reference[f"{REFERENCE}_us_a_call_beside_{kind}"] = round(costs[1], 1)
        goals.append({"figure": f"{kind}_to_{REFERENCE}", "op": "<=", "goal": GOAL})
    return {"figures": figures, "reference": reference, "goals": goals}


def _measure(kind: str, rounds: int) -> tuple[float, float]:
    """Microseconds of CPU a call: this channel's and the reference's, medians of rounds."""
    sides = [opened(kind), opened(REFERENCE)]
    for adapter, example in sides:
        # In a thread of its own: a loop may run in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, adapter.prepare(example(0))).result()
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 3):
        for place in (0, 1) if number % 2 else (1, 0):
            adapter, example = sides[place]
            # Made anew each time: a call's JSON is read once and kept with it.
            calls = [example(number * CALLS + n) for n in range(CALLS)]
            cost = _round(adapter, calls)
            if number >= 3:
                spent[place].append(cost / CALLS * 1e6)
    return statistics.median(spent[0]), statistics.median(spent[1])


def _round(adapter: ChannelAdapter, calls: list[Inbound]) -> float:
    answers = adapter.manifest.reply_mode != ReplyMode.INLINE
    begun = time.process_time()
    for call in calls:
        adapter.verify(call)
        if not adapter.envelopes(call):
            raise RuntimeError(f"{adapter.manifest.key}: its example is no delivery")
        if answers:
            adapter.hook_answer(call)
    return time.process_time() - begun
