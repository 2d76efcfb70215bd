"""Servers of the user's own: are they new enough, and does a connection keep its session?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from config.embedded.trouble import Trouble

POSTGRES_OLDEST = 150000
REDIS_OLDEST = (6, 2)


def check_postgres(url: str) -> str:
    """The server's version. Raises Trouble when it is away, too old, or behind a pooling proxy."""
    import psycopg

    where = _without_password(url)
    try:
        with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
            number = connection.info.server_version
            encoding = _one(connection, "SHOW server_encoding")
    except psycopg.OperationalError as error:
        raise Trouble(
            f"DATABASE_URL leads to no usable PostgreSQL ({where}): {str(error).strip()}",
            "Start that server or correct DATABASE_URL "
            "(postgresql://user:password@host:5432/database).",
        ) from None
    except psycopg.ProgrammingError as error:
        raise Trouble(
            f"DATABASE_URL cannot be read: {str(error).strip()}",
            "Write it as postgresql://user:password@host:5432/database.",
        ) from None
    version = f"{number // 10000}.{number % 10000}"
    if number < POSTGRES_OLDEST:
        raise Trouble(
            f"PostgreSQL {version} at {where} is too old.", "Version 15 or newer is needed."
        )
    if encoding != "UTF8":
        raise Trouble(
            f"The database at {where} stores text as {encoding}.",
            "Create it again with ENCODING 'UTF8'.",
        )
    if not keeps_sessions(lambda: psycopg.connect(url, connect_timeout=10, autocommit=True)):
        raise Trouble(
            f"{where} is a proxy that shares one connection among several clients "
            "(transaction pooling, as PgBouncer does). Behind it, one merchant would read "
            "another's data.",
            "Point DATABASE_URL at PostgreSQL itself, or set the proxy to pool_mode=session.",
        )
    return version


def keeps_sessions(connect: Callable[[], Any]) -> bool:
    """Does every connection have a server session to itself?

    A pooling proxy hands its server connections out anew for each transaction. So: a client that
    has let go is asked again while others hold transactions open. They have taken what it had,
    and it gets another backend, waits in vain, or finds its settings changed.
    """
    import psycopg

    with contextlib.ExitStack() as stack:
        clients = []
        for count in range(4):
            try:
                clients.append(stack.enter_context(connect()))
                clients[-1].execute("SET statement_timeout = '5s'")
            except psycopg.OperationalError as error:
                raise Trouble(
                    f"The server of DATABASE_URL gave {count} connections and refused one more: "
                    f"{str(error).strip()}",
                    "Allow at least 60 (max_connections of PostgreSQL, pool size of a proxy).",
                ) from None
        try:
            return all(_is_alone(clients[turn:] + clients[:turn], turn) for turn in range(3))
        except psycopg.OperationalError:
            return False  # its server connection was somebody else's turn


def _is_alone(clients: list[Any], turn: int) -> bool:
    ours, *others = clients
    mark = f"session-{turn}"
    ours.execute("SELECT set_config('application_name', %s, false)", [mark])
    backend = _one(ours, "SELECT pg_backend_pid()")
    with contextlib.ExitStack() as held:
        for other in others:
            held.enter_context(other.transaction())
            if _one(other, "SELECT pg_backend_pid()") == backend:
                return False
        if _one(ours, "SELECT pg_backend_pid()") != backend:
            return False
    return bool(_one(ours, "SHOW application_name") == mark)


def check_redis(url: str) -> str:
    """The server's version. Raises Trouble when it is away or too old."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    where = _without_password(url)
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=10, socket_timeout=10, retry=Retry(NoBackoff(), 0)
        ) as client:
            version = str(client.info("server")["redis_version"])
    except (redis.RedisError, ValueError) as error:
        raise Trouble(
            f"REDIS_URL leads to no usable Redis ({where}): {error}",
            "Start that server or correct REDIS_URL (redis://:password@host:6379/0).",
        ) from None
    if tuple(int(part) for part in version.split(".")[:2]) < REDIS_OLDEST:
        raise Trouble(f"Redis {version} at {where} is too old.", "Version 6.2 or newer is needed.")
    return version


def _one(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchone()[0]


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or 'local socket'}:{parts.port or ''}{parts.path}".rstrip(":")
    except ValueError:
        return "unreadable address"
