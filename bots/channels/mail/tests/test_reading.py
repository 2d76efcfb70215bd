"""What is new in a letter, in whatever way mail programs quote; HTML as a reader sees it."""

from __future__ import annotations

import time

import pytest

from bots.channels.mail.reading import fold, text_of_html


@pytest.mark.parametrize(
    "intro",
    [
        "пн, 22 нояб. 2026 г. в 10:00, Магазин <shop@shop.example>:",
        "On Mon, Nov 22, 2026 at 10:00 AM Shop <shop@shop.example> wrote:",
        "On Mon, Nov 22, 2026 at 10:00 AM Shop\n<shop@shop.example> wrote:",
        '22.11.2026, 10:00, "Магазин" <shop@shop.example>:',
        "Понедельник, 22 ноября 2026, 10:00 +03:00 от Магазин <shop@shop.example>:",
        "22 нояб. 2026 г., в 10:00, Магазин <shop@shop.example> написал(а):",
        "-----Original Message-----",
        "-------- Исходное сообщение --------",
        "From: Shop <shop@shop.example>\nSent: Monday",
        "От: Магазин <shop@shop.example>\nОтправлено: понедельник",
        "________________________________",
    ],
)
def test_the_letter_that_is_answered_is_folded(intro):
    assert fold(f"Беру, спасибо.\n\n{intro}\nЕсть 46 и 48.") == (
        "Беру, спасибо.",
        f"{intro}\nЕсть 46 и 48.",
    )


def test_an_answer_below_or_between_the_quotation_is_kept():
    intro = "On Mon, Nov 22, 2026 at 10:00 AM Shop <s@s.example> wrote:"
    assert fold(f"{intro}\n> Какой размер?\n\n46\n\n> Какой цвет?\n\nсиний") == (
        "46\n\nсиний",
        f"{intro}\n> Какой размер?\n> Какой цвет?",
    )


def test_a_signature_is_folded_and_plain_words_stay():
    assert fold("Есть 46?\n\n-- \nАнна\n+7 916 …") == ("Есть 46?", "-- \nАнна\n+7 916 …")
    assert fold("Есть 46?\n\nОтправлено с iPhone") == ("Есть 46?", "Отправлено с iPhone")
    for plain in ("Муж писал:\nвозьми 46", "От кого: от Анны", "Заказ 5 > 3?", "Отправлено вчера"):
        assert fold(plain) == (plain, "")


def test_what_is_nothing_but_a_quotation_is_not_lost():
    assert fold("> Есть 46 и 48.") == ("> Есть 46 и 48.", "")
    assert fold("") == ("", "")


@pytest.mark.parametrize(
    "quoted",
    [
        '<div class="gmail_quote"><div>On Mon Shop wrote:</div><blockquote>Да</blockquote></div>',
        '<div class="moz-cite-prefix">22.11 Shop:</div><blockquote type="cite">Да</blockquote>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">От: Shop</div><div>Да</div>',
        '<div class="yahoo_quoted"><p>Да</p></div>',
    ],
)
def test_what_mail_programs_mark_in_html_is_folded(quoted):
    new, old = fold(text_of_html(f"<p>Беру <b>46</b>!</p>{quoted}"))

    assert new == "Беру 46!"
    assert old.endswith("Да")


def test_html_is_text_as_a_reader_sees_it():
    html = """<!DOCTYPE html><html><head><title>T</title><style>p {color: red}</style></head><body>
    <!-- note --><script>alert(1)</script><div style="display: none">Скрыто</div>
    <p>Здравствуйте&nbsp;&mdash;<br>есть   <i>46</i>?</p><ul><li>синий<li>красный</ul>
    <a href="https://shop.example/1">такой</a> <a href="https://shop.example">shop.example</a>
    <a href="javascript:alert(1)">тык</a><img src="https://spy.example/pixel"></body></html>"""

    assert text_of_html(html) == (
        "Здравствуйте —\nесть 46?\n\n• синий\n• красный\n\n"
        "такой (https://shop.example/1) shop.example тык"
    )


@pytest.mark.parametrize("piece", ["x", "<a href='https://x.example'>", "a\n", "> q\n", "<"])
def test_a_megabyte_of_anything_is_read_in_a_moment(piece):
    long = piece * (1_000_000 // len(piece))
    begun = time.process_time()

    fold(text_of_html(long))
    fold(long)

    assert time.process_time() - begun < 3
