"""A pretend Whisper server: hears what a test has put in, or how many bytes it was given; its voice
is the text itself behind the first letters of an OGG."""

from __future__ import annotations

from typing import Any

from tenants.kernel.simulate import Answer, Request, Simulator

KEY = "speech-key-simulated"


class SpeechSimulator(Simulator):
    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.model_names = ("whisper-1",)
        self.words: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.voices = ("alloy",)
        self.said: list[dict[str, Any]] = []
        self.route("POST", "/v1/audio/transcriptions", self._transcribe)
        self.route("POST", "/v1/audio/speech", self._speak)

    def says(self, *words: str) -> None:
        """What the next recordings say, in turn."""
        self.words.extend(words)

    def _transcribe(self, request: Request) -> Answer:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        asked = _parts(request)
        if asked.get("model") not in self.model_names:
            return _error(
                404, f"The model `{asked.get('model')}` does not exist", "model_not_found"
            )
        content = asked.get("file", b"")
        if not content:
            return _error(400, "Audio file is too short. Minimum audio length is 0.1 seconds.", "")
        self.heard.append(asked)
        text = self.words.pop(0) if self.words else f"{len(content)} bytes"
        return Answer.json({"text": text, "duration": 3.0})

    def _speak(self, request: Request) -> Answer:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        asked = request.json()
        if asked.get("model") != "tts-1":
            return _error(
                404, f"The model `{asked.get('model')}` does not exist", "model_not_found"
            )
        text = asked.get("input", "")
        if not 0 < len(text) <= 4096 or asked.get("voice") not in self.voices:
            return _error(400, "input or voice is not valid", "")
        self.said.append(asked)
        return Answer(200, b"OggS" + text.encode(), {"content-type": "audio/ogg"})

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"api_key": KEY, "model": "whisper-1"}


def _parts(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in request.parts():
        if part.filename:
            found["name"], found["mime"] = part.filename, part.mime
            found[part.name] = part.content
        else:
            found[part.name] = part.content.decode()
    return found


def _error(status: int, message: str, code: str) -> Answer:
    body = {"error": {"message": message, "type": "invalid_request_error", "code": code}}
    return Answer.json(body, status)
