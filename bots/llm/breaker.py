"""Who is left alone for a while: a circuit breaker and a limit of calls at once, per credentials.

State lives in the process and, as one moment per key ("leave it alone until"), in a store that all
processes share. Losing the store (an emptied Redis) costs a few failed calls, nothing else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from bots.llm.base import Patience
from tenants.kernel.store import AWAY

FAILURES = 3  # in a row, within WINDOW_S
WINDOW_S = 60.0
OPEN_S = 15.0  # doubled with each failed try-out
OPEN_MOST_S = 300.0
REST_MOST_S = 900.0
PROBE_S = 30.0
SHARED_EVERY_S = 1.0


class Store(Protocol):
    """Django's cache, or anything like it."""

    def get(self, key: str, default: float = 0.0) -> float: ...
    def set(self, key: str, value: float, timeout: float) -> object: ...
    def delete(self, key: str) -> object: ...


@dataclass(slots=True)
class _State:
    failures: int = 0
    failed_at: float = 0.0
    opened: int = 0
    until: float = 0.0
    probe_until: float = 0.0
    shared_at: float = 0.0
    is_shared: bool = False


class Breaker:
    """Times are seconds of the epoch, because processes share them."""

    def __init__(self, store: Store | None = None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: str) -> float:
        """Seconds to leave `key` alone; 0.0 lets one call through as a try-out after a pause."""
        self._read_shared(key)
        now = self._clock()
        with self._lock:
            state = self._states.get(key)
            if state is None or not state.until:
                return 0.0
            if now < state.until:
                return state.until - now
            if now < state.probe_until:
                return state.probe_until - now
            state.probe_until = now + PROBE_S
            return 0.0

    def untried(self, key: str) -> None:
        """The call that `wait_s` let through proved nothing: another may try out."""
        with self._lock:
            if state := self._states.get(key):
                state.probe_until = 0.0

    def succeeded(self, key: str) -> None:
        with self._lock:
            state = self._states.get(key)
            if state is None:
                return
            was_shared = state.is_shared
            self._states[key] = _State(shared_at=state.shared_at)
        if was_shared:
            self._tell(lambda store: store.delete(_name(key)))

    def forgive(self, key: str) -> None:
        """New credentials: nothing is held against them, in any process."""
        with self._lock:
            self._states.pop(key, None)
        self._tell(lambda store: store.delete(_name(key)))

    def failed(self, key: str) -> None:
        """The vendor is in trouble: after a few in a row, a pause that grows."""
        now = self._clock()
        with self._lock:
            state = self._states.setdefault(key, _State())
            is_probe, state.probe_until = bool(state.until), 0.0
            if now - state.failed_at > WINDOW_S:
                state.failures = 0
            state.failures, state.failed_at = state.failures + 1, now
            if state.failures < FAILURES and not is_probe:
                return
            pause = min(OPEN_MOST_S, OPEN_S * 2**state.opened)
            state.opened += 1
        self.rest(key, pause)

    def rest(self, key: str, seconds: float) -> None:
        """Leave it alone for so long (Retry-After, wrong credentials)."""
        seconds = min(seconds, REST_MOST_S)
        if seconds <= 0:
            return
        with self._lock:
            state = self._states.setdefault(key, _State())
            state.until = max(state.until, self._clock() + seconds)
            state.probe_until = 0.0
            state.is_shared = True
            state.shared_at = self._clock()
            until = state.until
        self._tell(lambda store: store.set(_name(key), until, seconds + 1))

    def _read_shared(self, key: str) -> None:
        if self._store is None:
            return
        now = self._clock()
        with self._lock:
            state = self._states.setdefault(key, _State())
            if now - state.shared_at < SHARED_EVERY_S:
                return
            state.shared_at = now
        try:
            until = self._store.get(_name(key)) or 0.0
        except AWAY:  # the process's own state stands
            return
        with self._lock:
            if until > state.until:
                state.until, state.is_shared = until, True
            elif not until and state.is_shared:
                # Another process has ended the pause (new credentials), or the store is empty.
                state.until, state.is_shared = 0.0, False

    def _tell(self, say: Callable[[Store], object]) -> None:
        if self._store is not None:
            with contextlib.suppress(*AWAY):  # as above
                say(self._store)


def _name(key: str) -> str:
    return f"llm:rest:{key}"


class Slots:
    """Calls at once per credentials, in this process."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._used: dict[str, int] = {}

    @contextmanager
    def one(self, key: str, limit: int, patience: Patience, wait_s: float) -> Iterator[bool]:
        """A place, or False when none came free in `wait_s`."""
        got = self._take(key, limit, patience, wait_s)
        try:
            yield got
        finally:
            if got:
                with self._free:
                    self._used[key] -= 1
                    if not self._used[key]:
                        del self._used[key]
                    self._free.notify_all()

    def _take(self, key: str, limit: int, patience: Patience, wait_s: float) -> bool:
        until = time.monotonic() + wait_s
        with self._free:
            while self._used.get(key, 0) >= max(1, limit):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                patience.check_wanted()
                self._free.wait(min(left, 0.1))
            self._used[key] = self._used.get(key, 0) + 1
        return True
