"""How often somebody may try. Counted in the cache: an emptied cache forgives, nothing breaks."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from django.core.cache import cache

from tenants.kernel.store import AWAY

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most `tries` within `window_s` seconds for each of the keys counted."""

    name: str
    tries: int
    window_s: int


def _key(limit: Limit, who: str) -> str:
    return f"throttle:{limit.name}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"


def is_spent(limit: Limit, who: str) -> bool:
    try:
        return int(cache.get(_key(limit, who)) or 0) >= limit.tries
    except AWAY:
        log.warning("the cache does not answer; %s is not counted", limit.name)
        return False


def count(limit: Limit, who: str) -> int:
    """Note a try. Returns how many there were in the window, 0 when the cache is away."""
    key = _key(limit, who)
    try:
        cache.add(key, 0, timeout=limit.window_s)
        return int(cache.incr(key))
    except AWAY:
        log.warning("the cache does not answer; %s is not counted", limit.name)
        return 0


def forgive(limit: Limit, who: str) -> None:
    try:
        cache.delete(_key(limit, who))
    except AWAY:
        log.warning("the cache does not answer; %s is not forgiven", limit.name)
