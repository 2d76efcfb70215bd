import pytest

from bots.retrieval.aspect import other_aspect


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("подшивать", "подшить"),
        ("возвращать", "возвратить"),
        ("оформлять", "оформить"),
        ("спрашивать", "спросить"),
        ("отстегиваться", "отстегнуться"),
        ("укоротить", "укорачивать"),
        ("заменить", "заменять"),
    ],
)
def test_the_other_aspect_of_a_verb_is_among_those_made(one, other):
    assert other in other_aspect(one)


@pytest.mark.parametrize("word", ["дать", "доставка", "платье"])
def test_short_verbs_and_other_words_have_none(word):
    assert other_aspect(word) == ()
