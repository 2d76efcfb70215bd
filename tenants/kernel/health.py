"""Whether this process and what it stands on are fit to work: /healthz and /readyz.

Roles without a port tell that they live by a Redis key `heartbeat:<role>`, written every few
seconds and gone by itself. The key is about processes, not merchants, so it has no schema.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import redis
from django.db import connection

from tenants.kernel import registry
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.store import store

BEAT_EVERY_S = 3.0
SILENT_AFTER_S = 15

Answer = dict[str, Any]

# What each role cannot work without. A role that is not listed needs the database.
NEEDS: dict[str, tuple[str, ...]] = {
    "web": ("database",),
    "ingest": ("database",),
    "live": ("database", "redis"),
    "worker": ("database", "redis", "worker"),
    "scheduler": ("database", "redis", "scheduler"),
}


def beat(role: str) -> None:
    """Tell that a process of `role` lives. Called every BEAT_EVERY_S; a deaf Redis is no error."""
    try:
        store().set(f"heartbeat:{role}", repr(time.time()), ex=SILENT_AFTER_S)
    except redis.RedisError:
        return


def seconds_since_beat(role: str) -> float | None:
    """None where nobody of that role has been heard for SILENT_AFTER_S. Raises RedisError."""
    told = cast(bytes | None, store().get(f"heartbeat:{role}"))
    return max(0.0, time.time() - float(told)) if told else None


def _database() -> Answer:
    with merchant_context(PUBLIC), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.tenants_partner WHERE is_platform")
        (platforms,) = cursor.fetchone()
    if not platforms:
        return {"ok": False, "detail": "no platform yet: run manage.py prepare_database"}
    return {"ok": True, "detail": "answers"}


def _redis_answers() -> Answer:
    store().ping()
    return {"ok": True, "detail": "answers"}


def _role(role: str) -> Callable[[], Answer]:
    def check() -> Answer:
        silent = seconds_since_beat(role)
        if silent is None:
            return {"ok": False, "detail": f"not heard for {SILENT_AFTER_S} s"}
        return {"ok": True, "detail": f"heard {silent:.1f} s ago"}

    return check


def _checks() -> dict[str, Callable[[], Answer]]:
    return {
        "database": _database,
        "redis": _redis_answers,
        "worker": _role("worker"),
        "scheduler": _role("scheduler"),
        **dict(registry.readiness),
    }


def readiness(role: str = "") -> tuple[bool, dict[str, Answer]]:
    """Every check by name, and whether `role` (all roles when empty) can work."""
    answers = {name: _ask(check) for name, check in _checks().items()}
    needed = NEEDS.get(role, ("database",)) if role else tuple(answers)
    return all(answers[name]["ok"] for name in needed), answers


def _ask(check: Callable[[], Answer]) -> Answer:
    began = time.perf_counter()
    try:
        answer = check()
    except Exception as exc:
        # Addresses and passwords stand in the messages of drivers: the kind is enough here.
        answer = {"ok": False, "detail": f"does not answer ({type(exc).__name__})"}
    return {**answer, "ms": round((time.perf_counter() - began) * 1000, 1)}
