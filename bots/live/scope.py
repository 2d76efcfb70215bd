"""What the headers of a call or a socket say."""

from __future__ import annotations

from typing import Any


class BodyFailed(Exception):
    """A body that did not come in full. `reason`: "gone", the other side hung up; "size"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def body_of(receive: Any, limit: int) -> bytes:
    """The body of a call, of at most `limit` bytes. Raises BodyFailed."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyFailed("gone")
        size += len(message.get("body", b""))
        if size > limit:
            raise BodyFailed("size")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def header(scope: dict[str, Any], name: bytes) -> str:
    for found, value in scope["headers"]:
        if found == name:
            return value.decode("latin-1")
    return ""


def address_of(scope: dict[str, Any]) -> str:
    return (scope.get("client") or ("",))[0] or ""


def is_same_origin(scope: dict[str, Any], host: str) -> bool:
    """Browsers send cookies with sockets of any page; only our own pages may open this one."""
    origin = header(scope, b"origin")
    return not origin or origin.partition("://")[2] == host


def cookie(scope: dict[str, Any], name: str) -> str:
    for part in header(scope, b"cookie").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
