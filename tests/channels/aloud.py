"""A shop that is spoken to: a pretend device, the real ingest application, workers at hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.db import connection

from bots.channels.base import Inbound
from bots.channels.device import Device, Heard
from bots.ingest import Ingest
from bots.models import Channel, Message
from bots.services import channels
from tenants.kernel import due
from tests.fixtures.aside import run_aside


@dataclass
class Aloud:
    shop: Any
    channel: Channel
    device: Device
    stop: threading.Event = field(default_factory=threading.Event)

    def says(self, text: str) -> Heard:
        return self.calls(self.device.call(text))

    def calls(self, request: Inbound) -> Heard:
        begun = time.monotonic()
        status, body = self.posts(request)
        return self.device.played(status, body, time.monotonic() - begun)

    def posts(self, request: Inbound) -> tuple[int, bytes]:
        async def post() -> tuple[int, bytes]:
            ingest = Ingest()
            transport = httpx.ASGITransport(app=ingest)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                got = await client.post(
                    f"/hooks/{self.channel.route_key}/",
                    content=request.body,
                    headers=dict(request.headers),
                )
            await ingest.close()
            return got.status_code, got.content

        found: tuple[int, bytes] = run_aside(post())
        return found

    def work(self) -> None:
        try:
            while not self.stop.wait(0.01):
                for schema, kind, ident in due.overdue(grace_s=-0.01):
                    if schema == self.shop.schema:
                        due.take(schema, kind, ident)
        finally:
            connection.close()

    def thread(self) -> list[tuple[str, str, str]]:
        with self.shop.inside():
            return list(
                Message.objects.exclude(kind__in=["note", "system"])
                .order_by("seq")
                .values_list("author", "state", "text")
            )


@contextmanager
def aloud(
    shop: Any, kind: str, device: Device, settings: dict[str, Any], **more: Any
) -> Iterator[Aloud]:
    """A channel of this kind at a merchant, with two workers. Needs a transactional database."""
    with shop.inside():
        channel = channels.channel_create(
            kind=kind, name=kind, bot=shop.bot, settings=settings, **more
        )
        assert channels.channel_connect(channel).ok
    made = Aloud(shop, channel, device)
    workers = [threading.Thread(target=made.work, daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        yield made
    finally:
        made.stop.set()
        for worker in workers:
            worker.join(10)
