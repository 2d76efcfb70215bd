"""Secrets at rest: AES-256-GCM with a key per merchant, derived from the master key.

Source: NIST SP 800-38D (GCM), RFC 5869 (HKDF). A sealed text is `v1.<base64url(nonce+cipher)>`.
The merchant's schema is in the key and in the authenticated data, so a row copied to another
merchant does not open there.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

from tenants.kernel.context import current_schema


class Unreadable(Exception):
    """A sealed text does not open: other master key, other merchant, or a damaged row."""


def _key(schema: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=b"merchant-secrets", info=schema.encode()).derive(
        settings.MASTER_KEY.encode()
    )


def seal(schema: str, plain: str) -> str:
    nonce = os.urandom(12)
    cipher = AESGCM(_key(schema)).encrypt(nonce, plain.encode(), schema.encode())
    return "v1." + base64.urlsafe_b64encode(nonce + cipher).decode()


def unseal(schema: str, sealed: str) -> str:
    """Raises Unreadable."""
    try:
        raw = base64.urlsafe_b64decode(sealed.removeprefix("v1."))
        return AESGCM(_key(schema)).decrypt(raw[:12], raw[12:], schema.encode()).decode()
    except (InvalidTag, ValueError) as exc:
        raise Unreadable("This secret cannot be read with the current master key.") from exc


def hint(secret: str) -> str:
    """What may be shown of a stored secret: its last four characters."""
    return f"•••• {secret[-4:]}" if len(secret) >= 12 else "••••"


if TYPE_CHECKING:
    _Sealed = models.TextField[dict[str, Any], dict[str, Any]]
else:
    _Sealed = models.TextField


class EncryptedField(_Sealed):
    """A dict of secrets, sealed with the current merchant's key. Never searchable."""

    description = "sealed dictionary"

    def from_db_value(self, value: str | None, expression, connection) -> dict[str, Any]:
        return json.loads(unseal(current_schema(), value)) if value else {}

    def to_python(self, value: Any) -> Any:
        return value or {}

    def get_prep_value(self, value: dict[str, Any] | None) -> str:
        if not value:
            return ""
        return seal(current_schema(), json.dumps(value, ensure_ascii=False))

    def value_to_string(self, obj: models.Model) -> str:
        return ""  # exports carry no secrets
