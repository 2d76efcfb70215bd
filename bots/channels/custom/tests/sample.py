"""The custom channel for the conformance suite. Composed from docs/custom-channel.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.custom.signature import signed
from bots.channels.custom.simulator import PATH, SECRET, CustomSimulator
from tenants.kernel.simulate import Answer, Simulator
from tests.channels.sample import Sample


class CustomSample(Sample):
    kind = "custom"
    secrets = {"secret": SECRET, "hook": "not used here"}
    settings = {"url": f"https://gateway.example{PATH}", "text_limit": 2000, "buttons": 5}
    busy = Answer.json({"error": "slowly"}, 429, {"retry-after": "7"})
    revoked = Answer.json({"error": "wrong signature"}, 403)
    blocked = Answer.json({"error": "the buyer has left"}, 410)

    def sign(self, body: bytes) -> Inbound:
        return Inbound(body, signed(SECRET, body))

    def forged(self, body: bytes) -> list[Inbound]:
        good = signed(SECRET, body)
        return [
            Inbound(body),
            Inbound(body, signed("f" * 32, body)),
            Inbound(body + b" ", good),
            Inbound(body, signed(SECRET, body, at=1_782_038_400)),
            Inbound(body, {**good, "x-timestamp": str(int(good["x-timestamp"]) + 1)}),
            Inbound(body, {**good, "x-timestamp": "²"}),
            Inbound(body, {**good, "x-signature": "подпись"}),
        ]

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        return {"id": f"in-{number}", "chat": chat, "text": text, "name": "Анна"}

    def kinds(self) -> Mapping[str, Any]:
        def event(kind: str, **more: Any) -> Any:
            return {"id": f"of-{kind}", "chat": "101", "kind": kind, **more}

        return {
            "message": event(
                "message",
                text="Вот",
                sent_at="2026-11-22T15:04:05+03:00",
                language="ru",
                username="anna",
                reply_to="out-1",
                payload="size:46",
                files=[
                    {"url": "https://files.example/1.jpg", "name": "1.jpg", "mime": "image/jpeg"}
                ],
                location={"lat": 55.75, "lon": 37.62},
                buyer={"phone": "+79161234567", "email": "a@example.com", "customer": 7},
            ),
            "a list": [self.says("Раз", number=1), self.says("Два", number=2)],
            "start": event("start", payload="from_shop"),
            "edit": event("edit", message="in-1", text="Есть 48?"),
            "delete": event("delete", message="in-1"),
            "reaction": event("reaction", message="out-1", emoji="👍"),
            "receipt": event("receipt", message="out-1", state="read"),
            "echo": event("echo", text="Отвечу сама", sent_at="2026-11-22T15:04:05Z"),
            "blocked": event("blocked"),
            "unblocked": event("unblocked"),
        }

    def simulator(self) -> Simulator:
        return CustomSimulator()

    def seen(self, simulator: CustomSimulator) -> list[str]:
        return simulator.shown(self.chat)
