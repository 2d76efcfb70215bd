"""A reply as MAX takes it: keyboards and texts with marks. Source: see the adapter."""

from __future__ import annotations

import html
from typing import Any

from bots.channels.base import (
    Button,
    Call,
    split_places,
)
from bots.channels.max.manifest import MANIFEST
from bots.channels.rendering import bold_apart, bold_within
from tenants.kernel.errors import Rejected

ROWS = 30
# How many buttons fit beside each other, by the longest title among them: what MAX advises, so
# that titles are read whole. Links and requests: three at most.
ABREAST = ((3, 4), (5, 3), (10, 2))
PAYLOAD_LENGTH = 1024
URL_LENGTH = 2048


def shown_as(buttons: tuple[Button, ...]) -> tuple[list[dict[str, Any]], str]:
    """Buttons as MAX takes them, and in words those whose address is too long for one."""
    shown, told = [], []
    for button in buttons[: MANIFEST.buttons]:
        if len(button.url) > URL_LENGTH:
            told.append(f"{button.title}: {button.url}")
        else:
            shown.append(button_of(button))
    return shown, "\n".join(told)


def button_of(button: Button) -> dict[str, Any]:
    title = button.title[: MANIFEST.button_title]
    if button.url:
        return {"type": "link", "text": title, "url": button.url}
    match button.kind:
        case "phone":
            return {"type": "request_contact", "text": title}
        case "location":
            return {"type": "request_geo_location", "text": title}
    payload = (button.payload or button.title)[:PAYLOAD_LENGTH]
    return {"type": "callback", "text": title, "payload": payload}


def rows_of(buttons: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Short titles beside each other, in the order given; at most thirty rows."""
    rows: list[list[dict[str, Any]]] = []
    for button in buttons:
        row = [*rows[-1], button] if rows else [button]
        if rows and len(row) <= abreast(row):
            rows[-1] = row
        else:
            rows.append([button])
    return rows[:ROWS]


def abreast(row: list[dict[str, Any]]) -> int:
    longest = max(len(one["text"]) for one in row)
    most = next((count for length, count in ABREAST if longest <= length), 1)
    return most if all(one["type"] == "callback" for one in row) else min(most, 3)


def simpler(call: Call, body: dict[str, Any], exc: Rejected) -> dict[str, Any] | None:
    """The same once more without what may have been refused: the quoted message is gone, the
    markup is not understood. None: it was refused for another reason."""
    told = exc.detail.lower()
    if body.get("link") and (exc.status == 404 or "link" in told or "message" in told):
        return {**body, "link": None}
    if "plain" in call.data and ("format" in told or "markup" in told or "pars" in told):
        return {k: v for k, v in body.items() if k != "format"} | {"text": call.data["plain"]}
    return None


def squeezed(text: str) -> str:
    return " ".join(text.split())


def parts_of(text: str) -> list[tuple[str, str]]:
    """A text in messages: what the buyer sees of each, and its HTML ("" where nothing is bold).

    HTML and not Markdown: how a star of a text is written in MAX's Markdown is not documented.
    The limit counts the marks, too; where they do not fit, the part goes without.
    """
    seen, bold = bold_apart(text)
    parts = []
    for start, end in split_places(seen, MANIFEST.text_limit, size=MANIFEST.text_unit.size):
        marked = bold_within(seen, start, end, bold, marks=("<b>", "</b>"), escaped=escaped)
        fits = MANIFEST.text_unit.size(marked) <= MANIFEST.text_limit
        parts.append((seen[start:end], marked if fits else ""))
    return parts


def escaped(text: str) -> str:
    return html.escape(text, quote=False)
