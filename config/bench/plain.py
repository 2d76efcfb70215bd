"""References of `reply`.

`plain.same`: the same work as one plain Celery thread task, written the straight way: the buyer's
message in, the same answer from the same records through the same model, the answer in, one call to
Telegram; no inbox, no leases, no epochs, no outbox, no pace. `plain.answer` and a bare asyncio bot
behind HTTP (`python -m config.bench.plain`): insert → model → insert → send with nothing else.
"""

from __future__ import annotations

import os

import httpx
import psycopg
from celery import Celery
from celery.signals import worker_init
from psycopg_pool import AsyncConnectionPool, ConnectionPool

TABLE = "CREATE TABLE IF NOT EXISTS bench_plain (id bigserial PRIMARY KEY, chat text, body text)"
ROW = "INSERT INTO bench_plain (chat, body) VALUES (%s, %s)"
ASK = {"model": "bench", "messages": [{"role": "user", "content": "Сколько стоит доставка?"}]}

# Apart from the product's own: neither its tasks nor its being current may show there.
app = Celery(
    "plain",
    broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
    set_as_current=False,
)
app.conf.task_ignore_result = True
app.conf.task_default_queue = "plain"

_pool: ConnectionPool | None = None
_client = httpx.Client(trust_env=False, timeout=30)


def prepare() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(TABLE)


@app.task(name="plain.answer", shared=False)
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


@worker_init.connect
def _django(**_: object) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    django.setup()


@app.task(name="plain.same", shared=False)
def same(schema: str, channel_id: int, chat: str, text: str) -> None:
    from django.db import connection
    from django.utils import timezone

    from bots.channels.base import Reply
    from bots.engine.base import Asker, Said, Turn
    from bots.engine.reply import answer_turn
    from bots.models import Channel, Contact, Conversation, Episode, Message
    from bots.services.accept import lane_of
    from bots.services.channels import adapter_of
    from tenants.kernel.context import merchant_context

    try:
        with merchant_context(schema):
            channel = Channel.objects.select_related("bot__published").get(pk=channel_id)
            contact, _ = Contact.objects.get_or_create(channel=channel, external_id=chat)
            talk, _ = Conversation.objects.get_or_create(
                contact=contact, defaults={"channel": channel, "lane": lane_of(channel_id, chat)}
            )
            episode = Episode.objects.create(conversation=talk)
            Message.objects.create(
                conversation=talk,
                episode=episode,
                seq=1,
                author="buyer",
                text=text,
                state="received",
            )
            before = list(Message.objects.filter(conversation=talk).order_by("-seq")[:20])
            assert channel.bot.published is not None
            config = channel.bot.published.config
            turn = Turn(
                said=[Said("buyer", message.text) for message in before],
                lang="ru",
                asker=Asker(name="", contact_id=contact.pk, proofs=()),
                now=timezone.now(),
                memory={},
                bot=config,
                payload="",
            )
            found = answer_turn(turn, conversation_id=talk.pk)
            answer = found.text if found else ""
            said = Message.objects.create(
                conversation=talk,
                episode=episode,
                seq=2,
                author="bot",
                text=answer,
                state="sending",
            )
            adapter = adapter_of(channel)
            for call in adapter.render(Reply(chat=chat, text=answer)):
                said.external_id = adapter.send(call).external_id
            said.state = "sent"
            said.save()
    finally:
        connection.close()


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
