"""Who the buyer is, told by the shop's own server: a JSON Web Token signed with HS256.

Source: https://www.rfc-editor.org/rfc/rfc7519 and rfc7515. Only what we need is accepted: the
algorithm is fixed, an expiry is a must, and a token that lives longer than a day is refused.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from typing import Any

MAX_LIFE_S = 24 * 3600
LEEWAY_S = 60


class NotBelieved(Exception):
    """`code`: no_secret | malformed | signature | expired | subject. Safe to show developers."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Claims:
    customer: str
    name: str = ""
    email: str = ""
    phone: str = ""  # E.164

    def identities(self) -> list[tuple[str, str, str]]:
        """(kind, value, proof) of what the shop vouches for."""
        found = [("customer", self.customer, "signed")]
        if self.email:
            found.append(("email", self.email, "signed"))
        if self.phone:
            found.append(("phone", self.phone, "signed"))
        return found


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify(token: str, secret: str, now: float) -> Claims:
    """Claims of a token; `now` is Unix seconds. Raises NotBelieved."""
    if len(secret) < 32:
        raise NotBelieved("no_secret")
    if len(token) > 4096:
        raise NotBelieved("malformed")
    try:
        head, body, signature = token.split(".")
        header: Any = json.loads(_decode(head))
        claims: Any = json.loads(_decode(body))
        sent = _decode(signature)
    except (ValueError, binascii.Error):
        raise NotBelieved("malformed") from None
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("alg") != "HS256":
        raise NotBelieved("malformed")
    made = hmac.new(secret.encode(), f"{head}.{body}".encode(), "sha256").digest()
    if not hmac.compare_digest(made, sent):
        raise NotBelieved("signature")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or not now - LEEWAY_S < expires < now + MAX_LIFE_S:
        raise NotBelieved("expired")
    customer = str(claims.get("sub") or "").replace("\x00", "")
    if not customer:
        raise NotBelieved("subject")
    return Claims(
        customer=customer[:120],
        name=str(claims.get("name") or "")[:120],
        email=str(claims.get("email") or "").strip().lower()[:120],
        phone=_phone(str(claims.get("phone") or "")),
    )


def _phone(value: str) -> str:
    digits = "".join(c for c in value if c.isdigit())[:15]
    return f"+{digits}" if digits else ""


def sign(claims: dict[str, Any], secret: str) -> str:
    """A token as the shop's server makes it. For tests and the documentation."""

    def encode(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    parts = [encode(json.dumps(p).encode()) for p in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = ".".join(parts)
    return f"{signed}.{encode(hmac.new(secret.encode(), signed.encode(), 'sha256').digest())}"
