"""What a browser may send and how it is kept: frames → envelopes. Pure.

The live role (bots/live/visit.py) has checked who the visitor is before it calls this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from bots.channels.base import Envelope

MAX_TEXT = 4000
MAX_FILES = 10
KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Malformed(ValueError):
    """A frame that no client of ours sends; `code` goes back to the sender."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def say(
    visitor: str,
    frame: Mapping[str, Any],
    *,
    files: Sequence[Mapping[str, Any]] = (),
    identities: Sequence[tuple[str, str, str]] = (),
    name: str = "",
    about: Mapping[str, Any] | None = None,
) -> Envelope:
    """A buyer's utterance. `frame["key"]` is made by the client: repeating it changes nothing.

    Raises Malformed: "key", "empty", "too_long", "files".
    """
    key = frame.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise Malformed("key")
    text = frame.get("text", "")
    if not isinstance(text, str):
        raise Malformed("empty")
    # PostgreSQL keeps no NUL in a text.
    text = text.replace("\x00", "").strip()
    payload = frame.get("payload", "")
    if not text and not files and not payload:
        raise Malformed("empty")
    if len(text) > MAX_TEXT:
        raise Malformed("too_long")
    if len(files) > MAX_FILES:
        raise Malformed("files")
    return Envelope(
        dedupe_key=f"{visitor}:{key}",
        chat=visitor,
        payload={
            "kind": "say",
            "chat": visitor,
            "key": key,
            "text": text,
            "payload": str(payload)[:200],
            "files": [dict(file) for file in files],
            "reply_to": str(frame.get("reply_to", ""))[:120],
            "locale": str(frame.get("locale", ""))[:8],
            "name": name[:120],
            "identities": [list(identity) for identity in identities],
            "about": dict(about or {}),
            "at": datetime.now(UTC).isoformat(),
        },
    )


def receipts(visitor: str, state: str, message_ids: Sequence[int]) -> Envelope:
    """The browser has shown messages of ours (`delivered`) or the buyer has seen them (`read`)."""
    ids = sorted(set(message_ids))
    digest = blake2b(",".join(map(str, ids)).encode(), digest_size=8).hexdigest()
    return Envelope(
        dedupe_key=f"{visitor}:{state}:{digest}",
        chat=visitor,
        payload={"kind": "receipts", "chat": visitor, "state": state, "ids": ids},
    )


def external_id(message_id: int) -> str:
    """Identity in this channel of a message of ours. A buyer's own is the client's key."""
    return f"m.{message_id}"
