"""What becomes of messages in the console: translated, changed, taken back, put into words.

And who is on the site, whom nobody answered, and how many each list holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from bots.engine.base import Answer, Decision, Reason
from bots.models import Attachment, Channel, Conversation, Message
from bots.services import places, visits, wording
from bots.services.desk_settings import settings_forget
from tenants.kernel.files import file_save
from tests.browser.hands import Keyboard, says, shot, until
from tests.live.conftest import Browser
from tests.live.test_visits import SHOP, beat

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KAZAKH = "Тапсырысым қайда? Нөмірі 727"
WORDS = {
    KAZAKH: "Где мой заказ? Номер 727",
    "Придёт завтра до 14:00": "Ертең келеді, 14:00 дейін",
}


@pytest.fixture(autouse=True)
def _fresh():
    settings_forget()
    yield
    settings_forget()


@pytest.fixture
def pen(monkeypatch) -> SimpleNamespace:
    """A model that knows WORDS; `pen.fails` makes it refuse."""
    made = SimpleNamespace(fails=False)

    def write(_system: str, text: str, **_more: Any) -> SimpleNamespace:
        if made.fails:
            raise wording.PenFailed("Модель не ответила.", can_retry=True)
        return SimpleNamespace(text=WORDS.get(text, text.upper()), provider="test")

    monkeypatch.setattr(wording, "write", write)
    monkeypatch.setattr(wording, "why_no_model", lambda _conversation: "")
    return made


def handed(answers: list[Any], count: int = 1) -> None:
    for _ in range(count):
        answers.append(Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test"))


def field(page: Any) -> Any:
    return page.locator(".composer textarea:not([aria-label='Изменить'])").last


def replies(shop: Any) -> list[Message]:
    with shop.inside():
        return list(Message.objects.filter(author="agent").order_by("seq"))


def shown(page: Any, name: str) -> None:
    """Pictures: wide and as on a phone."""
    shot(page, f"console-{name}")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(200)
    shot(page, f"console-{name}-phone")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_a_talk_in_two_languages_shows_both_and_a_failure_stops_nobody(
    desk_of, alpha, beta, answers, pen
):  # fmt: skip
    handed(answers)
    says(alpha, KAZAKH)
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").click()
    page.locator(".bubble.in", has_text=KAZAKH).wait_for()
    page.get_by_label("Переводить диалог").click()

    # What the buyer said: translated, with the original one press away.
    heard = page.locator(".bubble.in", has_text="Где мой заказ")
    heard.wait_for()
    heard.get_by_role("button", name="Показать оригинал").click()
    page.locator(".bubble.in", has_text=KAZAKH).wait_for()
    page.get_by_text("Пишете: русский → уйдёт: казахский").wait_for()

    # What is said to them: looked at first, sent by the second press.
    field(page).fill("Придёт завтра до 14:00")
    field(page).press("Control+Enter")
    page.locator(".preview-box", has_text="Ертең келеді, 14:00 дейін").wait_for()
    assert replies(alpha) == []
    shown(page, "translation")
    field(page).press("Control+Enter")
    said = page.locator(".bubble.out.by-agent", has_text="Придёт завтра")
    said.get_by_role("button", name="Показать перевод").click()
    page.locator(".bubble.out.by-agent", has_text="Ертең келеді").wait_for()

    # The model is away: told in words, and the next press sends it as it is.
    pen.fails = True
    field(page).fill("Хорошего дня")
    field(page).press("Control+Enter")
    page.locator(".preview-box .failure", has_text="Модель не ответила.").wait_for()
    field(page).press("Control+Enter")
    page.locator(".bubble.out.by-agent", has_text="Хорошего дня").wait_for()
    until(page, "() => !document.querySelector('.bubble.is-waiting')")

    first, second = replies(alpha)
    assert (first.text, first.meta["original"]["text"]) == (
        "Ертең келеді, 14:00 дейін", "Придёт завтра до 14:00",
    )  # fmt: skip
    assert (second.text, "original" in second.meta) == ("Хорошего дня", False)
    assert replies(beta) == []
    page.get_by_label("Пишете:").click()
    page.get_by_label("Переводить диалог").wait_for()
    assert page.troubles == [] or all("409" in one for one in page.troubles)


def test_an_own_message_is_changed_and_taken_back_by_keyboard_too(
    desk_of, alpha, answers
):  # fmt: skip
    handed(answers)
    says(alpha, "Позовите человека?")
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").click()
    page.locator(".bubble.in").wait_for()
    field(page).fill("Придёт во вторник")
    field(page).press("Control+Enter")
    bubble = page.locator(".bubble.out.by-agent")
    bubble.filter(has_text="вторник").wait_for()
    page.locator(".bubble.by-agent:not(.is-waiting)", has_text="вторник").wait_for()

    # By keyboard: the arrow up in an empty field opens the last own one.
    field(page).press("ArrowUp")
    box = page.get_by_role("textbox", name="Изменить")
    box.fill("Придёт в среду")
    shown(page, "edit")
    box.press("Control+Enter")
    bubble.filter(has_text="в среду").wait_for()
    bubble.locator(".before summary").click()
    bubble.locator(".before p", has_text="Придёт во вторник").wait_for()
    shot(page, "console-edited")

    # By its menu; asked once, because the buyer's is gone for good.
    bubble.get_by_role("button", name="Что сделать с сообщением").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Удалить у покупателя").press("Enter")
    page.get_by_role("alertdialog").wait_for()
    shown(page, "delete")
    page.keyboard.press("Enter")
    bubble.get_by_text("Удалено у покупателя: Agent Alpha").wait_for()

    [message] = replies(alpha)
    assert message.deleted_at is not None
    assert (message.text, message.meta["before"]) == ("Придёт в среду", ["Придёт во вторник"])
    assert page.troubles == []


def test_a_channel_that_does_not_let_it_says_so(desk_of, alpha, answers, monkeypatch):
    from dataclasses import replace

    from bots.selectors import sendable

    known = dict(sendable.manifests())
    known["web"] = replace(known["web"], can_edit=False, delete_within_s=3600)
    monkeypatch.setattr(sendable, "manifests", lambda: known)
    handed(answers)
    says(alpha, "Позовите человека?")
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").click()
    page.locator(".bubble.in").wait_for()
    field(page).fill("Придёт во вторник")
    field(page).press("Control+Enter")
    page.locator(".bubble.out.by-agent .bubble-menu").wait_for()
    with alpha.inside():
        Message.objects.filter(author="agent").update(sent_at=timezone.now() - timedelta(hours=2))
    page.reload()
    menu = page.locator(".bubble.out.by-agent").get_by_role(
        "button", name="Что сделать с сообщением"
    )
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Изменить Канал этого не умеет").wait_for()
    late = page.get_by_role("menuitem", name="Удалить у покупателя Канал даёт на это 1 ч")
    assert late.get_attribute("aria-disabled") == "true"
    late.click(force=True)
    assert page.get_by_role("alertdialog").count() == 0


def test_voice_notes_are_heard_and_read_and_that_nobody_listens_is_told_once(
    desk_of, alpha, answers
):  # fmt: skip
    handed(answers, 4)
    for text in ("Раз", "Два", "Три", "Четыре"):
        says(alpha, text)
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").click()
    page.locator(".bubble.in", has_text="Четыре").wait_for()
    speeches: list[dict[str, Any]] = [
        {"transcript": "Где мой заказ"},
        {"speech": {"state": "failed", "detail": "Сервер занят."}},
        {"speech": {"state": "none", "detail": "Распознавание не подключено."}},
        {"speech": {"state": "none", "detail": "Распознавание не подключено."}},
    ]
    with alpha.inside():
        stored = file_save(b"OggS", name="v.ogg", purpose="message", mime="audio/ogg")
        said = Message.objects.filter(author="buyer").order_by("seq")
        for message, more in zip(said, speeches, strict=True):
            Attachment.objects.create(message=message, file=stored, kind="voice", **more)
    page.reload()

    page.locator(".transcript", has_text="Где мой заказ").wait_for()
    assert page.locator(".voice audio").count() == 4
    faster = page.get_by_role("button", name="1×").first
    faster.click()
    page.get_by_role("button", name="1.5×").wait_for()
    page.get_by_text("Не расшифровано: Сервер занят.").wait_for()
    assert page.get_by_text("Распознавание не подключено.").count() == 1
    assert page.get_by_role("button", name="Расшифровать").count() == 2
    shown(page, "voice")

    # Tried again: nothing is connected here, and that is what is said now.
    page.locator(".bubble", has_text="Сервер занят.").get_by_role("button", name="Ещё раз").click()
    until(page, "() => !document.body.innerText.includes('Сервер занят.')")
    with alpha.inside():
        assert set(
            Attachment.objects.filter(transcript="").values_list("speech__state", flat=True)
        ) == {"none"}


def test_who_is_on_the_site_is_written_to_first(desk_of, product, alpha, beta, answers):
    for key in visits._redis().scan_iter("*visit*"):
        visits._redis().delete(key)
    for shop in (alpha, beta):
        with shop.inside():
            Channel.objects.filter(kind="web").update(settings={"visitors": True})
    places._kept.clear()
    buyer = Browser(product.port, alpha.host, alpha.channel.route_key)
    stranger = Browser(product.port, beta.host, beta.channel.route_key)
    beat(stranger, "/secret")
    cart = {"items": [{"name": "Пальто", "qty": 2}], "total": "11990", "currency": "RUB"}
    beat(buyer, "/", about={"referrer": "https://search.example/q", "utm": {"utm_source": "ya"}})
    beat(buyer, "/coats", about={"cart": cart}, returning=True)

    page = desk_of(alpha, "agent")
    page.get_by_role("link", name="На сайте сейчас").click()
    row = page.locator(".visitors > li")
    row.wait_for()
    text = row.inner_text()
    for part in ("Page /coats", "был раньше", "Пальто × 2", "11", "search.example", "source: ya"):
        assert part in text, text
    assert row.count() == 1 and "secret" not in text
    shown(page, "visitors")

    row.get_by_role("button", name="Написать первым").click()
    page.get_by_role("textbox", name="Написать первым").fill("Подсказать размер?")
    shown(page, "visitors-write")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Передано: Подсказать размер?").wait_for()
    assert beat(buyer, "/coats")["greeting"]["text"] == "Подсказать размер?"
    assert f"{SHOP}/coats" in row.locator("a").first.get_attribute("href")
    with alpha.inside():
        assert not Conversation.objects.exists()
    assert page.troubles == []


def test_whom_nobody_answered_is_in_a_list_of_their_own(desk_of, alpha, answers):
    handed(answers)
    says(alpha, "Позовите человека?")
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").wait_for()
    page.get_by_role("tab", name="Пропущенные").click()
    page.get_by_text("Здесь пусто").wait_for()
    with alpha.inside():
        long_ago = timezone.now() - timedelta(minutes=20)
        Conversation.objects.update(waiting_since=long_ago)
    page.get_by_role("tab", name="Мои").click()
    page.get_by_role("tab", name="Пропущенные").click()
    row = page.locator(".row", has_text="никто не взял")
    row.click()
    page.locator(".notice.missed").wait_for()
    shown(page, "missed")
    page.get_by_role("button", name="Взять и написать").click()
    page.locator(".bubble.out.by-agent", has_text="Простите, что не ответили").wait_for()
    assert page.locator(".notice.missed").count() == 0


def test_figures_are_the_servers_also_after_a_break(desk_of, alpha, answers):
    def figure(page: Any) -> str:
        return page.get_by_role("tab", name="Ждут ответа").inner_text().split("\n")[-1]

    handed(answers, 3)
    page = desk_of(alpha, "agent")
    page.get_by_text("Никто не ждёт").wait_for()
    counted: list[str] = []
    page.on("request", lambda one: counted.append(one.url) if "/desk/?" in one.url else None)
    for n in range(2):
        says(alpha, "Позовите человека?", visitor=f"f{n}", name=f"Покупатель {n}")
    until(page, "() => document.title.startsWith('(2)')")
    assert figure(page) == "2"

    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    says(alpha, "Позовите человека?", visitor="f3", name="Третий")
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    until(page, "() => document.title.startsWith('(3)')")
    assert figure(page) == "3"


def test_a_window_counts_down_and_closes_by_itself(desk_of, alpha, answers):
    handed(answers)
    says(alpha, "Позовите человека?")
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").wait_for()
    with alpha.inside():
        Conversation.objects.update(window_expires_at=timezone.now() + timedelta(seconds=65))
    page.reload()
    page.locator(".row", has_text="Анна").click()
    clock = page.get_by_role("timer")
    clock.filter(has_text="1:0").wait_for()
    clock.filter(has_text="0:5").wait_for()
    with alpha.inside():
        Conversation.objects.update(window_expires_at=timezone.now() + timedelta(seconds=4))
    page.reload()
    page.get_by_role("timer").wait_for()

    page.get_by_text("написать можно, когда покупатель напишет сам").wait_for(timeout=8000)
    assert page.get_by_role("button", name="Выбрать шаблон").count() == 0
    shown(page, "window")


def test_a_dialogue_is_put_off_to_the_shops_own_times(desk_of, alpha, api_of, answers):
    handed(answers)
    says(alpha, "Позовите человека?")
    page = desk_of(alpha, "agent")
    page.locator(".row", has_text="Анна").click()
    page.locator(".bubble.in").wait_for()
    offered = api_of(alpha, "agent").get("/api/v1/desk/times/").json()["presets"]

    Keyboard(page).press("Alt+KeyM")
    choices = page.locator(".ask .choices button")
    choices.first.wait_for()
    assert choices.count() == len(offered) >= 1
    shown(page, "snooze")
    choices.last.click()
    page.get_by_role("tab", name="Отложенные").click()
    page.locator(".row", has_text="Анна").wait_for()

    with alpha.inside():
        snoozed = Conversation.objects.get().snoozed_until
    assert snoozed == datetime.fromisoformat(offered[-1]["at"])
