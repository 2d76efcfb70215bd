"""A channel for tests of the engine: remembers what it was told to send, and fails on wish."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bots.channels.base import (
    BuyerMessage,
    Call,
    ChannelAdapter,
    ChannelManifest,
    Check,
    Envelope,
    Inbound,
    OwnerEcho,
    Reply,
    Sent,
    SignatureMismatch,
)

MANIFEST = ChannelManifest(
    key="pretend",
    title="Pretend",
    implementation="tests.engine.pretend.Pretend",
    rate_per_s=0,
    rate_per_chat_s=0,
    buttons=10,
)


class Pretend(ChannelAdapter):
    manifest = MANIFEST
    sent: list[tuple[str, str]] = []
    trouble: list[Exception | Callable[[], None]] = []

    def verify(self, request: Inbound) -> None:
        if request.headers.get("x-secret") != self.config.secrets.get("hook"):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        data = request.json()
        return [Envelope(str(data["id"]), data["chat"], data)]

    def parse(self, payload: Any) -> list[Any]:
        if payload.get("echo"):
            return [OwnerEcho(f"in-{payload['id']}", payload["chat"], payload["text"])]
        return [
            BuyerMessage(
                external_id=f"in-{payload['id']}",
                chat=payload["chat"],
                text=payload["text"],
                name=payload.get("name", ""),
                is_start=payload["text"] == "/start",
                sent_at=datetime.fromtimestamp(payload["at"], UTC) if "at" in payload else None,
            )
        ]

    def render(self, reply: Reply) -> list[Call]:
        return [Call("send", {"chat": reply.chat, "text": reply.text, "id": reply.message_id})]

    def send(self, call: Call) -> Sent:
        self._fail()
        self.sent.append((call.data["chat"], call.data["text"]))
        return Sent(external_id=f"out-{call.data['id']}")

    changed: list[tuple[str, str, str]] = []

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        self._fail()
        self.changed.append(("edit", external_id, call.data["text"]))

    def delete(self, chat: str, external_id: str) -> None:
        self._fail()
        self.changed.append(("delete", external_id, ""))

    def _fail(self) -> None:
        if self.trouble:
            trouble = self.trouble.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            trouble()

    def connect(self) -> Check:
        return Check(ok=True, account={"name": "Pretend"})
