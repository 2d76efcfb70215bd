"""The console as an agent uses it: a real server, real sockets, Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from bots.channels.web import wire
from bots.engine.base import Answer, Decision, Reason, Source
from bots.models import Message
from bots.services.accept import accept

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A folder to keep pictures in while the look is worked on.
SHOTS = os.environ.get("SHOTS", "")


@pytest.fixture
def desk_of(chromium, product) -> Iterator[Any]:
    """`desk_of(alpha, "agent")` → a page of the console with that person's session."""
    contexts = []

    def make(shop: Any, role: str, **more: Any) -> Any:
        client = Client(HTTP_HOST=shop.host)
        with shop.inside():
            client.force_login(shop.user(role), backend="tenants.workspace.auth.RoleBackend")
        more = {"viewport": {"width": 1440, "height": 900}, "locale": "ru-RU", **more}
        context = chromium.new_context(**more)
        contexts.append(context)
        url = f"http://{shop.host}:{product.port}"
        session = client.cookies["session"].value
        context.add_cookies([{"name": "session", "value": session, "url": url}])
        page = context.new_page()
        page.troubles = []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on(
            "console",
            lambda m: page.troubles.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.goto(f"{url}/console/")
        return page

    yield make
    for context in contexts:
        context.close()


def says(shop: Any, text: str, *, visitor: str = "v1", name: str = "Анна") -> None:
    """A buyer writes in the site's chat; the product's own workers do the rest."""
    says.count += 1  # type: ignore[attr-defined]
    frame = {"key": f"console-key-{says.count:08}", "text": text}  # type: ignore[attr-defined]
    envelope = wire.say(visitor, frame, name=name)
    with shop.inside():
        accept(shop.channel.pk, [envelope], ring=False)


says.count = 0  # type: ignore[attr-defined]


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"console-{name}.png"))


def sent(shop: Any) -> list[tuple[str, str]]:
    with shop.inside():
        return list(
            Message.objects.exclude(author="system").order_by("seq").values_list("author", "text")
        )


def test_an_agent_takes_over_answers_and_gives_back(desk_of, alpha, answers):
    source = Source("article", 1, "delivery", "Доставка")
    answers.append(Answer("Два дня.", "ru", Decision.ANSWER, sources=(source,), provider="test"))
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))
    page = desk_of(alpha, "agent")
    page.get_by_text("Никто не ждёт").wait_for()
    shot(page, "empty")

    # What the bot does by itself is in its own view; who asks for a person appears here.
    says(alpha, "Сколько идёт доставка?")
    page.get_by_role("tab", name="С ботом").click()
    page.locator(".row", has_text="Два дня.").wait_for()
    page.get_by_role("tab", name="Ждут ответа").click()
    says(alpha, "Позовите человека?")
    row = page.locator(".row", has_text="Анна")
    row.wait_for()
    row.click()
    page.locator(".bubble.in", has_text="Позовите человека").wait_for()
    page.locator(".bubble.note", has_text="Спрашивает:").wait_for()
    shot(page, "queue")

    page.get_by_role("button", name="Взять").click()
    page.locator(".thread .chip", has_text="Вы").wait_for()
    field = page.get_by_label("Ответ", exact=True).last
    field.fill("Здравствуйте, чем помочь?")
    field.press("Control+Enter")
    page.locator(".bubble.out.by-agent", has_text="чем помочь").wait_for()

    # A note stays inside.
    page.get_by_role("button", name="Заметка").click()
    page.get_by_label("Заметка", exact=True).last.fill("Постоянный покупатель")
    page.get_by_role("button", name="Сохранить заметку").click()
    page.locator(".bubble.note", has_text="Постоянный").wait_for()
    shot(page, "agent")

    # Back to the bot, with a word to it; then the end.
    page.get_by_role("button", name="Вернуть боту").click()
    page.get_by_label("Что сказать боту").fill("Предложи самовывоз")
    page.locator(".ask .main").click()
    page.locator(".thread .chip.bot").wait_for()
    page.get_by_role("button", name="Решить").click()
    page.locator(".event", has_text="Диалог решён").wait_for()

    assert ("agent", "Здравствуйте, чем помочь?") in sent(alpha)
    assert page.troubles == []


def test_two_agents_see_each_other_and_the_second_is_told(desk_of, alpha, answers):
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))
    says(alpha, "Человека, пожалуйста?")
    first, second = desk_of(alpha, "agent"), desk_of(alpha, "supervisor")
    for page in (first, second):
        page.locator(".row", has_text="Анна").click()
        page.locator(".bubble.in").wait_for()

    first.get_by_role("button", name="Взять").click()
    first.locator(".thread .chip", has_text="Вы").wait_for()
    second.get_by_role("button", name="Взять").click()

    second.locator(".notice", has_text="уже отвечает этому покупателю").wait_for()
    shot(second, "taken")
    second.locator(".notice").get_by_role("button", name="Забрать").click()
    second.locator(".thread .chip", has_text="Вы").wait_for()


def test_what_is_typed_without_a_line_goes_once_when_it_is_back(desk_of, alpha, answers):
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))
    says(alpha, "Человека, пожалуйста?")
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").click()
    page.locator(".bubble.in").wait_for()
    page.get_by_role("button", name="Взять").click()
    page.locator(".thread .chip", has_text="Вы").wait_for()

    page.context.set_offline(True)
    field = page.get_by_label("Ответ", exact=True).last
    field.fill("Отвечаю без связи")
    field.press("Control+Enter")
    page.locator(".bubble.is-waiting").wait_for()
    page.context.set_offline(False)

    page.locator(".bubble.out:not(.is-waiting)", has_text="Отвечаю без связи").wait_for()
    assert sent(alpha).count(("agent", "Отвечаю без связи")) == 1


def test_the_console_of_another_merchant_stays_empty(desk_of, alpha, beta, answers):
    says(alpha, "Вопрос про доставку?")
    page = desk_of(beta, "owner")

    page.get_by_role("tab", name="Все").click()

    page.get_by_text("Здесь пусто").wait_for()
    assert page.locator(".row").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_one_pane_at_a_time(desk_of, alpha, answers, scheme):
    answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))
    says(alpha, "Человека, пожалуйста? " + "Очень длинное сообщение. " * 20)
    page = desk_of(alpha, "agent", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    row = page.locator(".row", has_text="Анна")
    row.wait_for()
    shot(page, f"phone-list-{scheme}")
    row.click()
    page.locator(".bubble.in").wait_for()
    shot(page, f"phone-thread-{scheme}")

    assert page.locator(".list").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_title("К списку").click()
    row.wait_for()
