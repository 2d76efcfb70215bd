"""Figures as people write them, in both languages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import translation

from tenants.templatetags import desk

THIN, NARROW = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("value", "ru", "en"),
    [
        (None, "–", "–"),
        ("", "–", "–"),
        (0, "0", "0"),
        (12345, f"12{THIN}345", "12,345"),
        (1234.5, f"1{THIN}234,5", "1,234.5"),
        (Decimal("3.10"), "3,1", "3.1"),
    ],
)
def test_a_number(value, ru, en):
    with translation.override("ru"):
        assert desk.number(value) == ru
    with translation.override("en"):
        assert desk.number(value) == en


@pytest.mark.parametrize(("value", "text"), [(7, "+7"), (-7, "−7"), (0, "0"), (-1234, "−1,234")])
def test_a_change(value, text):
    with translation.override("en"):
        assert desk.signed(value) == text


@pytest.mark.parametrize(
    ("value", "currency", "ru", "en"),
    [
        (None, "RUB", "–", "–"),
        (Decimal("1999.50"), "RUB", f"1{THIN}999,50{NARROW}₽", "₽1,999.50"),
        (Decimal(1999), "KZT", f"1{THIN}999{NARROW}₸", "₸1,999"),
        (5, "BYN", f"5{NARROW}Br", f"5{NARROW}Br"),
        (5, "CHF", f"5{NARROW}CHF", f"5{NARROW}CHF"),
    ],
)
def test_money(value, currency, ru, en):
    with translation.override("ru"):
        assert desk.money(value, currency) == ru
    with translation.override("en"):
        assert desk.money(value, currency) == en


@pytest.mark.parametrize(
    ("ms", "ru", "en"),
    [
        (None, "–", "–"),
        (800, "0,8 с", "0.8 s"),
        (12_400, "12 с", "12 s"),
        (240_000, "4 мин", "4 min"),
        (7_200_000, "2 ч", "2 h"),
    ],
)
def test_a_time(ms, ru, en):
    with translation.override("ru"):
        assert desk.seconds(ms) == ru
    with translation.override("en"):
        assert desk.seconds(ms) == en
