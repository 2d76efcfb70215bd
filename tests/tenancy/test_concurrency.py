"""Many threads, few connections, many merchants: each reads its own."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from channels.db import database_sync_to_async
from django.core.cache import cache
from django.db import connection, connections

from bots.models import Bot
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tests.fixtures.aside import run_aside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def named(alpha, beta):
    for shop in (alpha, beta):
        with shop.inside():
            Bot.objects.update(name=shop.slug)
    return [(alpha.schema, "alpha"), (beta.schema, "beta")]


def test_threads_that_take_turns_read_their_own(named):
    def read(seed: int) -> int:
        chosen = random.Random(seed)
        right = 0
        try:
            for _ in range(30):
                schema, name = chosen.choice(named)
                with merchant_context(schema):
                    right += Bot.objects.get().name == name
                if chosen.random() < 0.3:
                    connection.close()  # goes back to the pool as it is
            return right
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(read, range(20))) == 600


def test_sockets_that_share_a_thread_read_their_own(named):
    @database_sync_to_async
    def read(schema: str) -> str:
        with merchant_context(schema):
            cache.set("who", schema, 60)
            return f"{Bot.objects.get().name} {cache.get('who') == schema}"

    async def all_of_them() -> list[bool]:
        wanted = [random.Random(n).choice(named) for n in range(120)]
        found = await asyncio.gather(*(read(schema) for schema, _ in wanted))
        return [f"{name} True" == said for (_, name), said in zip(wanted, found, strict=True)]

    assert all(run_aside(all_of_them()))
    assert current_schema() == PUBLIC


def test_a_connection_from_the_pool_brings_nobodys_role_along(named):
    for schema, _ in named:
        with merchant_context(schema), connection.cursor() as cursor:
            cursor.execute("SELECT current_user::text")
            assert cursor.fetchone() == (schema,)
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user::text, current_schema()::text")
            assert cursor.fetchone() == (connection.settings_dict["USER"], PUBLIC)
