"""Who asks for a person, and who only speaks of one. No database: words alone tell."""

import pytest

from bots.answerer.persons import wants_person
from bots.retrieval.morphology import lemma
from bots.retrieval.text import tokens


def asks(text):
    return wants_person(text, tuple(lemma(token.text) for token in tokens(text)))


@pytest.mark.parametrize(
    "text",
    [
        "мне нужна ирина лапина",
        "Соедини с Анной из отдела заказов",
        "есть там кто?",
        "хочу поговорить не с программой",
        "кто-нибудь свободен из ваших?",
        "ты не можешь помочь, дай того, кто может",
        "подскажите, с кем можно обсудить это лично?",
        "i want to talk to whoever is in charge",
        "could one of your colleagues help me",
    ],
)
def test_somebody_is_asked_for_by_name_by_task_or_not_at_all(text):
    assert asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "может ли кто-то другой забрать мой заказ",
        "мне кто-нибудь позвонит перед доставкой?",
        "кто-нибудь отвечает за сохранность посылки",
        "хочу подарить сертификат кому-нибудь из коллег",
        "дайте Полину миди 46",
        "мне нужна Полина синяя",
        "надо вернуть деньги Марии Ивановой на карту",
        "человек, который заберёт заказ, должен знать код?",
        "someone else will pick up the parcel, is it ok",
    ],
)
def test_people_who_are_only_spoken_of_are_not_called(text):
    assert not asks(text)
