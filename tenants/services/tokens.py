"""API tokens: random, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets

from tenants.workspace.models import ApiToken, User


def digest(token: str) -> str:
    """256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_create(*, user: User, name: str) -> str:
    """The token's text, never to be had again."""
    text = secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, name=name, digest=digest(text), hint=f"…{text[-4:]}")
    return text
