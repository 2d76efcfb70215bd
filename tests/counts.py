"""How often the long tests repeat: bounded in `bin/test`, in full in `bin/test --full`."""

from __future__ import annotations

import os

FULL = bool(os.environ.get("PRILAVOK_FULL"))


def times(bounded: int, full: int) -> int:
    """`for seed in range(times(5, 100))`: the seeds of the short run are the first of the long."""
    return full if FULL else bounded
