"""Dialogflow for the conformance suite: ES, with calls of CX among the kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.dialogflow.simulator import PASSWORD, USERNAME, DialogflowSimulator
from tests.channels.sample import Sample


class DialogflowSample(Sample):
    kind = "dialogflow"
    settings = {"username": USERNAME}
    secrets = {"password": PASSWORD, "hook": "not used here"}

    def sign(self, body: bytes) -> Inbound:
        return DialogflowSimulator().signed(body)

    def forged(self, body: bytes) -> list[Inbound]:
        other = DialogflowSimulator(password="another").signed(body)
        return [
            Inbound(body),
            other,
            *(
                Inbound(body, {"authorization": value})
                for value in ("Basic", "Basic !", "Bearer x", "Basic подпись", "Basic Og==")
            ),
            Inbound(body, {"x-webhook-secret": "подпись"}),
        ]

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        body = DialogflowSimulator().body_of(text)
        return {**body, "session": chat, "responseId": f"r-{number}"}

    def kinds(self) -> Mapping[str, Any]:
        made = {}
        for is_cx in (False, True):
            for is_phone in (False, True):
                for text in ("", "help", "stop", "hello there"):
                    device = DialogflowSimulator(is_cx=is_cx, is_phone=is_phone)
                    made[f"{is_cx} {is_phone} {text}"] = device.body_of(text)
        silence = DialogflowSimulator(is_cx=True).body_of("")
        made["silence"] = {**silence, "fulfillmentInfo": {"tag": "silence"}}
        made["keys of a telephone"] = {**silence, "dtmfDigits": "12", "fulfillmentInfo": {}}
        del made["keys of a telephone"]["text"]
        made["an event"] = {**made["keys of a telephone"], "triggerEvent": "x"}
        del made["an event"]["dtmfDigits"]
        return made
