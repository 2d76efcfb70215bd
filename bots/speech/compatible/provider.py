"""`POST /audio/transcriptions` and `/audio/speech` as OpenAI describes them and others answer them.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import httpx

from bots.speech.base import Heard, NoVoice, Recording, SpeechProvider
from tenants.kernel.errors import NeedsMerchant, RetryLater
from tenants.kernel.http import outgoing, vendor_errors

VENDOR = "speech"
OPERATION = "POST /audio/transcriptions"
SPEECH = "POST /audio/speech"
LONGEST = 20_000


class Compatible(SpeechProvider):
    def transcribe(self, recording: Recording, timeout_s: float) -> Heard:
        address = self._address(OPERATION)
        data = {"model": self.model or "whisper-1", "response_format": "json"}
        if recording.language:
            data["language"] = recording.language
        with vendor_errors(VENDOR, OPERATION), self._http(timeout_s) as client:
            answer = client.post(
                f"{address}/audio/transcriptions",
                data=data,
                files={"file": (recording.name, recording.content, recording.mime)},
            )
            answer.raise_for_status()
        try:
            said = answer.json()
            text, seconds = str(said["text"]).strip(), said.get("duration")
            return Heard(
                text[:LONGEST],
                str(said.get("language") or ""),
                float(seconds) if isinstance(seconds, int | float | str) else None,
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise RetryLater(
                "the answer is not understood", vendor=VENDOR, operation=OPERATION
            ) from exc

    def speak(self, text: str, language: str, timeout_s: float) -> Recording:
        settings = self.account.settings
        if not (model := settings.get("voice_model")):
            raise NoVoice("no voice is connected", vendor=VENDOR, operation=SPEECH)
        address = self._address(SPEECH)
        body = {
            "model": model,
            "input": text,
            "voice": settings.get("voice") or "alloy",
            "response_format": "opus",
        }
        with vendor_errors(VENDOR, SPEECH), self._http(timeout_s) as client:
            answer = client.post(f"{address}/audio/speech", json=body)
            answer.raise_for_status()
        kind = answer.headers.get("content-type", "")
        if not answer.content or kind.startswith(("text/", "application/json")):
            raise RetryLater("the answer is not understood", vendor=VENDOR, operation=SPEECH)
        return Recording("voice.ogg", "audio/ogg", answer.content, language)

    def _address(self, operation: str) -> str:
        address = (self.account.settings.get("base_url") or "").rstrip("/")
        if not address.startswith(("http://", "https://")):
            raise NeedsMerchant("the address is not usable", vendor=VENDOR, operation=operation)
        return address

    def _http(self, timeout_s: float) -> httpx.Client:
        key = self.account.settings.get("api_key")
        return outgoing(
            vendor=VENDOR,
            timeout_s=timeout_s,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            allow_private=self.account.allow_private,
        )
