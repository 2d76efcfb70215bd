"""A pretend Exolve: SMS with memory and states, call events and recordings.

Composed from https://docs.exolve.ru (2025-2026). The shapes of callbacks are not published; these
are the names most telephone APIs use, and a test says others.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bots.channels.base import Config, Inbound
from tenants.kernel.simulate import Answer, Request, Simulator

KEY = "exolve-key-simulated"
NUMBER = "79990000001"


class ExolveSimulator(Simulator):
    """One application with one number. `sent`: what buyers have on their telephones."""

    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.numbers = {NUMBER, "Prilavok"}
        self.messages: list[dict[str, Any]] = []
        self.recordings: dict[str, bytes] = {}
        self.hook = ""
        self._ids = itertools.count(439_166_538_239_448_000)
        self._calls = itertools.count(1)
        self.route("POST", "/messaging/v1/SendSMS", self._send)
        self.route("POST", "/messaging/v1/GetList", self._list)
        self.route("GET", "/statistics/download/{ident}", self._download)

    # ── the buyer's side ──
    def texts(self, number: str) -> list[str]:
        return [m["text"] for m in self.messages if m["receiver"] == number.lstrip("+")]

    def buyer_writes(self, text: str, *, number: str = "79991234567") -> dict[str, Any]:
        """An incoming SMS: kept for GetList, and as it is told to the hook."""
        row = self._row(number, NUMBER, text, status="")
        self.messages.append(row)
        return {
            "message_id": row["message_id"],
            "sender": number,
            "receiver": NUMBER,
            "text": text,
            "date": row["date"],
        }

    def becomes(self, message_id: str, status: str) -> None:
        for row in self.messages:
            if row["message_id"] == message_id:
                row["delivery_status"] = status

    def call(self, *told: str, number: str = "79991234567", **more: Any) -> list[dict[str, Any]]:
        """Events of one call: `call("CallStart", "CallEnd")`."""
        ident, at = f"sim-{next(self._calls)}", datetime.now(UTC)
        return [
            {
                "event_type": event,
                "direction": "inbound",
                "call_sid": ident,
                "number_a": number,
                "number_b": NUMBER,
                "timestamp": (at + timedelta(seconds=place)).isoformat(),
                **(more if event == told[-1] else {}),
            }
            for place, event in enumerate(told)
        ]

    def deliver(self, *told: dict[str, Any]) -> list[int]:
        with httpx.Client(timeout=10, trust_env=False) as client:
            return [client.post(self.hook, json=one).status_code for one in told]

    # ── the application's side ──
    def _send(self, request: Request) -> Answer:
        if refused := self._refused(request):
            return refused
        body = request.json()
        destination, text = str(body.get("destination", "")), body.get("text", "")
        if body.get("number") not in self.numbers:
            return _error(400, "number is not available for sending")
        if not (destination.isdigit() and 10 <= len(destination) <= 15):
            return _error(400, "invalid destination")
        if not isinstance(text, str) or not text.strip():
            return _error(400, "text is empty")
        row = self._row(body["number"], destination, text)
        self.messages.append(row)
        return Answer.json({"message_id": row["message_id"]})

    def _list(self, request: Request) -> Answer:
        if refused := self._refused(request):
            return refused
        asked = request.json() or {}
        limit = int(asked.get("limit", 100))
        if not 0 < limit <= 2000:
            return _error(400, "limit is out of range")
        found = [
            row
            for row in self.messages
            if row["date"] >= asked.get("date_gte", "")
            and row["date"] <= asked.get("date_lte", "9")
            and asked.get("message_id") in (None, row["message_id"])
        ]
        offset = int(asked.get("offset", 0))
        return Answer.json({"messages": found[offset : offset + limit]})

    def _download(self, request: Request) -> Answer:
        if refused := self._refused(request):
            return refused
        found = self.recordings.get(request.params["ident"])
        if found is None:
            return _error(404, "record not found")
        return Answer(200, found, {"content-type": "audio/mpeg"})

    def _refused(self, request: Request) -> Answer | None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "invalid token")
        return None

    def _row(self, sender: str, receiver: str, text: str, status: str = "queued") -> dict[str, Any]:
        return {
            "message_id": str(next(self._ids)),
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "sender": sender,
            "receiver": receiver,
            "text": text,
            "delivery_status": status,
        }

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"api_key": KEY, "number": NUMBER}


def _error(status: int, message: str) -> Answer:
    return Answer.json({"error": {"code": str(status), "message": message}}, status)


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {
        "settings": {"number": NUMBER, "incoming": "hook"},
        "secrets": {"api_key": KEY, "word": "word-1"},
    }


def hook_example(config: Config, number: int) -> Inbound:
    """An SMS as Exolve tells it."""
    told = {
        "message_id": str(439_166_538_239_448_536 + number),
        "sender": str(79_991_230_000 + number % 500),
        "receiver": NUMBER,
        "text": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
        "date": "2026-11-20T10:00:00.000Z",
    }
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    return Inbound(body, headers, {"word": config.secrets["word"]})
