"""Exolve for the conformance suite. Composed from https://docs.exolve.ru."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.exolve.simulator import KEY, NUMBER, ExolveSimulator
from tenants.kernel.simulate import Answer, Simulator
from tests.channels.sample import Sample


class ExolveSample(Sample):
    kind = "exolve"
    secrets = {"api_key": KEY, "word": "слово-1", "hook": "h"}
    settings = {"number": NUMBER, "incoming": "hook"}
    chat = "+79991234567"
    busy = Answer.json({"error": {"code": "429", "message": "too many requests"}}, 429)
    revoked = Answer.json({"error": {"code": "401", "message": "invalid token"}}, 401)

    def sign(self, body: bytes) -> Inbound:
        return Inbound(body, {"content-type": "application/json"}, {"word": self.secrets["word"]})

    def forged(self, body: bytes) -> list[Inbound]:
        return [Inbound(body), Inbound(body, {}, {"word": "другое"})]

    def says(self, text: str, *, chat: str = "+79991234567", number: int = 1) -> Any:
        return {
            "message_id": str(439_166_538_239_448_536 + number),
            "sender": chat.lstrip("+"),
            "receiver": NUMBER,
            "text": text,
            "date": "2026-11-20T10:00:00.000Z",
        }

    def kinds(self) -> Mapping[str, Any]:
        call = {
            "event_type": "CallStart",
            "direction": "inbound",
            "call_sid": "c-1",
            "number_a": "79991234567",
            "number_b": NUMBER,
            "timestamp": "2026-11-20T10:00:00+00:00",
        }
        return {
            "sms": self.says("Привет"),
            "our own sms": {**self.says("Привет"), "sender": NUMBER},
            "sms of a name": {**self.says("Код 1234"), "sender": "BANK"},
            "call begins": call,
            "call is answered": {**call, "event_type": "CallConnected"},
            "call ends": {**call, "event_type": "CallEnd", "talk_duration": 61},
            "call is missed": {**call, "event_type": "CallNoAnswer"},
            "outgoing call": {**call, "event_type": "OutboundCallStart", "direction": "outbound"},
            "callback": {**call, "event_type": "CallbackEnd", "direction": "callback"},
            "hidden caller": {**call, "number_a": "anonymous"},
            "forwarding asked": {"sip_id": NUMBER, "numberA": "79991234567"},
        }

    def simulator(self) -> Simulator:
        return ExolveSimulator()

    def seen(self, simulator: ExolveSimulator) -> list[str]:
        return simulator.texts(self.chat)
