from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from integrations.models import Order, OrderLine, Parcel
from integrations.services.orders import orders_import, status_of
from tenants.models import OutboxEvent

ORDER = {
    "number": "727",
    "phone": "8 (916) 123-45-67",
    "email": "Anna@Example.RU",
    "status": "В пути",
    "items": [{"offer_id": "10", "name": "Кружка", "qty": 2, "price": "500,00"}],
    "sum": "1 300,00 ₽",
    "delivery": {
        "service": "СДЭК",
        "track": "1234567890",
        "eta": "2026-11-25",
        "address": "Москва, Тверская, 1",
        "cost": 300,
    },
    "created": "2026-11-20T12:30:00+03:00",
}


@pytest.fixture
def inside(alpha):
    with alpha.inside():
        yield


def test_an_order_is_kept_whole(inside):
    report = orders_import([ORDER])

    assert (report.created, report.updated, report.unchanged, report.errors) == (1, 0, 0, [])
    order = Order.objects.get()
    assert (order.number, order.phone, order.email, order.status, order.status_text) == (
        "727", "+79161234567", "anna@example.ru", "shipped", "",
    )  # fmt: skip
    assert (order.sum, order.currency) == (Decimal("1300.00"), "RUB")
    assert order.placed_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    line = OrderLine.objects.get()
    assert (line.offer_id, line.name, line.qty, line.price) == (
        "10", "Кружка", Decimal("2.000"), Decimal("500.00"),
    )  # fmt: skip
    parcel = Parcel.objects.get()
    assert (parcel.service, parcel.track, parcel.eta, parcel.cost) == (
        "СДЭК", "1234567890", date(2026, 11, 25), Decimal("300.00"),
    )  # fmt: skip
    fact = OutboxEvent.objects.get(name="order.changed")
    assert fact.data == {"order": order.pk}


def test_the_same_order_again_changes_nothing(inside):
    orders_import([ORDER])
    before = Order.objects.get().updated_at
    OutboxEvent.objects.all().delete()

    report = orders_import([ORDER])

    assert (report.created, report.updated, report.unchanged) == (0, 0, 1)
    assert Order.objects.get().updated_at == before
    assert not OutboxEvent.objects.exists()


def test_a_newer_state_replaces_the_older(inside):
    orders_import([ORDER])

    report = orders_import(
        [ORDER | {"status": "delivered", "items": [], "sum": 0, "delivery": None}]
    )

    assert (report.created, report.updated) == (0, 1)
    order = Order.objects.get()
    assert (order.status, order.sum, order.lines.count()) == ("delivered", 0, 0)
    assert not Parcel.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": None}, "number"),
        ({"number": {"a": 1}}, "number"),
        ({"number": "7" * 65}, "number"),
        ({"phone": "позвоните"}, "phone"),
        ({"phone": "123"}, "phone"),
        ({"email": "не почта"}, "email"),
        ({"sum": "много"}, "sum"),
        ({"sum": -5}, "sum"),
        ({"sum": []}, "sum"),
        ({"currency": "фантик"}, "currency"),
        ({"created": "вчера"}, "created"),
        ({"created": "0001-01-01"}, "created"),
        ({"created": "2026-13-45"}, "created"),
        ({"items": "кружка"}, "items"),
        ({"items": [{"qty": 1, "price": 5}]}, "items[1].name"),
        ({"items": [{"name": "Кружка", "qty": 0, "price": 5}]}, "items[1].qty"),
        ({"items": [{"name": "Кружка", "qty": 1}]}, "items[1].price"),
        ({"items": [5]}, "items[1]"),
        ({"delivery": "СДЭК"}, "delivery"),
        ({"delivery": {"eta": "скоро"}}, "delivery.eta"),
        ({"delivery": {"cost": "даром"}}, "delivery.cost"),
    ],
)
def test_a_bad_order_is_refused_by_field_and_the_rest_is_taken(inside, change, field):
    report = orders_import([ORDER | change, ORDER | {"number": "728"}])

    assert [(e["row"], e["field"]) for e in report.errors] == [(1, field)]
    assert len(report.errors[0]["message"].split()) > 1
    assert list(Order.objects.values_list("number", flat=True)) == ["728"]


def test_rows_that_are_no_orders_are_refused(inside):
    report = orders_import([5, None, "x", []])

    assert [e["row"] for e in report.errors] == [1, 2, 3, 4]
    assert not Order.objects.exists()


def test_what_is_missing_is_worked_out(inside):
    orders_import(
        [
            {
                "number": 1001,
                "items": [{"offer_id": "10", "qty": "1,5", "price": 100}],
                "delivery": {"cost": 50},
            }
        ]
    )

    order = Order.objects.get()
    assert (order.number, order.status, order.sum) == ("1001", "new", Decimal("200.00"))
    assert order.lines.get().name == "10"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Отменён", "cancelled"),
        ("отменен", "cancelled"),
        ("SHIPPED", "shipped"),
        ("in_transit", "shipped"),
        ("Готов к выдаче", "ready"),
        ("Доставлен", "delivered"),
        ("оплачен", "paid"),
        ("Возврат", "returned"),
        ("Собирается", "assembling"),
        ("новый", "new"),
    ],
)
def test_statuses_are_read_in_both_languages(word, status):
    assert status_of(word) == (status, "")


def test_a_shop_s_own_status_is_kept_as_its_word():
    assert status_of("Ждём поставщика") == ("other", "Ждём поставщика")


def test_times_without_a_zone_are_the_merchant_s(inside):
    orders_import([ORDER | {"created": "20.11.2026 12:30"}])

    assert Order.objects.get().placed_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_orders_stay_with_their_merchant(alpha, beta):
    with alpha.inside():
        orders_import([ORDER])
    with beta.inside():
        assert not Order.objects.exists()
