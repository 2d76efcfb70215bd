"""What the headers of a call or a socket say."""

from __future__ import annotations

from typing import Any


def header(scope: dict[str, Any], name: bytes) -> str:
    for found, value in scope["headers"]:
        if found == name:
            return value.decode("latin-1")
    return ""


def address_of(scope: dict[str, Any]) -> str:
    return (scope.get("client") or ("",))[0] or ""
