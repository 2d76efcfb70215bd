"""Tokens of a linked account. Sealed with the merchant's key: only this merchant's adapters and the
provider that made them (`bots.services.linking`) can read one, and nobody can make one.
"""

from __future__ import annotations

import json
import time
from typing import Any, Literal

from tenants.kernel.secrets import Unreadable, seal, unseal

Purpose = Literal["step", "code", "access", "refresh"]
TOKEN_LIMIT = 4000


def made(schema: str, channel_id: int, purpose: Purpose, life_s: float, **about: Any) -> str:
    """A token of one purpose for one channel."""
    told = {**about, "for": purpose, "channel": channel_id, "until": time.time() + life_s}
    return seal(schema, json.dumps(told, ensure_ascii=False))


def read(schema: str, channel_id: int, purpose: Purpose, token: str) -> dict[str, Any] | None:
    """What is in a token; None for a strange one, another's, another purpose's, an old one."""
    if not token or len(token) > TOKEN_LIMIT:
        return None
    try:
        told = json.loads(unseal(schema, token))
    except (Unreadable, ValueError):
        return None
    if not isinstance(told, dict) or told.get("for") != purpose:
        return None
    if told.get("channel") != channel_id or not told.get("until", 0) > time.time():
        return None
    return told


def identities_of(schema: str, channel_id: int, token: str) -> tuple[tuple[str, str, str], ...]:
    """(kind, value, proof) that an access token vouches for; none for one that is not good."""
    told = read(schema, channel_id, "access", token)
    if told is None:
        return ()
    return tuple((str(kind), str(value), "code") for kind, value in told["who"])
