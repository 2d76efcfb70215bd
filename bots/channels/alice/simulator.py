"""A pretend Alice: a speaker or an app that calls a skill.

Source: https://yandex.ru/dev/dialogs/alice/doc/ru/ (read 2026-11-22).
Composed from the documentation's fields.
"""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

from bots.channels.base import Config, Inbound
from bots.channels.device import Device, Heard, inside, must

SKILL_ID = "5f0c7a52-0000-4000-8000-0000000000a1"
SOUNDS = re.compile(r"<speaker[^>]*>|sil <\[\d+\]>")


class AliceSimulator(Device):
    """`user`: empty for somebody who has not signed in to Yandex."""

    waits_s = 4.5

    def __init__(
        self,
        skill_id: str = SKILL_ID,
        *,
        user: str = "AA01",
        device: str = "BB01",
        has_screen: bool = True,
        token: str = "",
    ) -> None:
        super().__init__()
        self.skill_id, self.user, self.device = skill_id, user, device
        self.has_screen, self.token = has_screen, token
        self.buttons: list[dict[str, Any]] = []
        self._begin()

    def _begin(self) -> None:
        self.session_id, self.count = str(uuid4()), 0
        self.state: dict[str, Any] = {}

    def call(self, text: str) -> Inbound:
        command = re.sub(r"[^\w ]+", " ", text.lower()).strip()
        return self.calls_with(
            {
                "type": "SimpleUtterance",
                "command": re.sub(r" +", " ", command),
                "original_utterance": text,
                "markup": {"dangerous_context": False},
                "nlu": {"tokens": command.split(), "entities": [], "intents": {}},
            }
        )

    def press(self, place: int) -> Inbound:
        """A button of the last answer."""
        button = self.buttons[place]
        if "payload" not in button:
            return self.call(button["title"])
        return self.calls_with({"type": "ButtonPressed", "payload": button["payload"], "nlu": {}})

    def calls_with(self, request: dict[str, Any] | None, **more: Any) -> Inbound:
        body: dict[str, Any] = {
            "meta": {
                "locale": "ru-RU",
                "timezone": "Europe/Moscow",
                "client_id": "ru.yandex.searchplugin/7.16 (none none; android 9)",
                "interfaces": {
                    "account_linking": {},
                    **({"screen": {}} if self.has_screen else {}),
                },
            },
            "session": {
                "message_id": self.count,
                "session_id": self.session_id,
                "skill_id": self.skill_id,
                "user_id": self.device,
                "application": {"application_id": self.device},
                "new": self.count == 0,
            },
            "state": {"session": self.state, "user": {}, "application": {}},
            "version": "1.0",
            **more,
        }
        if self.user:
            body["session"]["user"] = {"user_id": self.user}
            if self.token:
                body["session"]["user"]["access_token"] = self.token
        if request is not None:
            body["request"] = request
        self.count += 1
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return Inbound(json.dumps(body, ensure_ascii=False).encode(), headers)

    def play(self, answer: Any) -> Heard:
        must(inside(answer, "version") == "1.0", "version")
        if "start_account_linking" in answer:
            must("response" not in answer, "a linking answer carries no response")
            return Heard("", "linking")
        response = inside(answer, "response")
        must(isinstance(response, dict), "no response")
        text, tts = response.get("text"), response.get("tts", "")
        must(isinstance(text, str) and 0 < len(text) <= 1024, "text")
        must(isinstance(tts, str) and len(tts) <= 1024, "tts")
        must(isinstance(response.get("end_session"), bool), "end_session")
        self.buttons = response.get("buttons", [])
        for button in self.buttons:
            must(0 < len(button["title"]) <= 64, "a button's title")
            must(len(button.get("url", "").encode()) <= 1024, "a button's url")
            payload = json.dumps(button.get("payload", {}), ensure_ascii=False)
            must(len(payload.encode()) <= 4096, "a button's payload")
        card = response.get("card")
        if card is not None:
            must(card["type"] == "ItemsList" and 1 <= len(card["items"]) <= 5, "card")
            must(len(card["header"]["text"]) <= 64, "card header")
            for item in card["items"]:
                must(len(item["title"]) <= 128 and len(item["description"]) <= 256, "card item")
        state = answer.get("session_state", {})
        must(len(json.dumps(state, ensure_ascii=False).encode()) <= 1024, "session_state")
        self.state = state
        ends = response["end_session"]
        if ends:
            self._begin()
        spoken = re.sub(r"\s+", " ", SOUNDS.sub(" ", tts or text)).strip()
        must("<" not in spoken and "http" not in spoken, "unspeakable")
        return Heard(spoken, text, ends)


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {"settings": {"skill_id": SKILL_ID}}


def hook_example(config: Config, number: int) -> Inbound:
    """What somebody said as Alice tells it."""
    device = AliceSimulator(user=f"AA{number % 500:02d}")
    device.count = number
    return device.call("есть ли куртка в сорок шестом размере")
