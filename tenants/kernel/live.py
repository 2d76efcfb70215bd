"""Telling live sockets: one Redis message a process and room, best effort, never an error.

What is told is a nudge; the row in Postgres is the truth. A room is named by
`tenants.kernel.context.group_of`, so it belongs to one merchant. Whoever holds sockets listens in
bots/live/hub.py.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings

from tenants.kernel.store import store

log = logging.getLogger(__name__)


def topic_of(group: str) -> str:
    """Redis has one set of topics for all its numbered databases; ours is part of the name."""
    return f"live{urlsplit(settings.REDIS_URL).path or '/0'}:{group}"


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def tell(group: str, message: dict[str, Any]) -> None:
    """Tell every socket of a group, from synchronous code. Lost, it is found by number."""
    try:
        store().publish(topic_of(group), encoded(message))
    except redis.RedisError as exc:
        log.warning("live sockets of %s were not told: %s", group.split(".")[0], exc)
