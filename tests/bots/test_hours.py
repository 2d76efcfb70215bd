"""A new merchant's hours are our guess: never told as the shop's until it has saved its own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bots.models import Article, OpeningHours
from bots.retrieval import reindex_articles
from bots.selectors.calendars import expected_answer

pytestmark = pytest.mark.django_db

ASKED = ["Во сколько вы открываетесь?", "Какие у вас часы работы?", "До скольки вы сегодня?",
         "Когда отвечают операторы?", "What are your opening hours?"]  # fmt: skip
WEEK = {f"day_{day}": "09:30–18:45" for day in range(5)} | {"time_zone": "Europe/Moscow"}


def ask(api, shop, text: str) -> dict:
    body = {"messages": [{"role": "buyer", "text": text}]}
    answer = api.post(f"/api/v1/bots/{shop.bot.pk}/preview/", body, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("question", ASKED)
def test_a_guess_is_not_told_as_a_fact(alpha, api_of, question):
    answer = ask(api_of(alpha), alpha, question)

    assert answer["decision"] in ("refuse", "handover")
    assert not any(digit.isdigit() for digit in answer["text"])
    assert answer["sources"] == []


def test_saved_hours_are_told_and_only_by_that_merchant(alpha, beta, api_of, client_of):
    before = client_of(alpha, "owner").get("/admin/hours/").content.decode()

    client_of(alpha, "owner").post("/admin/hours/", WEEK)

    page = client_of(alpha, "owner").get("/admin/hours/").content.decode()
    assert "по умолчанию" in before
    assert "по умолчанию" not in page
    told = ask(api_of(alpha), alpha, "Когда отвечают операторы?")
    assert told["decision"] == "answer"
    assert "09:30" in told["text"]
    assert ask(api_of(beta), beta, "Когда отвечают операторы?")["decision"] == "refuse"


def test_an_article_about_hours_is_told_all_the_same(alpha, api_of):
    with alpha.inside():
        Article.objects.create(
            external_id="h", lang="ru", title="Часы работы", text="Магазин открыт с 9:15 до 21:00."
        )
        reindex_articles(None)
    answer = ask(api_of(alpha), alpha, "Какие у вас часы работы?")
    assert "9:15" in answer["text"]


def test_a_handover_may_say_when_to_expect_somebody(alpha):
    night = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)  # 01:00 in Moscow
    with alpha.inside():
        assert OpeningHours.objects.filter(is_guess=True).count() == 7
        assert "10:00" in expected_answer(night, "Europe/Moscow", "ru")


def test_saving_hours_is_a_step_that_is_not_done_by_itself(alpha, client_of):
    def is_done() -> bool:
        steps = client_of(alpha, "owner").get("/admin/").context["steps"]
        return next(step["is_done"] for step in steps if step["url"] == "/admin/hours/")

    assert not is_done()
    client_of(alpha, "owner").post("/admin/hours/", WEEK)
    assert is_done()
