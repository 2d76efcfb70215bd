from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from bots.channels.alice.adapter import Alice
from bots.channels.alice.simulator import SKILL_ID, AliceSimulator
from bots.channels.base import Button, BuyerMessage, Config, Inbound, Reply
from bots.models import Message
from tests.channels.aloud import aloud
from tests.engine.conftest import answers

__all__ = ["answers"]

CARD = {"title": "Свитер", "price": "4 990 ₽", "stock": "есть", "url": "https://shop.ru/1"}


def adapter(**settings: Any) -> Alice:
    settings = {"skill_id": SKILL_ID, **settings}
    return Alice(Config(1, "m_x", settings, {"hook": "h"}))


def said(request: Inbound) -> BuyerMessage:
    ours = adapter()
    ours.verify(request)
    (envelope,) = ours.envelopes(request)
    (message,) = ours.parse(json.loads(json.dumps(envelope.payload)))
    assert isinstance(message, BuyerMessage)
    return message


def told(device: AliceSimulator, request: Inbound, reply: Reply | None) -> tuple[Any, Any]:
    """What the device plays and the answer's JSON."""
    status, body, _ = adapter().speak(request, reply)
    return device.played(status, body), json.loads(body)


def at_once(device: AliceSimulator, request: Inbound) -> Any:
    body = adapter().instant(request)
    return body and device.played(200, body)


# ── in ──
def test_words_come_with_numbers_in_figures_and_the_account_as_the_buyer():
    message = said(AliceSimulator().call("Где мой заказ двенадцать тридцать четыре"))

    assert (message.text, message.chat) == ("Где мой заказ 1234", "AA01")
    assert said(AliceSimulator(user="").call("Где заказ")).chat == "BB01"


def test_nothing_of_the_platforms_tokens_is_stored():
    device = AliceSimulator(token="secret-token")
    ours, request = adapter(), device.call("Где заказ")

    assert "secret-token" not in json.dumps([one.payload for one in ours.envelopes(request)])


def test_opening_the_skill_greets_and_opening_it_with_a_question_answers():
    device = AliceSimulator()
    opened, asked = said(device.call("")), said(AliceSimulator().call("есть свитер"))

    assert opened.is_start and not asked.is_start
    assert asked.text == "есть свитер"


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("ping", "Здравствуйте!"), ("Помощь", "Я помощник магазина."), ("Хватит", "До свидания!"),
        ("Повтори", "Я ещё ничего не говорила."), ("…", "Не расслышала вопрос."),
    ],
)  # fmt: skip
def test_what_needs_no_model_is_answered_at_once(words, heard):
    device = AliceSimulator()
    device.count = 1

    answer = at_once(device, device.call(words))

    assert answer.spoken.startswith(heard)
    assert answer.ends == (words == "Хватит")


def test_a_question_is_not_answered_at_once():
    assert adapter().instant(AliceSimulator().call("есть свитер")) is None


def test_repeating_says_what_was_said_last():
    device = AliceSimulator()
    heard, _ = told(device, device.call("есть свитер"), Reply("AA01", "Да, **4 990 ₽**."))

    assert heard.spoken == "Да, 4990 рублей."
    assert heard.shown == "Да, 4 990 ₽."
    assert at_once(device, device.call("повтори")).spoken == "Да, 4990 рублей."
    # and once more: every answer gives the memory back
    assert at_once(device, device.call("ещё раз")).spoken == "Да, 4990 рублей."


def test_a_button_is_pressed_or_said_by_its_title_or_its_place():
    device = AliceSimulator()
    buttons = (Button("Размер 46", "size:46"), Button("Сайт", url="https://shop.ru"))
    _, answer = told(device, device.call("есть?"), Reply("AA01", "Какой?", buttons=buttons))

    assert answer["response"]["buttons"] == [
        {"title": "Размер 46", "payload": {"p": "size:46", "t": "Размер 46"}, "hide": True},
        {"title": "Сайт", "url": "https://shop.ru", "hide": False},
    ]
    for request in (device.press(0), device.call("размер 46"), device.call("первый вариант")):
        assert said(request).payload == "size:46"
    assert said(device.press(0)).text == "Размер 46"
    assert said(device.call("размер 48")).payload == ""


