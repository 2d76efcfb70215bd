"""A channel's own pace: how long a send has to wait, shared by all processes through Redis.

The limits are the manifest's (platform's published figures). With Redis away each process keeps
its own count: a little faster than allowed beats silence, and a 429 is obeyed anyway.
"""

from __future__ import annotations

import threading
import time

import redis

from bots.channels.base import ChannelManifest
from tenants.kernel import bell
from tenants.kernel.context import current_schema

# Token bucket as "next free moment" (GCRA): KEYS[1]; ARGV now, interval, burst allowance.
_GCRA = """
local at = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if at < tonumber(ARGV[1]) then at = tonumber(ARGV[1]) end
local wait = at - tonumber(ARGV[1]) - tonumber(ARGV[3])
if wait > 0 then return tostring(wait) end
redis.call('SET', KEYS[1], at + tonumber(ARGV[2]), 'PX', 60000)
return '0'
"""
_local: dict[str, float] = {}
_lock = threading.Lock()


def wait_s(channel_id: int, chat: str, manifest: ChannelManifest) -> float:
    """Seconds to wait before the next send of this channel to this chat; 0 takes a place."""
    schema = current_schema()
    for key, rate, burst in (
        (f"pace:{schema}:{channel_id}:{chat}", manifest.rate_per_chat_s, 3.0),
        (f"pace:{schema}:{channel_id}", manifest.rate_per_s, 5.0),
    ):
        if rate <= 0:
            continue
        wait = _take(key, 1.0 / rate, burst / rate)
        if wait > 0:
            return wait
    return 0.0


def _take(key: str, interval: float, allowance: float) -> float:
    now = time.time()
    try:
        return float(bell._redis().eval(_GCRA, 1, key, now, interval, allowance))  # type: ignore[arg-type]
    except redis.RedisError:
        with _lock:
            if len(_local) > 50_000:
                _local.clear()
            at = max(now, _local.get(key, now))
            if at - now > allowance:
                return at - now - allowance
            _local[key] = at + interval
            return 0.0
