"""Our answers and the simulator's calls, held against the messages of Google's own description."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bots.channels.base import Button, Reply
from bots.channels.dialogflow.simulator import DialogflowSimulator
from bots.channels.dialogflow.tests.sample import DialogflowSample
from bots.channels.dialogflow.tests.test_dialogflow import CARD, adapter
from bots.llm.tests.contract import spec

PLAIN = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
FILES = {False: "dialogflow_es_v2.json", True: "dialogflow_cx_v3.json"}
PACKAGES = {False: "google.cloud.dialogflow.v2.", True: "google.cloud.dialogflow.cx.v3."}


def held(root: Any, kind: str, value: Any, path: str = "") -> None:
    """The value has this message's fields only, each of its own type, one of each `oneof`."""
    if kind.startswith("array<"):
        assert isinstance(value, list), path
        for one in value:
            held(root, kind[6:-1], one, f"{path}[]")
    elif kind.startswith("map<string,"):
        assert isinstance(value, dict), path
        for name, one in value.items():
            held(root, kind[11:-1], one, f"{path}.{name}")
    elif kind in PLAIN:
        assert isinstance(value, PLAIN[kind]), path
    elif kind in root["enums"]:
        assert value in [one["name"] for one in root["enums"][kind]["values"]], path
    elif kind in root["messages"]:
        fields = root["messages"][kind]["fields"]
        assert set(value) <= set(fields), (path, set(value) - set(fields))
        groups = [fields[name].get("oneof") for name in value if fields[name].get("oneof")]
        assert len(groups) == len(set(groups)), path
        for name, one in value.items():
            held(root, fields[name]["type"], one, f"{path}.{name}")
    else:
        assert "any JSON" in kind, (path, kind)


@pytest.mark.parametrize("is_cx", [False, True], ids=["ES", "CX"])
def test_calls_and_answers_are_the_platforms(is_cx):
    root = spec("google-assistant", FILES[is_cx])
    request, response = (f"{PACKAGES[is_cx]}Webhook{one}" for one in ("Request", "Response"))
    ours, device = adapter(), DialogflowSimulator(is_cx=is_cx)
    for call in DialogflowSample().kinds().values():
        if ("detectIntentResponseId" in call) == is_cx:
            held(root, request, call)
    buttons = (Button("46", "s:46"), Button("Site", url="https://shop.example"))
    for reply in (None, Reply("1", "Yes. " * 2000, buttons=buttons, cards=(CARD,))):
        held(root, response, json.loads(ours.speak(device.call("is it open"), reply)[1]))
    for words in ("help", "stop", "repeat", "?"):
        body = ours.instant(device.call(words))
        assert body is not None
        held(root, response, json.loads(body))
