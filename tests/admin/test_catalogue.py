"""Goods on the desk: what a list tells of prices and stock, and switching off what is not sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from bs4 import BeautifulSoup

from integrations.models import Category, Product, Variant
from tenants.models import OutboxEvent

URL = "/admin/integrations/product/"


@pytest.fixture
def client(alpha, client_of) -> Any:
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"
    return client


def product(name: str, *variants: dict[str, Any], **more: Any) -> Product:
    made = Product.objects.create(external_id=name.lower(), name=name, **more)
    for n, values in enumerate(variants):
        Variant.objects.create(product=made, external_id=f"{name}-{n}", name=name, **values)
    return made


@pytest.fixture
def goods(alpha, beta) -> dict[str, Product]:
    with beta.inside():
        product("Beta lamp", {"price": Decimal(5)})
    with alpha.inside():
        lamps = Category.objects.create(external_id="1", name="Lamps")
        made = [
            product("Lamp", {"price": Decimal(1990), "stock": 3}, {"price": Decimal("2490.50")},
                    {"price": Decimal(9), "is_active": False}, vendor="Svet", category=lamps,
                    pictures=["https://shop.example/lamp.jpg"]),
            product("Sofa", {"price": Decimal(50000), "currency": "KZT"}),
            product("Table", {"price": Decimal(700), "is_available": False},
                    {"price": Decimal(700), "is_available": False}),
            product("Vase"),
            product("Chair", {"price": Decimal(10)}, is_active=False),
        ]  # fmt: skip
    return {row.name: row for row in made}


def rows(client: Any, **asked: Any) -> dict[str, str]:
    """What each row of the list says, by the name of the product."""
    page = client.get(URL, asked)
    assert page.status_code == 200
    _head, *parts = page.content.decode().split('<tr class="data-row')
    found = {}
    for part in parts:
        row = BeautifulSoup(f'<tr class="{part.partition("</tr>")[0]}', "html.parser")
        text = " ".join(row.get_text(" ").split())
        found[text.split(" ")[0]] = text
    return found


def test_the_list_tells_price_and_stock_of_what_is_sold(client, goods):
    told = rows(client)
    assert set(told) == {"Lamp", "Sofa", "Table", "Vase", "Chair"}
    assert "from ₽1,990 to ₽2,490.50" in told["Lamp"]
    assert "Svet · lamp" in told["Lamp"]
    assert "2 of 2" in told["Lamp"]
    assert "Lamps" in told["Lamp"]
    assert "₸50,000" in told["Sofa"]
    assert "in stock" in told["Sofa"]
    assert "₽700" in told["Table"]
    assert "out of stock" in told["Table"]
    assert "out of stock" in told["Vase"]
    assert "not sold" in told["Chair"]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"stock": "yes"}, {"Lamp", "Sofa", "Chair"}),
        ({"stock": "no"}, {"Table", "Vase"}),
        ({"stock": "perhaps"}, {"Lamp", "Sofa", "Table", "Vase", "Chair"}),
        ({"is_active__exact": "0"}, {"Chair"}),
        ({"q": "svet"}, {"Lamp"}),
        ({"q": "beta"}, set()),
    ],
)
def test_the_list_is_narrowed(client, goods, asked, names):
    assert set(rows(client, **asked)) == names


def test_a_card_shows_everything_and_changes_one_thing(alpha, client, goods):
    lamp = goods["Lamp"]
    with alpha.inside():
        Product.objects.filter(pk=lamp.pk).update(
            url="https://shop.example/lamp", params={"Material": "glass <b>"}
        )
        Variant.objects.filter(external_id="Lamp-0").update(
            params={"Size": "S", "Colour": "red"}, old_price=Decimal(2500)
        )
        Variant.objects.filter(external_id="Lamp-1").update(is_available=False)
    page = client.get(f"{URL}{lamp.pk}/change/")
    text = " ".join(BeautifulSoup(page.content, "html.parser").get_text(" ").split())
    html = page.content.decode()
    for words in ("Material : glass <b>", "Size: S, Colour: red", "₽1,990 ₽2,500", "3 pcs", "none"):
        assert words in text, words
    assert '<a href="https://shop.example/lamp"' in html
    assert 'src="https://shop.example/lamp.jpg"' in html
    assert "glass <b>" not in html

    form = {"name": "Hacked", "variants-TOTAL_FORMS": 0, "variants-INITIAL_FORMS": 0}
    assert client.post(f"{URL}{lamp.pk}/change/", form).status_code == 302

    with alpha.inside():
        lamp.refresh_from_db()
    assert (lamp.name, lamp.is_active) == ("Lamp", False)
    event = OutboxEvent.objects.get(schema=alpha.schema, name="catalogue.changed")
    assert event.data == {"products": [lamp.pk]}
    empty = client.get(f"{URL}{goods['Vase'].pk}/change/").content.decode()
    assert "https://shop.example" not in empty


def test_many_are_switched_off_and_on_together(alpha, client, goods):
    chosen = [goods["Lamp"].pk, goods["Sofa"].pk]
    for action, is_active in (("switch_off", False), ("switch_on", True)):
        client.post(URL, {"action": action, "_selected_action": chosen})
        with alpha.inside():
            states = dict(Product.objects.values_list("name", "is_active"))
        assert (states["Lamp"], states["Sofa"]) == (is_active, is_active)
        assert (states["Table"], states["Chair"]) == (True, False)
    told = OutboxEvent.objects.filter(schema=alpha.schema, name="catalogue.changed")
    assert [sorted(event.data["products"]) for event in told.order_by("pk")] == [chosen] * 2


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_who_may_look_and_not_change_changes_nothing(alpha, client_of, goods, role):
    client = client_of(alpha, role)
    pk = goods["Lamp"].pk
    may_look = role == "supervisor"
    assert client.get(f"{URL}{pk}/change/").status_code == (200 if may_look else 403)
    client.post(f"{URL}{pk}/change/", {})
    client.post(URL, {"action": "switch_off", "_selected_action": [pk]})
    for page in (f"{pk}/delete/", "add/"):
        assert client.post(f"{URL}{page}", {"post": "yes"}).status_code == 403
    with alpha.inside():
        before = Product.objects.get(pk=pk)
    assert before.is_active is True
    assert not OutboxEvent.objects.filter(schema=alpha.schema, name="catalogue.changed").exists()
