"""Processes killed with -9, services restarted: nothing lost, nothing twice but what is counted."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from django.conf import settings

from config.bench import stage
from config.bench.reply import FACT, Platform
from tenants.kernel.simulate import Answer, Request, serve_simulator
from tests.live.test_console_socket import Console, happen

pytestmark = pytest.mark.django_db(transaction=True)


class Telegram(Platform):
    """Counts what arrives, and holds a send back on wish, after it has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: Counter[str] = Counter()
        self.hold_s = 0.0

    def _message(self, request: Request) -> Answer:
        with self.told:
            self.texts[request.form()["chat_id"]] += 1
        answer = super()._message(request)
        time.sleep(self.hold_s)
        return answer


class Shop:
    def __init__(self, shop: Any, platform: Telegram, url: str, stack: ExitStack) -> None:
        self.shop, self.platform, self.stack = shop, platform, stack
        self.channel = stage.channel_for(shop.merchant, base_url=url)
        from bots.models import Bot
        from bots.retrieval import reindex_articles
        from bots.services.bots import bot_publish
        from bots.services.knowledge import article_save
        from bots.services.model_accounts import account_save

        with shop.inside():
            article_save(external_id="delivery", lang="ru", title="Доставка", text=FACT)
            reindex_articles(None)
            values = {"base_url": f"{url}/v1", "model": "bench", "api_key": "k"}
            account_save(provider="compatible", name="Bench", values=values)
            bot = Bot.objects.get(pk=self.channel.bot_id)
            bot.providers = [{"provider": "compatible"}]
            bot.save()
            bot_publish(bot=bot, by="test")

    def worker(self) -> subprocess.Popen:
        return self.stack.enter_context(stage.process("worker"))

    def asks(self, chat: int) -> str:
        from bots.channels.base import Envelope
        from bots.services.accept import accept

        message = {
            "message_id": 1,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private"},
            "from": {"id": chat, "is_bot": False, "first_name": "А"},
            "text": "Сколько стоит доставка по Москве?",
        }
        with self.shop.inside():
            accept(
                self.channel.pk,
                [Envelope(str(chat), str(chat), {"update_id": chat, "message": message})],
            )
        return str(chat)

    def bot_said(self) -> list[tuple[str, str]]:
        from bots.models import Message

        with self.shop.inside():
            return list(Message.objects.filter(author="bot").values_list("state", "failure"))


@pytest.fixture
def shop(alpha: Any) -> Iterator[Shop]:
    platform = Telegram()
    with serve_simulator(platform) as url, ExitStack() as stack:
        stack.enter_context(stage.process("scheduler"))
        yield Shop(alpha, platform, url, stack)


def wait_until(what: Any, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_worker_killed_in_a_model_call_and_in_a_send(shop):
    """kill -9 while a model is asked: one text. While a text is sent: at most one more, counted
    (Telegram cannot be asked what arrived)."""
    first = shop.worker()
    shop.platform.hold_s = 8.0
    sent = shop.asks(7001)
    wait_until(lambda: shop.platform.texts[sent])
    shop.platform.model_s = 8.0
    asked = shop.asks(7002)
    wait_until(lambda: shop.platform.models_open)
    first.kill()
    first.wait()
    shop.platform.hold_s = shop.platform.model_s = 0.0
    shop.worker()
    wait_until(lambda: [state for state, _ in shop.bot_said()] == ["sent", "sent"])
    time.sleep(0.5)

    from tenants.workspace.models import Event

    with shop.shop.inside():
        resent = Event.objects.filter(name="delivery.resent").count()
    # A slow machine may get its answer before the kill: then nothing had to be said again.
    assert shop.platform.texts[asked] == 1
    assert shop.platform.texts[sent] == 1 + resent
    assert resent <= 1


def test_a_live_process_killed_with_sockets_open(alpha):
    """kill -9 with ten consoles open: each comes back by its last number; no gap, none twice."""
    port = stage.free_port()
    with stage.process("asgi", ASGI_ROLES="live", PORT=str(port)) as first:
        consoles = [Console(port, alpha) for _ in range(10)]
        last = happen(alpha, 5)
        for one in consoles:
            one.until(last)
        first.kill()
        first.wait()
    last = happen(alpha, 5)
    with stage.process("asgi", ASGI_ROLES="live", PORT=str(port)):
        for one in consoles:
            begin, heard = one.seq, one.seqs
            again = Console(port, alpha, since=heard[-1])
            heard = heard + again.until(last)
            assert heard == list(range(begin + 1, last + 1))


def test_redis_flushed_and_restarted(live, alpha, monkeypatch, tmp_path):
    """What was told while Redis was away comes when it is back, without a reload; work is found
    in Postgres."""
    from config.embedded.redis import Redis
    from tenants.kernel.store import store

    folder = tmp_path / "redis"
    own = Redis(folder=folder, log=tmp_path / "redis.log")
    own.start()
    try:
        monkeypatch.setattr(settings, "REDIS_URL", own.url)
        store.cache_clear()
        console = Console(live.port, alpha)
        console.until(happen(alpha, 2))
        redis.Redis.from_url(own.url).flushall()
        console.until(happen(alpha, 2))
        own.stop()
        last = happen(alpha, 3)
        own.start()

        assert console.until(last, 15) == list(range(console.seq + 1, last + 1))
        last = happen(alpha, 2)
        assert console.until(last, 15) == list(range(console.seq + 1, last + 1))
    finally:
        own.stop()
        store.cache_clear()
