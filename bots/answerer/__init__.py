"""The offline answerer: a reply from the merchant's records alone, with no model.

It is what answers without a key, what answers when every model is down, and what finds the
records a model is given. Nothing it says is made up: texts are the merchant's, figures are
fields, and the finished reply is checked against the same records (bots.engine.facts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bots.engine.base import Answer, Turn

__all__ = ["reply", "warm_up"]


def warm_up() -> None:
    """Load the words of both languages: a second of computing, that the first buyer need not
    wait for."""
    from bots.answerer import dialogue  # noqa: F401 - everything an answer is made with
    from bots.retrieval.concepts import concepts
    from bots.retrieval.glossary import built_in
    from bots.retrieval.matters import wordings

    built_in()
    wordings()
    concepts([])


def reply(turn: Turn) -> Answer:
    """The answer to what the buyer wrote last. Runs inside the merchant's schema; ~10 ms warm."""
    from bots.answerer.dialogue import answer

    return answer(turn)
