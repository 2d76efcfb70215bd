"""A channel's own pace: how long a send has to wait, shared by all processes through Redis.

The limits are the manifest's (platform's published figures). With Redis away each process keeps
its own count: a little faster than allowed beats silence, and a 429 is obeyed anyway.
"""

from __future__ import annotations

import threading
import time
from functools import cache
from typing import Any

import redis

from bots.channels.base import ChannelManifest
from tenants.kernel.context import current_schema
from tenants.kernel.store import store

# Token buckets as "next free moment" (GCRA), all of KEYS or none; ARGV now, then interval and burst
# allowance of each.
_GCRA = """
local free = {}
for n, key in ipairs(KEYS) do
    local at = math.max(tonumber(redis.call('GET', key) or '0'), tonumber(ARGV[1]))
    local wait = at - tonumber(ARGV[1]) - tonumber(ARGV[n * 2 + 1])
    if wait > 0 then return tostring(wait) end
    free[n] = at + tonumber(ARGV[n * 2])
end
for n, key in ipairs(KEYS) do redis.call('SET', key, free[n], 'PX', 60000) end
return '0'
"""
_local: dict[str, float] = {}
_lock = threading.Lock()


# Several at once are let through, then the pace holds. Who comes behind leaves this to buyers who
# wait: as long as they take what the pace gives, nobody behind them gets anything.
BURST, BURST_BEHIND, BURST_IN_CHAT = 5.0, 1.0, 3.0


def wait_s(channel_id: int, chat: str, manifest: ChannelManifest, *, behind: bool = False) -> float:
    """Seconds to wait before the next send of this channel to this chat; 0 takes a place.

    `behind`: nobody waits for it (a broadcast); it never makes one wait who does.
    """
    name = f"pace:{current_schema()}:{channel_id}"
    shared = manifest.shared_pace(chat) if manifest.shared_pace else None
    paced, chat_rate = shared or (chat, manifest.rate_per_chat_s)
    paces = [
        (key, 1.0 / rate, burst / rate)
        for key, rate, burst in (
            (f"{name}:{paced}", chat_rate, BURST_IN_CHAT),
            (name, manifest.rate_per_s, BURST_BEHIND if behind else BURST),
        )
        if rate > 0
    ]
    if not paces:
        return 0.0
    now = time.time()
    try:
        figures = [value for _, interval, allowance in paces for value in (interval, allowance)]
        return float(_script()(keys=[key for key, _, _ in paces], args=[now, *figures]))
    except redis.RedisError:
        return _wait_locally(paces, now)


@cache
def _script() -> Any:
    return store().register_script(_GCRA)


def _wait_locally(paces: list[tuple[str, float, float]], now: float) -> float:
    with _lock:
        if len(_local) > 50_000:
            _local.clear()
        for key, _, allowance in paces:
            if (wait := _local.get(key, now) - now - allowance) > 0:
                return wait
        for key, interval, _ in paces:
            _local[key] = max(now, _local.get(key, now)) + interval
    return 0.0
