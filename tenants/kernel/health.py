"""Is everything there? Roles leave a heartbeat in Redis; dependencies are asked."""

from __future__ import annotations

import contextlib
import time

import redis

from tenants.kernel import bell

ROLES = ("worker", "scheduler")
BEAT_KEPT_S = 15


def beat(role: str) -> None:
    """A role says that it works. Called every few seconds."""
    with contextlib.suppress(redis.RedisError):
        bell._redis().set(f"heartbeat:{role}", f"{time.time():.3f}", ex=BEAT_KEPT_S)


def is_beating(role: str) -> bool:
    try:
        return bool(bell._redis().exists(f"heartbeat:{role}"))
    except redis.RedisError:
        return False
