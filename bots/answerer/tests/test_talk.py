"""How buyers really put it: turns of phrase, short follow-ups, long texts, hours, comparisons."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bots.answerer.tests.test_reply import Talk, pets, plain, sources
from bots.engine.base import Asker, Decision, Reason
from bots.models import Article
from bots.retrieval import reindex_articles

__all__ = ["pets"]
pytestmark = pytest.mark.django_db


# ── Turns of phrase ──────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("Если не понравится, возьмёте назад?", "article:returns"),
        ("Когда деньги на карту упадут за возврат?", "article:returns"),
        ("Can I send it back?", "article:returns"),
        ("Наличку берёте?", "article:payment"),
        ("Где вы в Казани?", "article:shops"),
        ("Мы фирма, счёт выставите?", "article:payment"),
        ("Маме в Самару можно отправить?", "article:delivery"),
        ("dostavka po kazani skolko stoit", "article:delivery"),
        ("crjkmrj cnjbn ljcnfdrf gj rfpfyb", "article:delivery"),
        ("сколко стоит даставка по казани", "article:delivery"),
    ],
)
def test_what_is_meant_is_found_in_other_words(pets, question, source):
    answer = Talk().say(question)

    assert answer.decision == Decision.ANSWER
    assert sources(answer)[0] == source


@pytest.mark.parametrize(
    "question",
    [
        "Есть холодильники?",
        "Do you sell fridges?",
        "Какая погода в Казани завтра?",
        "Кто ваш директор по маркетингу?",
        "Чините велосипеды?",
        "Из чего делают ваши пакеты?",
        "Собираетесь открыть магазин в Омске?",
        "Можно ли заказать пошив ошейника по фото?",
    ],
)
def test_what_no_record_tells_is_not_told(pets, question):
    answer = Talk().say(question)

    assert answer.decision in (Decision.REFUSE, Decision.CLARIFY)
    assert answer.buttons


# ── Follow-ups ───────────────────────────────────────────────────────────────────────────────
def test_a_property_of_what_was_spoken_of(pets):
    talk = Talk()
    talk.say("сколько стоит аквариум лагуна 60?")

    assert "24 месяца" in talk.say("гарантия?").text
    assert "60 л" in talk.say("сколько литров?").text
    assert "светом" in talk.say("со светом?").text


def test_the_shops_terms_are_not_the_products(pets):
    talk = Talk()
    talk.say("сколько стоит лежанка облачко?")

    assert sources(talk.say("а если не подойдёт?"))[0] == "article:returns"


def test_its_sibling_is_found_by_one_word(pets):
    talk = Talk()
    talk.say("сколько стоит корм мурлыка с курицей 400 г?")

    assert "410 ₽" in plain(talk.say("а с рыбой?"))


def test_a_chosen_colour_holds_until_another_is_chosen(pets):
    talk = Talk()
    talk.say("лежанка облачко бежевая M есть?")

    assert "2 390 ₽" in plain(talk.say("а L?"))
    assert talk.say("серая?").text.startswith("Нет")


def test_one_of_the_offered_is_chosen_by_its_place(pets):
    talk = Talk()
    assert talk.say("сколько стоит корм мурлыка?").decision == Decision.CLARIFY

    assert "410 ₽" in plain(talk.say("второй"))


def test_yes_after_a_refusal_calls_a_person(pets):
    talk = Talk()
    assert talk.say("есть холодильники?").decision == Decision.REFUSE

    assert (answer := talk.say("да")).decision == Decision.HANDOVER
    assert answer.reason == Reason.ASKED


def test_a_bare_price_asks_which_product(pets):
    answer = Talk().say("сколько стоит?")

    assert (answer.decision, answer.reason) == (Decision.CLARIFY, "which_product")


# ── Goods ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("что дешевле: лагуна 60 или лагуна 120?", "7 900 ₽"),
        ("что длиннее: компас 5 или компас 8?", "8 м"),
        ("чем отличается мурлыка с рыбой от мурлыки с курицей", "лосось"),
        ("compare compass 5 and compass 8", "1 490 ₽"),
    ],
)
def test_comparisons(pets, question, says):
    answer = Talk().say(question)

    assert len(sources(answer)) == 2
    assert says in plain(answer)


def test_it_is_compared_with_what_was_spoken_of(pets):
    talk = Talk()
    talk.say("сколько стоит аквариум лагуна 60?")

    assert set(sources(talk.say("чем он отличается от лагуны 120?"))) == {
        "product:p7",
        "product:p8",
    }


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("какие цвета у компаса 5?", "чёрный, красный"),
        ("какие размеры у лежанки облачко?", "бежевый — M, L"),
        ("лежанка облачко фиолетовая есть?", "нет"),
        ("расскажите про лежанку облачко", "съёмным чехлом"),
        ("сколько стоит мурлыка с курицей 10 кг", "5 990 ₽"),
        ("самый дешёвый поводок", "990 ₽"),
        ("is the Cat Tower in stock?", "4 990 ₽"),
    ],
)
def test_fields_in_other_words(pets, question, says):
    answer = Talk().say(question)

    assert answer.decision == Decision.ANSWER
    assert says in plain(answer)


# ── Articles ─────────────────────────────────────────────────────────────────────────────────
LONG = (
    "Первый запуск",
    "Промойте грунт в тёплой воде и уложите его слоем пять сантиметров. Налейте отстоянную воду и "
    "включите фильтр на три дня. Поставьте нагреватель на 25 градусов и проверьте его на второй "
    "день термометром. Рыб запускайте через две недели, по три за раз, чтобы бактерии успели "
    "развестись. Корм в первую неделю давайте раз в сутки и понемногу. Подмену воды делайте раз в "
    "семь дней, четверть объёма. Это нужно и тогда, когда вода кажется чистой. Свет оставляйте на "
    "восемь часов. Водоросли снимайте скребком.",
)
LISTED = (
    "Таблица ошейников",
    "Размер — обхват шеи, см:\n- XS: 20 — 24\n- S: 25 — 30\n- M: 31 — 38\n- L: 39 — 46\n\n"
    "Между размерами берите больший.",
)


@pytest.fixture
def told(pets):
    for at, (title, text) in enumerate((LONG, LISTED)):
        Article.objects.create(external_id=f"more-{at}", title=title, text=text)
    reindex_articles()


def test_of_a_long_text_the_sentences_that_answer_are_told(told):
    answer = Talk().say("через сколько недель запускать рыб?")

    assert "Рыб запускайте через две недели" in answer.text
    assert len(answer.text) < len(LONG[1])


def test_a_list_is_told_whole_or_by_its_line(told):
    assert "XS: 20 — 24" in Talk().say("покажите таблицу ошейников").text
    assert "S: 25 — 30" in Talk().say("таблица ошейников, обхват 25").text


def test_one_word_that_many_articles_are_about_is_asked_back(pets):
    for at in range(3):
        Article.objects.create(
            external_id=f"g{at}", title=f"Гарантия на {'рыб птиц ежей'.split()[at]}", text="Год."
        )
    reindex_articles()

    answer = Talk().say("гарантия")

    assert (answer.decision, answer.reason) == (Decision.CLARIFY, "which_topic")
    assert len(answer.buttons) >= 3


def test_an_english_question_may_find_a_russian_text(pets):
    answer = Talk().say("How long are bonuses valid?")

    assert sources(answer)[0] == "article:club"
    assert "180" in answer.text


# ── Hours ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("операторы сегодня отвечают?", "понедельник"),
        ("завтра операторы отвечают?", "Вторник"),
        ("в воскресенье операторы отвечают?", "Воскресенье"),
        ("операторы по выходным отвечают?", "Суббота"),
        ("when do agents answer?", "Mon"),
    ],
)
def test_hours_of_a_day(pets, question, says):
    answer = Talk().say(question, datetime(2026, 11, 23, 9, 0, tzinfo=UTC))

    assert sources(answer) == ["hours:"]
    assert says.lower() in answer.text.lower()


# ── Orders ───────────────────────────────────────────────────────────────────────────────────
def test_contents_date_and_carrier_are_told_to_the_owner(pets):
    talk = Talk(Asker(proofs=(("phone", "+79170000001", "shared"),)))

    assert "Полкан" in talk.say("что в заказе 501?").text
    assert "Оформлен" in talk.say("когда оформлен заказ 501?").text
    assert "TRK501" in talk.say("какой трек и какой компанией едет заказ 501?").text


def test_a_phone_alone_asks_for_the_number(pets):
    talk = Talk()
    assert talk.say("где мой заказ?").decision == Decision.CLARIFY

    assert talk.say("8 917 000-00-01").decision == Decision.CLARIFY
    assert sources(talk.say("501")) == ["order:501"]


def test_a_proven_stranger_has_no_orders(pets):
    answer = Talk(Asker(proofs=(("phone", "+79995554433", "signed"),))).say("где мой заказ?")

    assert (answer.decision, answer.reason) == (Decision.REFUSE, Reason.IDENTITY)


def test_an_order_no_longer_wanted_is_no_question_of_status(pets):
    answer = Talk().say("заказ уже едет, а он мне больше не нужен")

    assert answer.reason != "order_number"


# ── What needs no search ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("question", "decision", "reason"),
    [
        ("это обман, буду жаловаться, верните деньги!", Decision.HANDOVER, Reason.COMPLAINT),
        ("пошёл ты, тупой бот", Decision.HANDOVER, Reason.ABUSE),
        ("давайте живого человека", Decision.HANDOVER, Reason.ASKED),
        ("не зовите человека, сколько стоит корм полкан?", Decision.ANSWER, ""),
        ("сброшюрованный каталог не работает", Decision.REFUSE, Reason.NO_KNOWLEDGE),
    ],
)
def test_people_and_tempers(pets, question, decision, reason):
    answer = Talk().say(question)

    assert (answer.decision, answer.reason) == (decision, reason)


def test_own_topics_of_the_merchant(pets):
    talk = Talk(handover_topics=["сотрудничество", "wholesale"], greeting="Мяу!", language="ru")

    assert talk.say("интересует сотрудничество").reason == Reason.POLICY
    assert Talk(greeting="Мяу!", language="ru").say("привет").text == "Мяу!"


# ── On a phone ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "text",
    [
        "курьер сегодня так и не приехал",
        "за один заказ два раза списали",
        "Посылку потеряли!",
        "my order never arrived",
    ],
)
def test_what_went_wrong_with_an_order_is_for_a_person(pets, text):
    answer = Talk().say(text)

    assert (answer.decision, answer.reason) == (Decision.HANDOVER, Reason.COMPLAINT)


def test_where_to_send_a_claim_is_a_question_like_any_other(pets):
    assert Talk().say("на какой адрес отправить претензию").reason != Reason.COMPLAINT


@pytest.mark.parametrize(
    "text",
    [
        "human pls",
        "апиратор ответте",
        "operator plz",
        "можете перезвонить?",
        "пусть кто-нибудь наберёт мне",
        "где оператор??",
        "бесполезный бот. человека!",
        "are there any humans here",
    ],
)
def test_a_person_is_asked_for_in_any_spelling(pets, text):
    assert Talk().say(text).decision == Decision.HANDOVER


def test_what_is_for_a_product_is_another_thing(pets):
    assert Talk().say("сколько стоит наполнитель для когтеточки cat tower").decision != (
        Decision.ANSWER
    )
    assert sources(Talk().say("сколько стоит когтеточка cat tower")) == ["product:p9"]


def test_what_was_named_before_the_question_is_what_it_is_about(pets):
    answer = Talk().say("увидели у соседки когтеточку cat tower и все просят, сколько она стоит")

    assert (answer.decision, sources(answer)) == (Decision.ANSWER, ["product:p9"])
