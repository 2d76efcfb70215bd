"""A template's button that opens a page: the same page in the chat, in Telegram and by API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from bots.channels.telegram.simulator import TOKEN, TelegramSimulator
from bots.models import Conversation, Message, Template
from bots.selectors.threads import as_seen
from bots.services.channels import channel_connect, channel_create
from tenants.kernel import due
from tenants.kernel.simulate import serve_simulator
from tenants.models import Due

pytestmark = pytest.mark.django_db

SIZES = "https://shop.example/sizes?from=chat"
TEMPLATE = {
    "code": "sizes",
    "name": "Размеры",
    "texts": {"ru": "Размеры в таблице."},
    "phrases": ["какие есть размеры"],
    "buttons": [{"title": "Таблица", "url": SIZES}, {"title": "Позвать человека"}],
}


@pytest.fixture
def template(alpha, api_of) -> int:
    answer = api_of(alpha).post("/api/v1/templates/", TEMPLATE, format="json")
    assert answer.status_code == 201, answer.content
    return int(answer.json()["id"])


@pytest.fixture
def telegram(alpha, monkeypatch) -> Iterator[TelegramSimulator]:
    monkeypatch.setattr("bots.services.polling.WAIT_S", 0.1)
    simulator = TelegramSimulator()
    with serve_simulator(simulator) as url, alpha.inside():
        channel = channel_create(
            kind="telegram", name="T", bot=alpha.bot, secrets={"token": TOKEN}, base_url=url
        )
        assert channel_connect(channel).ok
        simulator.channel = channel  # type: ignore[attr-defined]
        yield simulator


def work(shop, channel) -> None:
    """What workers do: fetch, apply, answer, deliver."""
    for _round in range(6):
        Due.objects.filter(schema=shop.schema, kind="poll").update(due_at=timezone.now())
        due.take(shop.schema, "poll", channel.pk)
        for schema, kind, number in due.overdue(grace_s=-0.01):
            if kind in ("inbox", "turn", "deliver"):
                due.take(schema, kind, number)


def keyboard(telegram: TelegramSimulator) -> list:
    return telegram.sent[-1]["reply_markup"]["inline_keyboard"]


def test_the_bots_answer_carries_the_page_to_telegram_and_to_the_chat(alpha, template, telegram):
    telegram.buyer_says("Какие есть размеры?")

    work(alpha, telegram.channel)

    assert telegram.texts() == ["Размеры в таблице."]
    assert keyboard(telegram) == [
        [{"text": "Таблица", "url": SIZES}],
        [{"text": "Позвать человека", "callback_data": "Позвать человека"}],
    ]
    shown = as_seen(Message.objects.get(author="bot"))
    assert shown["buttons"] == [
        {"title": "Таблица", "url": SIZES},
        {"title": "Позвать человека", "payload": "Позвать человека"},
    ]


def test_an_agents_template_brings_its_buttons(alpha, api_of, template, telegram):
    telegram.buyer_says("Позовите человека")
    work(alpha, telegram.channel)
    talk = Conversation.objects.get()

    sent = api_of(alpha, "agent").post(
        f"/api/v1/conversations/{talk.pk}/reply/",
        {"text": "Вот таблица.", "template_id": template},
        format="json",
    )
    work(alpha, telegram.channel)

    assert sent.status_code == 201, sent.content
    assert telegram.texts()[-1] == "Вот таблица."
    assert keyboard(telegram)[0] == [{"text": "Таблица", "url": SIZES}]


def test_an_odd_address_kept_from_before_is_a_plain_button(alpha, template, telegram):
    Template.objects.update(buttons=[{"title": "Плохая", "url": "javascript:alert(1)"}])
    telegram.buyer_says("Какие есть размеры?")

    work(alpha, telegram.channel)

    assert keyboard(telegram) == [[{"text": "Плохая", "callback_data": "Плохая"}]]


def test_the_preview_names_titles_and_pages(alpha, api_of, template):
    body = {"messages": [{"role": "buyer", "text": "Какие есть размеры?"}]}
    answer = api_of(alpha).post(f"/api/v1/bots/{alpha.bot.pk}/preview/", body, format="json")
    assert answer.json()["buttons"] == ["Таблица", "Позвать человека"]
    assert answer.json()["links"] == [{"title": "Таблица", "url": SIZES}]
