"""The reference of `ingest`: the same insert with nothing round it."""

from __future__ import annotations

import json
import os

from psycopg_pool import AsyncConnectionPool

pool: AsyncConnectionPool | None = None


async def application(scope, receive, send) -> None:
    global pool
    if scope["type"] != "http":
        return
    if pool is None:
        pool = AsyncConnectionPool(
            os.environ["BARE_DATABASE_URL"],
            kwargs={"autocommit": True},
            min_size=4,
            max_size=8,
            open=False,
        )
        await pool.open()
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if body:
        async with pool.connection() as connection:
            await connection.execute(
                "INSERT INTO bench_rows (update_id, payload) VALUES (%s, %s) "
                "ON CONFLICT DO NOTHING",
                (json.loads(body)["update_id"], body.decode()),
            )
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})
