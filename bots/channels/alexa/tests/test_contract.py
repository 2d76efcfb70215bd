"""Our answers and the simulator's calls, held against the types of the platform's own package."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from bots.channels.alexa.simulator import AlexaSimulator
from bots.channels.alexa.tests.sample import AlexaSample
from bots.channels.alexa.tests.test_alexa import known
from bots.channels.base import Button, Reply
from bots.llm.tests.contract import spec


def held(root: Any, kind: str, value: Any, path: str = "") -> None:
    """The value has fields of this type only, each of its own type."""
    if not kind.startswith(("dict(", "list[")):
        kind = kind.rpartition(".")[2]
    if kind.startswith("dict("):
        inner = kind.removeprefix("dict(str, ").removesuffix(")")
        assert isinstance(value, dict), path
        for name, one in value.items():
            held(root, inner, one, f"{path}.{name}")
    elif kind.startswith("list["):
        assert isinstance(value, list), path
        for one in value:
            held(root, kind.removeprefix("list[").removesuffix("]"), one, f"{path}[]")
    elif kind in ("str", "bool"):
        assert isinstance(value, {"str": str, "bool": bool}[kind]), path
    elif kind == "datetime":
        datetime.fromisoformat(value)
    elif kind in root["enums"]:
        assert value in root["enums"][kind]["values"], path
    elif kind in root["types"]:
        about = root["types"][kind]
        if variants := about.get("variants"):
            about = root["types"][variants[value[about["discriminator"]]].rpartition(".")[2]]
        assert set(value) <= set(about["fields"]), (path, set(value) - set(about["fields"]))
        for name, one in value.items():
            held(root, about["fields"][name], one, f"{path}.{name}")
    else:
        assert kind in ("object", "int", "float"), kind


def test_the_simulators_calls_are_the_platforms():
    root = spec("alexa", "alexa_request_response_model.json")
    sample, device = AlexaSample(), AlexaSimulator(token="t")
    calls = [sample.says("yes"), device.body_of(""), device.body_of("is it ready")]
    for call in calls:
        held(root, "RequestEnvelope", call)
    for name, call in sample.kinds().items():
        assert call["request"]["type"] in root["types"]["Request"]["variants"], name


def test_our_answers_are_the_platforms():
    root = spec("alexa", "alexa_request_response_model.json")
    ours, device = known(), AlexaSimulator()
    buttons = (Button("46", "s:46"), Button("Site", url="https://shop.example"))

    def check(body: bytes | None) -> None:
        assert body is not None
        held(root, "ResponseEnvelope", json.loads(body))

    for reply in (
        None,
        Reply("1", "Yes, it is. " * 900, buttons=buttons),
        Reply("1", "Here", cards=({"title": "Sweater", "price": "$12", "url": "https://a.b"},)),
    ):
        check(ours.speak(device.call("is it ready"), reply)[1])
    for words in ("help", "stop", "repeat", "zzz", "link my account"):
        check(ours.instant(device.call(words)))
    check(ours.hook_answer(device.signed(device.envelope({"type": "SessionEndedRequest"})))[1])
