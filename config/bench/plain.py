"""References of `reply`: insert → model → insert → send, with nothing else.

As a plain Celery task on threads (`celery -A config.bench.plain worker`), and as a bare asyncio
bot behind HTTP (`python -m config.bench.plain`).
"""

from __future__ import annotations

import os

import httpx
import psycopg
from celery import Celery
from psycopg_pool import AsyncConnectionPool, ConnectionPool

TABLE = "CREATE TABLE IF NOT EXISTS bench_plain (id bigserial PRIMARY KEY, chat text, body text)"
ROW = "INSERT INTO bench_plain (chat, body) VALUES (%s, %s)"
ASK = {"model": "bench", "messages": [{"role": "user", "content": "Сколько стоит доставка?"}]}

app = Celery("plain", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.task_ignore_result = True
app.conf.task_default_queue = "plain"

_pool: ConnectionPool | None = None
_client = httpx.Client(trust_env=False, timeout=30)


def prepare() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(TABLE)


@app.task(name="plain.answer")
def answer(chat: str) -> None:
    global _pool
    if _pool is None:
        _pool = ConnectionPool(
            os.environ["DATABASE_URL"], kwargs={"autocommit": True}, max_size=10, open=True
        )
    url = os.environ["BENCH_URL"]
    with _pool.connection() as connection:
        connection.execute(ROW, (chat, "in"))
    found = _client.post(f"{url}/v1/chat/completions", json=ASK).json()
    text = found["choices"][0]["message"]["content"]
    with _pool.connection() as connection:
        connection.execute(ROW, (chat, text))
    _client.post(f"{url}/bot1:x/sendMessage", data={"chat_id": chat, "text": text})


async def serve() -> None:
    import uvicorn

    url = os.environ["BENCH_URL"]
    pool = AsyncConnectionPool(
        os.environ["DATABASE_URL"], kwargs={"autocommit": True}, max_size=10, open=False
    )
    await pool.open()
    client = httpx.AsyncClient(trust_env=False, timeout=30)

    async def bot(scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        chat = (await receive()).get("body", b"").decode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        if not chat:
            return
        async with pool.connection() as connection:
            await connection.execute(ROW, (chat, "in"))
        found = (await client.post(f"{url}/v1/chat/completions", json=ASK)).json()
        text = found["choices"][0]["message"]["content"]
        async with pool.connection() as connection:
            await connection.execute(ROW, (chat, text))
        await client.post(f"{url}/bot1:x/sendMessage", data={"chat_id": chat, "text": text})

    config = uvicorn.Config(
        bot, port=int(os.environ["BENCH_PORT"]), log_level="critical", lifespan="off"
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import asyncio

    asyncio.run(serve())
