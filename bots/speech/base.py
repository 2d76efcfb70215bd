"""What a speech provider is: a recording in, words out; and, where it has a voice, words in.

Providers live in `bots/speech/<name>/` and import only this module and `tenants.kernel`. One call
occupies one thread until its time is over; repeating it is the caller's business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from bots.channels.base import Field, Maturity
from tenants.kernel.errors import NeedsMerchant


class NoSpeech(NeedsMerchant):
    """There is nothing that could listen: a provider has to be chosen."""


class NoVoice(NeedsMerchant):
    """There is nothing that could speak: a provider with a voice has to be chosen."""


@dataclass(frozen=True)
class SpeechManifest:
    key: str
    title: Any
    implementation: str
    settings: tuple[Field, ...] = ()
    simulator: str = ""
    max_bytes: int = 25 * 1024 * 1024
    speaks: bool = False  # has a voice: `SpeechProvider.speak`
    text_limit: int = 4000  # characters said at once
    leaves: Any = ""  # what leaves the merchant, in words for the settings page
    maturity: Maturity = Maturity.SIMULATED
    gaps: tuple[Any, ...] = ()

    def secrets(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.settings if f.kind == "secret")

    def missing(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(f.name for f in self.settings if f.is_required and not settings.get(f.name))


@dataclass(frozen=True)
class Recording:
    name: str
    mime: str
    content: bytes
    language: str = ""  # what the buyer is believed to speak; a hint

    @property
    def seconds(self) -> float:
        """At most so long, by its size: voice notes have 16 kbit/s and more."""
        return len(self.content) / 2_000


@dataclass(frozen=True)
class Heard:
    text: str
    language: str = ""
    seconds: float | None = None  # where the provider says how long it was


@dataclass(frozen=True)
class SpeechAccount:
    """Settings and opened secrets of one merchant. `region`: own | ru | foreign."""

    settings: Mapping[str, str]
    allow_private: bool | None = None

    @property
    def region(self) -> str:
        return self.settings.get("data_region") or "own"

    @property
    def minute_price(self) -> tuple[Decimal, str]:
        try:
            price = Decimal((self.settings.get("price_minute") or "0").replace(",", "."))
        except InvalidOperation:
            price = Decimal(0)
        return price, self.settings.get("currency") or "RUB"


class SpeechProvider(ABC):
    """Constructed per use; cheap; holds no state of its own."""

    def __init__(self, account: SpeechAccount) -> None:
        self.account = account

    @property
    def model(self) -> str:
        return self.account.settings.get("model", "")

    @abstractmethod
    def transcribe(self, recording: Recording, timeout_s: float) -> Heard:
        """Raises VendorError by consequence; NoSpeech where there is nothing to ask."""

    def speak(self, text: str, language: str, timeout_s: float) -> Recording:
        """Text as a voice note (OGG with Opus), where the manifest `speaks`.

        Raises VendorError by consequence; NoVoice where it has none, or none is chosen.
        """
        raise NoVoice("no voice is connected")


__all__ = [
    "Field",
    "Heard",
    "Maturity",
    "NoSpeech",
    "NoVoice",
    "Recording",
    "SpeechAccount",
    "SpeechManifest",
    "SpeechProvider",
]
