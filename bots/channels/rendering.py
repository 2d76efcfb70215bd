"""A reply for a channel that lacks something: what it cannot show becomes words.

Pure: `degraded` takes and gives a Reply. The engine applies it before every `render`, so an adapter
renders only what its own manifest promises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bots.channels.base import Button, ChannelManifest, Reply

_NUMBER = re.compile(r"^\W*(?:№|#|n|no|номер|вариант|option)?\s*(\d{1,2})\W*$", re.IGNORECASE)


def degraded(reply: Reply, manifest: ChannelManifest) -> Reply:
    """Cards → title, price, stock and link; too many or no buttons → a numbered list."""
    if not reply.cards and not reply.buttons:
        return reply
    text, cards, buttons = reply.text, reply.cards, reply.buttons
    if cards and not manifest.shows_cards:
        text = "\n\n".join(filter(None, [text, *(card_text(card) for card in cards)]))
        cards = ()
    if buttons and not fits(buttons, manifest):
        text = "\n\n".join(filter(None, [text, _list(buttons)]))
        buttons = ()
    return replace(reply, text=text, cards=cards, buttons=buttons)


def fits(buttons: tuple[Button, ...], manifest: ChannelManifest) -> bool:
    """Whether the channel shows all of them as buttons, whole."""
    return len(buttons) <= manifest.buttons and all(
        len(button.title) <= manifest.button_title for button in buttons
    )


def card_text(card: Mapping[str, Any]) -> str:
    """A product card as text: {title, price, stock, url}."""
    told = (str(card.get(name) or "") for name in ("title", "price", "stock", "url"))
    return "\n".join(filter(None, told))


def _list(buttons: tuple[Button, ...]) -> str:
    """Links by name; what can be chosen gets numbers, in `chosen`'s order."""
    links = [f"{button.title}: {button.url}" for button in buttons if button.url]
    numbered = [
        f"{number}. {button.title}" for number, button in enumerate(_choices(buttons), start=1)
    ]
    return "\n".join([*numbered, *links])


def _choices(buttons: tuple[Button, ...]) -> list[Button]:
    return [button for button in buttons if not button.url]


def chosen(text: str, buttons: tuple[Button, ...], manifest: ChannelManifest) -> Button | None:
    """Which entry of a numbered list the buyer means by “2” or “вариант 2”."""
    if not buttons or fits(buttons, manifest):
        return None
    found = _NUMBER.match(text)
    choices = _choices(buttons)
    number = int(found[1]) if found else 0
    return choices[number - 1] if 1 <= number <= len(choices) else None
