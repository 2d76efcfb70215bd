"""A plan's limits: refused in words where something is added, never where a buyer writes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from analytics.models import DailyFigure
from bots.engine.base import Asker, Decision, Said, Turn
from bots.engine.reply import answer_turn
from bots.llm.compatible.simulator import CompatibleSimulator
from bots.models import Article, Channel
from bots.retrieval import reindex_articles
from bots.services import model_calls
from bots.services.model_accounts import account_save
from integrations.models import Product, Variant
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.simulate import serve_simulator
from tenants.models import Due, Plan
from tenants.workspace.models import AuditEntry, User
from tests.integrations.test_catalogue_import import offer, run, yml

pytestmark = pytest.mark.django_db


def allow(shop: Any, **limits: int) -> None:
    """A plan of this merchant's own."""
    plan = Plan.objects.create(name=f"Plan of {shop.slug}", **limits)
    type(shop.merchant).objects.filter(pk=shop.merchant.pk).update(plan=plan)
    model_calls._houses.clear()


def talked(shop: Any, dialogues: int) -> None:
    """So many dialogues today; the figures' worker looks at them."""
    with shop.inside():
        DailyFigure.objects.update_or_create(
            day=timezone.localdate(), name="opened", label="", defaults={"value": dialogues}
        )
        due.schedule("figures", 0)
        due.take(shop.schema, "figures", 0)
    model_calls._houses.clear()


def letters() -> list[tuple[str, str]]:
    """Do the waiting letters; who got which subject."""
    for row in Due.objects.filter(kind__startswith="limit.letter"):
        assert due.take(row.schema, row.kind, row.object_id)
    found = [(letter.to[0], letter.subject) for letter in mail.outbox]
    mail.outbox.clear()
    return sorted(found)


# ── Channels and people ──────────────────────────────────────────────────────────────────────
def test_a_channel_beyond_the_plan_is_refused_in_words(alpha, beta, api_of, client_of):
    allow(alpha, channels=1)
    body = {"kind": "web", "name": "Second", "bot": alpha.bot.pk, "settings": {}}

    answer = api_of(alpha).post(
        "/api/v1/channels/", body, format="json", headers={"Accept-Language": "en"}
    )
    page = client_of(alpha, "owner").post(
        "/admin/bots/channel/add/?kind=web", {"name": "Second", "s_origins": ""}
    )

    assert answer.status_code == 403
    error = answer.json()["error"]
    assert (error["code"], error["limit"], error["used"]) == ("limit_reached", 1, 1)
    assert "ask for a larger plan" in error["message"]
    assert page.status_code == 200
    assert "тариф" in page.content.decode().lower()
    with alpha.inside():
        assert Channel.objects.count() == 1
    theirs = {**body, "bot": beta.bot.pk}
    assert api_of(beta).post("/api/v1/channels/", theirs, format="json").status_code == 201


def test_a_deleted_channel_makes_room(alpha, api_of):
    allow(alpha, channels=2)
    api = api_of(alpha)
    body = {"kind": "web", "name": "Second", "bot": alpha.bot.pk, "settings": {}}
    made = api.post("/api/v1/channels/", body, format="json").json()
    assert api.post("/api/v1/channels/", body, format="json").status_code == 403

    api.delete(f"/api/v1/channels/{made['id']}/")

    assert api.post("/api/v1/channels/", body, format="json").status_code == 201


def test_people_beyond_the_plan_are_not_invited_and_not_switched_on(alpha, client_of):
    allow(alpha, agents=4)
    client = client_of(alpha, "owner")
    form = {"email": "new@alpha.example", "name": "Nina", "role": "agent", "language": ""}

    refused = client.post("/admin/workspace/user/add/", form)

    assert refused.status_code == 200
    assert mail.outbox == []
    with alpha.inside():
        User.objects.filter(pk=alpha.agent.pk).update(is_active=False)
    assert client.post("/admin/workspace/user/add/", form).status_code == 302
    back = {
        "email": alpha.agent.email,
        "name": "A",
        "role": "agent",
        "language": "",
        "is_active": "on",
    }
    answer = client.post(f"/admin/workspace/user/{alpha.agent.pk}/change/", back)
    assert answer.status_code == 200
    with alpha.inside():
        assert User.objects.filter(is_active=True).count() == 4


# ── Goods ────────────────────────────────────────────────────────────────────────────────────
def test_an_import_stops_at_the_plan_and_names_the_rest(alpha, beta):
    allow(alpha, products=2)
    feed = yml(offer("a"), offer("b1", group="b"), offer("b2", group="b"), offer("c"), offer("d"))
    with alpha.inside():
        job = run(feed)

        assert (job.state, job.result["created"], job.result["left_out"]) == ("done", 3, 2)
        assert job.refused == 2
        assert [error["row"] for error in job.errors] == [4, 5]
        assert "тариф" in job.errors[0]["message"].lower()
        assert job.message
        assert set(Product.objects.values_list("external_id", flat=True)) == {"a", "b"}
    with beta.inside():
        assert run(feed).result["created"] == 5


def test_at_the_limit_known_goods_still_change_and_room_is_found_again(alpha):
    allow(alpha, products=2)
    with alpha.inside():
        run(yml(offer("a"), offer("b")))

        again = run(yml(offer("a", price="700"), offer("b"), offer("c")))
        assert (again.result["changed"], again.result["left_out"]) == (1, 1)
        assert Variant.objects.get(external_id="a").price == 700

        other = run(yml(offer("a", price="700"), offer("c")))
        assert (other.result["retired"], other.result["created"]) == (1, 1)
        assert (other.result["left_out"], other.refused) == (0, 0)
        sold = Product.objects.filter(is_active=True).values_list("external_id", flat=True)
        assert set(sold) == {"a", "c"}


