"""Alice for the conformance suite. Composed from the documentation's fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bots.channels.alice.simulator import SKILL_ID, AliceSimulator
from bots.channels.base import Inbound
from tests.channels.sample import Sample


class AliceSample(Sample):
    kind = "alice"
    settings = {"skill_id": SKILL_ID}
    secrets = {"hook": "hook-of-alpha"}

    def sign(self, body: bytes) -> Inbound:
        return Inbound(body, {"content-type": "application/json"})

    def forged(self, body: bytes) -> list[Inbound]:
        data = json.loads(body)
        forged = []
        for skill in ("", "5f0c7a52-0000-4000-8000-0000000000b2", None, 7):
            forged.append({**data, "session": {**data["session"], "skill_id": skill}})
        forged += [{**data, "session": None}, {"version": "1.0"}, {}]
        return [self.sign(json.dumps(one).encode()) for one in forged]

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        device = AliceSimulator(user=chat)
        device.session_id, device.count = "session-1", number
        return json.loads(device.call(text).body)

    def kinds(self) -> Mapping[str, Any]:
        def of(request: Any, **more: Any) -> Any:
            device = AliceSimulator(user="101")
            device.count = 3
            return json.loads(device.calls_with(request, **more).body)

        started = AliceSimulator(user="101")
        return {
            "opened": json.loads(started.call("").body),
            "ping": self.says("ping"),
            "button": of({"type": "ButtonPressed", "payload": {"p": "size:46", "t": "46"}}),
            "button of nobody": of({"type": "ButtonPressed", "payload": 5}),
            "linked": of(None, account_linking_complete_event={}),
            "purchase": of({"type": "Purchase.Confirmation", "purchase_request_id": "1"}),
            "show": of({"type": "Show.Pull", "show_type": "MORNING"}),
            **{
                f"player {name}": of({"type": f"AudioPlayer.{name}"})
                for name in ("PlaybackStarted", "PlaybackFinished", "PlaybackNearlyFinished",
                             "PlaybackStopped", "PlaybackFailed")
            },
        }  # fmt: skip
