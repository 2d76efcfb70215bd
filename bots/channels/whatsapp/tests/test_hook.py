"""The address Meta calls, through the ingest itself: two merchants, one agency's app."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bots.channels.whatsapp.simulator import ACCOUNT_ID, APP_SECRET, PHONE_ID, WhatsAppSimulator
from bots.ingest import Ingest
from bots.models import Channel, Inbox
from bots.services.channels import channel_create, route_sync
from tests.fixtures.aside import run_aside

pytestmark = pytest.mark.django_db(transaction=True)


def connected(shop: Any, phone: str) -> Channel:
    with shop.inside():
        channel = channel_create(
            kind="whatsapp",
            name="WhatsApp",
            bot=shop.bot,
            settings={"phone_number_id": phone, "business_account_id": ACCOUNT_ID},
            secrets={"token": "EAAtoken", "app_secret": APP_SECRET},
        )
        channel.state = Channel.State.LIVE
        channel.save(update_fields=["state"])
        route_sync(channel)
        return channel


def stored(shop: Any) -> list[str]:
    with shop.inside():
        return list(Inbox.objects.order_by("pk").values_list("dedupe_key", flat=True))


def test_each_number_proves_its_own_address_and_takes_its_own_messages(alpha, beta):
    mine, other = connected(alpha, PHONE_ID), connected(beta, "900000000000999")
    graph = WhatsAppSimulator()
    idents = [graph.buyer_says("Раз"), graph.buyer_says("Два")]
    body, headers = graph.signed(*graph.waiting)
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}

    async def calls() -> list[Any]:
        ingest = Ingest()
        transport = httpx.ASGITransport(app=ingest)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://hook") as client:

            async def asks(channel: Channel, token: str) -> Any:
                query = {**asked, "hub.verify_token": token}
                answer = await client.get(f"/hooks/{channel.route_key}/", params=query)
                return answer.status_code, answer.text

            async def brings(channel: Channel, content: bytes) -> int:
                url = f"/hooks/{channel.route_key}/"
                answer = await client.post(url, content=content, headers=headers)
                return answer.status_code

            found = [
                await asks(mine, mine.secrets["hook"]),
                (await asks(other, mine.secrets["hook"]))[0],
                await brings(mine, body + b" "),
                await brings(mine, body),
                await brings(mine, body),
                await brings(other, body),
            ]
        await ingest.close()
        return found

    # The app's secret is one for both, so its signature is right at the other's address, too.
    assert run_aside(calls()) == [(200, "1158201444"), 403, 403, 200, 200, 200]
    assert stored(alpha) == [f"m:{ident}" for ident in idents]
    assert stored(beta) == ["foreign:…0001"]
