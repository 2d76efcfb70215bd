"""An answer is given only where its record holds the very thing asked."""

from __future__ import annotations

import pytest

from bots.answerer.tests.test_reply import Talk, sources
from bots.engine.base import Decision
from bots.models import Article
from bots.retrieval import reindex_articles, reindex_products
from integrations.models import Product, Variant

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(alpha, beta):
    with beta.inside():
        Article.objects.create(
            external_id="other", lang="ru", title="Чистка тостера", text="Чистка тостера — 500 ₽."
        )
        reindex_articles()
    with alpha.inside():
        for name, title, text in (
            ("service", "Сервис", "Сервис открыт до 19:00. Чистка кофемашины — 1 900 ₽."),
            (
                "sizes",
                "Женские размеры",
                "Обхват бёдер: 42 — 90 см, 44 — 94 см, 46 — 98 см, 48 — 102 см.",
            ),
        ):
            Article.objects.create(external_id=name, lang="ru", title=title, text=text)
        for name, params in (
            ("Кофемашина Латте", {"Вес": "9 кг"}),
            ("Тостер Жар", {"Вес": "2 кг", "Материал": "сталь", "Объём": "1,7 л"}),
            ("Чайник Кипяток", {"Вес": "2 кг", "Материал": "пластик"}),
        ):
            product = Product.objects.create(external_id=name, name=name, params=params)
            Variant.objects.create(
                product=product, external_id=name, price=3000, currency="RUB", stock=5
            )
        reindex_articles()
        reindex_products()
        yield alpha


@pytest.mark.parametrize(
    "question",
    [
        "Сколько стоит чистка тостера?",
        "Какой обхват бёдер у 60 размера?",
        "У тостера Жар подкладка из чего?",
        "Что громче: тостер Жар или чайник Кипяток?",
    ],
)
def test_what_the_record_lacks_is_not_answered_with_what_it_has(shop, question):
    assert Talk().say(question).decision == Decision.REFUSE


@pytest.mark.parametrize(
    ("question", "source", "said"),
    [
        ("Сколько стоит чистка кофемашины?", "article:service", "1 900"),
        ("Какой обхват бёдер у 46 размера?", "article:sizes", "98"),
        ("Что тяжелее: тостер Жар или чайник Кипяток?", "product:Тостер Жар", "одинаково, 2 кг"),
        ("Тостер Жар на 3 литра есть?", "product:Тостер Жар", "Объём: 1,7 л"),
    ],
)
def test_what_it_holds_is(shop, question, source, said):
    answer = Talk().say(question)

    assert answer.decision == Decision.ANSWER
    assert sources(answer)[0] == source
    assert said in answer.text.replace("\u00a0", " ")


def test_what_is_done_to_trousers_is_not_told_of_a_dress(shop):
    Article.objects.create(
        external_id="hem", lang="ru", title="Ателье", text="Подошьём брюки за 700 ₽ за три дня."
    )
    for name in ("Брюки Бриз", "Платье Август"):
        Product.objects.create(external_id=name, name=name, params={})
    reindex_articles()
    reindex_products()

    trousers, dress = (
        Talk().say("сколько стоит подшить брюки"),
        Talk().say("сколько стоит подшить платье"),
    )

    assert sources(trousers)[:1] == ["article:hem"]
    assert "article:hem" not in sources(dress) or dress.decision != Decision.ANSWER


def test_each_has_a_part_of_the_question_so_both_are_offered(shop):
    for name, title, text in (
        ("points", "Пункты выдачи", "Заказ можно забрать в постамате за 250 ₽."),
        ("fitting", "Примерка", "Курьер ждёт, пока вы примеряете. В постаматах примерки нет."),
    ):
        Article.objects.create(external_id=name, lang="ru", title=title, text=text)
    reindex_articles()

    answer = Talk().say("Перед тем как забрать из постамата, померить можно?")

    assert answer.decision == Decision.CLARIFY
    assert set(sources(answer)) == {"article:points", "article:fitting"}
