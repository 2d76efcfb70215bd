"""What a channel cannot show becomes words, the same words every time."""

from __future__ import annotations

import pytest

from bots.channels.base import Button, ChannelManifest, Reply
from bots.channels.rendering import chosen, degraded

PLAIN = ChannelManifest("plain", "Plain", "x.Y", buttons=0)
THREE = ChannelManifest("three", "Three", "x.Y", buttons=3, button_title=20)
RICH = ChannelManifest("rich", "Rich", "x.Y", buttons=8, shows_cards=True)
CARDS = (
    {"title": "Свитер «Север»", "price": "4 990 ₽", "stock": "в наличии", "url": "https://s.ru/1"},
    {"title": "Шарф", "price": "", "stock": None, "url": "https://s.ru/2"},
)
SIZES = (Button("46", "size:46"), Button("48", "size:48"), Button("Сайт", url="https://s.ru/"))


def test_cards_become_text_with_a_link():
    got = degraded(Reply("1", "Вот что есть:", cards=CARDS), PLAIN)

    assert got.cards == ()
    assert got.text == (
        "Вот что есть:\n\nСвитер «Север»\n4 990 ₽\nв наличии\nhttps://s.ru/1\n\nШарф\nhttps://s.ru/2"
    )


def test_buttons_become_a_numbered_list_and_links_by_name():
    got = degraded(Reply("1", "Какой размер?", buttons=SIZES), PLAIN)

    assert got.buttons == ()
    assert got.text == "Какой размер?\n\n1. 46\n2. 48\nСайт: https://s.ru/"


@pytest.mark.parametrize(
    "buttons",
    [
        tuple(Button(str(n), str(n)) for n in range(4)),
        (Button("Очень длинное название размера", "x"),),
    ],
)
def test_too_many_or_too_long_buttons_become_a_list(buttons):
    got = degraded(Reply("1", "?", buttons=buttons), THREE)

    assert got.buttons == ()
    assert all(button.title in got.text for button in buttons)


def test_what_the_channel_shows_is_left_alone():
    reply = Reply("1", "?", buttons=SIZES, cards=CARDS)

    assert degraded(reply, RICH) is not reply
    assert degraded(reply, RICH) == reply
    assert degraded(Reply("1", "Привет"), PLAIN) == Reply("1", "Привет")


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("2", "size:48"), (" 1. ", "size:46"), ("вариант 2", "size:48"), ("№2", "size:48"),
        ("option 1", "size:46"), ("3", None), ("0", None), ("46", None), ("2 штуки", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_number_is_the_choice_of_a_list(text, payload):
    found = chosen(text, SIZES, PLAIN)

    assert (found.payload if found else None) == payload


def test_a_number_is_a_number_where_buttons_were_shown():
    assert chosen("2", SIZES, RICH) is None
