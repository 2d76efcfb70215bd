"""Finding and indexing, on a real database with two merchants."""

from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat

from bots.models import Article, KnowledgeIndex, Passage, Synonym
from bots.retrieval import index, reindex_articles, reindex_products, search
from bots.retrieval.glossary import broader, place_keys
from bots.retrieval.index import pieces, synonyms_changed
from bots.retrieval.query import understand
from bots.retrieval.vocabulary import Words, vocabulary
from integrations.models import Product, Variant
from tests.fixtures import shelves

pytestmark = pytest.mark.django_db


@pytest.fixture
def pets(alpha, beta):
    with beta.inside():
        shelves.lamps()
    with alpha.inside():
        shelves.pets()
        yield alpha


def first(query, lang="ru"):
    found = search(query, lang)
    return (found[0].kind, found[0].external_id) if found else None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("корм для щенков", ("product", "p3")),
        ("лижанка аблачко", ("product", "p4")),
        ("kt;fyrf j,kfxrj", ("product", "p4")),
        ("povodok kompas 8", ("product", "p6")),
        ("cat tower", ("product", "p9")),
        ("оплата наличкой", ("article", "payment")),
        ("за сколько дней можно сдать обратно", ("article", "returns")),
    ],
)
def test_the_right_record_comes_first(pets, query, expected):
    assert first(query) == expected


def test_the_language_of_the_question_is_preferred(pets):
    assert search("delivery", "en")[0].lang == "en"
    assert search("доставка", "ru")[0].lang == "ru"


def test_another_merchants_texts_are_not_found(pets, beta):
    assert all(hit.external_id != "l1" for hit in search("люстра заря", "ru"))
    with beta.inside():
        assert first("люстра заря") == ("product", "l1")


def test_texts_for_colleagues_are_found_only_when_asked_for(beta):
    from bots.retrieval.ranking import search as find

    with beta.inside():
        shelves.lamps()

        assert all(hit.external_id != "secret" for hit in find("закупочная цена люстры"))
        assert any(
            hit.external_id == "secret" for hit in find("закупочная цена люстры", internal=True)
        )


def test_nothing_is_written_again_when_nothing_changed(pets):
    version = KnowledgeIndex.objects.get().version

    assert reindex_articles() == 0
    assert reindex_products() == 0
    assert KnowledgeIndex.objects.get().version == version


def test_a_price_changes_without_touching_the_index(pets):
    product = Product.objects.get(external_id="p7")
    Variant.objects.filter(product=product).update(price=Decimal("8100"))

    assert reindex_products([product.pk]) == 0
    assert "8100" in search("аквариум лагуна 60")[0].text


def test_a_change_is_found_and_what_was_is_not(pets):
    article = Article.objects.get(external_id="club", lang="ru")
    article.title, article.text = "Абонемент", "Абонемент на груминг действует год."
    article.save()

    assert reindex_articles([article.pk]) == 1
    assert first("абонемент на груминг")[1] == "club"
    assert first("клуб хвостик") != ("article", "club")


def test_what_is_gone_is_not_found_and_its_words_are_forgotten(pets):
    product = Product.objects.get(external_id="p9")
    product.is_active = False
    product.save()
    reindex_products([product.pk])

    assert first("когтеточка cat tower") != ("product", "p9")
    assert not Passage.objects.filter(kind="product", object_id=product.pk).exists()

    Product.objects.all().delete()
    Article.objects.all().delete()
    reindex_products()
    reindex_articles()
    row = KnowledgeIndex.objects.get()
    assert (row.passages, Passage.objects.count()) == (0, 0)
    assert Words.unpack(row.words).lemmas == {}


def test_a_merchants_own_synonyms_count(pets):
    assert first("водилка для пса") is None or first("водилка для пса")[1] not in ("p5", "p6")

    Synonym.objects.create(words="водилка, поводок")
    synonyms_changed()

    assert first("водилка компас 8")[1] == "p6"


def test_long_articles_are_cut_between_sentences_only():
    text = "# Начало\n" + "Первое предложение о доставке. " * 60 + "\n\n## Конец\n- один\n- два"

    found = list(pieces(text))

    assert found[0][0] == "Начало"
    assert found[-1] == ("Конец", "- один\n- два")
    assert all(piece.endswith((".", "два")) and len(piece) <= 1100 for _, piece in found)


