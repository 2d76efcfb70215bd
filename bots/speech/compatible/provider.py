"""`POST /audio/transcriptions` as OpenAI describes it and Whisper servers answer it.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

from bots.speech.base import Heard, Recording, SpeechProvider
from tenants.kernel.errors import NeedsMerchant, RetryLater
from tenants.kernel.http import outgoing, vendor_errors

VENDOR = "speech"
OPERATION = "POST /audio/transcriptions"
LONGEST = 20_000


class Compatible(SpeechProvider):
    def transcribe(self, recording: Recording, timeout_s: float) -> Heard:
        settings = self.account.settings
        address = (settings.get("base_url") or "").rstrip("/")
        if not address.startswith(("http://", "https://")):
            raise NeedsMerchant("the address is not usable", vendor=VENDOR, operation=OPERATION)
        key = settings.get("api_key")
        data = {"model": self.model or "whisper-1", "response_format": "json"}
        if recording.language:
            data["language"] = recording.language
        with (
            vendor_errors(VENDOR, OPERATION),
            outgoing(
                vendor=VENDOR,
                timeout_s=timeout_s,
                headers={"Authorization": f"Bearer {key}"} if key else {},
                allow_private=self.account.allow_private,
            ) as client,
        ):
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
