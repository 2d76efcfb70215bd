from bots.retrieval.index import Draft


def test_where_goods_come_from_is_no_place_they_go_to():
    text = "Отправляем из Екатеринбурга. Возим по Перми. We ship from Moscow, from Monday."
    draft = Draft("article", 1, 0, "ru", "", text, parts=[("C", text)]).finish()

    assert {"пермь", "monday"} <= set(draft.lemmas)
    assert not {"екатеринбург", "moscow"} & set(draft.lemmas)
