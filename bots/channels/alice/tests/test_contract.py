"""The simulator's calls and our answers, held against the description of the protocol."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from bots.channels.alice.simulator import AliceSimulator
from bots.channels.alice.tests.sample import AliceSample
from bots.channels.alice.tests.test_alice import CARD, adapter
from bots.channels.base import Button, Reply
from bots.llm.tests.contract import spec


def test_the_simulators_calls_are_the_platforms():
    schema = spec("alice", "request.schema.json")
    sample = AliceSample()
    device = AliceSimulator(token="t")
    for call in (sample.says("Да"), *sample.kinds().values(), json.loads(device.call("").body)):
        jsonschema.Draft202012Validator(schema).validate(call)


def test_our_answers_are_the_platforms():
    schema = jsonschema.Draft202012Validator(spec("alice", "response.schema.json"))
    buttons = (Button("46", "s:46"), Button("Сайт", url="https://shop.ru"), Button("Да"))
    ours, device = adapter(), AliceSimulator()

    def check(body: bytes | None) -> None:
        assert body is not None
        found: Any = json.loads(body)
        schema.validate(found)

    for reply in (
        None,
        Reply("1", "Да, есть. " * 300, buttons=buttons),
        Reply("1", "Вот", cards=(CARD,) * 7),
        Reply("1", "Вот " * 40, cards=(CARD,)),
    ):
        check(ours.speak(device.call("есть?"), reply)[1])
    device.count = 1
    for words in ("ping", "помощь", "хватит", "повтори", "…", "привяжи аккаунт"):
        check(ours.instant(device.call(words)))
    check(ours.hook_answer(device.calls_with({"type": "Show.Pull"}))[1])
