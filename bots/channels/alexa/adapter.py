"""Amazon Alexa custom skills.

Source: https://developer.amazon.com/docs/alexa/custom-skills/ (read 2026-11-22). Any call that does
not prove to be Amazon's is answered 400, as Amazon's own checks want it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from bots.channels.alexa import chains, model
from bots.channels.alexa.chains import NotAmazon
from bots.channels.alexa.manifest import MANIFEST
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
from bots.channels.base import Inbound
from bots.channels.rendering import card_text
from bots.channels.voice import Memory, say, shortened, ssml, voice_language

SPEECH_LIMIT = 8000
CARD_LIMIT = 8000
ATTRIBUTES_BYTES = 4000  # our own measure; the whole answer may have 120 KB
TOLERANCE_S = 150.0
EVENT_TOLERANCE_S = 3600.0
CHAIN_URL = "signaturecertchainurl"
SIGNATURE = "signature-256"
LINK_HOSTS = ("layla.amazon.com", "pitangui.amazon.com", "alexa.amazon.co.jp")


class Alexa(Assistant):
    manifest = MANIFEST
    rest_without_screen = "rest_in_app"
    numbers_choices = True

    # ── in ──
    async def prepare(self, request: Inbound) -> None:
        await chains.fetch(
            request.headers.get(CHAIN_URL, ""),
            base_url=self.config.base_url,
            proxy=self.config.proxy,
            ca_bundle=self.config.ca_bundle,
        )

    def verify(self, request: Inbound) -> None:
        chains.check(
            request.headers.get(CHAIN_URL, ""),
            request.headers.get(SIGNATURE, ""),
            request.body,
            ca_bundle=self.config.ca_bundle,
        )
        try:
            data = call_of(request)
        except ValueError:
            return  # `envelopes` says what is wrong with it
        _check_time(data)
        ours = str(self.config.settings.get("skill_id", ""))
        told = texts(data, "context", "System", "application", "applicationId")
        told = told or texts(data, "session", "application", "applicationId")
        if not ours or not compare_digest(told.encode(errors="replace"), ours.encode()):
            raise NotAmazon("another skill's call")

    def read(self, request: Inbound) -> Heard:
        data = call_of(request)
        told = data["request"]
        kind = texts(told, "type")
        heard = Heard(
            ident=short(texts(told, "requestId")),
            chat=_who(data),
            language=voice_language(texts(told, "locale")),
            memory=Memory.read(inside(data, "session", "attributes")),
            can_link=bool(self.link_redirects()),
            identities=self.linked(
                texts(data, "context", "System", "user", "accessToken")
                or texts(data, "session", "user", "accessToken")
            ),
        )
        if kind == "LaunchRequest":
            return heard.of_kind("start")
        if kind == "IntentRequest":
            return _intended(heard, inside(told, "intent"))
        return heard.of_kind("nothing")

    # ── out ──
    def answer(self, request: Inbound, heard: Heard, telling: Telling | None) -> dict[str, Any]:
        """A session that has ended, an event: an answer that says nothing."""
        if telling is None:
            return {"version": "1.0", "response": {}}
        response: dict[str, Any] = {
            "outputSpeech": {"type": "SSML", "ssml": _ssml(telling.spoken)},
            "shouldEndSession": telling.ends,
        }
        if not telling.ends:
            words = _ssml(say("reprompt", heard.language))
            response["reprompt"] = {"outputSpeech": {"type": "SSML", "ssml": words}}
        if telling.links:
            response["card"] = {"type": "LinkAccount"}
        elif card := self._card(telling):
            response["card"] = card
        kept = telling.memory.packed(ATTRIBUTES_BYTES)
        return {"version": "1.0", "sessionAttributes": kept, "response": response}

    def _card(self, telling: Telling) -> dict[str, Any] | None:
        """In the app, where it says more than was said aloud."""
        lines = [telling.shown, *(card_text(one) for one in telling.cards)]
        lines += [f"{one.title}: {one.url}" for one in telling.buttons if one.url]
        if lines == [telling.spoken]:
            return None
        title = str(self.config.settings.get("invocation") or "").title() or "Shop"
        return {
            "type": "Simple",
            "title": shortened(title, 100),
            "content": shortened("\n\n".join(lines), CARD_LIMIT - 100),
        }

    def link_redirects(self) -> tuple[str, ...]:
        """Each has the developer's own id at its end."""
        vendor = str(self.config.settings.get("vendor_id") or "")
        if not vendor.isalnum():
            return ()
        return tuple(f"https://{host}/api/skill/link/{vendor}" for host in LINK_HOSTS)

    # ── what the merchant creates the skill with ──
    def package(self) -> list[tuple[str, bytes]]:
        name = str(self.config.settings.get("invocation") or "my shop assistant").lower()
        files = model.package(invocation=name, hook=self.config.hook_url)
        return [*files, self.linking_text()] if self.link_redirects() else files


def _check_time(data: Any) -> None:
    """Amazon's clock and ours may be apart by 150 s; an event may be older. Raises NotAmazon."""
    told = texts(data, "request", "timestamp")
    try:
        at = datetime.fromisoformat(told)
        age = abs(
            (datetime.now(UTC) - (at if at.tzinfo else at.replace(tzinfo=UTC))).total_seconds()
        )
    except (ValueError, OverflowError) as exc:
        raise NotAmazon("no time of the call") from exc
    is_event = texts(data, "request", "type").startswith("AlexaSkillEvent.")
    if age > (EVENT_TOLERANCE_S if is_event else TOLERANCE_S):
        raise NotAmazon("an old call")


def _who(data: Any) -> str:
    who = texts(data, "context", "System", "user", "userId")
    return short(who or texts(data, "session", "user", "userId"))


def _intended(heard: Heard, intent: dict[str, Any]) -> Heard:
    name = texts(intent, "name")
    if kind := model.BUILT_IN.get(name):
        return heard.of_kind(kind)
    slots = inside(intent, "slots")
    words = model.words_of(name, {slot: texts(about, "value") for slot, about in slots.items()})
    return heard.of_kind("no_match") if words is None else words_heard(heard, words)


def _ssml(words: str) -> str:
    marked = ssml(words)
    return marked if len(marked) <= SPEECH_LIMIT else ssml(shortened(words, SPEECH_LIMIT // 8))
