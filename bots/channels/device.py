"""The other side of a voice assistant: a pretend device that calls us as its platform does.

A platform of this kind is called by nobody, so its simulator is a client: it makes the calls, keeps
the session, and refuses an answer the platform would refuse. By hand: `manage.py simulate alice`,
then POST /say {"hook": "https://…/hooks/<key>/", "text": "…"}.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bots.channels.base import Inbound
from tenants.kernel.simulate import Answer, Request, Simulator


class Unplayable(Exception):
    """The platform would not say this answer; the text tells why."""


@dataclass(frozen=True)
class Heard:
    """What the buyer hears and sees."""

    spoken: str
    shown: str = ""
    ends: bool = False
    seconds: float = 0.0


class Device(Simulator):
    """One buyer at one device. `waits_s`: how long the platform waits for an answer."""

    waits_s = 5.0

    def __init__(self) -> None:
        super().__init__()
        self.route("POST", "/say", self._by_hand)

    @abstractmethod
    def call(self, text: str) -> Inbound:
        """The platform's next call, with these words in it; "" opens the skill."""

    @abstractmethod
    def play(self, answer: Any) -> Heard:
        """Check an answer, remember what it says to remember. Raises Unplayable."""

    def say(self, text: str, *, hook: str, http: httpx.Client) -> Heard:
        """Call the hook and play what it answers. Raises Unplayable, for what is late, too."""
        request = self.call(text)
        begun = time.monotonic()
        try:
            got = http.post(
                hook, content=request.body, headers=dict(request.headers), timeout=self.waits_s
            )
        except httpx.TimeoutException as exc:
            raise Unplayable(f"no answer within {self.waits_s} s") from exc
        return self.played(got.status_code, got.content, time.monotonic() - begun)

    def played(self, status: int, body: bytes, seconds: float = 0.0) -> Heard:
        if status != 200:
            raise Unplayable(f"HTTP {status}")
        if seconds > self.waits_s:
            raise Unplayable(f"{seconds:.1f} s")
        try:
            answer = json.loads(body)
        except ValueError as exc:
            raise Unplayable("no JSON") from exc
        heard = self.play(answer)
        return Heard(heard.spoken, heard.shown, heard.ends, seconds)

    async def _by_hand(self, request: Request) -> Answer:
        asked = request.json()

        def say() -> Heard:
            with httpx.Client(trust_env=False) as http:
                return self.say(str(asked.get("text", "")), hook=str(asked["hook"]), http=http)

        try:
            heard = await asyncio.to_thread(say)
        except Unplayable as exc:
            return Answer.json({"error": str(exc)}, 502)
        return Answer.json(vars(heard))


def must(holds: bool, why: str) -> None:
    if not holds:
        raise Unplayable(why)


def inside(answer: Any, *path: str) -> Any:
    """A value deep in an answer; None where it is missing."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer
