"""How many pieces of work a process has begun and not yet put aside to wait.

A worker has hundreds of threads, because most of them wait for a model or a platform, and only a
few database connections. Without a gate everybody who begins competes with those who come back to
write down what they have sent; under load that took seconds, and a worker that died then had sent
much that nobody knew of. Who comes back passes without asking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings

# Connections left to those who come back.
FOR_RETURNS = 4

_slots = threading.BoundedSemaphore(max(2, settings.DB_POOL_MAX - FOR_RETURNS))
_mine = threading.local()


def enter(before_waiting: Callable[[], None]) -> None:
    """Begin work in this thread, when few enough others have.

    `before_waiting` lets go of what others need to get out: with a connection in hand a thread
    that waits here could wait for ever.
    """
    if getattr(_mine, "inside", False):
        return
    if not _slots.acquire(blocking=False):
        before_waiting()
        _slots.acquire()
    _mine.inside = True


def leave() -> None:
    """This thread is done, or waits for somebody else. Again is allowed."""
    if getattr(_mine, "inside", False):
        _mine.inside = False
        _slots.release()
