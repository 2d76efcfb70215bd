"""A pretend program of a merchant's developer, which keeps docs/custom-channel.md."""

from __future__ import annotations

import hmac
import itertools
import json
import time
from hashlib import sha256
from typing import Any

import httpx

from bots.channels.base import Config, Inbound
from bots.channels.custom.signature import signed
from tenants.kernel.simulate import Answer, Request, Simulator

SECRET = "0123456789abcdef0123456789abcdef"
PATH = "/hook"


class CustomSimulator(Simulator):
    """`buyer_says` is the other side; `shown(chat)` is what the buyer sees."""

    def __init__(self, secret: str = SECRET) -> None:
        super().__init__()
        self.secret = secret
        self.messages: dict[str, dict[str, Any]] = {}  # by our message_id
        self.blocked: set[str] = set()
        self.typed: list[str] = []
        self.read: list[str] = []
        self.pings = 0
        self._ids = itertools.count(1)
        self.route("POST", PATH, self._called)

    # ── the buyer's side ──
    def buyer_says(self, text: str, *, chat: str = "101", **more: Any) -> dict[str, Any]:
        return {"id": f"in-{next(self._ids)}", "chat": chat, "text": text, **more}

    def deliver(self, hook: str, *events: dict[str, Any]) -> tuple[int, Any]:
        """Call the hook with one event or several; status and answer."""
        body = json.dumps(events[0] if len(events) == 1 else events, ensure_ascii=False).encode()
        with httpx.Client(timeout=10, trust_env=False) as client:
            answer = client.post(hook, content=body, headers=signed(self.secret, body))
        return answer.status_code, answer.json()

    def shown(self, chat: str = "101") -> list[str]:
        return [one["text"] for one in self.messages.values() if one["chat"] == chat]

    # ── our side ──
    def _called(self, request: Request) -> Answer:
        stamp = request.headers.get("x-timestamp", "")
        made = hmac.new(self.secret.encode(), f"{stamp}.".encode() + request.body, sha256)
        sent = request.headers.get("x-signature", "")
        if not hmac.compare_digest(f"sha256={made.hexdigest()}".encode(), sent.encode()):
            return Answer.json({"error": "wrong signature"}, 403)
        if not stamp.isdecimal() or abs(int(stamp) - time.time()) > 300:
            return Answer.json({"error": "the call is too old"}, 403)
        event = request.json()
        if event.get("chat") in self.blocked:
            return Answer.json({"error": "the buyer has left"}, 410)
        handler = getattr(self, f"_on_{event['event']}", None)
        return handler(event) if handler else Answer.json({})

    def _on_ping(self, event: dict[str, Any]) -> Answer:
        self.pings += 1
        return Answer(204)

    def _on_message(self, event: dict[str, Any]) -> Answer:
        kept = self.messages.setdefault(event["message_id"], event)
        kept.setdefault("id", f"out-{next(self._ids)}")
        return Answer.json({"id": kept["id"]})

    def _on_edit(self, event: dict[str, Any]) -> Answer:
        for kept in self.messages.values():
            if kept["id"] == event["id"]:
                kept |= {"text": event["text"], "buttons": event.get("buttons", [])}
                return Answer.json({})
        return Answer.json({"error": "no such message"}, 404)

    def _on_delete(self, event: dict[str, Any]) -> Answer:
        self.messages = {k: one for k, one in self.messages.items() if one["id"] != event["id"]}
        return Answer.json({})

    def _on_typing(self, event: dict[str, Any]) -> Answer:
        self.typed.append(event["chat"])
        return Answer.json({})

    def _on_read(self, event: dict[str, Any]) -> Answer:
        self.read.append(event["id"])
        return Answer.json({})

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"url": PATH, "secret": SECRET}


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {"settings": {"url": "https://gateway.example/hook"}, "secrets": {"secret": SECRET}}


def hook_example(config: Config, number: int) -> Inbound:
    """A buyer's message as a program sends it."""
    event = {
        "id": f"in-{number}",
        "chat": str(100_000 + number % 500),
        "text": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
        "name": "Анна",
        "language": "ru",
        "sent_at": "2026-11-22T15:04:05+03:00",
        "buyer": {"customer": "7001"},
    }
    body = json.dumps(event, ensure_ascii=False).encode()
    return Inbound(body, signed(config.secrets.get("secret", ""), body))
