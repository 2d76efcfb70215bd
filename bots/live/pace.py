"""How fast one browser or one address may go, in this process. A flood costs us a dictionary."""

from __future__ import annotations

import time
from dataclasses import dataclass

_KEPT = 50_000


@dataclass(frozen=True)
class Pace:
    """`burst` at once, then `per_s` a second (a token bucket)."""

    burst: float
    per_s: float


class Meter:
    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, who: str, cost: float = 1.0) -> float:
        """0 takes a place; else how long to wait for one."""
        now = time.monotonic()
        left, at = self._left.get(who, (self.pace.burst, now))
        left = min(self.pace.burst, left + (now - at) * self.pace.per_s)
        if left < cost:
            self._left[who] = (left, now)
            return (cost - left) / self.pace.per_s
        if len(self._left) >= _KEPT:
            self._left.clear()
        self._left[who] = (left - cost, now)
        return 0.0
