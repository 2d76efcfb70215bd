"""Counters of the lists, told by the server: one reckoning for all consoles of a process.

However many consoles are open and however many facts come, a merchant's lists are counted at most
once in EVERY_S, by a number of queries that knows neither (bots/selectors/counters.py). A console
is told when its own figures have changed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user_model
from django.db import DatabaseError

from bots.live.hub import hub
from bots.live.threads import in_merchant
from bots.selectors.counters import counters_of
from tenants.kernel.context import group_of

log = logging.getLogger(__name__)

EVERY_S = 0.5


@runtime_checkable
class Counted(Protocol):
    """A seat that wants figures."""

    user_id: int

    def count(self, counters: dict[str, int]) -> None: ...


class Tally:
    """One merchant's lists. Everything belongs to one event loop."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.has_failed = False
        self._is_wanted = False
        self._task: asyncio.Task[None] | None = None
        self._begun_at = -EVERY_S

    def wish(self) -> None:
        """Something has changed, or somebody came: count soon."""
        self._is_wanted = True
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._is_wanted:
                await asyncio.sleep(max(0.0, self._begun_at + EVERY_S - time.monotonic()))
                self._is_wanted, self._begun_at = False, time.monotonic()
                await self._count()
        finally:
            self._task = None

    async def _count(self) -> None:
        seats = [s for s in hub().seats(group_of(self.schema, "console")) if isinstance(s, Counted)]
        if not seats:
            return
        try:
            found = await counted(self.schema, {seat.user_id for seat in seats})
        except DatabaseError:
            self.has_failed = True  # a heartbeat asks again
            log.warning("lists of %s are counted at the next heartbeat", self.schema)
            return
        self.has_failed = False
        for seat in seats:
            if (counters := found.get(seat.user_id)) is not None:
                seat.count(counters)


_tallies: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Tally]] = WeakKeyDictionary()


def tally_of(schema: str) -> Tally:
    here = _tallies.setdefault(asyncio.get_running_loop(), {})
    return here.setdefault(schema, Tally(schema))


@in_merchant
def counted(users: Collection[int]) -> dict[int, dict[str, int]]:
    """The figures of these people of a merchant."""
    found: list[Any] = list(get_user_model().objects.filter(pk__in=users))
    return counters_of(found)
