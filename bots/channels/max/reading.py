"""What MAX's updates hold, as the adapter tells it. Source: see the adapter."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bots.channels.base import (
    File,
    Unsupported,
)

KEY_LENGTH = 110
FILES = {"image": "image", "video": "video", "audio": "voice", "file": "file"}


def identity(kind: str, update: dict[str, Any]) -> str:
    message = update.get("message") or {}
    mid = (message.get("body") or {}).get("mid")
    match kind:
        case "message_created" if mid:
            return key_of(kind, mid)
        case "message_edited" if mid:
            # Of the update, not of the message: that one says when it was written.
            return key_of(kind, mid, update.get("timestamp"))
        case "message_removed" if update.get("message_id"):
            return key_of(kind, update["message_id"])
        case "message_callback":
            return key_of(press_of(update["callback"]))
    user = (update.get("user") or {}).get("user_id", update.get("user_id"))
    return key_of(kind, update.get("timestamp"), update.get("chat_id"), user)


def press_of(callback: dict[str, Any]) -> str:
    """The id is that of the keyboard in one sentence of the documents and of the press in the
    next: with the moment it is the press."""
    about = f"{callback['callback_id']} {callback.get('timestamp')}"
    return f"callback:{hashlib.sha256(about.encode('utf-8', 'replace')).hexdigest()[:32]}"


def key_of(*parts: Any) -> str:
    key = ":".join(str(part) for part in parts)
    if len(key) <= KEY_LENGTH:
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def chat_of(update: dict[str, Any]) -> str:
    recipient = (update.get("message") or {}).get("recipient") or {}
    chat = recipient.get("chat_id") or update.get("chat_id")
    return str(chat) if chat else ""


def from_buyer(message: dict[str, Any]) -> dict[str, Any]:
    """Raises Unsupported for what was written in a group, or by a bot (ourselves, too)."""
    if message["recipient"].get("chat_type", "dialog") != "dialog":
        raise Unsupported(f"a message in a {message['recipient'].get('chat_type')}")
    if (message.get("sender") or {}).get("is_bot") or not message.get("sender"):
        raise Unsupported("a bot's message")
    return message


def text_of(message: dict[str, Any]) -> str:
    """Its own words; of a passed on message, those."""
    text = (message.get("body") or {}).get("text") or ""
    link = message.get("link") or {}
    if link.get("type") == "forward":
        passed_on = (link.get("message") or {}).get("text") or ""
        return "\n\n".join(filter(None, [text, passed_on]))
    return str(text)


def attachments_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = list((message.get("body") or {}).get("attachments") or [])
    link = message.get("link") or {}
    if link.get("type") == "forward":
        found += (link.get("message") or {}).get("attachments") or []
    return found


def files_of(message: dict[str, Any]) -> Iterator[File]:
    mid = (message.get("body") or {}).get("mid")
    for number, one in enumerate(attachments_of(message)):
        if kind := FILES.get(one.get("type", "")):
            yield File(
                kind=kind,
                name=one.get("filename") or "",
                size=one.get("size"),
                external_id=f"{mid}/{number}",
            )


def name_of(user: dict[str, Any]) -> str:
    full = " ".join(filter(None, [user.get("first_name"), user.get("last_name")]))
    return full or user.get("name") or ""


def card_of(payload: dict[str, Any], field: str) -> str:
    """A field of a vCard: `TEL;TYPE=cell:79990000000`."""
    card = str(payload.get("vcf_info") or "").replace("\\r\\n", "\n")
    found = re.search(rf"^{field}(?:;[^:\r\n]*)?:([^\r\n]*)", card, re.I | re.M)
    return found[1].strip() if found else ""


def phone_of(payload: dict[str, Any]) -> str:
    digits = re.sub(r"\D", "", card_of(payload, "TEL"))
    return f"+{digits}" if digits else ""


def moment_of(stamp: Any) -> datetime | None:
    return datetime.fromtimestamp(stamp / 1000, UTC) if stamp else None
