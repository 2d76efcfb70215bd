"""What Russian law asks, as pure rules: INN, erid, marks, hours of rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bots.selectors.advertising import erid_fits, inn_fits, is_told, marked, quiet_until

AD = {"advertiser": "ООО «Ромашка»", "inn": "7707083893", "erid": "2VtzqvXq1Rw"}


@pytest.mark.parametrize(
    ("inn", "fits"),
    [
        ("7707083893", True), ("7707083894", False), ("500100732259", True),
        ("500100732258", False), ("0000000000", False), ("770708389", False), ("", False),
        ("77070838٩3", False),
    ],
)  # fmt: skip
def test_an_inn_is_known_by_its_check_figures(inn, fits):
    assert inn_fits(inn) is fits


@pytest.mark.parametrize(
    ("erid", "fits"),
    [("2VtzqvXq1Rw", True), ("Kra23f3QL", True), ("эрид1234", False), ("short", False),
     ("with space1", False), ("a" * 65, False)],
)  # fmt: skip
def test_an_erid_is_latin_letters_and_figures(erid, fits):
    assert erid_fits(erid) is fits


@pytest.mark.django_db
def test_the_marks_are_of_russian_merchants(alpha):
    with alpha.inside():
        text = marked("Скидка", AD)
        assert text == ("Реклама\n\nСкидка\n\nООО «Ромашка», ИНН 7707083893. erid: 2VtzqvXq1Rw")
        assert is_told(text, AD)
        assert not is_told("Скидка", AD)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "until"),
    [
        (datetime(2026, 11, 23, 17, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 23, 18, 0, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),
        (datetime(2026, 11, 23, 5, 30, tzinfo=UTC), datetime(2026, 11, 23, 6, 0, tzinfo=UTC)),
        (datetime(2026, 11, 23, 6, 0, tzinfo=UTC), None),
    ],
)
def test_advertising_rests_by_the_shops_clock(alpha, at, until):
    """The shop is in Moscow, three hours before UTC."""
    with alpha.inside():
        assert quiet_until(at, 21, 9) == until
        assert quiet_until(at, 9, 9) is None
