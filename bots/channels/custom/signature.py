"""The signature of both directions: HMAC-SHA256 over `timestamp.body` with the shared secret."""

from __future__ import annotations

import time
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from bots.channels.base import SignatureMismatch

TIMESTAMP, SIGNATURE = "x-timestamp", "x-signature"
WINDOW_S = 300
SECRET_LENGTH = 32


def signature(secret: str, timestamp: str, body: bytes) -> str:
    made = hmac_digest(secret.encode(), timestamp.encode() + b"." + body, sha256)
    return f"sha256={made.hex()}"


def signed(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """The headers that go with a body."""
    timestamp = str(int(time.time() if at is None else at))
    return {TIMESTAMP: timestamp, SIGNATURE: signature(secret, timestamp, body)}


def check(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raises SignatureMismatch, saying in words what is wrong."""
    timestamp, sent = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    if not secret:
        raise SignatureMismatch("this channel has no secret")
    if not timestamp or not sent:
        raise SignatureMismatch("the headers X-Timestamp and X-Signature are needed")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise SignatureMismatch("X-Timestamp is the Unix time in whole seconds")
    if not compare_digest(signature(secret, timestamp, body).encode(), sent.encode()):
        raise SignatureMismatch(
            'X-Signature is "sha256=" and the HMAC-SHA256, in hex, of X-Timestamp + "." + body'
        )
    away = int(timestamp) - time.time()
    if abs(away) > WINDOW_S:
        raise SignatureMismatch(
            f"X-Timestamp is {abs(away):.0f} s {'ahead of' if away > 0 else 'behind'} our clock; "
            f"{WINDOW_S} s are allowed"
        )
