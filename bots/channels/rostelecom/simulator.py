"""A pretend virtual PBX: signed both ways, sessions, recordings for one address, history in a ZIP.

Composed from the “Virtual PBX” integration manual v7.5.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from bots.channels.base import Config, Inbound
from bots.channels.rostelecom.client import signature
from bots.channels.rostelecom.events import COLUMNS
from tenants.kernel.simulate import Answer, Request, Simulator

CLIENT_ID, SIGN_KEY, LINE = "client-1", "key-simulated", "+74950000001"
MOSCOW = ZoneInfo("Europe/Moscow")
METHODS = (
    *("call_back", "call_info", "get_record", "domain_call_history", "download_call_history"),
    "users_info",
)


class RostelecomSimulator(Simulator):
    """One domain. `sessions` by id: rows of the history; `recorded`: who may open which address."""

    def __init__(self) -> None:
        super().__init__()
        self.client_id, self.sign_key = CLIENT_ID, SIGN_KEY
        self.sessions: dict[str, dict[str, str]] = {}
        self.recorded: list[tuple[str, str]] = []
        self.orders: dict[str, bytes] = {}
        self.not_ready = 1  # so many pages before a history file
        self.with_heading = False
        self.hook = ""
        self._count = itertools.count(1)
        for method in METHODS:
            self.route("POST", f"/{method}", getattr(self, f"_{method}"))

    # ── the buyer's side ──
    def call(
        self, *states: str, number: str = "+79991234567", seconds: int = 0, record: bool = False,
        kind: str = "incoming",
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Events of one call in order; the session is in the history from here on."""
        ident = f"session-{next(self._count)}"
        begun = datetime.now(MOSCOW).replace(tzinfo=None, microsecond=125_000)
        answered = "connected" in states
        is_in = kind != "outbound"
        ends = (number, LINE) if is_in else (LINE, number)
        self.sessions[ident] = {
            **dict.fromkeys(COLUMNS, ""),
            "session_id": ident,
            "direction": {"incoming": "1", "outbound": "2"}.get(kind, "3"),
            "state": "1" if answered else "2",
            "orig_number": ends[0],
            "dest_number": f"sip:{ends[1]}@example.ru",
            "answering_pin": "101" if answered else "",
            "start_call_date": begun.isoformat(" ", "milliseconds"),
            "duration": str(seconds),
            "is_record": str(record).lower(),
        }
        return [
            {
                "session_id": ident,
                "timestamp": (begun + timedelta(seconds=n)).isoformat(" ", "milliseconds"),
                "type": kind,
                "state": state,
                "from_number": f"sip:{ends[0]}@example.ru",
                "from_pin": "" if is_in else "101",
                "request_number": ends[1],
                "request_pin": "101" if is_in else "",
                "disconnect_reason": "",
                "is_record": str(record).lower(),
            }
            for n, state in enumerate(states)
        ]

    def signed(self, told: Any) -> tuple[bytes, dict[str, str]]:
        body = json.dumps(told, ensure_ascii=False).encode()
        sign = signature(self.client_id, body, self.sign_key)
        return body, {"X-Client-ID": self.client_id, "X-Client-Sign": sign}

    def deliver(self, *told: dict[str, Any]) -> list[int]:
        with httpx.Client(timeout=10, trust_env=False) as client:
            return [
                client.post(self.hook, content=body, headers=headers).status_code
                for body, headers in map(self.signed, told)
            ]

    # ── the outside system's side ──
    async def respond(self, request: Request) -> Answer:
        ident = request.headers.get("x-client-id", "")
        right = signature(self.client_id, request.body, self.sign_key)
        if ident != self.client_id or request.headers.get("x-client-sign") != right:
            return Answer.json({"result": "401", "resultMessage": "wrong signature"}, 401)
        return await super().respond(request)

    def _call_info(self, request: Request) -> Answer:
        found = self.sessions.get(request.json().get("session_id", ""))
        if found is None:
            return _no("session not found")
        return _ok(info=found)

    def _get_record(self, request: Request) -> Answer:
        asked = request.json()
        found = self.sessions.get(asked.get("session_id", ""))
        if found is None or found["is_record"] != "true":
            return _no("record not found")
        self.recorded.append((asked["session_id"], asked.get("ip_adress", "")))
        return _ok(url=f"https://records.example.ru/once/{len(self.recorded)}")

    def _domain_call_history(self, request: Request) -> Answer:
        asked = request.json()
        for edge in ("date_start", "date_end"):
            datetime.strptime(asked[edge], "%Y-%m-%d %H:%M:%S")
        rows = [
            row
            for row in self.sessions.values()
            if asked["date_start"] <= row["start_call_date"] <= f"{asked['date_end']}.999"
        ]
        order = f"order-{next(self._count)}"
        self.orders[order] = self.history(rows)
        return _ok(order_id=order)

    def history(self, rows: list[dict[str, str]]) -> bytes:
        table, archive = io.StringIO(), io.BytesIO()
        writer = csv.DictWriter(table, COLUMNS, delimiter=";")
        if self.with_heading:
            writer.writeheader()
        writer.writerows(rows)
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("history.csv", table.getvalue())
        return archive.getvalue()

    def _download_call_history(self, request: Request) -> Answer:
        order = request.json().get("order_id", "")
        if order not in self.orders or self.not_ready > 0:
            self.not_ready -= 1
            page = f"<html><h1>File [{order}] not found</h1></html>".encode()
            return Answer(200, page, {"content-type": "text/html"})
        return Answer(200, self.orders[order], {"content-type": "text/csv"})

    def _call_back(self, request: Request) -> Answer:
        return _ok(session_id=f"session-{next(self._count)}")

    def _users_info(self, request: Request) -> Answer:
        return _ok(users=[])

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"client_id": CLIENT_ID, "sign_key": SIGN_KEY}


def _ok(**more: Any) -> Answer:
    return Answer.json({"result": "0", "resultMessage": "", **more})


def _no(why: str) -> Answer:
    return Answer.json({"result": "1", "resultMessage": why})


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {"settings": {"client_id": CLIENT_ID}, "secrets": {"sign_key": SIGN_KEY}}


def hook_example(config: Config, number: int) -> Inbound:
    """A call as Rostelecom tells it."""
    event = {
        "session_id": f"SDsession{number}",
        "timestamp": "2026-11-20 13:00:00.125",
        "type": "incoming",
        "state": "new",
        "from_number": f"sip:+7999123{number % 500:04d}@example.ru",
        "from_pin": "",
        "request_number": LINE,
        "request_pin": "101",
        "disconnect_reason": "",
        "is_record": "false",
    }
    body = json.dumps(event).encode()
    sign = signature(CLIENT_ID, body, config.secrets["sign_key"])
    return Inbound(body, {"x-client-id": CLIENT_ID, "x-client-sign": sign})
