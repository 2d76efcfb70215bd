"""Turns this process is working on, so that a newer message stops an answer at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_running: dict[tuple[str, int], threading.Event] = {}
_lock = threading.Lock()


@contextmanager
def running(schema: str, conversation_id: int) -> Iterator[threading.Event]:
    """Register a turn; the event is set when its answer is out of date."""
    stale = threading.Event()
    with _lock:
        _running[schema, conversation_id] = stale
    try:
        yield stale
    finally:
        with _lock:
            if _running.get((schema, conversation_id)) is stale:
                del _running[schema, conversation_id]


def make_stale(schema: str, conversation_id: int) -> None:
    """A newer message or a takeover: stop writing. Other processes notice when they write."""
    if event := _running.get((schema, conversation_id)):
        event.set()
