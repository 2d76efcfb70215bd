"""Rostelecom for the conformance suite. Composed from the integration manual v7.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.rostelecom.client import signature
from bots.channels.rostelecom.simulator import CLIENT_ID, LINE, SIGN_KEY, RostelecomSimulator
from tenants.kernel.simulate import Simulator
from tests.channels.sample import Sample


class RostelecomSample(Sample):
    kind = "rostelecom"
    secrets = {"sign_key": SIGN_KEY, "hook": "h"}
    settings = {"client_id": CLIENT_ID, "history": "yes"}
    chat = "+79991234567"
    speaks = False  # of calls alone

    def sign(self, body: bytes) -> Inbound:
        sign = signature(CLIENT_ID, body, SIGN_KEY)
        return Inbound(body, {"x-client-id": CLIENT_ID, "x-client-sign": sign})

    def forged(self, body: bytes) -> list[Inbound]:
        sign = signature(CLIENT_ID, body, SIGN_KEY)
        return [
            Inbound(body),
            Inbound(body, {"x-client-id": CLIENT_ID, "x-client-sign": "0" * 64}),
            Inbound(body + b" ", {"x-client-id": CLIENT_ID, "x-client-sign": sign}),
            Inbound(body, {"x-client-id": "another", "x-client-sign": sign}),
            Inbound(body, {"x-client-id": "другой", "x-client-sign": "подпись"}),
        ]

    def says(self, text: str, *, chat: str = "+79991234567", number: int = 1) -> Any:
        return {
            "session_id": f"SDsession{number}",
            "timestamp": "2026-11-20 13:00:00.125",
            "type": "incoming",
            "state": "new",
            "from_number": f"sip:{chat}@example.ru",
            "from_pin": "",
            "request_number": LINE,
            "request_pin": "101",
            "disconnect_reason": text[:100],
            "is_record": "false",
        }

    def kinds(self) -> Mapping[str, Any]:
        event = self.says("")
        states = ("new", "calling", "connected", "disconnected", "end", "analytics")
        found = {
            f"{kind} {state}": {**event, "type": kind, "state": state}
            for kind in ("incoming", "outbound", "internal")
            for state in states
        }
        asked = {k: event[k] for k in ("session_id", "timestamp", "from_number", "request_number")}
        found["get_number_info"] = asked
        found["history_file_completed"] = {"order_id": "order-1"}
        found["record"] = {**event, "state": "end", "is_record": "true"}
        return found

    def simulator(self) -> Simulator:
        return RostelecomSimulator()
