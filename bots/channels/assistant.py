"""A voice assistant's adapter without the platform: what is answered at once, what the shop hears,
what is remembered between two calls. An adapter below it reads a call and builds an answer.

Nothing of a call is stored but what `Heard.kept` names: tokens of the platform stay out of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bots.channels.base import (
    Button,
    BuyerMessage,
    ChannelManifest,
    Check,
    Envelope,
    Inbound,
    Occurrence,
    Reply,
    Unsupported,
)
from bots.channels.inline import InlineAdapter
from bots.channels.linked import identities_of
from bots.channels.voice import (
    Memory,
    chips,
    choice_buttons,
    command,
    digits,
    on_screen,
    say,
    spoken_reply,
)

Kind = Literal[
    "words", "start", "ping", "help", "stop", "repeat", "no_match", "link", "linked", "nothing"
]
# Answered by ourselves, whatever the engine and the model do.
AT_ONCE = frozenset({"ping", "help", "stop", "repeat", "no_match", "link", "linked"})
HEARD_LIMIT = 4_000
_WORD = re.compile(r"\w")
LINKING = """\
ACCOUNT LINKING / СВЯЗКА АККАУНТОВ (OAuth 2, authorization code)

Client id / Идентификатор приложения:  {client}
Client secret / Секрет приложения:     {secret}
Authorization URL / URL авторизации:   {host}/link/
Token URL / URL для получения токена:  {host}/link/token/
Refresh URL / URL для обновления:      {host}/link/token/
Scope: orders
Authentication: HTTP Basic or fields of the form; PKCE: S256

The platform takes the buyer back to (nothing else is accepted):
{redirects}

The secret is for the platform alone.
"""


@dataclass(frozen=True)
class Heard:
    """One call. `ident`: the delivery's. `nothing`: a call that wants no answer to the buyer."""

    ident: str
    chat: str
    language: str
    kind: Kind = "words"
    text: str = ""
    payload: str = ""
    memory: Memory = field(default_factory=Memory)
    has_screen: bool = False
    can_link: bool = False
    is_nudge: bool = False  # only asks after the answer
    identities: tuple[tuple[str, str, str], ...] = ()

    def saying(
        self, text: str, kind: Kind = "words", *, payload: str = "", is_nudge: bool = False
    ) -> Heard:
        """The same call with its words. Written out: `replace` takes ten times as long."""
        return Heard(
            self.ident,
            self.chat,
            self.language,
            kind,
            text,
            payload,
            self.memory,
            self.has_screen,
            self.can_link,
            is_nudge,
            self.identities,
        )

    def of_kind(self, kind: Kind) -> Heard:
        return replace(self, kind=kind)

    def kept(self) -> dict[str, Any]:
        """What is stored of the call and read by `parse`."""
        kept: dict[str, Any] = {
            "id": self.ident,
            "chat": self.chat,
            "language": self.language,
            "text": self.text,
        }
        if self.kind == "start":
            kept["start"] = True
        if self.payload:
            kept["payload"] = self.payload
        if self.is_nudge:
            kept["nudge"] = True
        if self.identities:
            kept["identities"] = [list(one) for one in self.identities]
        return kept


@dataclass(frozen=True)
class Telling:
    """One answer, before it has a platform's shape."""

    shown: str
    spoken: str
    buttons: tuple[Button, ...] = ()
    cards: tuple[Mapping[str, Any], ...] = ()
    ends: bool = False
    links: bool = False  # asks the platform to start linking the account
    memory: Memory = field(default_factory=Memory)


