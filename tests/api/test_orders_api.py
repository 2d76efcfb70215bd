"""Orders beside a dialogue: where one is, returns and repeats noted once, and only one's own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from bots.handlers import tell_what_was_settled
from bots.models import Conversation, Message
from integrations.models import Order, OrderLine, OrderRequest, Parcel, Product, Variant
from tenants.models import OutboxEvent
from tenants.workspace.models import AuditEntry
from tests.api.desks import Desk

PHONE = "+79161234567"


def order_of(shop: Any, number: str, phone: str, **more: Any) -> Order:
    with shop.inside():
        order = Order.objects.create(
            number=number, phone=phone, placed_at=datetime(2026, 11, 12, tzinfo=UTC),
            **{"status": "delivered", "sum": Decimal(3970), "name": "Анна", **more},
        )  # fmt: skip
        OrderLine.objects.create(
            order=order, offer_id="lamp", name="Лампа", qty=2, price=Decimal(990)
        )
        OrderLine.objects.create(order=order, offer_id="", name="Чехол", qty=1, price=Decimal(1990))
        Parcel.objects.create(order=order, service="СДЭК", track="RU77", cost=None)
        return order


@pytest.fixture
def talk(alpha, beta) -> Conversation:
    """Anna's; her order is 727. Beta has one of the same number and telephone."""
    order_of(beta, "727", PHONE)
    order_of(alpha, "727", PHONE)
    order_of(alpha, "900", "+79990000000")
    with alpha.inside():
        lamp = Product.objects.create(external_id="l", name="Лампа")
        Variant.objects.create(product=lamp, external_id="lamp", name="Лампа", price=Decimal(1200))
    return Desk(alpha).talk(
        "Анна", "Где заказ?", language="ru", identities=[("phone", PHONE, "shared")]
    )


def look(client: Any, talk: Conversation, kind: str, **more: Any) -> Any:
    body = {"number": "727", "kind": kind, **more}
    return client.post(f"/api/v1/conversations/{talk.pk}/order/look/", body, format="json")


def act(client: Any, talk: Conversation, kind: str, **more: Any) -> Any:
    body = {"number": "727", "kind": kind, "client_key": "k1", **more}
    return client.post(f"/api/v1/conversations/{talk.pk}/order/", body, format="json")


def test_where_an_order_is_is_told_in_words_that_rest_on_it(alpha, talk, api_of):
    client = api_of(alpha, "agent")
    seen = look(client, talk, "status").json()
    assert "727" in seen["text"] and "доставлен" in seen["text"].lower()
    assert seen["doubts"] == []

    with alpha.inside():
        Order.objects.filter(number="727").update(status="shipped")
    late = act(client, talk, "status", mark=seen["mark"], text=seen["text"])
    assert (late.status_code, late.json()["error"]["code"]) == (409, "order_changed")
    seen = look(client, talk, "status").json()
    first = act(client, talk, "status", mark=seen["mark"], text=seen["text"])
    again = act(client, talk, "status", mark=seen["mark"], text=seen["text"])

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["message"]["id"] == again.json()["message"]["id"]
    with alpha.inside():
        sent = Message.objects.get(author="agent")
        assert sent.text == seen["text"] and "RU77" in sent.text
        assert [one["external_id"] for one in sent.meta["sources"]] == ["727"]
        assert {one["source"] for one in sent.meta["claims"]} == {"order:727"}
        assert OrderRequest.objects.count() == 0
        assert Conversation.objects.get(pk=talk.pk).agent == alpha.agent


