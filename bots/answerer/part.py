"""What one question is answered with, before answers are joined and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bots.answerer.intents import Wish
from bots.engine.base import Card, Decision, Source
from bots.engine.facts import Record
from bots.retrieval.query import Query


@dataclass
class Part:
    """`memory` is merged into the conversation's; `confidence` 0…1."""

    text: str
    decision: Decision = Decision.ANSWER
    reason: str = ""
    sources: list[Source] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    confidence: float = 1.0


@dataclass
class Asked:
    """One question with what surrounds it. `memory` is what the dialogue knows so far."""

    query: Query
    wish: Wish
    lang: str
    memory: dict[str, Any]
    is_follow_up: bool = False
    has_pronoun: bool = False
    leans: bool = False  # read together with what was asked before

    @property
    def text(self) -> str:
        return self.query.text

    @property
    def focus(self) -> list[int]:
        """Products spoken of last."""
        return list(self.memory.get("focus") or ())
