"""A pretend Dialogflow, ES or CX: an agent that hands every utterance to its webhook.

Source: googleapis @ f8291d2 (2026-08-22). Composed from its messages' fields.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

from bots.channels.base import Config, Inbound
from bots.channels.device import Device, Heard, inside, must

USERNAME = "shop"
PASSWORD = "pretend-password-of-a-webhook"
ANSWER_BYTES = 64 * 1024


class DialogflowSimulator(Device):
    """`is_cx`: which of the two. `is_phone`: an integration without a screen."""

    waits_s = 5.0

    def __init__(
        self, *, is_cx: bool = False, language: str = "en", session: str = "s1",
        is_phone: bool = False, password: str = PASSWORD,
    ) -> None:  # fmt: skip
        super().__init__()
        self.is_cx, self.language, self.is_phone = is_cx, language, is_phone
        self.password = password
        place = "locations/global/agents/a1" if is_cx else "agent"
        self.session = f"projects/p1/{place}/sessions/{session}"
        self.contexts: list[dict[str, Any]] = []
        self.parameters: dict[str, Any] = {}

    def call(self, text: str) -> Inbound:
        return self.signed(self.body_of(text))

    def body_of(self, text: str) -> dict[str, Any]:
        return self._cx(text) if self.is_cx else self._es(text)

    def _es(self, text: str) -> dict[str, Any]:
        welcome = not text
        return {
            "responseId": str(uuid4()),
            "session": self.session,
            "queryResult": {
                "queryText": text or "WELCOME",
                "languageCode": self.language,
                "action": "input.welcome" if welcome else "shop.words",
                "parameters": {},
                "allRequiredParamsPresent": True,
                "fulfillmentText": "",
                "fulfillmentMessages": [{"text": {"text": [""]}}],
                "outputContexts": self.contexts,
                "intent": {"name": "projects/p1/agent/intents/i1", "displayName": "Fallback"},
                "intentDetectionConfidence": 1,
            },
            "originalDetectIntentRequest": {
                "source": "GOOGLE_TELEPHONY" if self.is_phone else "DIALOGFLOW_CONSOLE",
                "payload": {},
            },
        }

    def _cx(self, text: str) -> dict[str, Any]:
        said = "transcript" if self.is_phone else "text"
        return {
            "detectIntentResponseId": str(uuid4()),
            said: text or "hello",
            "languageCode": self.language,
            "fulfillmentInfo": {"tag": "words" if text else "welcome"},
            "intentInfo": {"displayName": "Order status", "confidence": 1.0, "parameters": {}},
            "pageInfo": {"displayName": "Start Page"},
            "sessionInfo": {"session": self.session, "parameters": self.parameters},
            "payload": {"telephony": {"caller_id": "+15550100"}} if self.is_phone else {},
        }

    def signed(self, body: Any) -> Inbound:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        basic = base64.b64encode(f"{USERNAME}:{self.password}".encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {basic}"}
        return Inbound(raw, headers)

    def play(self, answer: Any) -> Heard:
        must(len(json.dumps(answer, ensure_ascii=False).encode()) <= ANSWER_BYTES, "too large")
        if self.is_cx:
            messages = inside(answer, "fulfillmentResponse", "messages")
            for name, value in (inside(answer, "sessionInfo", "parameters") or {}).items():
                if value is None:
                    self.parameters.pop(name, None)
                else:
                    self.parameters[name] = value
        else:
            messages = inside(answer, "fulfillmentMessages")
            for context in answer.get("outputContexts", ()):
                must(context["name"].startswith(self.session + "/contexts/"), "context")
                self.contexts = [one for one in self.contexts if one["name"] != context["name"]]
                if context["lifespanCount"]:
                    self.contexts.append(context)
        must(isinstance(messages, list), "no messages")
        for message in messages:
            must(len(message) == 1, "a message is of one kind")
        told = [one["text"]["text"][0] for one in messages if "text" in one]
        if not told:
            return Heard("")
        must(bool(told[0]), "an empty text")
        aloud = [one["outputAudioText"]["ssml"] for one in messages if "outputAudioText" in one]
        return Heard(aloud[0] if aloud else told[0], told[0])


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {"settings": {"username": USERNAME}, "secrets": {"password": PASSWORD}}


def hook_example(config: Config, number: int) -> Inbound:
    """What somebody said as Dialogflow ES tells it."""
    device = DialogflowSimulator(session=f"s{number % 500}", password=config.secrets["password"])
    body = {**device.body_of("do you have the jacket in size forty six")}
    return device.signed({**body, "responseId": f"r-{number}"})