def test_goods_are_a_list_on_the_screen_and_are_named_aloud():
    device = AliceSimulator()
    heard, answer = told(device, device.call("свитер?"), Reply("AA01", "Вот:", cards=(CARD,)))

    assert heard.spoken == "Вот: Свитер, 4990 рублей, есть."
    (item,) = answer["response"]["card"]["items"]
    assert item == {
        "title": "Свитер",
        "description": "4 990 ₽, есть",
        "button": {"url": "https://shop.ru/1"},
    }
    long = Reply("AA01", "Вот что нашлось. " * 5, cards=(CARD,))
    _, answer = told(device, device.call("свитер?"), long)
    assert "card" not in answer["response"]
    assert "Свитер\n4 990 ₽\nесть" in answer["response"]["text"]


def test_late_means_a_moment_please_and_a_long_text_is_cut():
    device = AliceSimulator()
    heard, answer = told(device, device.call("есть?"), None)
    assert heard.spoken.startswith("Секунду, уточняю.")
    assert answer["response"]["buttons"] == [{"title": "Ну что?", "hide": True}]
    assert said(device.press(0)).is_nudge

    heard, answer = told(device, device.call("есть?"), Reply("AA01", "Очень длинно. " * 400))
    assert len(heard.shown) <= 1024
    assert heard.spoken.endswith("Остальное на экране.")


def test_signs_of_the_platforms_markup_are_not_played():
    device = AliceSimulator()
    heard, answer = told(
        device, device.call("?"), Reply("AA01", '<speaker audio="x"> +7 sil <[9]>')
    )

    assert "speaker audio" not in answer["response"]["tts"]
    assert "плюс 7" in heard.spoken


def test_an_account_is_linked_on_request_and_that_is_confirmed():
    device = AliceSimulator()

    assert at_once(device, device.call("привяжи аккаунт")).shown == "linking"
    request = device.calls_with(None, account_linking_complete_event={})
    assert at_once(device, request).spoken.startswith("Готово")


def test_the_time_for_an_answer_is_the_accounts_own():
    assert adapter().manifest.reply_within_s == 3.0
    assert adapter(answer_within_s=2.5).manifest.reply_within_s == 2.5
    for odd in (60, 0, -1, "x", float("nan"), None):
        assert adapter(answer_within_s=odd).manifest.reply_within_s == 3.0


def test_other_kinds_are_answered_and_stored_nowhere():
    device, ours = AliceSimulator(), adapter()
    request = device.calls_with({"type": "Show.Pull", "show_type": "MORNING"})

    assert ours.envelopes(request) == []
    status, body, _ = ours.hook_answer(request)
    device.played(status, body)


# ── the whole way ──
@pytest.mark.django_db(transaction=True)
def test_a_talk_with_a_late_answer(transactional_db, alpha, beta, answers):
    go = threading.Event()

    def late(turn: Any) -> str:
        go.wait(10)
        return "Да, 4 990 ₽."

    settings = {"skill_id": SKILL_ID, "answer_within_s": 3.5}
    with aloud(alpha, "alice", AliceSimulator(), settings) as shop:
        assert shop.says("").spoken == "re: /start."
        assert shop.says("ping").spoken.startswith("Здравствуйте")
        answers.append(late)
        assert shop.says("есть свитер").spoken.startswith("Секунду")
        go.set()
        assert shop.says("ну что").spoken == "Да, 4990 рублей."
        assert shop.says("повтори").spoken == "Да, 4990 рублей."
        assert [text for _, _, text in shop.thread()] == [
            "/start", "re: /start", "есть свитер", "Да, 4 990 ₽.",
        ]  # fmt: skip
        assert shop.posts(AliceSimulator("another-skill").call("Где заказ"))[0] == 403
        with beta.inside():
            assert not Message.objects.exists()
