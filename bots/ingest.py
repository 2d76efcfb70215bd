"""The `ingest` role: `POST /hooks/<route_key>/` → stored → 200. Not a Django view on purpose.

No middleware stack, no ORM, no `SET search_path`: an own async pool and a database login that may
insert into inboxes and due work and nothing else. While one commit is under way, the calls that
arrive share the next one; a lone call waits for nobody. (docs/architecture.md has the figures.)
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import redis.asyncio as aredis
from django.conf import settings
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bots.channels.base import (
    ChannelAdapter,
    Config,
    Envelope,
    Inbound,
    Reply,
    ReplyMode,
    SignatureMismatch,
)
from bots.channels.inline import Ear, place_of
from bots.services.accept import accept_sql, lane_of
from bots.services.channels import open_adapter
from tenants.kernel import bell
from tenants.kernel.secrets import Unreadable, unseal
from tenants.kernel.text import storable_json

log = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024
ROUTE_KEPT_S = 10.0
GROUP_AT_MOST = 128
# What an adapter stumbles over in a body that is not its platform's; JSON a mile deep, too.
NOT_UNDERSTOOD = (ValueError, KeyError, TypeError, AttributeError, RecursionError)

_ROUTE = """
SELECT r.schema, r.channel_id, r.kind, r.sealed FROM tenants_routekey r
JOIN tenants_merchant m ON m.id = r.merchant_id
WHERE r.key = %s AND r.is_active AND m.state = 'active'
"""


@dataclass(frozen=True)
class Route:
    schema: str
    channel_id: int
    adapter: ChannelAdapter


@dataclass
class Waiting:
    """One call: its rows and the future its answer waits for."""

    schema: str
    rows: list[tuple[int, str, int, str]]
    stored: asyncio.Future[None]


class Ingest:
    def __init__(self) -> None:
        self._pool: AsyncConnectionPool | None = None
        self._redis: aredis.Redis | None = None
        self._ears: aredis.Redis | None = None
        self._routes: dict[str, tuple[float, Route | None]] = {}
        self._queue: list[Waiting] = []
        self._committer: asyncio.Task | None = None
        self._bells: set[asyncio.Task] = set()

    # ── HTTP ──
    async def __call__(self, scope: dict[str, Any], receive, send) -> None:
        status, body, kind = await self._answer(scope, receive)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        if status == 503:
            headers.append((b"retry-after", b"5"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: dict[str, Any], receive) -> tuple[int, bytes, str]:
        begun = time.monotonic()
        key, _, rest = scope["path"].removeprefix("/hooks/").strip("/").partition("/")
        try:
            route = await self._route(key)
        except (psycopg.Error, PoolTimeout):
            return 503, b"busy, try again", "text/plain"
        if route is None:
            return 404, b"no such address", "text/plain"
        adapter = route.adapter
        if scope["method"] not in ("GET", "POST"):
            return 405, b"POST only", "text/plain"
        body = await _read(receive)
        if body is None:
            return 413, b"too large", "text/plain"
        request = Inbound(
            method=scope["method"],
            body=body,
            headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            path=rest,
        )
        if request.method == "GET":
            return adapter.challenge(request)
        try:
            await adapter.prepare(request)
            adapter.verify(request)
            envelopes = adapter.envelopes(request)
        except (SignatureMismatch, *NOT_UNDERSTOOD) as exc:
            return adapter.hook_refusal(exc)
        is_aloud = bool(envelopes) and adapter.manifest.reply_mode == ReplyMode.INLINE
        if is_aloud and (probe := adapter.instant(request)) is not None:
            return 200, probe, "application/json"
        ear = await self._ear(route, envelopes[0]) if is_aloud else None
        if envelopes:
            try:
                await self._store(route, envelopes)
            except psycopg.DataError as exc:
                # Repeated it would be the same, and whatever comes after it would wait.
                log.error("a delivery cannot be kept, passed over: %s", type(exc).__name__)
            except (psycopg.Error, PoolTimeout) as exc:
                log.warning("a delivery was not stored, the platform will repeat it: %s", exc)
                return 503, b"busy, try again", "text/plain"
        if is_aloud:
            return adapter.speak(request, await self._listen(ear, begun, adapter))
        return adapter.hook_answer(request)

    # ── calls that wait for their answer (bots.channels.inline) ──
    async def _ear(self, route: Route, envelope: Envelope) -> Ear | None:
        """Written down before the message is, or its answer might find nobody."""
        ear = Ear(place_of(route.schema, route.channel_id, envelope.chat), envelope.dedupe_key)
        if self._ears is None:
            # Of its own: these calls wait for seconds, and none for another's place.
            self._ears = aredis.Redis.from_url(
                settings.REDIS_URL, socket_timeout=30, socket_connect_timeout=1
            )
        try:
            await ear.open(self._ears, route.adapter.manifest.reply_within_s)
        except (aredis.RedisError, OSError) as exc:
            log.warning("a voice call cannot wait for its answer: %s", exc)
            return None
        return ear

    async def _listen(self, ear: Ear | None, begun: float, adapter: ChannelAdapter) -> Reply | None:
        left = adapter.manifest.reply_within_s - (time.monotonic() - begun)
        if ear is None or self._ears is None or left <= 0:
            return None
        try:
            return await asyncio.wait_for(ear.listen(self._ears, left), left + 0.3)
        except (aredis.RedisError, OSError, TimeoutError) as exc:
            log.warning("a voice call lost its answer's way: %s", exc)
            return None

    # ── routes ──
    async def _route(self, key: str) -> Route | None:
        if not 16 <= len(key) <= 43:
            return None
        kept = self._routes.get(key)
        now = time.monotonic()
        if kept and kept[0] > now:
            return kept[1]
        pool = await self._connections()
        async with pool.connection() as connection:
            row = await (await connection.execute(_ROUTE, (key,))).fetchone()
        route = self._open(*row) if row else None
        if len(self._routes) > 20_000:
            self._routes.clear()
        self._routes[key] = (now + (ROUTE_KEPT_S if route else 2.0), route)
        return route

    @staticmethod
    def _open(schema: str, channel_id: int, kind: str, sealed: str) -> Route | None:
        try:
            about = json.loads(unseal(schema, sealed)) if sealed else {}
        except Unreadable:
            log.error("the secrets of channel %s of %s cannot be read", channel_id, schema)
            return None
        config = Config(
            channel_id=channel_id,
            schema=schema,
            settings=about.get("settings", {}),
            secrets=about.get("secrets", {}),
            base_url=about.get("base_url", ""),
            proxy=about.get("proxy", ""),
            ca_bundle=str(about.get("settings", {}).get("ca_bundle") or ""),
        )
        return Route(schema, channel_id, open_adapter(kind, config))

    async def _connections(self) -> AsyncConnectionPool:
        if self._pool is None:
            login = settings.DATABASE_LOGINS["ingest"]
            database = settings.DATABASES["default"]
            self._pool = AsyncConnectionPool(
                kwargs={
                    "dbname": database["NAME"],
                    "host": database["HOST"] or None,
                    "port": database["PORT"] or None,
                    "user": login["user"],
                    "password": login["password"],
                    "autocommit": True,
                },
                min_size=1,
                max_size=4,
                timeout=5,
                max_lifetime=900,
                open=False,
            )
            await self._pool.open()
        return self._pool

    async def close(self) -> None:
        if self._committer:
            await asyncio.wait([self._committer], timeout=5)
        if self._pool:
            await self._pool.close()
        if self._ears:
            await self._ears.aclose()

    # ── storing ──
    async def _store(self, route: Route, envelopes: list[Envelope]) -> None:
        waiting = Waiting(
            route.schema,
            [
                (
                    route.channel_id,
                    envelope.dedupe_key,
                    lane_of(route.channel_id, envelope.chat),
                    storable_json(envelope.payload),
                )
                for envelope in envelopes
            ],
            asyncio.get_running_loop().create_future(),
        )
        self._queue.append(waiting)
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_all())
        await waiting.stored

    async def _commit_all(self) -> None:
        while self._queue:
            group, self._queue = self._queue[:GROUP_AT_MOST], self._queue[GROUP_AT_MOST:]
            try:
                lanes = await self._commit(group)
            except Exception as exc:
                # One bad row must not refuse its neighbours: each by itself.
                if len(group) == 1:
                    _refuse(group[0], exc)
                    continue
                lanes = []
                for waiting in group:
                    try:
                        lanes += await self._commit([waiting])
                    except Exception as alone:
                        _refuse(waiting, alone)
                    else:
                        waiting.stored.set_result(None)
            else:
                for waiting in group:
                    if not waiting.stored.done():
                        waiting.stored.set_result(None)
            if lanes:
                task = asyncio.create_task(self._ring(lanes))
                self._bells.add(task)
                task.add_done_callback(self._bells.discard)

    async def _commit(self, group: list[Waiting]) -> list[tuple[str, int]]:
        """Store a group in one transaction. Returns (schema, lane) of idle lanes that got work."""
        by_schema: dict[str, list[tuple[int, str, int, str]]] = defaultdict(list)
        for waiting in group:
            by_schema[waiting.schema] += waiting.rows
        lanes: list[tuple[str, int]] = []
        pool = await self._connections()
        async with pool.connection() as connection:
            if len(by_schema) == 1:
                ((schema, rows),) = by_schema.items()
                cursor = await connection.execute(accept_sql(schema), (*_columns(rows), schema))
                return [(schema, lane) for lane, is_idle in await cursor.fetchall() if is_idle]
            async with connection.transaction(), connection.pipeline():
                cursors = [
                    (
                        schema,
                        await connection.execute(
                            accept_sql(schema), (*_columns(by_schema[schema]), schema)
                        ),
                    )
                    for schema in sorted(by_schema)
                ]
                for schema, cursor in cursors:
                    lanes += [
                        (schema, lane) for lane, is_idle in await cursor.fetchall() if is_idle
                    ]
        return lanes

    async def _ring(self, lanes: list[tuple[str, int]]) -> None:
        try:
            if self._redis is None:
                self._redis = aredis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
            await self._redis.lpush(
                bell.QUEUE, *[bell.message(schema, "inbox", lane) for schema, lane in lanes]
            )
        except (aredis.RedisError, OSError) as exc:
            log.warning("the bell does not ring (%s); the scan will find the work", exc)


def _columns(rows: list[tuple[int, str, int, str]]) -> tuple[list[Any], ...]:
    return tuple([row[n] for row in rows] for n in range(4))


def _refuse(waiting: Waiting, exc: Exception) -> None:
    if not waiting.stored.done():
        known = isinstance(exc, psycopg.Error | PoolTimeout)
        waiting.stored.set_exception(exc if known else psycopg.OperationalError(str(exc)))


async def _read(receive) -> bytes | None:
    """The whole body; None where it is larger than MAX_BODY."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


application = Ingest()
