"""What a question is about, by words that no text of the merchant needs to have."""

import pytest

from bots.retrieval.matters import asked_about, is_said_of, kinship, told_by, wordings

TITLES = {
    "gift_card": "Подарочные сертификаты",
    "returns": "Возврат товара",
    "return_money": "Когда вернутся деньги",
    "points": "Пункты выдачи",
    "regions": "Доставка по стране",
    "hours": "Режим работы",
    "defects": "Faulty goods",
}


def nearest(question):
    return max(TITLES, key=lambda name: kinship(question, TITLES[name]))


@pytest.mark.parametrize(
    ("question", "matter"),
    [
        ("а какие есть номиналы?", "gift_card"),
        ("бирку уже срезала, примете?", "returns"),
        ("банк так ничего и не зачислил за сданную вещь", "return_money"),
        ("хватит ли удостоверения, чтобы выдали посылку", "points"),
        ("долго ли ползёт до Урала", "regions"),
        ("вы ещё не закрылись?", "hours"),
        ("the lamp went dead after a couple of days", "defects"),
    ],
)
def test_a_question_is_of_the_matter_whose_wordings_are_like_it(question, matter):
    assert nearest(question) == matter


def test_a_title_is_of_one_matter_or_of_none():
    names = wordings().names

    assert names[max(told_by("Возврат товара"), key=lambda one: one[1])[0]] == "returns"
    assert told_by("Ежовый щёголь") == ()
    assert kinship("можно вернуть?", "Ежовый щёголь") == 0.0


def test_shares_are_shares_and_nothing_is_no_sign():
    assert sum(asked_about("когда вернёте деньги")) == pytest.approx(1.0)
    unknown = asked_about("кыш брысь")

    assert max(unknown) == pytest.approx(min(unknown))


def test_what_a_question_leans_on_tells_less_than_its_own_words():
    title = TITLES["regions"]

    assert kinship("а по стране?", title, "режим работы") > kinship("а по стране?", TITLES["hours"])
    assert kinship("а завтра?", title, "доставка в регионы") > kinship("а завтра?", title)


def test_a_word_that_is_said_of_a_matter_is_no_strange_one():
    assert is_said_of(["номинал"], TITLES["gift_card"])
    assert not is_said_of(["велопарковка"], TITLES["hours"])
    assert not is_said_of(["номинал"], TITLES["hours"])


def test_every_matter_has_titles_and_wordings_of_both_languages():
    counts = dict.fromkeys(range(len(wordings().names)), 0)
    for matter, _length in wordings().said:
        counts[matter] += 1

    assert len(set(wordings().names)) == len(wordings().names)
    assert min(counts.values()) >= 15
