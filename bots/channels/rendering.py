"""A reply for a channel that lacks something: what it cannot show becomes words.

Pure: `degraded` takes and gives a Reply. The engine applies it before every `render`, so an adapter
renders only what its own manifest promises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bots.channels.base import Button, ChannelManifest, Reply

_NUMBER = re.compile(r"^\W*(?:№|#|n|no|номер|вариант|option)?\s*(\d{1,2})\W*$", re.IGNORECASE)

_BOLD = re.compile(r"\*\*(.+?)\*\*")

Spans = list[tuple[int, int]]


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


def bold_apart(text: str) -> tuple[str, Spans]:
    """The text without the marks of our **bold**, and where bold is in it.

    What is seen is what a channel cuts (`split_places`); then each part is marked by itself.
    """
    seen, at, bold = "", 0, []
    for found in _BOLD.finditer(text):
        seen += text[at : found.start()]
        bold.append((len(seen), len(seen) + len(found[1])))
        seen += found[1]
        at = found.end()
    return seen + text[at:], bold


def bold_within(
    seen: str,
    start: int,
    end: int,
    bold: Spans,
    *,
    marks: tuple[str, str],
    escaped: Callable[[str], str],
) -> str:
    """seen[start:end] in a channel's markup: everything `escaped`, bold between `marks`. Empty
    where nothing of it is bold, for then it needs no markup."""
    body, at = "", start
    for first, last in bold:
        first, last = max(first, start), min(last, end)
        if seen[first:last].strip():
            body += escaped(seen[at:first]) + marks[0] + escaped(seen[first:last]) + marks[1]
            at = last
    return body + escaped(seen[at:end]) if body else ""
