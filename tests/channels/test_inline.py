"""An answer inside the platform's own call: in time, late, asked after, and with Redis away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from bots.channels.base import (
    BuyerMessage,
    ChannelManifest,
    Check,
    Envelope,
    Inbound,
    Reply,
    ReplyMode,
    SignatureMismatch,
)
from bots.channels.inline import InlineAdapter
from bots.ingest import Ingest
from bots.models import Channel, Message
from bots.services import channels
from bots.services.conversations import conversation_take_over, reply_send
from tenants.kernel import due
from tests.engine.conftest import answers
from tests.fixtures.aside import run_aside

__all__ = ["answers"]

pytestmark = pytest.mark.django_db(transaction=True)

MANIFEST = ChannelManifest(
    key="aloud",
    title="Aloud",
    implementation="tests.channels.test_inline.Aloud",
    reply_mode=ReplyMode.INLINE,
    reply_within_s=1.2,
    rate_per_s=0,
    rate_per_chat_s=0,
)
HOLD = "Секунду, уточняю"


class Aloud(InlineAdapter):
    manifest = MANIFEST

    def verify(self, request: Inbound) -> None:
        if request.headers.get("x-secret") != self.config.secrets["hook"]:
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        data = request.json()
        return [Envelope(str(data["id"]), "buyer", data)]

    def instant(self, request: Inbound) -> bytes | None:
        return b'{"text": "pong"}' if request.json()["text"] == "ping" else None

    def parse(self, payload: Any) -> list[Any]:
        text = payload["text"]
        return [BuyerMessage(f"in-{payload['id']}", "buyer", text=text, is_nudge=text == "ну что")]

    def speak(self, request: Inbound, reply: Reply | None) -> tuple[int, bytes, str]:
        told = {"text": reply.text if reply else HOLD}
        return 200, json.dumps(told, ensure_ascii=False).encode(), "application/json"

    def connect(self) -> Check:
        return Check(ok=True)


@dataclass
class Speaker:
    """Somebody with the device; a worker is at hand unless told otherwise."""

    shop: Any
    channel: Channel
    count: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    mark: str = field(default_factory=lambda: uuid4().hex)

    def says(self, text: str, number: int = 0) -> str:
        (answer,) = self.say(text, number=number)
        return answer

    def say(self, *texts: str, number: int = 0) -> list[str]:
        """Each in a call of its own, all at once."""
        bodies = []
        for text in texts:
            self.count += 1
            bodies.append({"id": f"{self.mark}-{number or self.count}", "text": text})

        async def calls() -> list[str]:
            import asyncio

            ingest = Ingest()
            transport = httpx.ASGITransport(app=ingest)  # type: ignore[arg-type]
            headers = {"x-secret": self.channel.secrets["hook"]}
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                got = await asyncio.gather(
                    *[
                        client.post(f"/hooks/{self.channel.route_key}/", json=b, headers=headers)
                        for b in bodies
                    ]
                )
            await ingest.close()
            return [answer.json()["text"] for answer in got]

        return run_aside(calls())

    def work(self) -> None:
        """As a worker: take what is due until told to stop."""
        try:
            while not self.stop.wait(0.01):
                for schema, kind, ident in due.overdue(grace_s=-0.01):
                    if schema == self.shop.schema:
                        due.take(schema, kind, ident)
        finally:
            connection.close()

    def thread(self) -> list[tuple[str, str, str]]:
        """Once nothing is on its way: the call is answered before the worker has noted it."""
        for _ in range(200):
            found = self._thread()
            if all(state != "sending" for _author, state, _text in found):
                return found
            time.sleep(0.01)
        return found

    def _thread(self) -> list[tuple[str, str, str]]:
        with self.shop.inside():
            return list(
                Message.objects.exclude(kind__in=["note", "system"])
                .order_by("seq")
                .values_list("author", "state", "text")
            )


@pytest.fixture
def speaker(transactional_db, alpha, answers, monkeypatch) -> Iterator[Speaker]:
    from bots.selectors import sendable

    known = {**channels.manifests(), "aloud": MANIFEST}
    monkeypatch.setattr(channels, "manifests", lambda: known)
    monkeypatch.setattr(sendable, "manifests", lambda: known)
    with alpha.inside():
        channel = channels.channel_create(kind="aloud", name="Aloud", bot=alpha.bot)
        channels.channel_connect(channel)
    made = Speaker(alpha, channel)
    workers = [threading.Thread(target=made.work, daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    yield made
    made.stop.set()
    for worker in workers:
        worker.join(10)
    channels._class_of.cache_clear()


def late(seconds: float, text: str) -> Any:
    def answer(turn: Any) -> str:
        time.sleep(seconds)
        return text

    return answer


def test_the_answer_is_in_the_call(speaker):
    assert speaker.says("Есть доставка?") == "re: Есть доставка?"
    assert speaker.thread() == [
        ("buyer", "received", "Есть доставка?"),
        ("bot", "sent", "re: Есть доставка?"),
    ]


def test_a_probe_is_answered_and_not_stored(speaker):
    assert speaker.says("ping") == "pong"
    assert speaker.thread() == []


def test_a_late_answer_is_kept_and_said_when_asked_after(speaker, answers):
    answers.append(late(1.7, "Доставка 300 ₽"))

    assert speaker.says("Сколько доставка?") == HOLD
    time.sleep(1.0)
    assert speaker.thread()[-1] == ("bot", "queued", "Доставка 300 ₽")
    assert speaker.says("ну что") == "Доставка 300 ₽"
    assert speaker.thread() == [
        ("buyer", "received", "Сколько доставка?"),
        ("bot", "sent", "Доставка 300 ₽"),
    ]


def test_who_asks_after_while_it_is_prepared_hears_it_at_once(speaker, answers):
    answers.append(late(1.7, "Доставка 300 ₽"))

    assert speaker.says("Сколько доставка?") == HOLD
    assert speaker.says("ну что") == "Доставка 300 ₽"


def test_a_kept_answer_comes_with_the_next_one(speaker, answers):
    answers += [late(1.7, "Доставка 300 ₽"), "Самовывоз бесплатно"]

    assert speaker.says("Сколько доставка?") == HOLD
    time.sleep(1.0)
    assert speaker.says("А самовывоз?") == "Доставка 300 ₽\nСамовывоз бесплатно"
    assert [state for author, state, _ in speaker.thread() if author == "bot"] == ["sent", "sent"]


def test_a_kept_answer_does_not_wait_for_a_slow_next_one(speaker, answers):
    answers += [late(1.5, "Доставка 300 ₽"), late(1.5, "Самовывоз бесплатно")]

    assert speaker.says("Сколько доставка?") == HOLD
    time.sleep(0.8)
    assert speaker.says("А самовывоз?") == "Доставка 300 ₽"
    time.sleep(0.8)
    assert speaker.says("ну что") == "Самовывоз бесплатно"


def test_asking_after_nothing_is_a_question(speaker):
    assert speaker.says("ну что") == "re: ну что"


def test_a_call_that_comes_twice_hears_the_same(speaker):
    assert speaker.say("Есть доставка?", "Есть доставка?", number=7) == ["re: Есть доставка?"] * 2
    assert len(speaker.thread()) == 2


def test_a_persons_words_are_said_on_the_next_utterance(speaker):
    speaker.says("Позовите человека?")
    with speaker.shop.inside():
        pk = Message.objects.values_list("conversation", flat=True)[0]
        conversation_take_over(conversation_id=pk, agent=speaker.shop.agent)
        reply_send(conversation_id=pk, agent=speaker.shop.agent, text="Я здесь", client_key="k1")
    time.sleep(0.3)
    assert speaker.thread()[-1] == ("agent", "queued", "Я здесь")

    assert speaker.says("Алло, вы тут?") == "Я здесь"
    assert [text for author, state, text in speaker.thread() if state == "queued"] == []


def test_without_redis_there_are_holding_words_and_nothing_is_lost(speaker, settings):
    address = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert speaker.says("Есть доставка?") == HOLD
    settings.REDIS_URL = address
    for _ in range(100):
        if speaker.thread()[1:] and speaker.thread()[-1][1] == "queued":
            break
        time.sleep(0.05)

    assert speaker.thread()[-1] == ("bot", "queued", "re: Есть доставка?")
    assert speaker.says("ну что") == "re: Есть доставка?"
