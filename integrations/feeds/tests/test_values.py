from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.feeds import values
from integrations.feeds.base import RowRefused


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 990,50 ₽", "1990.50"),
        ("1 990,50 руб.", "1990.50"),
        ("1990", "1990.00"),
        ("1990.5", "1990.50"),
        ("1,990.50", "1990.50"),
        ("1.990,50", "1990.50"),
        ("1 234 567", "1234567.00"),
        ("1,990", "1990.00"),
        ("0,990", "0.99"),
        ("12,5", "12.50"),
        ("1.234.567", "1234567.00"),
        ("от 500 руб", "500.00"),
        ("$ 12.99", "12.99"),
        ("500 р.", "500.00"),
        ("990.-", "990.00"),
        ("1'990.00", "1990.00"),
        (1990, "1990.00"),
        (0.1, "0.10"),
        (1e9, "1000000000.00"),
        ("0", "0.00"),
    ],
)
def test_a_price_is_read_as_people_write_it(text, number):
    assert values.decimal(text, "price") == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["дорого", "-5", "1e3", "NaN", "Infinity", "12,34,5", "1.23.4", "10**99", "12 - 15", "0x10"],
)
def test_what_is_no_price_is_refused_with_the_text(text):
    with pytest.raises(RowRefused) as caught:
        values.decimal(text, "price")

    assert caught.value.field == "price"
    assert text in caught.value.message


def test_an_empty_price_is_none():
    assert values.decimal("", "price") is None
    assert values.decimal("  ", "price") is None
    assert values.decimal(None, "price") is None


@given(
    st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False),
    st.sampled_from(["", " ", "\u00a0", "\u202f", "'"]),
    st.sampled_from([",", "."]),
    st.sampled_from(["", " ₽", " руб.", "р.", " RUB"]),
)
def test_every_usual_spelling_of_money_reads_back(number, gap, point, sign):
    whole, _, cents = f"{number:.2f}".partition(".")
    groups = f"{int(whole):,}".replace(",", gap)

    assert values.decimal(f"{groups}{point}{cents}{sign}", "price") == number


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_a_refusal(text):
    try:
        number = values.decimal(text, "price")
    except RowRefused:
        return
    assert number is None or number >= 0


@given(st.text(max_size=200))
def test_cleaned_text_never_carries_tags_or_control_characters(text):
    for found in (values.line(text), values.plain(text)):
        assert "\x00" not in found
    assert "<script" not in values.plain(f"<script>{text}</script>").lower()


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Тёплый&nbsp;шарф</p><p>Из шерсти</p>", "Тёплый шарф\n\nИз шерсти"),
        ("<ul><li>шерсть</li><li>лён</li></ul>", "• шерсть\n\n• лён"),
        ("Размер 5 < 6 и 7 > 6", "Размер 5 < 6 и 7 > 6"),
        ("&lt;b&gt;жирный&lt;/b&gt; текст", "жирный текст"),
        ("<script>alert(1)</script>Чай<style>p{}</style>", "Чай"),
        ("Чай &amp; кофе", "Чай & кофе"),
        ('<a href="javascript:alert(1)">тут</a>', "тут"),
        ("строка\nвторая", "строка\nвторая"),
    ],
)
def test_html_becomes_text(markup, text):
    assert values.plain(markup) == text


@pytest.mark.parametrize(
    ("text", "pieces", "there"),
    [
        ("12", 12, True),
        ("12 шт", 12, True),
        ("> 10", None, True),
        ("10+", None, True),
        ("есть", None, True),
        ("нет", 0, False),
        ("0", 0, False),
        ("-3", 0, False),
        ("1 200", 1200, True),
        (7.0, 7, True),
        ("", None, None),
    ],
)
def test_stock_is_pieces_or_a_word(text, pieces, there):
    assert values.stock(text) == (pieces, there)


def test_currencies_get_their_codes():
    assert [values.currency(text) for text in ("", "руб.", "RUR", "₽", "643", "usd", "GEL")] == [
        "RUB", "RUB", "RUB", "RUB", "RUB", "USD", "GEL",
    ]  # fmt: skip
    with pytest.raises(RowRefused):
        values.currency("фантики")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://shop.example/a b", "https://shop.example/a%20b"),
        ("//cdn.example/1.jpg", "https://cdn.example/1.jpg"),
        ("javascript:alert(1)", ""),
        ("ftp://shop.example/1", ""),
        ("https://", ""),
        ("http://[", ""),
    ],
)
def test_only_web_addresses_are_kept(address, kept):
    assert values.web_address(address) == kept
