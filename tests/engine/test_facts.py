"""The check of claims: what is found in a text, and what binds it."""

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.answerer.phrases import money
from bots.engine.facts import Record, check_claims, facts_in


def found(text):
    return [(fact.kind, fact.value, fact.unit) for fact in facts_in(text)]


def unbound(text, *records):
    return [(claim.kind, claim.value) for claim in check_claims(text, records)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6 290 ₽", [("price", "6290", "RUB")]),
        ("1,5 тыс. руб.", [("price", "1500", "RUB")]),
        ("$12.50", [("price", "12.5", "USD")]),
        ("от 2 990 до 5 990 ₽", [("price", "2990", "RUB"), ("price", "5990", "RUB")]),
        ("1–2 дня", [("number", "1", "day"), ("number", "2", "day")]),
        ("в течение десяти дней", [("number", "10", "day")]),
        ("two weeks", [("number", "2", "week")]),
        ("скидка 10 %", [("promise", "discount", ""), ("percent", "10", "")]),
        ("12 ноября", [("date", "11-12", "")]),
        ("12.11.2026", [("date", "2026-11-12", "")]),
        ("November 12, 2026", [("date", "2026-11-12", "")]),
        ("с 9:00 до 9pm", [("time", "09:00", ""), ("time", "21:00", "")]),
        ("размер 46 или XL", [("size", "46", ""), ("size", "XL", "")]),
        ("+7 (495) 000-17-17", [("phone", "4950001717", "")]),
        ("hi@shop.example", [("email", "hi@shop.example", "")]),
        ("https://shop.example/a?b=1.", [("link", "shop.example/a?b=1", "")]),
        ("бесплатно", [("promise", "free", "")]),
        ("вернём деньги", [("promise", "refund", "")]),
        ("we guarantee it", [("promise", "guarantee", "")]),
        ("чайник K2", [("code", "k2", "")]),
        ("Просто текст без чисел", []),
    ],
)
def test_claims_are_found(text, expected):
    assert found(text) == expected


def test_a_price_needs_the_price_of_a_record():
    record = Record("product:1", "", {"prices": [Decimal("6290.00")], "stock": 3})

    assert unbound("Стоит 6 290 ₽, осталось 3 штуки", record) == []
    assert unbound("Стоит 6 291 ₽", record) == [("price", "6291")]
    assert unbound("Стоит 3 ₽", Record("product:1", "", {"params": {"Вес": "3 кг"}})) == [
        ("price", "3")
    ]


def test_a_number_of_days_is_not_bound_by_centimetres():
    record = Record("article:a", "Полка 30 см, возврат 14 дней")

    assert unbound("Возврат 30 дней", record) == [("number", "30")]
    assert unbound("Возврат 14 дней", record) == []


def test_a_promise_is_bound_by_the_same_promise_only():
    record = Record("article:a", "Доставка бесплатная от 5 000 ₽")

    assert unbound("Привезём бесплатно", record) == [("promise", "deliver")]
    assert unbound("Гарантируем", record) == [("promise", "guarantee")]


def test_dates_and_times_of_fields_bind_however_they_are_written():
    record = Record("order:1", "", {"eta": date(2026, 12, 3), "times": [time(9), time(21)]})

    assert unbound("3 декабря с 9 до 21:00", record) == []
    assert unbound("4 декабря", record) == [("date", "12-04")]
    assert unbound("3 декабря 2025", record) == [] or unbound("3 декабря 2025", record) == [
        ("date", "2025-12-03")
    ]


def test_a_link_or_contact_must_be_the_records_own():
    record = Record("article:a", "Пишите на hi@shop.example или https://shop.example/help")

    assert unbound("https://shop.example/help", record) == []
    assert unbound("https://evil.example", record) == [("link", "evil.example")]
    assert unbound("hi@evil.example", record) == [("email", "hi@evil.example")]


def test_the_first_record_that_says_it_is_named():
    bound, _ = check_claims("14 дней", [Record("a:1", "30 дней"), Record("a:2", "14 дней")])

    assert [(claim.text, claim.source) for claim in bound] == [("14", "a:2")]


@settings(max_examples=200, deadline=None)
@given(st.decimals(min_value=1, max_value=9_999_999, places=2))
def test_every_price_we_write_is_read_back_and_bound(amount):
    text = f"Цена {money(amount)}."

    assert unbound(text, Record("product:1", "", {"price": amount})) == []
    assert unbound(text, Record("product:1", "", {"price": amount + 1})) != []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_a_text_always_proves_itself(text):
    assert unbound(text, Record("article:self", text)) == []


@settings(max_examples=200, deadline=None)
@given(
    st.integers(min_value=10, max_value=99999), st.sampled_from(["дней", "₽", "%", "шт.", "см", ""])
)
def test_a_number_without_a_record_is_never_bound(number, unit):
    assert unbound(f"Это {number} {unit}", Record("article:a", "Ничего такого тут нет")) != []
