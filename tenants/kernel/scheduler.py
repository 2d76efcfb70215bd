"""What the scheduler does. Several may run: leases and locks keep them out of each other's way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import connections

from tenants.kernel import bell, due, health, outbox
from tenants.kernel.context import PUBLIC, merchant_context

log = logging.getLogger(__name__)

SCAN_EVERY_S = 0.5
RELAY_PAUSE_S = 0.03
# A row that still waits was heard by a busy worker, most likely.
RING_AGAIN_S = 1.5
# Ring no more while this many bells wait: the workers are busy, not deaf.
BELLS_AT_MOST = 500
ROWS = 200


def run(stop: threading.Event) -> None:
    """Until `stop` is set. A database or Redis that is away is waited for, never an end."""
    threads = [
        threading.Thread(target=_loop, args=(stop, step, name), name=name, daemon=True)
        for name, step in (("scan", _scan), ("relay", _relay))
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(2):
        health.beat("scheduler")
    for thread in threads:
        thread.join(timeout=5)


def _loop(stop: threading.Event, step: Callable[[threading.Event], None], name: str) -> None:
    pause = 0.5
    while not stop.is_set():
        try:
            with merchant_context(PUBLIC):
                step(stop)
            pause = 0.5
        except Exception:  # nobody else does this, so it goes on
            log.exception("%s stumbled; again in %.1f s", name, pause)
            connections.close_all()
            stop.wait(pause)
            pause = min(pause * 2, 5.0)


_rung: dict[tuple[str, str, int, datetime], float] = {}


def _scan(stop: threading.Event) -> None:
    """Ring for what is due: timers, and what a lost bell or a killed worker left behind."""
    now = time.monotonic()
    for row in [row for row, at in _rung.items() if now - at > RING_AGAIN_S]:
        del _rung[row]
    if bell.waiting() < BELLS_AT_MOST:
        # Past those that were rung: a crowd that nobody comes to take hides no later deadline.
        for row in due.overdue_since(ROWS + len(_rung)):
            if row not in _rung:
                _rung[row] = now
                bell.ring(*row[:3])
    connections["default"].close()
    stop.wait(SCAN_EVERY_S)


def _relay(stop: threading.Event) -> None:
    if outbox.relay():
        # What follows comes in one go: under load a round for each fact would eat a core.
        stop.wait(RELAY_PAUSE_S)
        return
    connections["default"].close()
    if not bell.wait_for_outbox(1.0):
        stop.wait(0.3)
