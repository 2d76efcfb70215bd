"""A pretend SpeechKit: v1 for short notes, v3 for longer ones, v1's voice.

Composed from https://yandex.cloud/docs/speechkit and the published protobuf definitions.
"""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from bots.speech.yandex import sound
from tenants.kernel.simulate import Answer, Request, Simulator

KEY = "AQVN-simulated"


def ogg(seconds: float, size: int = 200) -> bytes:
    """A recording that says how long it is: one page with its granule position, and filling."""
    granule = int(seconds * sound.OPUS_RATE).to_bytes(8, "little")
    return b"OggS\x00\x02" + granule + b"\x00" * max(0, size - 14)


class SpeechKitSimulator(Simulator):
    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.words: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.said: list[dict[str, str]] = []
        self.operations: dict[str, tuple[str, float]] = {}
        self.slow = 1  # so many times "not done yet"
        self._ids = itertools.count(1)
        self.route("POST", "/speech/v1/stt:recognize", self._short)
        self.route("POST", "/stt/v3/recognizeFileAsync", self._begin)
        self.route("GET", "/stt/v3/getRecognition", self._get)
        self.route("DELETE", "/stt/v3/deleteRecognition", self._forget)
        self.route("POST", "/speech/v1/tts:synthesize", self._speak)

    def says(self, *words: str) -> None:
        """What the next recordings say, in turn."""
        self.words.extend(words)

    async def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Api-Key {self.key}":
            return _error(401, "UNAUTHORIZED", "Unknown api key")
        return await super().respond(request)

    def _short(self, request: Request) -> Answer:
        seconds = sound.ogg_seconds(request.body)
        if len(request.body) > 1024 * 1024 or seconds is None or seconds > 30:
            return _error(400, "BAD_REQUEST", "audio is longer than 30 seconds or 1 MB")
        self.heard.append(dict(request.query))
        return Answer.json({"result": self._told(request.body)})

    def _begin(self, request: Request) -> Answer:
        asked = request.json()
        content = base64.b64decode(asked["content"])
        self.heard.append(asked)
        ident = f"operation-{next(self._ids)}"
        self.operations[ident] = (self._told(content), sound.ogg_seconds(content) or 40.0)
        return Answer.json({"id": ident, "description": "async speech recognition", "done": False})

    def _get(self, request: Request) -> Answer:
        found = self.operations.get(request.query.get("operationId", ""))
        if found is None or self.slow > 0:
            self.slow -= 1
            body = {"error": {"grpcCode": 5, "httpCode": 404, "message": "operation not ready"}}
            return Answer.json(body, 404)
        lines = "\n".join(json.dumps({"result": one}, ensure_ascii=False) for one in events(*found))
        return Answer(200, lines.encode(), {"content-type": "application/json"})

    def _forget(self, request: Request) -> Answer:
        self.operations.pop(request.query.get("operationId", ""), None)
        return Answer.json({})

    def _speak(self, request: Request) -> Answer:
        form = request.form()
        if not 0 < len(form.get("text", "")) <= 5000 or len(request.body) > 15 * 1024:
            return _error(400, "BAD_REQUEST", "text is empty or too long")
        self.said.append(form)
        return Answer(200, ogg(2.0), {"content-type": "audio/ogg"})

    def _told(self, content: bytes) -> str:
        return self.words.pop(0) if self.words else f"{len(content)} bytes"

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"api_key": KEY}


def events(text: str, seconds: float) -> list[dict[str, Any]]:
    """An answer of getRecognition: each half said finally, then refined; and a status."""
    words = text.split()
    halves = [words[: len(words) // 2], words[len(words) // 2 :]]
    found: list[dict[str, Any]] = []
    for number, half in enumerate(halves):
        ends = str(round(seconds * 1000 * (number + 1) / 2))

        def update(said: str, ends: str = ends) -> dict[str, Any]:
            return {
                "alternatives": [{"text": said, "startTimeMs": "0", "endTimeMs": ends}],
                "channelTag": "0",
            }

        about = {
            "sessionUuid": {"uuid": "u1", "userRequestId": "r1"},
            "audioCursors": {"receivedDataMs": ends, "finalIndex": str(number)},
            "channelTag": "0",
        }
        said = " ".join(half)
        found.append({**about, "final": update(said.casefold())})
        refined = {"finalIndex": str(number), "normalizedText": update(said)}
        found.append({**about, "finalRefinement": refined})
    found.append({"statusCode": {"codeType": "CLOSED", "message": ""}, "channelTag": "0"})
    return found


def _error(status: int, code: str, message: str) -> Answer:
    return Answer.json({"error_code": code, "error_message": message}, status)
