"""Buttons under a message and below the writing field, as values a Call can hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from bots.channels.base import Button
from bots.channels.telegram.chats import Chat
from bots.channels.telegram.incoming import PUT_AWAY

CALLBACK_DATA_BYTES = 64
# Short titles share a row, as far as a phone's screen shows them whole.
ROW_BUTTONS, ROW_CHARACTERS, SHORT = 3, 24, 12
ASKS = {"phone": "request_contact", "location": "request_location"}

Markup = dict[str, Any]
AWAY: Markup = {"remove_keyboard": True}


def under(buttons: Sequence[Button], at: Chat, pages: frozenset[str]) -> Markup | None:
    """The keyboard under a text, of what is pressed or opened."""
    shown = [_button(one, at, pages) for one in buttons if one.kind not in ASKS]
    return {"inline_keyboard": list(_rows(shown))} if shown else None


def below(buttons: Sequence[Button], at: Chat) -> tuple[str, Markup] | None:
    """What asks for a phone or a place, and a line to show it with. In private chats only."""
    wanted = [one for one in buttons if one.kind in ASKS]
    if not wanted or not at.is_own:
        return None
    rows = [[{"text": one.title, ASKS[one.kind]: True}] for one in wanted]
    markup = {"keyboard": rows, "resize_keyboard": True, "one_time_keyboard": True}
    return "👇", markup


def is_done(thread: Mapping[str, Any]) -> bool:
    """The buyer has just given what the keyboard below asked for."""
    return dict(thread) == PUT_AWAY


def _rows(buttons: list[dict[str, Any]]) -> Any:
    row: list[dict[str, Any]] = []
    for button in buttons:
        titles = [one["text"] for one in (*row, button)]
        fits = (
            len(titles) <= ROW_BUTTONS
            and sum(map(len, titles)) <= ROW_CHARACTERS
            and max(map(len, titles)) <= SHORT
        )
        if row and not fits:
            yield row
            row = []
        row.append(button)
    if row:
        yield row


def _button(button: Button, at: Chat, pages: frozenset[str]) -> dict[str, Any]:
    if button.url:
        # "Available only in private chats between a user and the bot."
        if at.is_own and host_of(button.url) in pages:
            return {"text": button.title, "web_app": {"url": button.url}}
        return {"text": button.title, "url": button.url}
    data = button.payload or button.title
    # 64 bytes; Cyrillic takes two each. Cut at a whole character.
    data = data.encode()[:CALLBACK_DATA_BYTES].decode(errors="ignore")
    return {"text": button.title, "callback_data": data}


def host_of(url: str) -> str:
    """The host of a page that Telegram opens inside itself: only by https."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") if parts.scheme == "https" else ""
    except ValueError:
        return ""