def test_events_bring_the_index_up_to_date(pets):
    from bots.handlers import index_articles, index_products
    from tenants.kernel.outbox import Event

    article = Article.objects.create(title="Паркинг", text="Парковка бесплатная.", lang="ru")
    index_articles(Event(pets.schema, 1, "article.changed", "a", {"article": article.pk}))
    assert first("парковка паркинг")[0] == "article"

    product = Product.objects.create(external_id="new", name="Переноска Джонатан")
    index_products(Event(pets.schema, 2, "catalogue.changed", "c", {"products": [product.pk]}))
    assert first("переноска джонатан") == ("product", "new")


@pytest.mark.parametrize("query", ["", "?!", "'", "a'b \\ & | ! : *", "и " * 300, "\x00"])
def test_odd_questions_find_nothing_and_break_nothing(pets, query):
    search(query.replace("\x00", ""), "ru")


def test_words_are_counted_once_a_merchant(pets, beta):
    from bots.retrieval.vocabulary import vocabulary

    ours = vocabulary()
    with beta.inside():
        theirs = vocabulary()

    assert ours.count("лежанка") and not theirs.count("лежанка")
    assert theirs.count("люстра") and not ours.count("люстра")


def test_a_typo_is_put_right_by_the_merchants_words_only(pets, beta):
    from bots.retrieval.vocabulary import vocabulary

    assert vocabulary().correct("аквариюм") == ["аквариум"]
    assert vocabulary().correct("собака") == []  # a word, not a typo
    with beta.inside():
        assert vocabulary().correct("аквариюм") == []


def counted() -> dict[str, list[int]]:
    """Each lemma with its passages of articles and of products, counted from the texts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.lexeme, count(*) FILTER (WHERE kind = 'article'), "
            "count(*) FILTER (WHERE kind = 'product') "
            "FROM bots_passage, unnest(lemmas) u GROUP BY 1"
        )
        return {lemma: [in_a, in_p] for lemma, in_a, in_p in cursor.fetchall()}


def kept() -> dict[str, list[int]]:
    row = KnowledgeIndex.objects.get()
    return {lemma: found[:2] for lemma, found in Words.unpack(row.words).lemmas.items()}


def test_words_are_right_when_others_write_between_the_batches_of_a_run(
    alpha, beta, pets, monkeypatch
):
    """A run keeps the words it wrote last; what somebody else wrote meanwhile counts, too."""
    write, batches = index._write, []

    def with_company(kind, ids, drafts, run):
        written = write(kind, ids, drafts, run)
        batches.append(len(ids))
        if kind == "product" and len(batches) == 2:
            Article.objects.filter(external_id="club").update(text="Абонемент на стрижку собак.")
            reindex_articles()
        return written

    Product.objects.update(name=Concat("name", Value(" новинка")))
    monkeypatch.setattr(index, "BATCH", 3)
    monkeypatch.setattr(index, "_write", with_company)
    reindex_products()

    assert len(batches) > 3
    assert kept() == counted()
    assert kept()["новинка"][1] == Product.objects.count()
    assert kept()["стрижка"][0] >= 1
    with beta.inside():
        assert "новинка" not in counted()


def term(text, lemma):
    return next(t for t in understand(text, vocabulary()).terms if t.lemma == lemma)


def test_what_is_not_asked_about_weighs_little(pets):
    asked = term("доставка в казань", "доставка")
    put_aside = term("не доставка, а самовывоз", "доставка")

    assert put_aside.is_weak
    assert not asked.is_weak
    assert put_aside.importance == pytest.approx(0.3 * asked.importance)


def test_a_small_thing_is_the_thing(pets):
    assert ("корм",) in term("почём кормик?", "кормик").keys


def test_a_town_abroad_is_abroad_and_a_town_at_home_is_not():
    assert place_keys("алматы", "алматы", True)[:2] == (("казахстан",), ("kazakhstan",))
    assert ("граница",) in place_keys("минск", "минск", True)
    assert ("граница",) not in place_keys("омск", "омск", True)


def test_a_thing_belongs_to_a_matter():
    assert broader({"предоплата"}) == {"оплата", "оплатить"}
    assert broader({"чайник"}) == frozenset()