def test_a_return_is_noted_once_told_and_settled_by_a_person(alpha, beta, talk, api_of, client_of):
    client = api_of(alpha, "agent")
    seen = look(client, talk, "return", lines=[{"line": 0, "qty": 1}]).json()
    assert [(one["qty"], one["most"]) for one in seen["lines"]] == [("1", "2"), ("0", "1")]
    assert (seen["sum"], seen["text"]) == (
        "990.00",
        "Приняли заявку на возврат по заказу 727: Лампа. Стоимость товаров: 990\u00a0₽.",
    )
    OutboxEvent.objects.all().delete()

    asked = {"lines": [{"line": 0, "qty": 1}], "mark": seen["mark"], "note": "жмёт"}
    first = act(client, talk, "return", text=seen["text"], **asked)
    again = act(client, talk, "return", text=seen["text"], **asked)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    with alpha.inside():
        one = OrderRequest.objects.get()
        assert (one.kind, one.state, one.sum, one.note) == ("return", "open", Decimal(990), "жмёт")
        assert one.lines == [{"offer_id": "lamp", "name": "Лампа", "qty": "1", "price": "990.00"}]
        rows = Message.objects.filter(conversation=talk, seq__gt=1).order_by("seq")
        assert next(row for row in rows if row.kind == "system").meta["code"] == "order_return"
        assert [row.text for row in rows if row.author == "agent"] == [seen["text"]]
        assert Order.objects.get(number="727").status == "delivered"
    told = OutboxEvent.objects.filter(name="order.requested").values_list("schema", "data")
    assert list(told) == [(alpha.schema, {"order": one.order_id, "request": one.pk})]
    with beta.inside():
        assert OrderRequest.objects.count() == 0

    # What is asked for already cannot be asked for again; the rest can.
    left = look(client, talk, "return").json()
    assert [one["most"] for one in left["lines"]] == ["1", "1"]
    assert len(left["doubts"]) == 1
    over = {"lines": [{"line": 0, "qty": 2}], "mark": seen["mark"], "client_key": "k2"}
    assert act(client, talk, "return", **over).status_code == 400
    none = {"lines": [], "mark": seen["mark"], "client_key": "k2"}
    assert act(client, talk, "return", **none).status_code == 400
    card = client.get(f"/api/v1/desk/conversations/{talk.pk}/person/").json()
    assert card["orders"][0]["requests"] == [
        {"id": one.pk, "kind": "return", "state": "open", "sum": "990.00"}
    ]

    url = f"/admin/integrations/orderrequest/{one.pk}"
    desk = client_of(alpha, "supervisor")
    page = desk.get("/admin/integrations/orderrequest/", {"q": "727", "state__exact": "open"})
    assert "990" in page.content.decode()
    shown = desk.get(f"/admin/integrations/order/{one.order_id}/change/").content.decode()
    assert f"{url}/change/" in shown
    assert client_of(alpha, "agent").post(
        f"{url}/settle/", {"_form_submitted": "on"}
    ).status_code in (302, 403)
    for act_, answer in (("settle", "деньги ушли"), ("refuse", "поздно")):
        desk.post(f"{url}/{act_}/", {"_form_submitted": "on", "answer": answer})
    with alpha.inside():
        one.refresh_from_db()
        assert (one.state, one.answer) == ("done", "деньги ушли")
        assert AuditEntry.objects.filter(action="order_request.settled").exists()
        event = OutboxEvent.objects.get(name="order.request_settled")
        for _twice in range(2):
            tell_what_was_settled(event)
        line = Message.objects.get(conversation=talk, client_key=f"order-request-{one.pk}")
        assert (line.meta["code"], line.meta["name"]) == ("order_return_done", "деньги ушли")


def test_a_repeat_goes_by_what_is_sold_today_and_needs_no_word_to_the_buyer(alpha, talk, api_of):
    client = api_of(alpha, "agent")
    seen = look(client, talk, "repeat").json()
    assert [(one["qty"], one["price"], one["is_sold"]) for one in seen["lines"]] == [
        ("2", "1200.00", True),
        ("0", "1990.00", False),
    ]
    with translation.override("ru"):
        assert len(seen["doubts"]) == 1  # prices
    assert seen["sum"] == "2400.00"

    lines = [{"line": 0, "qty": 2}, {"line": 1, "qty": 1}]
    made = act(client, talk, "repeat", mark=seen["mark"], lines=lines)

    assert made.status_code == 201
    assert made.json()["message"] is None
    with alpha.inside():
        one = OrderRequest.objects.get()
        assert one.sum == Decimal(4390)
        assert not Message.objects.filter(author="agent").exists()
        assert Conversation.objects.get(pk=talk.pk).speaker == talk.speaker

    # A program of the shop's own finds it and says what came of it; the first word counts.
    listed = client.get("/api/v1/orders/requests/?state=open&kind=repeat&number=727").json()
    assert [(row["id"], row["number"], row["sum"]) for row in listed["results"]] == [
        (one.pk, "727", "4390.00")
    ]
    url = f"/api/v1/orders/requests/{one.pk}/settle/"
    assert client.post(url, {"is_done": True}).status_code == 403
    program = api_of(alpha, "supervisor")
    assert program.post(url, {"is_done": False, "answer": "нет на складе"}).status_code == 200
    settled = program.post(url, {"is_done": True}).json()
    assert (settled["state"], settled["answer"]) == ("refused", "нет на складе")
    assert program.get("/api/v1/orders/requests/?state=open").json()["results"] == []
    assert program.post("/api/v1/orders/requests/0/settle/", {"is_done": True}).status_code == 404
    with alpha.inside():
        assert AuditEntry.objects.filter(action="order_request.settled").count() == 1


def test_an_order_is_reached_only_by_its_proven_buyer(alpha, beta, talk, api_of):
    client = api_of(alpha, "agent")
    mark = look(client, talk, "status").json()["mark"]
    floor = Desk(alpha)
    floor.count = 10
    claims = floor.talk("Борис", "Я", identities=[("phone", PHONE, "claimed")])
    foreign = Desk(beta).talk("Анна", "Я", identities=[("phone", PHONE, "shared")])
    nobody = floor.talk("Вера", "Я")
    for one, body in (
        (talk, {"number": "900"}),
        (claims, {}),
        (nobody, {}),
        (foreign, {}),
    ):
        assert look(client, one, "return", **body).status_code == 404
        done = act(client, one, "return", mark=mark, lines=[{"line": 0, "qty": 1}], **body)
        assert done.status_code == 404
    refused = act(client, talk, "return", mark="other", text="x", lines=[{"line": 0, "qty": 1}])
    assert refused.status_code == 409
    with alpha.inside():
        Order.objects.filter(number="727").update(status="cancelled")
        assert look(client, talk, "return").status_code == 400
        assert OrderRequest.objects.count() == 0
        assert not Message.objects.filter(author__in=["agent", "system"]).exists()
