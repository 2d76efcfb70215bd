"""A reply as VK takes it: keyboards, numbers, attachments. Source: see the adapter."""

from __future__ import annotations

import json
from typing import Any

from bots.channels.base import (
    Button,
)
from bots.channels.vk.manifest import MANIFEST

PAYLOAD_LENGTH = 255
ROWS = 6  # of buttons under a message, five beside each other at most
# Parts of one message that are told apart in `random_id`.
PARTS = 32


def random_id(message_id: int, part: int) -> int:
    """Of the message and its part, so that no two of one community are alike; 0 (VK looks for no
    repetition) for what is no message of a conversation."""
    return (message_id * PARTS + part % PARTS) % (2**31) if message_id else 0


def keyboard_of(buttons: tuple[Button, ...]) -> dict[str, Any]:
    """Under the message; one beside the other only where there are too many rows."""
    made = [button_of(button) for button in buttons]
    width = 1 if len(made) <= ROWS else 2
    rows = [made[at : at + width] for at in range(0, len(made), width)]
    return {"one_time": False, "inline": True, "buttons": rows}


def button_of(button: Button) -> dict[str, Any]:
    title = button.title[: MANIFEST.button_title]
    if button.url:
        return {"action": {"type": "open_link", "label": title, "link": button.url}}
    if button.kind == "location":
        return {"action": {"type": "location", "payload": kept(button.payload or title, "")}}
    payload = kept(button.payload or button.title, title)
    return {"action": {"type": "callback", "label": title, "payload": payload}}


def kept(payload: str, title: str) -> str:
    """JSON that comes back: ours, and the title, for the event tells none. 255 characters."""
    more = {"t": title} if title else {}
    while True:
        told = dumped({"p": payload, **more})
        if len(told) <= PAYLOAD_LENGTH or not payload:
            return told
        payload = payload[: PAYLOAD_LENGTH - len(told)]


def json_of(value: Any) -> str | None:
    return None if value is None else dumped(value)


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def only(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: told.get(name) for name in names}


def named(kind: str, saved: dict[str, Any]) -> str:
    key = saved.get("access_key")
    return f"{kind}{saved['owner_id']}_{saved['id']}" + (f"_{key}" if key else "")
