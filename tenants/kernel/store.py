"""Redis by its own client, where Django's cache says too little or costs too much.

What is kept there may be gone at any moment: whoever asks goes on without it (`AWAY`).
"""

from __future__ import annotations

from functools import cache

import redis
from django.conf import settings

# What a Redis that is away, or lost on the way, looks like; behind Django's cache, too.
AWAY = (redis.RedisError, OSError)


@cache
def store() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=1)
