"""The model's part of a reply. Filled when providers land; until then the offline answer stands."""

from __future__ import annotations

from bots.engine.base import Answer, Turn


def model_reply(turn: Turn, offline: Answer, **_more) -> Answer | None:
    return offline
