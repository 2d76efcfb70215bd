"""What is said aloud: numbers and codes in, speech out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channels.base import Button, Reply
from bots.channels.voice import (
    INTENTS,
    Memory,
    alice_tts,
    command,
    sentence,
    shortened,
    speakable,
    spoken_reply,
    ssml,
)
from bots.channels.voice_numbers import digits

HEARD = {
    "ru": [
        ("где мой заказ тысяча двести тридцать четыре", "где мой заказ 1234"),
        ("заказ номер двенадцать тридцать четыре", "заказ номер 1234"),
        ("заказ номер сорок тысяч пятьсот", "заказ номер 40500"),
        ("заказ семь два семь", "заказ 727"),
        ("заказ 12 34", "заказ 1234"),
        ("Где заказ а бэ двенадцать тридцать четыре", "Где заказ АБ1234"),
        ("заказ эй би тире семь два семь", "заказ AB-727"),
        ("двенадцать тридцать четыре", "1234"),
        (
            "телефон восемь девятьсот шестнадцать сто двадцать три ноль пять шестьдесят семь",
            "телефон 89161230567",
        ),
        ("есть сорок шестой размер?", "есть 46 размер?"),
        ("есть размеры сорок два сорок четыре", "есть размеры 42 44"),
        ("тридцать шесть с половиной есть?", "36,5 есть?"),
        ("до пяти тысяч рублей", "до 5000 рублей"),
        ("до 5 тысяч рублей", "до 5000 рублей"),
        ("второй", "вариант 2"),
        ("давай первый вариант", "вариант 1"),
        ("один", "1"),
        # not numbers, or not ours to join
        ("у меня один вопрос", "у меня один вопрос"),
        ("тысяча извинений", "тысяча извинений"),
        ("размеры 42, 44", "размеры 42, 44"),
        ("закажи два размера сорок два", "закажи два размера 42"),
        ("Есть 46 размер?", "Есть 46 размер?"),
        ("и у меня а вы", "и у меня а вы"),
    ],
    "en": [
        ("where is my order twelve thirty four", "where is my order 1234"),
        ("order number one thousand two hundred and thirty four", "order number 1234"),
        ("order oh five", "order 05"),
        ("my order is a b one two oh five", "my order is AB1205"),
        ("order A. B. 12 34", "order AB1234"),
        ("order alpha bravo dash seven two seven", "order AB-727"),
        ("order number double oh seven", "order number 007"),
        ("do you have size ten and a half", "do you have size 10.5"),
        ("size forty two or forty-four", "size 42 or 44"),
        ("two thousand twenty four", "2024"),
        ("the second one", "option 2"),
        ("no one answered", "no one answered"),
        ("wait a second", "wait a second"),
        ("I want one", "I want one"),
    ],
}


@pytest.mark.parametrize(
    ("lang", "said", "heard"), [(lang, *pair) for lang, pairs in HEARD.items() for pair in pairs]
)
def test_numbers_and_codes_as_people_say_them(lang, said, heard):
    assert digits(said, lang) == heard
    assert digits(heard, lang) == heard


@given(st.integers(0, 1_999_999))
def test_any_number_said_in_russian_is_understood(number):
    assert digits(f"мне {_in_words(number)} рублей", "ru") in (
        f"мне {number} рублей",
        f"мне {_in_words(number)} рублей",  # a small one alone stays a word
    )
    assert digits(f"заказ {_in_words(number)}", "ru") == f"заказ {number}"


def _in_words(number: int) -> str:
    ones = "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать "
    ones += "тринадцать четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать"
    tens = "- - двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"
    hundreds = "- сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот"
    words = []
    for power, name in ((1_000_000, "миллион"), (1000, "тысяч"), (1, "")):
        part, number = divmod(number, power)
        if not part:
            continue
        if part >= 100:
            words.append(hundreds.split()[part // 100])
        if part % 100 >= 20:
            words.append(tens.split()[part % 100 // 10])
            part = part % 10
        if part % 100:
            words.append(ones.split()[part % 100])
        words.append(name)
    return " ".join(filter(None, words)) or "ноль"


SPOKEN = {
    "ru": [
        ("**Свитер** стоит 4 990 ₽.", "Свитер стоит 4990 рублей."),
        ("Цена 1 234,50 ₽, было 2 001 руб.", "Цена 1234 рубля 50 копеек, было 2001 рубль."),
        ("Подробнее: https://shop.ru/a?b=1 Да.", "Да."),
        ("[Размеры](https://shop.ru/s) есть.", "Размеры есть."),
        ("Есть S, M и XL.", "Есть эс, эм и икс эль."),
        ("Вес 1,5 кг, 20×30 см.", "Вес 1,5 килограмма, 20 на 30 сантиметров."),
        ("Пн–пт 10:00–20:00, вс — выходной",
         "с понедельника по пятницу с 10:00 до 20:00, воскресенье — выходной."),
        ("ул. Ленина, д. 5, т. е. рядом", "улица Ленина, дом 5, то есть рядом."),
        ("Звоните +7 (916) 123-45-67", "Звоните плюс 7, 916, 123, 45, 67."),
        ("Заказ №1027345 едет 😀", "Заказ 1 0 2 7 3 4 5 едет."),
        ("<b>Да</b> & нет", "Да и нет."),
        ("1. Оформить\n2. Отменить", "1: Оформить. 2: Отменить."),
    ],
    "en": [
        ("It costs $12.50 or 1 €.", "It costs 12 dollars 50 cents or 1 euro."),
        ("Mon–Fri 9:00-18:00.", "Monday to Friday from 9:00 to 18:00."),
        ("Size XXL & M, 2 kg.", "Size extra extra large and medium, 2 kilograms."),
        ("I'm here, it can't rain in the sun.", "I'm here, it can't rain in the sun."),
        ("Order #AB-727 left, e.g. today", "Order A B 727 left, for example, today."),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "text", "said"), [(lang, *pair) for lang, pairs in SPOKEN.items() for pair in pairs]
)
def test_a_text_is_said_in_words(lang, text, said):
    assert speakable(text, lang).text == said


def test_only_what_a_listener_keeps_in_mind_is_said():
    spoken = speakable("Раз. Два. Три. Четыре. Пять.", "ru")

    assert (spoken.text, spoken.is_cut) == ("Раз. Два. Три.", True)
    long = speakable("слово " * 500, "ru", limit=100)
    assert len(long.text) <= 100 and long.is_cut


@given(st.text(max_size=400), st.sampled_from(["ru", "en"]))
def test_no_text_breaks_the_voice(text, lang):
    spoken = speakable(text, lang, limit=200)
    assert len(spoken.text) <= 200
    assert not set("<>[]*`") & set(spoken.text)
    digits(text, lang)
    command(text, lang)
    assert "<" not in ssml(spoken.text).removeprefix("<speak>").removesuffix("</speak>").replace(
        '<break time="300ms"/>', ""
    )
    assert len(alice_tts(text, 300)) <= 300


def test_what_is_not_said_and_what_may_be_chosen_is_told():
    reply = Reply(
        "1",
        "Есть три. Вот они. Смотрите. И ещё один.",
        buttons=(Button("Размер 46", "s:46"), Button("Сайт", url="https://a.ru")),
    )

    speaker = spoken_reply(reply, "ru", has_screen=False, rest="rest_ask").text
    screen = spoken_reply(reply, "ru", has_screen=True, rest="rest_on_screen").text

    assert speaker.endswith("Спросите подробнее, и я продолжу. Можно сказать: Размер 46."), speaker
    assert screen == "Есть три. Вот они. Смотрите. Остальное на экране."


@pytest.mark.parametrize(
    ("lang", "said", "meant"),
    [
        ("ru", "Ну что?", "nudge"), ("ru", "готово", "nudge"), ("ru", "Что?", "repeat"),
        ("ru", "Повтори, пожалуйста", "repeat"), ("ru", "хватит", "stop"), ("ru", "Помощь", "help"),
        ("ru", "что ты умеешь", "help"), ("ru", "привяжи аккаунт", "link"),
        ("ru", "повтори заказ", ""), ("ru", "что там с заказом", ""), ("ru", "стоп-линия", ""),
        ("en", "Is it ready?", "nudge"), ("en", "stop", "stop"), ("en", "help", "help"),
        ("en", "what did you say", "repeat"), ("en", "what did you sell", ""),
    ],
)  # fmt: skip
def test_words_to_the_assistant_itself(lang, said, meant):
    assert command(said, lang) == meant


def test_an_intent_is_a_sentence_of_the_buyer():
    assert sentence("order_status", "ru", "двенадцать тридцать четыре") == "Где мой заказ 1234?"
    assert sentence("order_status", "en") == "Where is my order?"
    assert sentence("in_stock", "en", "wool sweater size ten") == (
        "Is wool sweater size 10 in stock?"
    )
    assert sentence("of_tomorrow", "en") == ""
    for intent in INTENTS:
        for lang in ("ru", "en"):
            assert sentence(intent.code, lang) and intent.chip[lang] and intent.samples[lang]


def test_a_session_remembers_within_its_size():
    reply = Reply("1", "Да", buttons=tuple(Button(f"Вариант {n}", "п" * 150) for n in range(10)))
    kept = Memory.of(reply, "слово " * 300).packed(1000)

    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= 1000
    again = Memory.read(json.loads(json.dumps(kept)))
    assert again.payload_of("вариант 0") == "п" * 150 == again.payload_of("1")
    assert Memory.read({"said": 5, "choices": [1, [2, 3], ["a"]]}) == Memory()
    assert Memory().packed(1000) == {}


def test_a_text_is_cut_at_a_sentence():
    assert shortened("Первое предложение. Второе предложение.", 25) == "Первое предложение."
    assert shortened("одно длинное предложение", 15) == "одно длинное…"
