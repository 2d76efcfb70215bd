from importlib import import_module

import pytest
from django.db import connection

from bots.models import Passage
from bots.retrieval.index import Draft, reindex_articles
from bots.services.knowledge import article_save
from tenants.kernel import due


def test_where_goods_come_from_is_no_place_they_go_to():
    text = "Отправляем из Екатеринбурга. Возим по Перми. We ship from Moscow, from Monday."
    draft = Draft("article", 1, 0, "ru", "", text, parts=[("C", text)]).finish()

    assert {"пермь", "monday"} <= set(draft.lemmas)
    assert not {"екатеринбург", "moscow"} & set(draft.lemmas)


@pytest.mark.django_db
def test_a_release_with_other_rules_has_filled_shops_indexed_again(alpha, beta):
    sql = import_module("bots.migrations.0016_index_again").INDEX_AGAIN
    with alpha.inside():
        article_save(external_id="delivery", lang="ru", title="Доставка", text="Два дня по Москве.")
        reindex_articles()
        before = list(Passage.objects.values_list("object_id", "digest"))
        Passage.objects.update(digest="of older rules")
    for shop in (alpha, beta):
        with shop.inside(), connection.cursor() as cursor:
            cursor.execute(sql)

    waiting = {row for row in due.overdue(grace_s=-0.01) if row[1].startswith("index_")}
    assert waiting == {(alpha.schema, f"index_{what}", 0) for what in ("articles", "products")}
    for row in waiting:
        assert due.take(*row)
    with alpha.inside():
        assert list(Passage.objects.values_list("object_id", "digest")) == before
