"""How sure an article is, and what is done where it is not: near neighbours are offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.answerer.confidence import SURE, Signs, confidence
from bots.answerer.tests.test_reply import Talk, sources
from bots.engine.base import Decision
from bots.models import Article
from bots.retrieval import reindex_articles

CLEAR = Signs(
    coverage=0.9,
    score=1.2,
    rival=0.5,
    unknown=0.0,
    matched=0.5,
    in_title=1.0,
    meant_in_title=0.0,
    missing=0.1,
    only_goods=0.0,
    own_language=1.0,
    kinship=0.3,
    strange=0.1,
)


def test_a_clear_article_is_sure():
    assert confidence(CLEAR) == pytest.approx(0.9104, abs=0.0005)
    assert confidence(CLEAR) >= SURE


@pytest.mark.parametrize(
    "worse",
    [
        {"rival": 1.0},
        {"unknown": 0.5, "missing": 1.0},
        {"coverage": 0.4, "score": 0.6},
        {"only_goods": 1.0},
        {"own_language": 0.0},
        {"kinship": 0.0},
        {"strange": 1.0},
    ],
)
def test_what_speaks_against_it_makes_it_less_sure(worse):
    assert confidence(replace(CLEAR, **worse)) < confidence(CLEAR)


def test_things_nobody_tells_of_outweigh_a_title():
    assert (
        confidence(replace(CLEAR, coverage=0.4, score=0.6, unknown=0.6, missing=1.0, strange=1.0))
        < 0.5
    )


@pytest.fixture
def neighbours(alpha, beta):
    with beta.inside():
        Article.objects.create(
            external_id="other", lang="ru", title="Хранение лыж", text="Лыжи лежат у нас до весны."
        )
        reindex_articles()
    with alpha.inside():
        for name, title, text in (
            ("point", "Заказ в пункте выдачи", "Пункт выдачи хранит заказ 7 дней."),
            ("store", "Заказ в магазине", "Магазин хранит заказ 5 дней."),
            ("returns", "Возврат", "Вернуть вещь можно за 30 дней, если сохранены бирки."),
            ("money", "Деньги за возврат", "Деньги вернутся на карту за 5 дней."),
            ("customs", "Доставка за границу", "Отправляем в Казахстан за 890 ₽."),
            ("country", "Доставка по России", "Отправляем в города России за 350 ₽."),
        ):
            Article.objects.create(external_id=name, lang="ru", title=title, text=text)
        reindex_articles()
        yield alpha


@pytest.mark.django_db
def test_either_of_two_is_offered_where_neither_is_sure(neighbours):
    answer = Talk().say("Сколько держите заказ, если захвораю?")

    assert answer.decision == Decision.CLARIFY
    assert set(answer.buttons) == {"Заказ в магазине", "Заказ в пункте выдачи"}
    assert set(sources(answer)) == {"article:store", "article:point"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("Сколько лежит в пункте выдачи?", "article:point"),
        ("Не в пункт выдачи, а в магазин, сколько хранится?", "article:store"),
        ("Срезала ярлычок, возьмёте назад?", "article:returns"),
        ("Вернёте на ту же карту?", "article:money"),
        ("В Алматы вышлете?", "article:customs"),
        ("В Томск вышлете?", "article:country"),
    ],
)
def test_of_near_neighbours_the_right_one_answers(neighbours, question, source):
    answer = Talk().say(question)

    assert answer.decision == Decision.ANSWER
    assert sources(answer)[0] == source
