"""Weights of `bots.answerer.confidence`, fitted to the open cases of articles and out of scope.

`python -m tests.evaluation.calibrate` prints BASE and WEIGHTS to be copied there. The halves of
which only figures are looked at and the part held aside are not used; their fellow halves, tuned on
the least, count three times.
"""

from __future__ import annotations

import math
import os
from dataclasses import astuple, fields
from typing import Any

STEPS, RATE, HELD_BACK = 3000, 1.0, 0.004
FRESHER = 3.0

Row = tuple[list[float], float, float]  # signs with 1 before them, 1 where it is right, its weight


def rows() -> list[Row]:
    """One for each case that came to the articles: the best one's signs."""
    from bots.answerer import articles
    from config.bench.answers import preview_of_demo
    from tests.evaluation.cases import load
    from tests.evaluation.score import UNSEEN

    ask, seen = preview_of_demo(), []  # type: ignore[var-annotated]
    look = articles.look

    def looked(*args: Any) -> list[articles.Found]:
        found = look(*args)
        seen.append(found)
        return found

    articles.look = looked
    made: list[Row] = []
    for case in load("open"):
        wanted = {ref.removeprefix("article:") for ref in case.sources if "article:" in ref}
        is_of_articles = wanted or (not case.sources and "refuse" in case.decisions)
        if UNSEEN & set(case.tags) or not is_of_articles:
            continue
        seen.clear()
        ask(case)
        if len(seen) == 1 and seen[0] and (signs := seen[0][0].signs) is not None:
            is_right = float(seen[0][0].hit.external_id in wanted)
            weight = FRESHER if {"neighbours_a", "buyers_a"} & set(case.tags) else 1.0
            made.append(([1.0, *astuple(signs)], is_right, weight))
    articles.look = look
    return made


def fit(made: list[Row]) -> list[float]:
    """Logistic regression by plain descent; large weights are held back a little."""
    weights = [0.0] * len(made[0][0])
    whole = sum(weight for _, _, weight in made)
    for _ in range(STEPS):
        slope = [0.0] * len(weights)
        for signs, is_right, weight in made:
            total = sum(w * value for w, value in zip(weights, signs, strict=True))
            error = (1 / (1 + math.exp(-total)) - is_right) * weight
            slope = [s + error * value for s, value in zip(slope, signs, strict=True)]
        weights = [
            w - RATE * (s / whole + (HELD_BACK * w if at else 0.0))
            for at, (w, s) in enumerate(zip(weights, slope, strict=True))
        ]
    return weights


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    import django

    from config.embedded.services import borrowed

    with borrowed():
        django.setup()
        from bots.answerer.confidence import Signs

        base, *weights = fit(rows())
        print(f"BASE = {base:.2f}")
        for field, weight in zip(fields(Signs), weights, strict=True):
            print(f"    {field.name}={weight:.2f},")


if __name__ == "__main__":
    main()
