"""Many threads, few connections, many merchants: each reads its own."""

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from channels.db import database_sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, connections

from bots.models import Article, Bot, Channel
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


def test_numbers_of_models_are_not_taken_from_a_neighbour(alpha, beta, client_of):
    """They differ from schema to schema, and two requests run side by side in one process."""
    with beta.inside():
        ContentType.objects.get_for_model(Channel)  # so that beta's numbers are not alpha's
    here, there = threading.Event(), threading.Event()

    def in_beta() -> tuple[int, str, str]:
        try:
            with beta.inside():
                here.set()
                assert there.wait(10)  # by now alpha has looked its numbers up
                kind = ContentType.objects.get_for_model(Article)
                return kind.pk, kind.model, ContentType.objects.get(pk=kind.pk).model
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(in_beta)
        with alpha.inside():
            assert here.wait(10)
            own = ContentType.objects.get_for_model(Article).pk
            there.set()
            number, *models = answer.result(timeout=20)

    assert models == ["article", "article"]
    assert number != own
    form = {"title": "Delivery", "text": "Two days.", "lang": "ru", "is_active": "on"}
    for shop in (alpha, beta):
        client_of(shop, "owner").post("/admin/bots/article/add/", form)
        with shop.inside():
            assert LogEntry.objects.get().content_type.model == "article"


def test_a_connection_from_the_pool_brings_nobodys_role_along(named):
    for schema, _ in named:
        with merchant_context(schema), connection.cursor() as cursor:
            cursor.execute("SELECT current_user::text")
            assert cursor.fetchone() == (schema,)
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user::text, current_schema()::text")
            assert cursor.fetchone() == (connection.settings_dict["USER"], PUBLIC)
