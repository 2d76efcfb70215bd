"""The hook: verified, stored once, answered 200, and refused in words where it must be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from bots.channels.telegram.simulator import TOKEN
from bots.ingest import Ingest
from bots.models import Channel, Inbox
from bots.services.channels import channel_create, channel_pause, route_sync
from tenants.kernel import due
from tenants.models import Due
from tests.fixtures.aside import run_aside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hook(transactional_db: None, alpha: Any) -> Any:
    """`hook(update, …)` → statuses of webhook calls made at once; `.channel` is the channel."""
    with alpha.inside():
        channel = channel_create(
            kind="telegram", name="Telegram", bot=alpha.bot, secrets={"token": TOKEN}
        )
        channel.state = Channel.State.LIVE
        channel.save(update_fields=["state"])
        route_sync(channel)

    async def calls(bodies: tuple[Any, ...], key: str, secret: str) -> list[int]:
        ingest = Ingest()
        transport = httpx.ASGITransport(app=ingest)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://hook") as client:
            answers = await asyncio.gather(
                *[
                    client.post(
                        f"/hooks/{key or channel.route_key}/",
                        content=body if isinstance(body, bytes) else json.dumps(body),
                        headers={
                            "x-telegram-bot-api-secret-token": secret or channel.secrets["hook"]
                        },
                    )
                    for body in bodies
                ]
            )
        await ingest.close()
        return [answer.status_code for answer in answers]

    def call(*bodies: Any, key: str = "", secret: str = "") -> list[int]:
        return run_aside(calls(bodies, key, secret))

    call.channel = channel  # type: ignore[attr-defined]
    return call


def update(number: int, chat: int = 101) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "Анна"}
    message = {
        "message_id": number,
        "date": 1_782_038_400,
        "chat": {"id": chat, "type": "private"},
        "from": person,
        "text": "Есть 46 размер?",
    }
    return {"update_id": number, "message": message}


def stored(shop: Any) -> list[str]:
    with shop.inside():
        return list(Inbox.objects.order_by("id").values_list("dedupe_key", flat=True))


def test_a_call_is_stored_once_and_its_lane_is_due(hook, alpha):
    assert hook(update(7)) + hook(update(7), update(7)) == [200, 200, 200]

    assert stored(alpha) == ["7"]
    assert list(Due.objects.filter(schema=alpha.schema).values_list("kind", flat=True)) == ["inbox"]


def test_who_does_not_know_the_secret_stores_nothing(hook, alpha, beta):
    assert hook(update(7), secret="guess") == [403]
    assert hook(update(7), key="x" * 32) == [404]
    assert hook(update(7), key="short") == [404]
    assert hook(b"x" * (5 * 1024 * 1024 + 1)) == [413]

    assert stored(alpha) == []
    assert stored(beta) == []


def test_calls_that_come_together_share_a_commit_and_all_are_there(hook, alpha):
    assert hook(*[update(n, chat=n % 5) for n in range(1, 61)]) == [200] * 60

    assert sorted(map(int, stored(alpha))) == list(range(1, 61))


def test_a_paused_channel_is_not_there(hook, alpha):
    with alpha.inside():
        channel_pause(hook.channel, paused=True)

    assert hook(update(9)) == [404]
    assert stored(alpha) == []


def test_what_telegram_would_repeat_for_ever_is_answered_and_holds_up_nobody(hook, alpha):
    """Telegram sends again whatever is not answered 2xx, and the next ones wait behind it."""
    odd = {"update_id": 8, "message": {"chat": "none"}}

    assert hook(b"not json", b"[]", {"update_id": None}, odd, update(9)) == [200] * 5

    assert sorted(stored(alpha)) == ["8", "9"]
    with alpha.inside():
        Inbox.objects.filter(dedupe_key="8").update(attempts=3)  # tried so often by now
        odd_one, next_one = Inbox.objects.order_by("dedupe_key")
        assert odd_one.lane != next_one.lane
        due.take(alpha.schema, "inbox", odd_one.lane)
        aside = Inbox.objects.get(dedupe_key="8")
    assert aside.applied_at is not None
    assert "AttributeError" in aside.error


def test_one_bad_row_does_not_refuse_its_neighbours(hook, alpha):
    """PostgreSQL knows no endless number: repeated it would be the same, so it is passed over."""
    bad = update(500)
    bad["message"]["date"] = float("inf")

    assert hook(*[update(n) for n in range(501, 521)], bad) == [200] * 21

    assert sorted(map(int, stored(alpha))) == list(range(501, 521))


def test_characters_no_database_keeps_are_left_out_and_the_message_comes(hook, alpha):
    """A NUL or half a character would be refused for ever, and all that the platform holds back
    behind it with it."""
    odd = update(601)
    odd["message"]["text"] = "Есть\x00 46\ud83d размер? 👟 \\u0000"

    assert hook(odd) == [200]

    with alpha.inside():
        assert Inbox.objects.get().payload["message"]["text"] == "Есть 46 размер? 👟 \\u0000"
