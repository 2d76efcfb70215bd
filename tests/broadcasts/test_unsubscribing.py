"""“Стоп” after advertising: kept as a refusal, confirmed once, answered by nobody else."""

from __future__ import annotations

import pytest

from bots.models import Consent
from bots.services.unsubscribing import SAY
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db
GONE = SAY["ru"]["gone"]


def advertised(mine):
    mine.buyer("anna", consent=True)
    row = mine.broadcast()
    mine.start(row)
    Pretend.sent.clear()
    return row


def words(mine) -> list[tuple[bool, str]]:
    with mine.shop.inside():
        found = Consent.objects.filter(kind="marketing").order_by("pk")
        return list(found.values_list("is_given", "text"))


@pytest.mark.parametrize("word", ["Стоп", "стоп!", "ОТПИСАТЬСЯ", "unsubscribe", "Stop."])
def test_a_word_is_a_refusal_confirmed_once_and_the_bot_is_silent(mine, word):
    advertised(mine)

    mine.talk.says(word, chat="anna")
    mine.talk.says(word, chat="anna")

    assert Pretend.sent == [("anna", GONE)]
    assert words(mine) == [(True, "t"), (False, word)]
    talk = mine.talk.conversation("anna")
    assert (talk.status, talk.waiting_since) == ("resolved", None)


def test_the_next_one_does_not_reach_them_until_they_agree_again(mine):
    advertised(mine)
    mine.talk.says("стоп", chat="anna")
    second = mine.broadcast(name="Зима")
    with mine.shop.inside():
        from bots.services import broadcasts

        with pytest.raises(broadcasts.NotReady):
            broadcasts.broadcast_start(second.pk, by=mine.shop.owner)

    mine.talk.says("подписаться", chat="anna")
    mine.talk.says("согласен", chat="anna")
    mine.start(second)

    assert mine.results(second) == {"anna": ("sent", "")}
    assert [given for given, _text in words(mine)] == [True, False, True]
    assert words(mine)[-1][1].startswith("Хочу получать новости")


def test_without_advertising_a_word_is_a_word_like_any_other(mine, other):
    advertised(mine)
    other.buyer("anna", consent=True)
    Pretend.sent.clear()

    other.talk.says("стоп", chat="anna")

    assert Pretend.sent == [("anna", "re: стоп")]
    assert words(other) == [(True, "t")]


def test_stop_after_the_bots_answer_is_no_refusal_of_advertising(mine):
    advertised(mine)
    mine.talk.says("А на что скидка?", chat="anna")
    Pretend.sent.clear()

    mine.talk.says("стоп", chat="anna")

    assert Pretend.sent == [("anna", "re: стоп")]
    assert words(mine) == [(True, "t")]
