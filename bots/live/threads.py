"""Reads and writes of sockets, in threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.db import connection

from tenants.kernel.context import merchant_context

P = ParamSpec("P")
T = TypeVar("T")


def in_merchant(function: Callable[P, T]) -> Callable[Concatenate[str, P], Coroutine[Any, Any, T]]:
    """To be awaited with a schema: runs in a thread, inside that merchant, and keeps no connection
    there."""

    def work(schema: str, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with merchant_context(schema):
                return function(*args, **kwargs)
        finally:
            connection.close()

    return database_sync_to_async(work)
