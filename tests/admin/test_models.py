"""Keys of language models: kept sealed, tried at once, refused in words; what they cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib.messages import get_messages
from django.utils import timezone, translation

from bots.models import ModelAccount, ModelCall
from tenants.models import Plan
from tenants.workspace.models import AuditEntry
from tests.fixtures.models import MODEL_KEY, model_form

ADD = "/admin/bots/modelaccount/add/?kind=compatible"


@pytest.fixture
def client(alpha, client_of) -> Any:
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"
    return client


def form(url: str, **more: str) -> dict[str, str]:
    return model_form(url, name="Our server") | more


def told(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def said(answer: Any) -> str:
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def accounts(shop: Any) -> list[ModelAccount]:
    with shop.inside():
        return list(ModelAccount.objects.order_by("pk"))


def test_models_are_offered_with_where_data_goes(client):
    page = said(client.get("/admin/bots/modelaccount/add/"))
    for words in ("Which model?", "data: stays in Russia", "data: goes abroad", "data: your own"):
        assert words in page
    assert said(client.get("/admin/bots/modelaccount/add/?kind=oracle")) == page


def test_a_key_is_tried_at_once_kept_and_never_shown(alpha, beta, client, model_server):
    answer = client.post(ADD, form(model_server[1]))

    assert answer.status_code == 302, answer.context["form"].errors
    assert told(answer) == "It works: local answers."
    [account] = accounts(alpha)
    assert (account.provider, account.name, account.state) == ("compatible", "Our server", "live")
    assert accounts(beta) == []
    page = client.get(f"/admin/bots/modelaccount/{account.pk}/change/")
    assert MODEL_KEY not in page.content.decode()
    assert MODEL_KEY[-4:] in said(page)
    listed = said(client.get("/admin/bots/modelaccount/"))
    assert "Our server" in listed
    assert "your own server" in listed
    with alpha.inside():
        assert AuditEntry.objects.get(action="modelaccount.added")


def test_a_key_the_service_refuses_is_kept_and_told(alpha, client, model_server):
    answer = client.post(ADD, form(model_server[1], s_api_key="sk-wrong"))

    assert answer.status_code == 302
    assert told(answer).startswith("Saved, but the service does not accept it: ")
    assert "sk-wrong" not in told(answer)
    [account] = accounts(alpha)
    assert account.state == "broken"

    changed = client.post(f"/admin/bots/modelaccount/{account.pk}/change/", form(model_server[1]))
    assert told(changed).endswith("It works: local answers.")
    [account] = accounts(alpha)
    assert account.state == "live"
    with alpha.inside():
        assert AuditEntry.objects.filter(action="modelaccount.changed").count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("s_model", ""), ("s_base_url", "not an address"), ("s_data_region", "moon"),
     ("s_concurrency", "many"), ("name", "x" * 81)],
)  # fmt: skip
def test_what_does_not_fit_is_told_by_field_and_not_kept(alpha, client, model_server, field, value):
    answer = client.post(ADD, form(model_server[1], **{field: value}))
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert accounts(alpha) == []
    assert model_server[0].calls == []


def test_an_empty_key_keeps_the_old_one_at_its_own_address_only(alpha, client, model_server):
    client.post(ADD, form(model_server[1]))
    [account] = accounts(alpha)
    url = f"/admin/bots/modelaccount/{account.pk}/change/"

    kept = client.post(url, form(model_server[1], s_api_key="", s_model="other"))
    assert told(kept).endswith("It works: other answers.")

    model_server[0].calls.clear()
    client.post(url, form(model_server[1].replace("127.0.0.1", "localhost"), s_api_key=""))
    assert MODEL_KEY not in str([(call.headers, call.body) for call in model_server[0].calls])


def test_an_account_is_deleted_by_those_who_may(alpha, client, client_of, model_server):
    client.post(ADD, form(model_server[1]))
    [account] = accounts(alpha)
    url = f"/admin/bots/modelaccount/{account.pk}"
    for role in ("supervisor", "agent"):
        other = client_of(alpha, role)
        assert other.get(f"{url}/change/").status_code == 403
        assert other.post(ADD, form(model_server[1])).status_code == 403
        assert other.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    assert len(accounts(alpha)) == 1

    assert client.post(f"{url}/delete/", {"post": "yes"}).status_code == 302
    assert accounts(alpha) == []
    gone = client.get(f"{url}/change/")
    assert gone.status_code == 302


def test_the_month_is_counted_by_model_against_the_budget(alpha, beta, client):
    plan = Plan.objects.create(name="P", model_money_a_month=Decimal(200))
    type(alpha.merchant).objects.filter(pk=alpha.merchant.pk).update(plan=plan)
    spent = [
        ("compatible", "local", "ok", "30", 0), ("compatible", "local", "timeout", "0", 0),
        ("yandexgpt", "yandexgpt/latest", "ok", "20", 0), ("oracle", "old", "ok", "0.5", 0),
        ("compatible", "local", "ok", "1000", 40),  # not of this month
    ]  # fmt: skip
    for shop, times in ((alpha, 1), (beta, 7)):
        with shop.inside():
            for provider, model, outcome, cost, days in spent:
                call = ModelCall.objects.create(
                    provider=provider, model=model, outcome=outcome, cost=Decimal(cost) * times,
                    currency="RUB", prompt_tokens=100, completion_tokens=10, ms=500,
                    purpose="reply",
                )  # fmt: skip
                at = timezone.now() - timedelta(days=days)
                ModelCall.objects.filter(pk=call.pk).update(created_at=at)

    page = client.get("/admin/usage/")

    rows = [
        (row["title"], row["model"], row["calls"], row["failed"], row["tokens"], row["spent"])
        for row in page.context["rows"]
    ]
    with translation.override("en"):
        rows = [(str(title), *rest) for title, *rest in rows]
    assert rows == [
        ("OpenAI-compatible server", "local", 2, 1, 220, Decimal(30)),
        ("YandexGPT (Yandex AI Studio)", "yandexgpt/latest", 1, 0, 110, Decimal(20)),
        ("oracle", "old", 1, 0, 110, Decimal("0.5")),
    ]
    assert (page.context["spent"], page.context["budget"], page.context["share"]) == (
        Decimal("50.5"),
        Decimal(200),
        25,
    )
    assert [(d["calls"], d["spent"]) for d in page.context["days"]] == [(4, Decimal("50.5"))]
