"""The evaluation set: what buyers ask and what a right answer is. See README.md beside this."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PARTS = ("open", "held_out")
SEED = "prilavok-evaluation-1"


@dataclass(frozen=True)
class Case:
    """`messages` end with the buyer's turn that is to be answered.

    expect.decision: decisions that are right; sources: `kind:external_id`, any of which may be
    the first; must_contain: every group has to be met by one of its options; must_not_contain:
    none of these. An option is text, or a regular expression after `re:` (see score.py).
    """

    id: str
    part: str
    merchant: str
    lang: str
    tags: tuple[str, ...]
    messages: tuple[dict[str, str], ...]
    contact: dict[str, Any] | None = None
    decisions: tuple[str, ...] = ("answer",)
    sources: tuple[str, ...] = ()
    must_contain: tuple[tuple[str, ...], ...] = ()
    must_not_contain: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


def is_held_out(case_id: str) -> bool:
    """A third of the cases, by a seeded hash of the id: nobody chooses which."""
    digest = hashlib.sha256(f"{SEED}:{case_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 3 == 0


def read(part: str) -> Iterator[Case]:
    for path in sorted((HERE / part).glob("*.yaml")):
        for raw in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader):
            expect = raw["expect"]
            yield Case(
                id=raw["id"],
                part=part,
                merchant=raw["merchant"],
                lang=raw["lang"],
                tags=tuple(raw["tags"]),
                messages=tuple(raw["messages"]),
                contact=raw.get("contact"),
                decisions=tuple(expect["decision"]),
                sources=tuple(expect.get("sources", ())),
                must_contain=tuple(tuple(group) for group in expect.get("must_contain", ())),
                must_not_contain=tuple(expect.get("must_not_contain", ())),
                raw=raw,
            )


@cache
def load(part: str | None = None) -> tuple[Case, ...]:
    """All cases, or those of one part. Tuning reads `load("open")` and nothing else."""
    return tuple(case for name in ([part] if part else PARTS) for case in read(name))
