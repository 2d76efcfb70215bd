"""How likely it is that an article answers: figures of the best one and of its rival → 0…1.

A logistic regression whose weights `tests/evaluation/calibrate.py` fits to the open cases, with
questions that no article answers among them. What tells most: how far behind the next article is,
and how much of the question is of things that no text of the merchant names. The weights are those
of the day when the cases of near neighbours were new: fitted again after tuning they flatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import exp

SURE = 0.76
MAYBE = 0.45  # from here on a near neighbour is offered beside it


@dataclass(frozen=True, slots=True)
class Signs:
    """Of one article beside its rival. Shares are of the words said now."""

    coverage: float  # how much of the question it has
    score: float
    rival: float  # the rival's score by its own
    unknown: float  # share of things that no text of the merchant names
    matched: float  # weighty words it has, by four
    in_title: float  # 1 where one of them is in the title
    meant_in_title: float  # 1 where what a turn of phrase stands for is in the title
    missing: float  # the weightiest word it lacks
    only_goods: float  # 1 where all it has of the question are names of goods
    own_language: float  # 1 where it is written in the buyer's language
    kinship: float  # how likely the question is of the matter its title is of
    strange: float  # the weightiest word it lacks and nobody says of its matter


BASE = -1.84
WEIGHTS = Signs(
    coverage=1.08,
    score=1.83,
    rival=-0.47,
    unknown=-0.44,
    matched=1.39,
    in_title=-0.17,
    meant_in_title=0.88,
    missing=-0.91,
    only_goods=-0.36,
    own_language=0.28,
    kinship=2.12,
    strange=-1.25,
)
FAR = 30.0
_WEIGHTS: Sequence[float] = astuple(WEIGHTS)


def confidence(signs: Signs) -> float:
    total = sum(w * value for w, value in zip(_WEIGHTS, astuple(signs), strict=True))
    return 1 / (1 + exp(-max(-FAR, BASE + total)))  # a rival may be many times as good
