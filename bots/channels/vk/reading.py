"""What VK's events hold, as the adapter tells it. Source: see the adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bots.channels.base import (
    BuyerMessage,
    File,
    Inbound,
    Unsupported,
)

# Ids from here on are conversations of several people.
GROUP_CHATS = 2_000_000_000
FILES = {"photo": "image", "graffiti": "image", "audio_message": "voice", "doc": "file"}


def asked_by(request: Inbound) -> int:
    """The community that VK asks to be confirmed; 0 for any other call."""
    if b"confirmation" not in request.body:
        return 0
    try:
        event = request.json()
        return int(event["group_id"]) if event["type"] == "confirmation" else 0
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0


def chat_of(event: dict[str, Any]) -> str:
    about = event.get("object")
    if not isinstance(about, dict):
        return "other"
    inner = about.get("message")
    message = inner if isinstance(inner, dict) else about
    chat = message.get("peer_id") or message.get("user_id")
    return str(chat) if chat else "other"


def in_dialogue(message: dict[str, Any]) -> dict[str, Any]:
    """Raises Unsupported for a conversation of several people, or with a community."""
    if not 0 < message["peer_id"] < GROUP_CHATS:
        raise Unsupported("a conversation of several people")
    return message


def ident(message: dict[str, Any]) -> str:
    """Within its dialogue; where VK names only its own number, that with a letter before."""
    if number := message.get("conversation_message_id") or message.get("cmid"):
        return str(number)
    whole = message.get("id") or message.get("message_id") or message.get("read_message_id")
    return f"m{whole}" if whole else ""


def number_of(external_id: str, here: str, whole: str) -> dict[str, Any]:
    if external_id.startswith("m"):
        return {whole: external_id[1:]}
    return {here: external_id}


def payload_of(told: Any) -> dict[str, Any]:
    """What we (or VK's “Start”) put into a button; JSON as text, or already read."""
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return {"p": told}
    return told if isinstance(told, dict) else {"p": told}


def pressed(event: dict[str, Any]) -> BuyerMessage:
    """A pressed button. The event names neither message text nor title: both are in the payload."""
    told = payload_of(event.get("payload"))
    payload = str(told.get("p") or "")
    return BuyerMessage(
        external_id=f"event:{event['event_id']}"[:120],
        chat=str(event["peer_id"]),
        text=str(told.get("t") or payload) or "•",
        payload=payload,
        is_start=told.get("command") == "start",
        callback=f"{event['event_id']}|{event['user_id']}|{event['peer_id']}",
    )


def attachments_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(message.get("attachments") or [])
    for one in message.get("fwd_messages") or []:
        found += one.get("attachments") or []
    return found


def files_of(message: dict[str, Any]) -> Iterator[File]:
    for number, one in enumerate(attachments_of(message)):
        kind = FILES.get(one.get("type", ""))
        about = one.get(one.get("type", "")) or {}
        if kind and address_of(one):
            yield File(
                kind=kind,
                name=about.get("title") or "",
                size=about.get("size"),
                external_id=f"{message['peer_id']}/{message['conversation_message_id']}/{number}",
            )


def address_of(attachment: dict[str, Any]) -> str:
    about = attachment.get(attachment.get("type", "")) or {}
    sizes = [one for one in about.get("sizes") or [] if one.get("url")]
    if sizes:
        return str(max(sizes, key=lambda one: one.get("width") or 0)["url"])
    return str(about.get("url") or about.get("link_mp3") or about.get("link_ogg") or "")


def in_words(attachment: dict[str, Any]) -> str:
    """What is no file, as one would have written it; nothing for what only VK can show."""
    kind = attachment.get("type", "")
    about = attachment.get(kind) or {}
    match kind:
        case "sticker":
            return "🖼️"
        case "link":
            return str(about.get("url") or "")
        case "audio":
            return " — ".join(filter(None, ["🎵 " + (about.get("artist") or ""),
                                            about.get("title")]))  # fmt: skip
        case "market":
            price = (about.get("price") or {}).get("text") or ""
            where = f"https://vk.com/market{about.get('owner_id')}"
            page = f"{where}?w=product{about.get('owner_id')}_{about.get('id')}"
            return "\n".join(filter(None, [about.get("title"), price, page]))
        case "wall":
            owner = about.get("owner_id") or about.get("to_id")
            page = f"https://vk.com/wall{owner}_{about.get('id')}"
            return "\n".join(filter(None, [(about.get("text") or "")[:500], page]))
    return ""


def page_of(attachment: dict[str, Any]) -> str:
    """Where a colleague can open what only VK shows."""
    kind = attachment.get("type", "")
    about = attachment.get(kind) or {}
    if kind not in ("video", "story", "poll") or not about.get("id"):
        return ""
    return f"https://vk.com/{kind}{about.get('owner_id')}_{about['id']}"
