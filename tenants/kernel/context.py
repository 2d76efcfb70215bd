"""Being inside one merchant: search path, database role, log lines and cache keys together.

The context belongs to the current thread's database connection. Websocket consumers share
threads, so they enter it inside every `database_sync_to_async` function, never around one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections

from tenants.kernel import gate

if TYPE_CHECKING:
    from tenants.kernel.postgres.base import DatabaseWrapper

PUBLIC = "public"
_schema: ContextVar[str] = ContextVar("schema", default=PUBLIC)


def current_schema() -> str:
    """Schema of the merchant the running code is bound to; "public" outside any."""
    return _schema.get()


def backend(alias: str = DEFAULT_DB_ALIAS) -> DatabaseWrapper:
    """This thread's connection with what our backend adds to Django's."""
    return cast("DatabaseWrapper", connections[alias])


def enter(schema: str) -> None:
    """Bind this thread to `schema` until the next call. For requests; elsewhere use the block."""
    _schema.set(schema)
    here = backend()
    if here.schema_name != schema:
        here.set_schema(schema)


@contextmanager
def merchant_context(schema: str) -> Iterator[None]:
    """Run the block inside one merchant's schema; `"public"` runs it outside all.

    Entering inside an open transaction of another schema is allowed: `SET` is part of the
    transaction and the previous path comes back at the end of the block.
    """
    before = current_schema()
    enter(schema)
    try:
        yield
    finally:
        enter(before)


def release_connection() -> None:
    """Give this thread's connection back before something slow is waited for.

    Inside a transaction it stays: giving it up would lose what was not committed.
    """
    if not connection.in_atomic_block:
        connection.close()
        gate.leave()


def cache_key(key: str, prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: two merchants never share an entry. Works in async code too."""
    return f"{current_schema()}:{prefix}:{version}:{key}"


def group(*parts: object) -> str:
    """Name of a Channels group inside the current merchant, e.g. `group("conversation", 7)`."""
    if (schema := current_schema()) == PUBLIC:
        raise RuntimeError("a socket group needs a merchant")
    return group_of(schema, *parts)


def group_of(schema: str, *parts: object) -> str:
    """Same for a schema named by the caller (the relay and async code know it by name)."""
    return ".".join([schema, *map(str, parts)])
