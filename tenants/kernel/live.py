"""Telling live sockets from synchronous code: best effort, never waits, never raises.

What is told is a nudge; the row in Postgres is the truth, and a socket that missed one finds the
row at its next heartbeat. One thread a process keeps one event loop, so that a worker does not
open a Redis connection for each word it tells.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import Any

from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0


class _Loop:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._pid, self._loop = os.getpid(), asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="live", daemon=True).start()
            return self._loop


_loop = _Loop()


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await asyncio.wait_for(layer.group_send(group, message), TIMEOUT_S)
    except Exception as exc:  # whatever Redis says: sockets look by themselves
        log.warning("live sockets of %s were not told: %s", group.split(".")[0], exc)


def tell(group: str, message: dict[str, Any]) -> None:
    """Send to every socket of a group (`tenants.kernel.context.group_of`)."""
    asyncio.run_coroutine_threadsafe(_send(group, message), _loop.get())
