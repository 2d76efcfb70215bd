"""Times as counts in buckets that grow by 5 %: a median of any period, off by 2.5 % at most."""

from __future__ import annotations

import math
from collections.abc import Mapping

GROWTH = 1.05


def bucket_of(ms: float) -> int:
    """Number of the bucket a time in milliseconds falls into."""
    return max(0, math.floor(math.log(max(1.0, ms), GROWTH)))


def value_of(bucket: int) -> float:
    """Middle of a bucket in milliseconds."""
    return GROWTH ** (bucket + 0.5)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The time below which `share` of all counted ones are; None where none were counted."""
    total = sum(counts.values())
    if not total:
        return None
    wanted, seen = share * total, 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return value_of(bucket)
    return None
