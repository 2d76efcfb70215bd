"""Webhooks of Google Dialogflow ES and CX, told apart by the body.

Source: https://cloud.google.com/dialogflow (read 2026-11-22) and googleapis @ f8291d2. Google
Assistant takes no conversations of others since Conversational Actions were closed (2023-06-13).
"""

from __future__ import annotations

import base64
import json
from hmac import compare_digest
from typing import Any

from bots.channels.assistant import (
    Assistant,
    Heard,
    Telling,
    call_of,
    inside,
    short,
    texts,
    words_heard,
)
from bots.channels.base import Check, Inbound, SignatureMismatch
from bots.channels.dialogflow import agents
from bots.channels.dialogflow.manifest import MANIFEST
from bots.channels.rendering import card_text
from bots.channels.voice import Memory, shortened, ssml, voice_language

# The whole answer may have 64 KiB: text, speech and memory take 24 at most.
RICH_BYTES = 40_000
CARDS = 10
KEPT_BYTES = 4000  # our own measure
CONTEXT = "shop-memory"
CONTEXT_TURNS = 20
PASSWORD_LENGTH = 16
HEADER = "x-webhook-secret"
# A telephone has no screen.
TELEPHONES = frozenset({"GOOGLE_TELEPHONY", "TELEPHONY"})


class Dialogflow(Assistant):
    manifest = MANIFEST
    numbers_choices = True

    # ── in ──
    def verify(self, request: Inbound) -> None:
        """Basic, or the password in a header of its own."""
        password = self.config.secrets.get("password", "")
        if not password:
            raise SignatureMismatch("no password is set")
        own = request.headers.get(HEADER, "")
        if own and compare_digest(own.encode(errors="replace"), password.encode()):
            return
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        user = str(self.config.settings.get("username") or "")
        try:
            given = base64.b64decode(told.strip(), validate=True)
        except ValueError as exc:
            raise SignatureMismatch("wrong password") from exc
        if kind.lower() != "basic" or not compare_digest(given, f"{user}:{password}".encode()):
            raise SignatureMismatch("wrong password")

    def read(self, request: Inbound) -> Heard:
        data = call_of(request)
        if "detectIntentResponseId" in data:
            return _cx(data)
        return _es(data)

    # ── out ──
    def answer(self, request: Inbound, heard: Heard, telling: Telling | None) -> dict[str, Any]:
        data = call_of(request)
        is_cx = "detectIntentResponseId" in data
        if telling is None:
            return {"fulfillmentResponse": {}} if is_cx else {"fulfillmentMessages": []}
        shown = telling.shown if heard.has_screen else telling.spoken
        rich = _rich(telling) if heard.has_screen else []
        kept = telling.memory.packed(KEPT_BYTES)
        messages: list[dict[str, Any]] = [{"text": {"text": [shown]}}]
        if is_cx:
            messages.append({"outputAudioText": {"ssml": ssml(telling.spoken)}})
        if rich:
            messages.append({"payload": {"richContent": [rich]}})
        if is_cx:
            return {
                "fulfillmentResponse": {"messages": messages, "mergeBehavior": "REPLACE"},
                "sessionInfo": {"parameters": {CONTEXT: kept or None}},
            }
        answer: dict[str, Any] = {"fulfillmentText": shown, "fulfillmentMessages": messages}
        if session := texts(data, "session"):
            answer["outputContexts"] = [
                {
                    "name": f"{session}/contexts/{CONTEXT}",
                    "lifespanCount": CONTEXT_TURNS if kept else 0,
                    "parameters": kept,
                }
            ]
        return answer

    # ── account ──
    def connect(self) -> Check:
        if len(self.config.secrets.get("password", "")) < PASSWORD_LENGTH:
            return Check(ok=False, detail="The password needs at least 16 characters.")
        return super().connect()

    def package(self) -> list[tuple[str, bytes]]:
        return agents.package(
            name=str(self.config.settings.get("agent") or "shop-assistant"),
            username=str(self.config.settings.get("username") or "shop"),
            hook=self.config.hook_url,
        )


def _es(data: Any) -> Heard:
    result = data["queryResult"]
    kept = next(
        (
            inside(one, "parameters")
            for one in _listed(result.get("outputContexts"))
            if texts(one, "name").endswith(f"/contexts/{CONTEXT}")
        ),
        {},
    )
    heard = Heard(
        ident=short(texts(data, "responseId")),
        chat=short(texts(data, "session")),
        language=voice_language(texts(result, "languageCode")),
        memory=Memory.read(kept),
        has_screen=texts(data, "originalDetectIntentRequest", "source") not in TELEPHONES,
    )
    if texts(result, "action") == agents.WELCOME:
        return heard.of_kind("start")
    return words_heard(heard, texts(result, "queryText"))


def _cx(data: Any) -> Heard:
    heard = Heard(
        ident=short(texts(data, "detectIntentResponseId")),
        chat=short(texts(data, "sessionInfo", "session")),
        language=voice_language(texts(data, "languageCode")),
        memory=Memory.read(inside(data, "sessionInfo", "parameters", CONTEXT)),
        has_screen=not inside(data, "payload", "telephony"),
    )
    match texts(data, "fulfillmentInfo", "tag"):
        case agents.TAG_WELCOME:
            return heard.of_kind("start")
        case agents.TAG_SILENCE:
            return heard.of_kind("no_match")
    said = texts(data, "text") or texts(data, "transcript") or texts(data, "dtmfDigits")
    return words_heard(heard, said)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _rich(telling: Telling) -> list[dict[str, Any]]:
    """Goods and buttons for Dialogflow Messenger; other integrations pass them over."""
    rich: list[dict[str, Any]] = []
    for card in telling.cards[:CARDS]:
        about = card_text({**card, "title": "", "url": ""}).replace("\n", ", ")
        title = shortened(str(card.get("title") or ""), 200)
        info = {"type": "info", "title": title, "subtitle": shortened(about, 500)}
        if url := str(card.get("url") or "")[:2000]:
            info["actionLink"] = url
        rich.append(info)
    options: list[dict[str, Any]] = [
        {"text": one.title, **({"link": one.url[:2000]} if one.url else {})}
        for one in telling.buttons
    ]
    if options:
        rich.append({"type": "chips", "options": options})
    size = len(json.dumps(rich, ensure_ascii=False).encode("utf-8", "replace"))
    return rich if size <= RICH_BYTES else []
