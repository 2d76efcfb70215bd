from __future__ import annotations

from tests.engine.conftest import answers, talk_of

__all__ = ["answers", "talk_of"]
