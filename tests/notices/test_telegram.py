"""A colleague's own Telegram: connected by a link once, told there, ended by either side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.channels.base import BuyerMessage
from bots.channels.telegram.simulator import TOKEN, TelegramSimulator
from bots.models import AgentProfile, Contact, Notice
from bots.services import assignment, channels
from bots.services.receive import apply
from tenants.kernel.simulate import serve_simulator


@pytest.fixture
def telegram() -> Iterator[TelegramSimulator]:
    simulator = TelegramSimulator()
    with serve_simulator(simulator) as url:
        simulator.url = url  # type: ignore[attr-defined]
        yield simulator


@pytest.fixture
def bot_of(telegram, monkeypatch):
    """`bot_of(alpha)`: a Telegram bot of the shop."""
    monkeypatch.setattr(
        "bots.services.agent_telegram.transaction.on_commit", lambda function: function()
    )

    def make(shop: Any) -> Any:
        with shop.inside():
            channel = channels.channel_create(
                kind="telegram", name="Bot", bot=shop.bot, secrets={"token": TOKEN},
                base_url=telegram.url,
            )  # fmt: skip
            assert channels.channel_connect(channel).ok
            channel.refresh_from_db()
        return channel

    return make


def start(shop: Any, channel: Any, code: str, chat: int = 101) -> None:
    with shop.inside():
        apply(channel, 77, BuyerMessage(
            external_id=f"s{code[-3:]}", chat=str(chat), text="/start", name="Ann", username="ann",
            is_start=True, data={"deep_link": code},
        ))  # fmt: skip


def code_of(desk: Any, user: Any) -> str:
    answer = desk.api(user).post("/api/v1/desk/notices/telegram/", {}, format="json")
    assert answer.status_code == 200, answer.content
    return re.search(r"\?start=([\w-]{1,64})$", answer.json()["link"])[1]  # type: ignore[index]


def test_a_link_connects_once_and_notices_come_with_a_button(
    alpha, beta, desk_of, bot_of, telegram
):
    ours, channel = desk_of(alpha), bot_of(alpha)
    telegram.chat(101)
    ann, lead = ours.person("ann"), ours.person("lead", "supervisor")
    code = code_of(ours, ann)
    start(alpha, channel, code)
    page = ours.api(ann).get("/api/v1/desk/notices/").json()["telegram"]
    assert (page["is_connected"], page["name"]) == (True, "ann")
    assert telegram.sent[-1]["text"].startswith("Connected, ann.")
    start(alpha, channel, code, chat=202)  # the same link again, from elsewhere
    with alpha.inside():
        assert not Contact.objects.filter(channel=channel).exists()
        kept = AgentProfile.objects.get(user=ann).prefs["notices"]["telegram"]
        assert kept["chat"] == "101"
    talk = ours.talk()
    with alpha.inside():
        assignment.assign(talk.pk, to=ann, by=lead)
    before = len(telegram.sent)
    ours.work()

    [told] = telegram.sent[before:]
    assert told["text"] == "A chat for you\nVera: Where is my order?"
    [[button]] = told["reply_markup"]["inline_keyboard"]
    assert button["text"] == "Open the chat"
    assert (
        button["url"].endswith(f"{alpha.host}/console/#{talk.pk}") or str(talk.pk) in button["url"]
    )
    with beta.inside():
        assert not Notice.objects.exists()


@pytest.mark.parametrize("how", ["late", "another_bot", "invented", "another_merchant"])
def test_a_wrong_link_connects_nobody(alpha, beta, desk_of, bot_of, telegram, how):
    ours, channel = desk_of(alpha), bot_of(alpha)
    telegram.chat(101)
    ann = ours.person("ann")
    code = code_of(ours, ann)
    shop = alpha
    if how == "late":
        with alpha.inside():
            profile = AgentProfile.objects.get(user=ann)
            past = (timezone.now() - timedelta(seconds=1)).isoformat()
            profile.prefs["notices"]["telegram_code"]["until"] = past
            profile.save()
    elif how == "another_bot":
        channel = bot_of(alpha)
    elif how == "invented":
        code = f"agent-{ann.pk}-{'A' * 24}"
    else:
        shop, channel = beta, bot_of(beta)
    start(shop, channel, code)

    page = ours.api(ann).get("/api/v1/desk/notices/").json()["telegram"]
    assert page["is_connected"] is False
    with shop.inside():
        assert not Contact.objects.filter(channel=channel).exists()


def test_either_side_ends_it(alpha, desk_of, bot_of, telegram):
    ours, channel = desk_of(alpha), bot_of(alpha)
    telegram.chat(101)
    ann = ours.person("ann")

    def connected() -> bool:
        return ours.api(ann).get("/api/v1/desk/notices/").json()["telegram"]["is_connected"]

    start(alpha, channel, code_of(ours, ann))
    assert connected()
    with alpha.inside():
        apply(channel, 77, BuyerMessage(external_id="s", chat="101", text="/stop"))
    assert not connected()
    start(alpha, channel, code_of(ours, ann))
    assert ours.api(ann).delete("/api/v1/desk/notices/telegram/").status_code == 204
    assert not connected()
    start(alpha, channel, code_of(ours, ann))
    telegram.buyer_blocks(101)
    ours.talk(speaker="agent", agent=ann, handover_reason="")
    ours.set(ann, ways={"reply": {"telegram": True}})
    ours.talk(speaker="agent", agent=ann)
    ours.work()
    assert not connected()


def test_without_a_bot_of_the_shop_there_is_no_link(alpha, desk_of):
    ours = desk_of(alpha)
    answer = ours.api(ours.person("ann")).post("/api/v1/desk/notices/telegram/", {}, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_bot")