class Assistant(InlineAdapter):
    # Where what is not said can be found, for somebody without a screen: a phrase of bots.voice.
    rest_without_screen = "rest_ask"
    # Where choices are best said by their place: the platform knows numbers, but not our titles.
    numbers_choices = False

    @abstractmethod
    def read(self, request: Inbound) -> Heard:
        """Pure. Raises ValueError, KeyError, TypeError, AttributeError for what is no call."""

    def heard(self, request: Inbound) -> Heard:
        """`read`, once a call."""
        if "heard" not in request.kept:
            request.kept["heard"] = self.read(request)
        found: Heard = request.kept["heard"]
        return found

    @abstractmethod
    def answer(self, request: Inbound, heard: Heard, telling: Telling | None) -> dict[str, Any]:
        """The platform's JSON; with no telling, its way of saying nothing."""

    # ── in ──
    def envelopes(self, request: Inbound) -> list[Envelope]:
        heard = self.heard(request)
        if heard.kind == "nothing":
            return []
        if not heard.ident or not heard.chat:
            raise ValueError("no identity")
        return [Envelope(heard.ident, heard.chat, heard.kept())]

    def parse(self, payload: Any) -> list[Occurrence]:
        if not isinstance(payload, dict) or "chat" not in payload:
            raise Unsupported("not a call of ours")
        is_start = bool(payload.get("start"))
        language = str(payload.get("language", ""))
        return [
            BuyerMessage(
                external_id=str(payload["id"]),
                chat=str(payload["chat"]),
                text="/start" if is_start else figures(str(payload.get("text", "")), language),
                language=language,
                payload=str(payload.get("payload", "")),
                is_start=is_start,
                is_nudge=bool(payload.get("nudge")),
                vouched_anew=bool(self.link_redirects()),
                identities=tuple(
                    (str(one[0]), str(one[1]), str(one[2])) for one in payload.get("identities", ())
                ),
            )
        ]

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        return _json(self.answer(request, self.heard(request), None))

    def instant(self, request: Inbound) -> bytes | None:
        heard = self.heard(request)
        if heard.kind not in AT_ONCE:
            return None
        return _json(self.answer(request, heard, self._by_ourselves(heard)))[1]

    def speak(self, request: Inbound, reply: Reply | None) -> tuple[int, bytes, str]:
        heard = self.heard(request)
        if reply is not None and (reply.text.strip() or reply.cards):
            telling = self._told(heard, reply)
        elif heard.kind == "start":
            telling = self._phrase(heard, "welcome", buttons=choice_buttons(chips(heard.language)))
        else:
            chip = say("hold_chip", heard.language)
            telling = replace(
                self._phrase(heard, "hold", buttons=choice_buttons([chip])), memory=heard.memory
            )
        return _json(self.answer(request, heard, telling))

    def _by_ourselves(self, heard: Heard) -> Telling:
        suggestions = choice_buttons(chips(heard.language))
        match heard.kind:
            case "ping":
                return self._phrase(heard, "welcome")
            case "help":
                return self._phrase(heard, "help", buttons=suggestions)
            case "stop":
                return replace(self._phrase(heard, "bye"), ends=True, memory=Memory())
            case "repeat" if heard.memory.said:
                said = heard.memory.said
                titles = choice_buttons(title for title, _ in heard.memory.choices)
                return Telling(said, said, titles, memory=heard.memory)
            case "repeat":
                return self._phrase(heard, "nothing_said")
            case "link":
                return replace(self._phrase(heard, "link"), links=True)
            case "linked":
                return self._phrase(heard, "linked", buttons=suggestions)
        return self._phrase(heard, "no_match", buttons=suggestions)

    def _phrase(self, heard: Heard, name: str, *, buttons: tuple[Button, ...] = ()) -> Telling:
        words = say(name, heard.language)
        return Telling(words, words, buttons, memory=replace(heard.memory, said=words))

    def _told(self, heard: Heard, reply: Reply) -> Telling:
        rest = "rest_on_screen" if heard.has_screen else self.rest_without_screen
        spoken = spoken_reply(
            reply,
            heard.language,
            has_screen=heard.has_screen,
            rest=rest,
            numbered=self.numbers_choices,
        )
        words = spoken.text or say("no_match", heard.language)
        return Telling(
            on_screen(reply.text, self.manifest.text_limit) or words,
            words,
            reply.buttons,
            reply.cards,
            memory=Memory.of(reply, words),
        )

    # ── linked accounts ──
    def linked(self, token: str) -> tuple[tuple[str, str, str], ...]:
        """Whom the platform's access token of ours vouches for."""
        return identities_of(self.config.schema, self.config.channel_id, token) if token else ()

    def linking_text(self) -> tuple[str, bytes]:
        """For the platform's page of account linking."""
        host = "/".join(self.config.hook_url.split("/")[:3])
        text = LINKING.format(
            host=host,
            client=f"shop-{self.config.channel_id}",
            secret=self.link_secret(),
            redirects="\n".join(f"  {one}" for one in self.link_redirects()),
        )
        return "account-linking.txt", text.encode()

    # ── account ──
    def connect(self) -> Check:
        """The platform calls us; there is nothing of it to be asked."""
        return Check(ok=True, account={"notice": ""})


def call_of(request: Inbound) -> Any:
    """The call's JSON. Raises ValueError, for JSON that is too deep, too."""
    try:
        return request.json()
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc


def words_heard(heard: Heard, said: str, *, payload: str = "") -> Heard:
    """A buyer's words: a command to the assistant, a choice it offered, or a question."""
    if payload:
        return heard.saying(said, payload=payload)
    if heard.memory.choices and (chosen := heard.memory.payload_of(figures(said, heard.language))):
        return heard.saying(said, payload=chosen)
    match command(said, heard.language):
        case "help":
            return heard.saying(said, "help")
        case "stop":
            return heard.saying(said, "stop")
        case "repeat":
            return heard.saying(said, "repeat")
        case "nudge":
            return heard.saying(said, is_nudge=True)
        case "link" if heard.can_link:
            return heard.saying(said, "link")
    return heard.saying(said, "words" if _WORD.search(said) else "no_match")


def figures(said: str, language: str) -> str:
    """Spoken numbers as figures. Dear: only where the call needs it; else the worker does it."""
    return digits(said[:HEARD_LIMIT], language) + said[HEARD_LIMIT:]


def within(manifest: ChannelManifest, settings: Mapping[str, Any], most: float) -> ChannelManifest:
    """The manifest with the account's own time for an answer."""
    try:
        seconds = float(settings.get("answer_within_s") or manifest.reply_within_s)
    except (TypeError, ValueError, OverflowError):
        seconds = manifest.reply_within_s
    if not 0.5 <= seconds <= most:  # not a number is neither
        seconds = manifest.reply_within_s
    return replace(manifest, reply_within_s=seconds)


def short(ident: str) -> str:
    """An identity that fits our columns; a long one by its hash."""
    if len(ident) <= 100:
        return ident
    return f"#{hashlib.sha256(ident.encode(errors='replace')).hexdigest()[:48]}"


def texts(node: Any, *path: str) -> str:
    """A string deep inside; empty where there is none."""
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""


def inside(node: Any, *path: str) -> dict[str, Any]:
    """An object deep inside; an empty one where there is none."""
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _json(value: dict[str, Any]) -> tuple[int, bytes, str]:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return 200, body, "application/json"
