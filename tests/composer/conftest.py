"""Two merchants with a buyer each, who writes by a channel that sends nothing away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from tests.engine import pretend
from tests.engine.conftest import Talk, answers, talk_of

__all__ = ["Talk", "answers", "talk_of"]


@pytest.fixture(autouse=True)
def _no_quiet_window(monkeypatch) -> None:
    """A greeting is answered at once: nobody here writes in pieces."""
    monkeypatch.setattr("bots.engine.turn.quiet_s", lambda text: 0.0)


@pytest.fixture
def talks(alpha, beta, talk_of) -> tuple[Talk, Talk]:
    """Alpha's buyer and beta's, who wrote the same."""
    mine, other = talk_of(alpha), talk_of(beta)
    for one in (mine, other):
        one.says("Здравствуйте")
    return mine, other


@pytest.fixture
def channel_is(monkeypatch) -> Callable[..., None]:
    """`channel_is(can_edit=True)`: the pretend channel's manifest from here on."""
    from bots.selectors import sendable
    from bots.services import channels

    def change(**fields: Any) -> None:
        known = dict(channels.manifests())
        known["pretend"] = replace(known["pretend"], **fields)
        monkeypatch.setattr(channels, "manifests", lambda: known)
        monkeypatch.setattr(sendable, "manifests", lambda: known)
        channels._class_of.cache_clear()

    return change


@pytest.fixture
def clock(monkeypatch) -> Iterator[Callable[[datetime], None]]:
    """`clock(moment)`: it is then, for everything that asks Django."""

    def is_now(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    yield is_now


@pytest.fixture(autouse=True)
def _quiet_pretend(monkeypatch) -> None:
    monkeypatch.setattr(pretend.Pretend, "changed", [], raising=False)
