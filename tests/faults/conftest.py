from __future__ import annotations

import pytest

from tests.engine.conftest import answers, talk_of
from tests.live.conftest import live

__all__ = ["answers", "live", "talk_of"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/faults/" in str(item.path):
            item.add_marker(pytest.mark.faults)
