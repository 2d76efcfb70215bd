"""A model call inside a merchant: keys, budget, log, notices; two merchants side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
import redis
from django.core.cache import cache
from django.core.management import call_command

from bots.llm.base import ChatMessage, ModelBudgetSpent, ModelRequest, NeedsMerchant, NoModel
from bots.llm.masking import Known
from bots.llm.openai.simulator import OpenAISimulator
from bots.llm.simulation import Trouble
from bots.llm.yandexgpt.simulator import YandexSimulator
from bots.models import ModelAccount, ModelCall, Notice
from bots.services import model_accounts, model_calls, model_down, vendor_words
from bots.services.model_accounts import SettingsRefused, account_save
from bots.services.model_calls import BudgetMeter, model_complete, partner_models_set
from tenants.kernel import outbox
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.errors import VendorError
from tenants.kernel.simulate import serve_simulator
from tenants.kernel.store import store
from tenants.models import Partner, Plan
from tenants.workspace.models import AuditEntry

pytestmark = pytest.mark.django_db

ASK = ModelRequest(
    (
        ChatMessage("system", "- Размер 42 есть."),
        ChatMessage("user", "Есть размер 42? Мой номер 89161234567"),
    ),
    conversation_id=7,
    timeout_s=4,
)
YANDEX = {"providers": [{"provider": "yandexgpt"}]}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, tuple]]:
    yandex, openai = YandexSimulator(), OpenAISimulator()
    with serve_simulator(yandex) as y, serve_simulator(openai) as o:
        yield {"yandexgpt": (yandex, y), "openai": (openai, f"{o}/v1")}


@pytest.fixture(autouse=True)
def _fresh(servers, monkeypatch) -> None:
    from bots.llm.breaker import Breaker

    for simulator, _ in servers.values():
        simulator.reset()
    model_calls._houses.clear()
    monkeypatch.setattr(model_calls, "_breaker", Breaker(cache))
    cache.clear()


def save(servers, provider="yandexgpt", **changes) -> ModelAccount:
    simulator, url = servers[provider]
    return account_save(provider=provider, values={**simulator.settings(), **changes}, base_url=url)


def events(*names: str) -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT schema, name FROM public.tenants_outboxevent ORDER BY id")
        return [f"{schema} {name}" for schema, name in cursor.fetchall() if name in names]


def test_a_merchants_own_account_answers_and_is_logged(servers, alpha, beta):
    with alpha.inside():
        save(servers)
        completion = model_complete(ASK, bot=YANDEX, known=Known(names=("Анна",)))
        row = ModelCall.objects.get()

    assert completion.text == "Размер 42 есть."
    assert "89161234567" not in servers["yandexgpt"][0].calls[-1].body.decode()
    assert (row.provider, row.model, row.outcome) == ("yandexgpt", "yandexgpt/latest", "ok")
    assert (row.conversation_id, row.purpose, row.currency) == (7, "reply", "RUB")
    assert row.prompt_tokens == completion.usage.prompt
    assert row.cost == completion.cost.quantize(Decimal("0.000001"))
    with beta.inside():
        assert ModelCall.objects.count() == 0
        with pytest.raises(NoModel):
            model_complete(ASK, bot=YANDEX)


def test_secrets_are_sealed_with_the_merchants_own_key(servers, alpha, beta):
    from django.db import connection

    from tenants.kernel.secrets import Unreadable, unseal

    with alpha.inside():
        account = save(servers)
        with connection.cursor() as cursor:
            cursor.execute("SELECT settings::text, secrets FROM bots_modelaccount")
            settings, sealed = cursor.fetchone()
        kept = ModelAccount.objects.get(pk=account.pk)

    key = servers["yandexgpt"][0].key
    assert key not in settings + sealed
    assert kept.secrets == {"api_key": key}
    with pytest.raises(Unreadable):
        unseal(beta.schema, sealed)


def test_an_empty_secret_keeps_the_one_there_was(servers, alpha):
    with alpha.inside():
        account = save(servers)
        values = {"folder_id": "b1gother", "api_key": ""}
        account_save(provider="yandexgpt", values=values, account=account, name="Основной")
        account.refresh_from_db()

    assert account.secrets["api_key"] == servers["yandexgpt"][0].key
    assert account.settings["folder_id"] == "b1gother"
    assert str(account) == "Основной"


@pytest.mark.parametrize(
    ("provider", "values", "fields"),
    [
        ("openai", {}, ["api_key"]),
        ("openai", {"api_key": "k", "colour": "red"}, ["colour"]),
        ("gigachat", {"authorization_key": "k", "scope": "OTHER"}, ["scope"]),
    ],
)
def test_settings_that_cannot_be_are_refused(alpha, provider, values, fields):
    with alpha.inside():
        with pytest.raises(SettingsRefused) as caught:
            account_save(provider=provider, values=values)
        assert caught.value.data["fields"] == fields
        assert ModelAccount.objects.count() == 0
        with pytest.raises(model_accounts.UnknownProvider):
            account_save(provider="nobody", values={})


def test_an_address_is_changed_only_where_the_operator_allows(servers, alpha, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    with alpha.inside(), pytest.raises(SettingsRefused) as caught:
        save(servers)
    assert caught.value.data["fields"] == ["base_url"]


def test_a_model_server_in_our_own_network_is_named_by_the_operator(alpha, settings):
    settings.MODEL_PRIVATE_HOSTS = ("gpu1.lan",)
    values = {"base_url": "http://gpu1.lan:8000/v1", "model": "m"}
    with alpha.inside():
        own = account_save(provider="compatible", values=values)
        other = account_save(
            provider="compatible", values={**values, "base_url": "http://gpu2.lan/v1"}
        )
        assert model_calls.account_of(own).allow_private is True
        assert model_calls.account_of(other).allow_private is None


def test_the_check_marks_the_account(servers, alpha):
    with alpha.inside():
        account = save(servers, "openai")
        assert model_accounts.account_check(account) == "gpt-4.1-mini"
        account = save(servers, "openai", api_key="sk-wrong-wrong")
        with pytest.raises(NeedsMerchant):
            model_accounts.account_check(account)
        account.refresh_from_db()

    assert account.state == ModelAccount.State.BROKEN
    assert account.state_detail


def test_a_broken_account_is_told_once_and_mends_itself(servers, alpha):
    simulator = servers["yandexgpt"][0]
    with alpha.inside():
        account = save(servers)
        simulator.script(Trouble.UNAUTHORIZED)
        with pytest.raises(NeedsMerchant):
            model_complete(ASK, bot=YANDEX)
        account.refresh_from_db()
        assert account.state == ModelAccount.State.BROKEN
        model_calls._notice("account_broken", account=model_calls.account_of(account), detail="x")
        model_calls._breaker.succeeded(f"yandexgpt:{alpha.schema}:{account.pk}")

        assert model_complete(ASK, bot=YANDEX).text
        account.refresh_from_db()

    assert account.state == ModelAccount.State.LIVE
    assert events("model_account.broken", "model_account.works") == [
        f"{alpha.schema} model_account.broken",
        f"{alpha.schema} model_account.works",
    ]


def test_a_corrected_key_is_tried_at_once(servers, alpha):
    with alpha.inside():
        account = save(servers, api_key="wrong-wrong-wrong")
        with pytest.raises(NeedsMerchant):
            model_complete(ASK, bot=YANDEX)
        simulator, url = servers["yandexgpt"]
        account_save(
            provider="yandexgpt", values=simulator.settings(), account=account, base_url=url
        )

        assert model_complete(ASK, bot=YANDEX).text


def test_the_bot_names_the_order_and_the_model(servers, alpha):
    with alpha.inside():
        account = save(servers)
        other = save(servers, model="yandexgpt-lite/latest")
        save(servers, "openai")
        order = [{"account": other.pk}, {"provider": "yandexgpt", "model": "yandexgpt/rc"}]
        model_complete(ASK, bot={"providers": order})
        other.state = ModelAccount.State.PAUSED
        other.save()
        model_calls.accounts_forget()
        model_complete(ASK, bot={"providers": order})
        assert account.pk < other.pk
        models = list(ModelCall.objects.order_by("pk").values_list("model", flat=True))

    assert models == ["yandexgpt-lite/latest", "yandexgpt/rc"]


def test_foreign_models_are_off_until_the_bot_allows_them(servers, alpha):
    bot = {"providers": ["openai"]}
    with alpha.inside():
        save(servers, "openai")
        with pytest.raises(NoModel, match="switched off"):
            model_complete(ASK, bot=bot)
        assert servers["openai"][0].calls == []

        assert model_complete(ASK, bot={**bot, "foreign_models": True}).provider == "openai"


def test_the_next_model_answers_when_one_is_down(servers, alpha):
    servers["yandexgpt"][0].script(Trouble.SERVER_ERROR)
    bot = {"providers": ["yandexgpt", "openai"], "foreign_models": True}
    with alpha.inside():
        save(servers)
        save(servers, "openai")
        assert model_complete(ASK, bot=bot).provider == "openai"
        outcomes = list(ModelCall.objects.order_by("pk").values_list("provider", "outcome"))

    assert outcomes == [("yandexgpt", "retry_later"), ("openai", "ok")]


def test_consoles_are_told_when_no_model_answers_and_when_one_works_again(
    servers, alpha, beta, api_of, monkeypatch
):
    monkeypatch.setattr(model_down, "LOOK_EVERY_S", 0.0)

    def since(merchant):
        told = api_of(merchant, "agent").get("/api/v1/desk/").json()["model_down_since"]
        return told and datetime.fromisoformat(told)

    with alpha.inside():
        account = save(servers)
        servers["yandexgpt"][0].script(*[Trouble.SERVER_ERROR] * 3)
        for _call in range(2):
            with pytest.raises(VendorError):
                model_complete(ASK, bot=YANDEX)
        first = ModelCall.objects.order_by("pk").first()
        assert ModelCall.objects.filter(outcome="ok").count() == 0
    assert (since(alpha), since(beta)) == (first.created_at, None)

    with alpha.inside():
        model_calls.account_forgive(account)
        model_complete(ASK, bot=YANDEX)
        model_complete(ASK, bot=YANDEX)
    assert since(alpha) is None
    assert events("model.down", "model.works") == [
        f"{alpha.schema} model.down",
        f"{alpha.schema} model.works",
    ]


# --- money ----------------------------------------------------------------------------------
def test_the_budget_stops_one_merchant_and_not_the_other(servers, alpha, beta):
    with alpha.inside():
        save(servers)
        model_complete(ASK, bot=YANDEX)
        # The plan's money is gone but for a little.
        ModelCall.objects.create(
            provider="openai", model="m", purpose="reply", cost=Decimal("29.999"),
            currency="USD", outcome="ok",
        )  # fmt: skip
        cache.clear()
        with pytest.raises(ModelBudgetSpent):
            model_complete(ASK, bot=YANDEX)
        with pytest.raises(ModelBudgetSpent):
            model_complete(ASK, bot=YANDEX)
        assert ModelCall.objects.count() == 2
    with beta.inside():
        save(servers)
        assert model_complete(ASK, bot=YANDEX).text

    assert events("model.budget_hard", "model.budget_soft") == [f"{alpha.schema} model.budget_hard"]


def test_the_soft_warning_is_told_once_a_month(servers, alpha):
    with alpha.inside():
        save(servers)
        ModelCall.objects.create(
            provider="x", model="m", purpose="reply", cost=Decimal(2500), outcome="ok"
        )
        model_complete(ASK, bot=YANDEX)
        model_complete(ASK, bot=YANDEX)

    assert events("model.budget_soft") == [f"{alpha.schema} model.budget_soft"]


def test_the_merchants_own_lower_budget_warns_and_stops(servers, alpha, beta, client_of):
    client = client_of(alpha)
    with alpha.inside():
        save(servers)
        ModelCall.objects.create(
            provider="x", model="m", purpose="reply", cost=Decimal(90), outcome="ok"
        )
    refused = client.post("/admin/usage/", {"own": "999999"})
    assert "может быть только ниже" in refused.content.decode()
    assert client_of(alpha, "agent").post("/admin/usage/", {"own": "1"}).status_code == 403

    assert client.post("/admin/usage/", {"own": "100"}).status_code == 302
    page = client.get("/admin/usage/")
    assert (page.context["budget"], page.context["share"]) == (Decimal(100), 90)
    assert "Это ваш собственный бюджет; тариф позволяет" in page.content.decode()
    with alpha.inside():
        model_complete(ASK, bot=YANDEX)
        assert events("model.budget_hard", "model.budget_soft") == [
            f"{alpha.schema} model.budget_soft"
        ]
    client.post("/admin/usage/", {"own": "50"})
    with alpha.inside(), pytest.raises(ModelBudgetSpent):
        model_complete(ASK, bot=YANDEX)
    client.post("/admin/usage/", {"own": ""})
    with alpha.inside():
        assert model_complete(ASK, bot=YANDEX).text
        assert AuditEntry.objects.filter(action="model.budget_changed").count() == 3
        outbox.relay()
        told = list(
            Notice.objects.filter(user=alpha.owner, event="model")
            .order_by("pk")
            .values_list("data__name", flat=True)
        )
    with beta.inside():
        assert model_calls.model_gateway(YANDEX).terms.budget > 100

    assert told[0] == "ваш собственный бюджет на модели в этом месяце почти израсходован"
    assert len(told) == 2


def test_a_plan_without_a_row_has_no_limit(servers, alpha):
    with merchant_context(PUBLIC):
        alpha.merchant.plan = None
        alpha.merchant.save()
    from tenants.selectors.hosts import forget_hosts

    forget_hosts()
    with alpha.inside():
        assert model_calls.model_gateway(YANDEX).terms.budget is None
    assert Plan.objects.exists()


def test_an_emptied_cache_loses_no_money(servers, alpha, monkeypatch):
    with alpha.inside():
        terms = model_calls.model_gateway({}).terms
        meter = BudgetMeter(terms)
        ModelCall.objects.create(
            provider="x", model="m", purpose="reply", cost=Decimal("1.5"), outcome="ok"
        )
        assert meter.add(Decimal("0.25")) == Decimal("1.75")
        assert meter.add(Decimal("-0.25")) == Decimal("1.5")
        cache.clear()
        assert meter.add(Decimal(0)) == Decimal("1.5")

        def away(*_args):
            raise redis.ConnectionError

        monkeypatch.setattr(store(), "incrby", away)
        assert meter.add(Decimal("0.5")) == Decimal("2.0")
        assert meter.add(Decimal("-0.5")) == Decimal("1.5")


# --- partner's keys -------------------------------------------------------------------------
def test_a_partner_lends_its_keys(servers, alpha, beta):
    simulator, url = servers["yandexgpt"]
    partner = Partner.objects.get(pk=alpha.merchant.partner_id)
    lent = {**simulator.settings(), "base_url_override": url}
    with merchant_context(PUBLIC):
        partner_models_set(partner=partner, models={"yandexgpt": lent})
        assert simulator.key not in Partner.objects.get(pk=partner.pk).secrets

    with alpha.inside():
        assert model_complete(ASK, bot=YANDEX).text
        assert ModelCall.objects.get().outcome == "ok"
        simulator.script(Trouble.UNAUTHORIZED)
        with pytest.raises(NeedsMerchant):
            model_complete(ASK, bot=YANDEX)
    with merchant_context(PUBLIC):
        partner.secrets = "v1.damaged"
        partner.save()
    model_calls._houses.clear()
    with alpha.inside(), pytest.raises(NoModel):
        model_complete(ASK, bot=YANDEX)


def test_what_went_wrong_is_said_in_the_merchants_language(alpha):
    with alpha.inside():
        assert (
            vendor_words.in_words("the account has no money left") == "на счёте закончились деньги"
        )
        said = "the server does not have this model; it has: qwen3"
        assert vendor_words.in_words(said) == "на сервере нет этой модели; есть: qwen3"
        assert vendor_words.in_words("Incorrect: key") == "сервис отвечает: Incorrect: key"
        assert vendor_words.in_words("") == ""


def test_a_notice_that_fails_disturbs_nobody(alpha, caplog):
    with alpha.inside():
        account = replace_id(model_calls.Account("x", "openai", {}), "no-number")
        model_calls._notice("account_broken", account=account)

    assert "was not kept" in caplog.text


def replace_id(account, ident):
    return replace(account, id=ident)


def test_names_for_the_vendors_cache_tell_nothing(alpha, beta):
    with alpha.inside():
        mine = model_calls.session_of(7)
        assert mine == model_calls.session_of(7) != model_calls.session_of(8)
    with beta.inside():
        assert model_calls.session_of(7) != mine
    assert alpha.schema not in mine


def test_an_account_can_be_taken_away(servers, alpha):
    with alpha.inside():
        model_accounts.account_delete(save(servers))
        with pytest.raises(NoModel):
            model_complete(ASK, bot=YANDEX)


def test_the_list_of_simulators(capsys):
    call_command("simulate")

    assert {"openai", "gigachat"} <= set(capsys.readouterr().out.split())


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_while_a_model_is_waited_for(servers, alpha):
    from django.db import connection

    servers["yandexgpt"][0].script(Trouble.SERVER_ERROR)  # a log row is written between attempts
    servers["yandexgpt"][0].latency_s = 0.3
    held: list[bool] = []

    def ask() -> bool:
        held.append(connection.connection is not None)
        return False

    with alpha.inside():
        save(servers)
        assert model_complete(ASK, bot=YANDEX, should_stop=ask).text
        assert ModelCall.objects.count() == 2

    assert len(held) >= 4
    assert not any(held)
