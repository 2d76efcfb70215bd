"""Charts as inline SVG: direct labels, bars from zero, the period before in grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bar:
    label: str
    value: int
    before: int
    part: int  # of `value`, drawn in the colour of waiting
    x: float
    width: float
    y: float
    height: float
    before_y: float
    before_height: float
    part_y: float
    part_height: float


HEIGHT, WIDTH, TOP = 132.0, 640.0, 20.0


def bars(rows: Sequence[tuple[str, int, int, int]]) -> dict[str, Any]:
    """(label, value, value of the period before, part of the value) → shapes for a template."""
    most = max([1, *(max(value, before) for _l, value, before, _p in rows)])
    step = WIDTH / max(1, len(rows))
    space = HEIGHT - TOP

    def high(value: int) -> float:
        return round(space * value / most, 1)

    shapes = []
    for number, (label, value, before, part) in enumerate(rows):
        height, before_height, part_height = high(value), high(before), high(min(part, value))
        shapes.append(
            Bar(
                label=label,
                value=value,
                before=before,
                part=part,
                x=round(number * step + step * 0.2, 1),
                width=round(step * 0.42, 1),
                y=HEIGHT - height,
                height=height,
                before_y=HEIGHT - before_height,
                before_height=before_height,
                part_y=HEIGHT - part_height,
                part_height=part_height,
            )
        )
    return {"bars": shapes, "width": WIDTH, "height": HEIGHT, "step": step}
