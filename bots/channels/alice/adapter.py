"""Yandex Alice skills.

Source: https://yandex.ru/dev/dialogs/alice/doc/ru/ (read 2026-11-22). Calls carry no signature:
whose skill calls is told by the secret address and by `session.skill_id`.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from bots.channels.alice.manifest import MANIFEST
from bots.channels.alice.package import settings_text
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
from bots.channels.base import Button, Inbound, SignatureMismatch
from bots.channels.rendering import card_text
from bots.channels.voice import Memory, alice_tts, say, shortened

TEXT_LIMIT = 1024
TTS_LIMIT = 1024
TITLE_LIMIT = 64
URL_BYTES = 1024
STATE_BYTES = 1000  # of 1 KB, braces and names of the platform's around it
CARD_TITLE, CARD_TEXT, CARD_ITEMS = 128, 256, 5
VERSION = "1.0"
LINK_REDIRECT = "https://social.yandex.net/broker/redirect"


class Alice(Assistant):
    manifest = MANIFEST

    # ── in ──
    def verify(self, request: Inbound) -> None:
        try:
            data = call_of(request)
        except ValueError:
            return  # `envelopes` says what is wrong with it
        ours = str(self.config.settings.get("skill_id", ""))
        told = texts(data, "session", "skill_id")
        if not ours or not compare_digest(told.encode(errors="replace"), ours.encode()):
            raise SignatureMismatch("another skill's call")

    def read(self, request: Inbound) -> Heard:
        data = call_of(request)
        session = data["session"]
        told = data.get("request")
        heard = Heard(
            ident=short(f"{session['session_id']}:{session['message_id']}"),
            chat=_who(session),
            language="ru",
            memory=Memory.read(inside(data, "state", "session")),
            has_screen="screen" in inside(data, "meta", "interfaces"),
            can_link="account_linking" in inside(data, "meta", "interfaces"),
            identities=self.linked(texts(session, "user", "access_token")),
        )
        if not isinstance(told, dict):
            is_linked = "account_linking_complete_event" in data
            return heard.of_kind("linked" if is_linked else "nothing")
        match told.get("type"):
            case "ButtonPressed":
                pressed = told.get("payload")
                return words_heard(heard, texts(pressed, "t"), payload=texts(pressed, "p"))
            case "SimpleUtterance":
                return _uttered(heard, session, told)
        return heard.of_kind("nothing")

    # ── out ──
    def answer(self, request: Inbound, heard: Heard, telling: Telling | None) -> dict[str, Any]:
        if telling is None:
            words = say("no_match", "ru")
            telling = Telling(words, words, memory=heard.memory)
        if telling.links:
            return {"start_account_linking": {}, "version": VERSION}
        response: dict[str, Any] = {
            "text": shortened(telling.shown, TEXT_LIMIT) or "…",
            "tts": alice_tts(telling.spoken, TTS_LIMIT),
            "end_session": telling.ends,
        }
        if buttons := [_button(one) for one in telling.buttons]:
            response["buttons"] = buttons
        if telling.cards:
            if card := _card(telling):
                response["card"] = card
            else:
                shown = "\n\n".join([telling.shown, *map(card_text, telling.cards)])
                response["text"] = shortened(shown, TEXT_LIMIT)
        answer: dict[str, Any] = {"response": response, "version": VERSION}
        if kept := telling.memory.packed(STATE_BYTES):
            answer["session_state"] = kept
        return answer

    def link_redirects(self) -> tuple[str, ...]:
        return (LINK_REDIRECT,)

    # ── what the merchant creates the skill with ──
    def package(self) -> list[tuple[str, bytes]]:
        name = str(self.config.settings.get("activation") or "") or "название вашего магазина"
        text = settings_text(
            name=name[:1].upper() + name[1:], activation=name.lower(), hook=self.config.hook_url
        )
        return [("alice.txt", text), self.linking_text()]


def _who(session: dict[str, Any]) -> str:
    """The Yandex account on all its devices; without one, this device."""
    who = texts(session, "user", "user_id") or texts(session, "application", "application_id")
    return short(who or texts(session, "user_id"))


def _uttered(heard: Heard, session: dict[str, Any], told: dict[str, Any]) -> Heard:
    command = texts(told, "command")
    said = texts(told, "original_utterance") or command
    if said.strip().lower() == "ping":
        return heard.of_kind("ping")
    intents = inside(told, "nlu", "intents")
    if session.get("new") is True and not command.strip():
        return heard.of_kind("start")
    if "YANDEX.REPEAT" in intents:
        return heard.of_kind("repeat")
    if "YANDEX.HELP" in intents:
        return heard.of_kind("help")
    return words_heard(heard, said)


def _button(button: Button) -> dict[str, Any]:
    title = shortened(button.title, TITLE_LIMIT)
    if button.url:
        if len(button.url.encode()) > URL_BYTES:
            return {"title": title, "hide": True}
        return {"title": title, "url": button.url, "hide": False}
    if button.payload:
        return {"title": title, "payload": {"p": button.payload, "t": button.title}, "hide": True}
    return {"title": title, "hide": True}  # pressed, it is said


def _card(telling: Telling) -> dict[str, Any] | None:
    """Goods as a list. A card stands in the text's place, so a longer text does without one."""
    if len(telling.shown) > TITLE_LIMIT:
        return None
    items = []
    for one in telling.cards[:CARD_ITEMS]:
        lines = card_text({**one, "title": "", "url": ""})
        item: dict[str, Any] = {
            "title": shortened(str(one.get("title") or ""), CARD_TITLE),
            "description": shortened(lines.replace("\n", ", "), CARD_TEXT),
        }
        url = str(one.get("url") or "")
        if url and len(url.encode()) <= URL_BYTES:
            item["button"] = {"url": url}
        items.append(item)
    return {"type": "ItemsList", "header": {"text": telling.shown}, "items": items}
