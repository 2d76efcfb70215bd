from __future__ import annotations

import pytest

from tests.api.desks import Desk


@pytest.fixture
def at(alpha, beta):
    """Alpha's desk; beta has a conversation of the same words, which nobody of alpha may meet."""
    Desk(beta).talk("Ann of beta", "Where is my order?")
    return Desk(alpha)
