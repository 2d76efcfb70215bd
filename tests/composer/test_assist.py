"""The AI row and translation: through the gateway, to the asker alone, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.utils import timezone

from bots.engine.base import Asker, Said, Turn
from bots.llm.compatible.simulator import CompatibleSimulator
from bots.models import Article, Bot, Contact, Message, ModelAccount, ModelCall
from bots.retrieval import reindex_articles
from bots.services import translate
from bots.services.bots import bot_publish
from bots.services.desk_settings import setting_save, settings_forget
from bots.services.languages import language_of
from bots.services.model_accounts import account_save
from bots.services.model_calls import _houses
from tenants.kernel.simulate import Answer, serve_simulator
from tests.engine.pretend import Pretend
from tests.engine.test_model import DELIVERY, says

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    settings_forget()
    _houses.clear()
    yield
    settings_forget()
    _houses.clear()


@pytest.fixture
def model(alpha) -> Iterator[CompatibleSimulator]:
    """Alpha has a model; beta has none."""
    simulator = CompatibleSimulator()
    simulator.key, simulator.model_names = "k", ("local",)
    with serve_simulator(simulator) as url:
        with alpha.inside():
            account_save(
                provider="compatible", name="Model",
                values={"base_url": f"{url}/v1", "model": "local", "api_key": "k"},
            )  # fmt: skip
            bot = Bot.objects.get()
            bot.providers = [{"provider": "compatible"}]
            bot.save()
            bot_publish(bot=bot)
        yield simulator


def ask(api, pk: int, act: str, text: str = "", **more):
    return api.post(
        f"/api/v1/conversations/{pk}/assist/", {"act": act, "text": text, **more}, format="json"
    )


def sent_texts(shop) -> list[str]:
    with shop.inside():
        return list(Message.objects.order_by("pk").values_list("text", flat=True))


# ── The AI row ───────────────────────────────────────────────────────────────────────────────
def test_a_suggestion_has_its_sources_and_is_never_sent(alpha, talks, api_of, model):
    mine, _other = talks
    with alpha.inside():
        Article.objects.create(external_id="delivery", lang="ru", title="Доставка", text=DELIVERY)
        reindex_articles(None)
    mine.says("Сколько стоит доставка по Москве?")
    before = sent_texts(alpha)
    model.answer_next(says("Доставка по Москве — 300 рублей, два дня [1]."))

    answer = ask(api_of(alpha, "agent"), mine.conversation().pk, "suggest")

    assert answer.status_code == 200, answer.content
    made = answer.json()
    assert made["text"] == "Доставка по Москве — 300 рублей, два дня."
    assert (made["provider"], made["decision"]) == ("compatible", "answer")
    assert [(s["external_id"], s["internal"]) for s in made["sources"]] == [("delivery", False)]
    assert made["checks"][0]["name"] == "facts"
    assert "300" in made["checks"][0]["detail"]
    assert sent_texts(alpha) == before
    with alpha.inside():
        assert ModelCall.objects.filter(purpose="suggest").count() == 1


def test_without_a_model_the_offline_answerer_suggests(beta, talks, api_of):
    _mine, other = talks
    with beta.inside():
        Article.objects.create(external_id="delivery", lang="ru", title="Доставка", text=DELIVERY)
        reindex_articles(None)
    other.says("Сколько стоит доставка по Москве?")

    made = ask(api_of(beta, "agent"), other.conversation().pk, "suggest").json()

    assert (made["provider"], made["decision"]) == ("offline", "answer")
    assert "300" in made["text"]


def test_a_colleagues_question_is_answered_with_a_source_or_not_at_all(beta, alpha, talks, api_of):
    _mine, other = talks
    with beta.inside():
        Article.objects.create(external_id="delivery", lang="ru", title="Доставка", text=DELIVERY)
        reindex_articles(None)
    other.says("Добрый день")
    before, api = sent_texts(beta), api_of(beta, "agent")
    pk = other.conversation().pk

    made = ask(api, pk, "ask", "Сколько стоит доставка по Москве?").json()
    assert "300" in made["text"]
    assert [one["title"] for one in made["sources"]] == ["Доставка"]

    unknown = ask(api, pk, "ask", "Какого цвета глаза у директора?").json()
    assert (unknown["text"], unknown["sources"]) == ("", [])
    assert ask(api, pk, "ask", " ").status_code == 400
    assert ask(api_of(alpha, "agent"), pk + 1000, "ask", "?").status_code == 404
    assert sent_texts(beta) == before


def test_each_rewriting_asks_the_model_once_and_says_what_was_checked(alpha, talks, api_of, model):
    mine, _other = talks
    pk, api = mine.conversation().pk, api_of(alpha, "agent")
    text = "Здраствуйте! Ваш заказ 727 приедет 14 ноября, ждите пожалуста"
    model.answer_next(
        says("Заказ 727 приедет 14 ноября."),
        says("Добрый день. Ваш заказ 727 приедет 15 ноября."),
        says("Здравствуйте! Ваш заказ 727 приедет 14 ноября, ждите, пожалуйста"),
    )

    shorter, politer, fixed = (ask(api, pk, act, text).json() for act in (
        "shorter", "politer", "fix",
    ))  # fmt: skip

    assert shorter["text"] == "Заказ 727 приедет 14 ноября."
    assert shorter["checks"] == [{"name": "figures", "ok": True, "detail": ""}]
    assert politer["checks"] == [{"name": "figures", "ok": False, "detail": "15, 14"}]
    assert fixed["checks"][0]["ok"] is True
    with alpha.inside():
        calls = list(ModelCall.objects.order_by("pk").values_list("purpose", "conversation_id"))
    assert calls == [("shorter", pk), ("politer", pk), ("fix", pk)]


def test_a_summary_is_made_of_what_was_said(alpha, talks, api_of, model):
    mine, _other = talks
    mine.says("Где заказ 727?")
    model.answer_next(says("Покупатель ждёт заказ 727."))

    made = ask(api_of(alpha, "agent"), mine.conversation().pk, "summary").json()

    assert made["text"] == "Покупатель ждёт заказ 727."
    asked = model.calls[-1].json()["messages"][-1]["content"]
    assert "Buyer: Где заказ 727?" in asked


def test_without_a_model_the_refusal_says_what_to_do(beta, talks, api_of):
    _mine, other = talks

    refused = ask(api_of(beta, "agent"), other.conversation().pk, "politer", "Ждите")

    assert refused.status_code == 409
    error = refused.json()["error"]
    assert (error["code"], error["fix"]) == ("no_model", "/admin/models/")


def test_a_spent_budget_and_a_model_that_is_down_are_told_apart(
    alpha, talks, api_of, model, monkeypatch
):
    mine, _other = talks
    pk, api = mine.conversation().pk, api_of(alpha, "agent")
    model.answer_next(*[Answer.json({"error": {"message": "no"}}, 500)] * 6)
    down = ask(api, pk, "politer", "Ждите")

    from bots.services import model_calls

    house = model_calls._house
    monkeypatch.setattr(
        model_calls, "_house", lambda: __import__("dataclasses").replace(house(), is_spent=True)
    )
    spent = ask(api, pk, "politer", "Ждите")

    assert (down.status_code, down.json()["error"]["code"]) == (503, "model_failed")
    assert down.json()["error"]["can_retry"] is True
    assert (spent.status_code, spent.json()["error"]["code"]) == (409, "model_budget")


def test_nothing_to_rewrite_is_said(alpha, talks, api_of, model):
    mine, _other = talks

    empty = ask(api_of(alpha, "agent"), mine.conversation().pk, "fix", "  ")

    assert (empty.status_code, empty.json()["error"]["code"]) == (400, "nothing_to_do")
    assert model.calls == []


def test_a_stranger_gets_no_draft(beta, talks, api_of):
    mine, _other = talks
    assert ask(api_of(beta), mine.conversation().pk + 10_000, "suggest").status_code == 404


# ── Translation ──────────────────────────────────────────────────────────────────────────────
KAZAKH = "Тапсырысым қайда? Нөмірі 727"


@pytest.fixture
def on(alpha):
    with alpha.inside():
        setting_save("translation", {"on": True, "language": "ru"})


def translations(shop, text: str) -> dict:
    with shop.inside():
        return Message.objects.get(text=text).meta.get("translations", {})


def test_a_buyers_words_are_translated_beside_the_original(alpha, beta, talks, on, model):
    mine, other = talks
    model.answer_next(says("Где мой заказ? Номер 727"))

    mine.says(KAZAKH)
    other.says(KAZAKH)

    kept = translations(alpha, KAZAKH)["ru"]
    assert (kept["state"], kept["from"], kept["text"]) == ("done", "kk", "Где мой заказ? Номер 727")
    assert kept["checks"] == [{"name": "figures", "ok": True, "detail": ""}]
    assert Pretend.sent[-2:] == [("buyer", f"re: {KAZAKH}")] * 2
    assert translations(beta, KAZAKH) == {}


def test_a_failure_delays_nobody_and_can_be_tried_again(alpha, talks, on, model, api_of):
    mine, _other = talks
    model.answer_next(*[Answer.json({"error": {"message": "no"}}, 500)] * 6)

    mine.says(KAZAKH)

    kept = translations(alpha, KAZAKH)["ru"]
    assert (kept["state"], kept["code"]) == ("failed", "model_failed")
    assert Pretend.sent[-1] == ("buyer", f"re: {KAZAKH}")

    model._next.clear()
    from bots.services import model_calls

    model_calls._breaker.forgive(f"compatible:{alpha.schema}:{_account(alpha)}")
    model.answer_next(says("Где мой заказ? Номер 727"))
    with alpha.inside():
        pk = Message.objects.get(text=KAZAKH).pk
    assert api_of(alpha, "agent").post(f"/api/v1/messages/{pk}/translate/").status_code == 202
    mine.work()
    assert translations(alpha, KAZAKH)["ru"]["text"] == "Где мой заказ? Номер 727"


def _account(shop) -> int:
    with shop.inside():
        return ModelAccount.objects.get().pk


def test_without_a_model_it_says_that_it_has_none(beta, talks, api_of):
    _mine, other = talks
    with beta.inside():
        setting_save("translation", {"on": True, "language": "ru"})

    other.says(KAZAKH)

    kept = translations(beta, KAZAKH)["ru"]
    assert (kept["state"], kept["code"]) == ("failed", "no_model")
    url = f"/api/v1/conversations/{other.conversation().pk}/translation/"
    strip = api_of(beta, "agent").get(url).json()
    assert (strip["on"], strip["buyer"], strip["mine"], strip["available"]) == (
        True, "kk", "ru", False,
    )  # fmt: skip


def test_what_goes_out_is_the_translation_and_the_agents_words_are_kept(
    alpha, talks, on, model, api_of
):
    mine, _other = talks
    model.answer_next(says("Где мой заказ? Номер 727"), says("Ертең келеді, 14:00 дейін"))
    mine.says(KAZAKH)
    pk, api = mine.conversation().pk, api_of(alpha, "agent")

    shown = ask(api, pk, "translate", "Придёт завтра до 14:00").json()
    reply = api.post(
        f"/api/v1/conversations/{pk}/reply/",
        {
            "text": shown["text"],
            "original": "Придёт завтра до 14:00",
            "original_language": shown["from"],
        },
        format="json",
    )
    mine.work()

    assert (shown["lang"], shown["from"], shown["text"]) == (
        "kk", "ru", "Ертең келеді, 14:00 дейін",
    )  # fmt: skip
    assert reply.json()["meta"]["original"] == {
        "text": "Придёт завтра до 14:00",
        "language": "ru",
    }
    assert Pretend.sent[-1] == ("buyer", "Ертең келеді, 14:00 дейін")


def test_one_dialogue_alone_can_be_translated_and_its_language_named(alpha, talks, model, api_of):
    mine, _other = talks
    api = api_of(alpha, "agent")
    url = f"/api/v1/conversations/{mine.conversation().pk}/translation/"

    assert api.put(url, {"buyer": "xx"}, format="json").status_code == 400
    strip = api.put(url, {"on": True, "buyer": "uz"}, format="json").json()
    model.answer_next(says("Где заказ"))
    mine.says("Buyurtma qayerda")

    assert (strip["on"], strip["buyer"], strip["differ"]) == (True, "uz", True)
    assert translations(alpha, "Buyurtma qayerda")["ru"]["from"] == "uz"


def test_the_buyers_name_and_phone_do_not_leave(alpha, talks, on, model):
    mine, _other = talks
    with alpha.inside():
        Contact.objects.filter(external_id="buyer").update(name="Айгерим")
    model.answer_next(says("Я [PHONE_1]"))

    mine.says("Менің атым Айгерим, тел. +7 901 234-56-78 қайда")

    asked = json.dumps(model.calls[-1].json(), ensure_ascii=False)
    assert "901 234" not in asked
    assert "Айгерим" not in asked


@pytest.mark.parametrize(
    ("text", "hint", "code"),
    [
        (KAZAKH, "", "kk"), ("Где заказ?", "kk", "ru"), ("Where is it?", "", "en"),
        ("Салом", "tg", "tg"), ("Де моє замовлення, їде?", "", "uk"), ("Բարև", "", "hy"),
        ("👍", "ru", ""), ("727", "", ""), ("Wo ist meine Größe?", "", "de"),
    ],
)  # fmt: skip
def test_the_language_of_a_text(text, hint, code):
    assert language_of(text, hint) == code


def test_a_turn_is_what_the_buyer_asked_last(alpha, talks, api_of):
    from bots.engine.turn import turn_to_suggest

    mine, _other = talks
    mine.says("Есть 46 размер?")
    with alpha.inside():
        turn = turn_to_suggest(mine.conversation())

    assert isinstance(turn, Turn)
    assert turn.question == "Есть 46 размер?"
    assert turn.said[0] == Said("buyer", "Здравствуйте")
    assert isinstance(turn.asker, Asker)
    assert turn.now <= timezone.now()
    assert translate.told("kk") == "Kazakh"


@pytest.mark.django_db(transaction=True)
def test_a_draft_is_streamed_to_the_asker_alone(alpha, beta, talks, api_of, model):
    from bots.llm.simulation import Reply

    mine, _other = talks
    model.script(Reply("Ждите, пожалуйста, мы скоро ответим"))

    answer = ask(api_of(alpha, "agent"), mine.conversation().pk, "politer", "Ждите", stream=True)
    lines = [json.loads(line) for line in answer.streaming_content]

    assert answer["Content-Type"] == "application/x-ndjson"
    assert [one["t"] for one in lines[:-1]] == ["text"] * (len(lines) - 1)
    assert len(lines) > 1
    assert lines[-1]["t"] == "done"
    assert lines[-1]["text"] == "Ждите, пожалуйста, мы скоро ответим"


@pytest.mark.django_db(transaction=True)
def test_a_streamed_refusal_says_what_to_do(beta, talks, api_of):
    _mine, other = talks

    answer = ask(api_of(beta, "agent"), other.conversation().pk, "fix", "Ждите", stream=True)
    (line,) = [json.loads(one) for one in answer.streaming_content]

    assert (line["t"], line["error"]["code"]) == ("error", "no_model")