def test_a_feed_that_replaces_every_id_needs_one_import(alpha, beta):
    """New goods wait until the old ones are withdrawn; what still has no room is refused."""
    for shop in (alpha, beta):
        allow(shop, products=3)
    old = yml(*(offer(f"old-{n}") for n in range(3)))
    new = yml(*(offer(f"new-{n}", group=f"g{n}") for n in range(4)), offer("new-0b", group="g0"))
    with beta.inside():
        run(old)
    with alpha.inside():
        run(old)

        job = run(new, confirm=True)

        assert job.state == "done"
        assert job.result["created"] == 4
        assert (job.result["retired"], job.result["left_out"], job.refused) == (3, 1, 1)
        assert [(error["row"], error["field"]) for error in job.errors] == [(4, "id")]
        assert "3" in job.errors[0]["message"]
        assert "1" in job.message
        assert "3" in job.message
        assert sold_now() == {"g0", "g1", "g2"}
        assert run(new, confirm=True).result["unchanged"] == 4
    with beta.inside():
        assert sold_now() == {"old-0", "old-1", "old-2"}


def test_a_replacement_that_is_not_confirmed_changes_nothing_and_says_why(alpha):
    allow(alpha, products=2)
    with alpha.inside():
        run(yml(offer("a"), offer("b")))

        job = run(yml(offer("c"), offer("d")))

        assert (job.result["held"], job.result["left_out"], job.refused) == (2, 2, 2)
        assert "подтверждением" in job.message
        assert sold_now() == {"a", "b"}


def test_more_rows_than_a_chunk_find_their_room(alpha, monkeypatch):
    monkeypatch.setattr("integrations.services.catalogue_run.CHUNK", 3)
    allow(alpha, products=10)
    with alpha.inside():
        run(yml(*(offer(f"old-{n}") for n in range(10))))
        job = run(yml(*(offer(f"new-{n}") for n in range(12))), confirm=True)
        assert (job.result["created"], job.result["retired"], job.refused) == (10, 10, 2)
        assert [error["row"] for error in job.errors] == [11, 12]
        assert sold_now() == {f"new-{n}" for n in range(10)}


def sold_now() -> set[str]:
    return set(Product.objects.filter(is_active=True).values_list("external_id", flat=True))


def test_goods_taken_off_sale_come_back_only_where_there_is_room(alpha):
    allow(alpha, products=2)
    with alpha.inside():
        run(yml(offer("a"), offer("b")))
        run(yml(offer("a")), confirm=True)
        run(yml(offer("a"), offer("c")), confirm=True)

        job = run(yml(offer("a"), offer("c"), offer("b")))

        assert job.result["left_out"] == 1
        assert not Product.objects.get(external_id="b").is_active


# ── Dialogues ────────────────────────────────────────────────────────────────────────────────
def test_past_the_months_dialogues_the_bot_answers_without_a_model(alpha):
    allow(alpha, conversations_a_month=10)
    simulator = CompatibleSimulator()
    ask = Turn(
        [Said("buyer", "Сколько стоит доставка?")],
        "ru",
        Asker(),
        timezone.now(),
        bot={"providers": [{"provider": "compatible"}]},
    )
    with serve_simulator(simulator) as url, alpha.inside():
        Article.objects.create(
            external_id="d", lang="ru", title="Доставка", text="Доставка стоит 300 рублей."
        )
        reindex_articles(None)
        account_save(
            provider="compatible", values={"base_url": f"{url}/v1", "model": "m", "api_key": "k"}
        )
        talked(alpha, 9)
        answer_turn(ask)
        asked = len(simulator.calls)
        assert asked

        talked(alpha, 10)
        answer = answer_turn(ask)

    assert len(simulator.calls) == asked
    assert answer.decision == Decision.ANSWER
    assert "300" in answer.text


def test_merchant_and_partner_are_told_once_each(alpha, beta):
    allow(alpha, conversations_a_month=10)
    talked(alpha, 7)
    assert letters() == []

    talked(alpha, 8)
    talked(alpha, 9)
    near = letters()
    talked(alpha, 10)
    talked(alpha, 11)
    reached = letters()
    talked(beta, 500)

    assert [to for to, _ in near] == ["owner@alpha.example", "staff@partner.example"]
    assert [to for to, _ in reached] == ["owner@alpha.example", "staff@partner.example"]
    assert {s for _, s in near} & {s for _, s in reached} == set()
    assert letters() == []
    with alpha.inside():
        told = AuditEntry.objects.filter(action__startswith="limit.")
        assert [entry.action for entry in told.order_by("pk")] == ["limit.near", "limit.reached"]


def test_home_pages_show_it_to_merchant_and_partner_alone(
    alpha, beta, client_of, partner_client, platform_client
):
    allow(alpha, conversations_a_month=10)
    allow(beta, conversations_a_month=10)
    talked(alpha, 12)
    talked(beta, 9)

    def page(client: Any) -> str:
        return client.get("/admin/", HTTP_ACCEPT_LANGUAGE="en").content.decode()

    assert "The plan&#x27;s 10 dialogues of this month are used up" in page(client_of(alpha))
    assert "9 of the plan&#x27;s 10 dialogues" in page(client_of(beta))
    partners = page(partner_client)
    assert "“Alpha Shoes” has used 12 of the 10" in partners
    assert "“Beta Lamps” has used" not in partners
    assert "“Beta Lamps” has used 9" in page(platform_client)

    with merchant_context(PUBLIC):
        Plan.objects.update(conversations_a_month=1000)
    assert "of this month are used" not in page(client_of(alpha))
    assert "has used" not in page(partner_client)
