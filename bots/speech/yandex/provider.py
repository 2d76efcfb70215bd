"""Yandex SpeechKit: short notes by v1, longer ones by v3's asynchronous recognition, voice by v1.

Source: https://yandex.cloud/docs/speechkit and the published protobuf definitions (2026-07).
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
from typing import Any

import httpx

from bots.speech.base import Heard, NoSpeech, NoVoice, Recording, SpeechProvider
from bots.speech.yandex import sound
from tenants.kernel.errors import NotFound, Rejected, RetryLater, VendorError
from tenants.kernel.http import error_for, outgoing, vendor_errors

VENDOR = "speechkit"
STT, TTS = "https://stt.api.cloud.yandex.net", "https://tts.api.cloud.yandex.net"
SHORT, SPEAK = "POST /speech/v1/stt:recognize", "POST /speech/v1/tts:synthesize"
BEGIN, GET = "POST /stt/v3/recognizeFileAsync", "GET /stt/v3/getRecognition"
# v1 takes so much: a megabyte, half a minute, one channel.
SHORT_BYTES, SHORT_S = 1024 * 1024, 30.0
SPOKEN_BYTES = 15 * 1024  # of a form that is said
LONGEST = 20_000
# SpeechKit names languages with their country.
LANGUAGES = {"ru": "ru-RU", "en": "en-US", "kk": "kk-KZ", "uz": "uz-UZ", "tr": "tr-TR",
             "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "it": "it-IT", "pl": "pl-PL"}  # fmt: skip
PAUSE_S = 1.0


class Yandex(SpeechProvider):
    # ── words of a recording ──
    def transcribe(self, recording: Recording, timeout_s: float) -> Heard:
        kind = sound.kind_of(recording.content)
        if not self.account.settings.get("api_key"):
            raise NoSpeech("no speech recognition is connected", vendor=VENDOR)
        if not kind:
            raise Rejected("this kind of recording is not understood", vendor=VENDOR)
        seconds = sound.ogg_seconds(recording.content) if kind == sound.OGG else None
        fits = seconds is not None and seconds <= SHORT_S
        if fits and len(recording.content) <= SHORT_BYTES:
            return self._short(recording, seconds, timeout_s)
        return self._long(recording, kind, seconds, timeout_s)

    def _short(self, recording: Recording, seconds: float | None, timeout_s: float) -> Heard:
        asked = {
            "lang": LANGUAGES.get(recording.language, "auto"),
            "format": "oggopus",
            "topic": self.model or "general",
            **self._folder,
        }
        answer = self._call(
            "POST", STT, "/speech/v1/stt:recognize", SHORT, timeout_s,
            params=asked, content=recording.content,
        )  # fmt: skip
        try:
            text = str(answer.json()["result"]).strip()
        except (ValueError, KeyError, TypeError) as exc:
            raise _odd(SHORT) from exc
        return Heard(text[:LONGEST], recording.language, seconds)

    def _long(
        self, recording: Recording, kind: str, seconds: float | None, timeout_s: float
    ) -> Heard:
        """Hand it in, ask until it is done, and have it forgotten."""
        until = time.monotonic() + timeout_s
        model: dict[str, Any] = {
            "model": self.model or "general",
            "audioFormat": {"containerAudio": {"containerAudioType": kind}},
        }
        if code := LANGUAGES.get(recording.language):
            model["languageRestriction"] = {"restrictionType": "WHITELIST", "languageCode": [code]}
        begun = self._call(
            "POST", STT, "/stt/v3/recognizeFileAsync", BEGIN, timeout_s,
            json={
                "content": base64.b64encode(recording.content).decode(),
                "recognitionModel": model,
            },
        )  # fmt: skip
        try:
            operation = str(begun.json()["id"])
        except (ValueError, KeyError, TypeError) as exc:
            raise _odd(BEGIN) from exc
        try:
            return self._heard(operation, recording.language, seconds, until)
        finally:
            with contextlib.suppress(VendorError):
                self._call(
                    "DELETE", STT, "/stt/v3/deleteRecognition", "DELETE recognition", 5.0,
                    params={"operationId": operation},
                )  # fmt: skip

    def _heard(self, operation: str, language: str, seconds: float | None, until: float) -> Heard:
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise RetryLater("not heard in time", vendor=VENDOR, operation=GET)
            try:
                answer = self._call(
                    "GET", STT, "/stt/v3/getRecognition", GET, max(left, 1.0),
                    params={"operationId": operation},
                )  # fmt: skip
            except NotFound:  # not done yet
                time.sleep(min(PAUSE_S, max(0.0, until - time.monotonic())))
                continue
            text, ended = words_of(answer.text)
            return Heard(text[:LONGEST], language, seconds if seconds is not None else ended)

    # ── a voice ──
    def speak(self, text: str, language: str, timeout_s: float) -> Recording:
        settings = self.account.settings
        if not settings.get("api_key"):
            raise NoVoice("no voice is connected", vendor=VENDOR, operation=SPEAK)
        form = {
            "text": text,
            "lang": LANGUAGES.get(language, "ru-RU"),
            "format": "oggopus",
            **({"voice": settings["voice"]} if settings.get("voice") else {}),
            **self._folder,
        }
        if len(httpx.Request("POST", TTS, data=form).content) > SPOKEN_BYTES:
            raise Rejected("the text is too long to be said", vendor=VENDOR, operation=SPEAK)
        answer = self._call("POST", TTS, "/speech/v1/tts:synthesize", SPEAK, timeout_s, data=form)
        if answer.content[:4] != b"OggS":
            raise _odd(SPEAK)
        return Recording("voice.ogg", "audio/ogg", answer.content, language)

    # ── the way there ──
    @property
    def _folder(self) -> dict[str, str]:
        folder = self.account.settings.get("folder_id", "")
        return {"folderId": folder} if folder else {}

    def _call(
        self, method: str, host: str, path: str, operation: str, timeout_s: float, **more: Any
    ) -> httpx.Response:
        base = (self.account.settings.get("base_url") or host).rstrip("/")
        headers = {
            "Authorization": f"Api-Key {self.account.settings.get('api_key', '')}",
            "x-data-logging-enabled": "false",
        }
        if folder := self.account.settings.get("folder_id"):
            headers["x-folder-id"] = folder
        with (
            vendor_errors(VENDOR, operation),
            outgoing(
                vendor=VENDOR, timeout_s=timeout_s, headers=headers,
                allow_private=self.account.allow_private,
            ) as client,
        ):  # fmt: skip
            answer = client.request(method, f"{base}{path}", **more)
        if not answer.is_success:
            raise error_for(
                answer, vendor=VENDOR, operation=operation, write=False, detail=_reason(answer)
            )
        return answer


def words_of(lines: str) -> tuple[str, float | None]:
    """The text of v3's answer and where it ends, in seconds.

    One JSON object a line, with the event in `result`. A refined text takes the place of the final
    one of the same number; of several channels the first is read.
    """
    said: dict[str, str] = {}
    ended = 0.0
    channel = ""
    for line in filter(None, map(str.strip, lines.splitlines())):
        try:
            event = json.loads(line)
            event = event.get("result", event)
            final, refined = event.get("final"), event.get("finalRefinement")
            cursor = str((event.get("audioCursors") or {}).get("finalIndex", len(said)))
            if refined:
                final, cursor = refined["normalizedText"], str(refined.get("finalIndex", 0))
            if not final:
                continue
            tag = str(final.get("channelTag") or event.get("channelTag") or "")
            channel = channel or tag
            if tag == channel and (best := (final.get("alternatives") or [None])[0]):
                said[cursor] = str(best.get("text", ""))
                ended = max(ended, int(best.get("endTimeMs", 0)) / 1000)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise _odd(GET) from exc
    return " ".join(filter(None, said.values())).strip(), ended or None


def _odd(operation: str) -> RetryLater:
    return RetryLater("the answer is not understood", vendor=VENDOR, operation=operation)


def _reason(answer: httpx.Response) -> str:
    """Of v1 (error_message), of gRPC behind REST (message, or error.message)."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    told = error.get("message") if isinstance(error, dict) else error
    return str(body.get("error_message") or told or body.get("message") or "")[:200]
