"""Multiplies tables/*.yaml into feeds and orders and draws the pictures. Run after editing a table:

    python -m config.demo.make_feeds

Everything is a function of the tables and of SEED, so a second run changes nothing. The results are
committed: `data/<merchant>.yml`, `data/<merchant>/orders.json` and `static/demo/*.svg`.

In a feed `{base}` stands for the address the pictures are served from (`{base}/static/demo/…`);
whoever imports the feed puts it in.

Format: Yandex Market Language, https://yandex.ru/support/marketplace/assortment/files/yml.html
"""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from config.demo import pictures

HERE = Path(__file__).parent
SEED = "prilavok-demo-1"
FEED_DATE = "2026-11-20T09:00:00+03:00"

WEIGHT_KG = {
    "puffer": "1.100", "coat": "1.600", "jacket": "0.900", "boot": "1.300", "sneaker": "0.700",
    "shoe": "0.950", "jeans": "0.600", "sweater": "0.550", "backpack": "0.800", "kettle": "1.200",
    "coffee": "8.500", "cooker": "4.200", "vacuum": "3.100", "robot": "3.600", "grill": "4.000",
}  # fmt: skip


SENT = {"shipped", "ready", "delivered", "returned", "в пути", "готов к выдаче"}


def number(key: str, below: int) -> int:
    """A repeatable whole number from 0 to below - 1."""
    digest = hashlib.sha256(f"{SEED}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def stock(product: dict[str, Any], offer_id: str) -> int:
    """Pieces at hand: every eighth offer has none, every fifth only one or two."""
    if product.get("sold_out") or number(f"{offer_id}:gone", 8) == 0:
        return 0
    if number(f"{offer_id}:few", 5) == 0:
        return 1 + number(f"{offer_id}:left", 2)
    return 3 + number(f"{offer_id}:count", 25)


def barcode(offer_id: str) -> str:
    """EAN-13 in the range shops keep for themselves (prefix 20)."""
    digits = f"20{int(offer_id):010d}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def spelled(name: str, value: str) -> str:
    """Decimal fractions with a comma, as Russian has them; versions keep their full stop."""
    return value if name in ("Связь", "Стандарт") else re.sub(r"(\d)\.(\d)", r"\1,\2", value)


def offers(product: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One product → its offers, as plain values in the order of the elements."""
    chosen = product.get("options")
    sizes = product.get("sizes") or []
    steps = chosen["values"] if chosen else sizes or [None]
    surcharges = chosen["add"] if chosen else [0] * len(steps)
    title = chosen["name"] if chosen else "Размер"
    for hue, colour in enumerate(product["colours"], 1):
        for step, (value, surcharge) in enumerate(zip(steps, surcharges, strict=True), 1):
            offer_id = f"{product['id']}{hue}{step:02d}"
            params = [("Цвет", colour)]
            if value is not None:
                params.append((title, str(value)))
            params += [
                (name, spelled(name, text))
                for name, text in product["params"].items()
                if name != "Страна"  # has an element of its own
            ]
            yield {
                "id": offer_id,
                "count": stock(product, offer_id),
                "price": product["price"] + surcharge,
                "was": product["was"] + surcharge if "was" in product else None,
                "colour": colour,
                "params": params,
            }


def add(parent: ElementTree.Element, tag: str, text: object, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = str(text)


def feed(table: dict[str, Any]) -> tuple[ElementTree.Element, set[tuple[str, str]]]:
    """The whole feed and the (kind, colour) pairs whose pictures it shows."""
    root = ElementTree.Element("yml_catalog", date=FEED_DATE)
    shop = ElementTree.SubElement(root, "shop")
    for tag in ("name", "company", "url", "email"):
        add(shop, tag, table["shop"][tag])
    ElementTree.SubElement(
        ElementTree.SubElement(shop, "currencies"),
        "currency",
        id=table["shop"]["currency"],
        rate="1",
    )
    categories = ElementTree.SubElement(shop, "categories")
    for category in table["categories"]:
        parent = {"parentId": str(category["parent"])} if "parent" in category else {}
        add(categories, "category", category["name"], id=str(category["id"]), **parent)
    shown: set[tuple[str, str]] = set()
    box = ElementTree.SubElement(shop, "offers")
    for product in table["products"]:
        for one in offers(product):
            shown.add((product["kind"], one["colour"]))
            add_offer(box, table, product, one)
    return root, shown


def add_offer(
    box: ElementTree.Element, table: dict[str, Any], product: dict[str, Any], one: dict[str, Any]
) -> None:
    node = ElementTree.SubElement(
        box,
        "offer",
        id=one["id"],
        group_id=str(product["id"]),
        available="true" if one["count"] else "false",
    )
    add(node, "name", product["name"])
    add(node, "vendor", product["vendor"])
    add(node, "vendorCode", product["code"])
    add(node, "url", f"{table['shop']['url']}/catalog/{product['id']}?offer={one['id']}")
    add(node, "price", one["price"])
    if one["was"]:
        add(node, "oldprice", one["was"])
    add(node, "currencyId", table["shop"]["currency"])
    add(node, "categoryId", product["category"])
    picture = pictures.file_name(product["kind"], one["colour"])
    add(node, "picture", f"{{base}}/static/demo/{picture}")
    add(node, "delivery", "true")
    add(node, "pickup", "true")
    add(node, "description", product["text"].strip())
    if "Страна" in product["params"]:
        add(node, "country_of_origin", product["params"]["Страна"])
    add(node, "barcode", barcode(one["id"]))
    for name, value in one["params"]:
        add(node, "param", value, name=name)
    add(node, "count", one["count"])
    weight = Decimal(WEIGHT_KG.get(product["kind"], "0.350"))
    if not any(name.startswith("Вес") for name in product["params"]):
        add(node, "weight", weight)
    add(node, "dimensions", "38.000/28.000/12.000" if weight > 1 else "30.000/22.000/6.000")


def orders(merchant: str, goods: dict[str, tuple[str, int]]) -> list[dict[str, Any]]:
    """The merchant's orders as POST /api/v1/orders/import/ takes them, oldest first."""
    table = yaml.safe_load((HERE / "tables" / "orders.yaml").read_text("utf-8"))
    shop = table["merchants"][merchant]
    made = []
    for row in shop["orders"]:
        buyer, by = table["buyers"][row["buyer"]], row["delivery"]["by"]
        minutes = number(f"{row['number']}:minute", 600) if row["days"] else 0
        created = table["last_order_at"] - timedelta(days=row["days"], minutes=minutes)
        items = []
        for item in row["items"]:
            offer_id, _, pieces = item.partition(" × ")
            name, price = goods[offer_id]
            pieces = int(pieces or 1)
            items.append(
                {"offer_id": offer_id, "name": name, "qty": pieces, "price": f"{price}.00"}
            )
        cost = row["delivery"]["cost"]
        total = sum(int(item["price"][:-3]) * item["qty"] for item in items) + cost
        eta = table["last_order_at"] + timedelta(days=row["delivery"].get("eta", -row["days"] + 3))
        sent = by not in ("store", "courier") and row["status"] in SENT
        track = f"{14800 + number(by, 90)}{row['number']}{number(row['number'], 90) + 10}"
        made.append(
            {
                "number": row["number"],
                "phone": buyer["phone"],
                "email": buyer["email"],
                "status": row["status"],
                "items": items,
                "sum": f"{total}.00",
                "currency": "RUB",
                "delivery": {
                    "service": shop["services"][by],
                    "track": track if sent else "",
                    "eta": eta.date().isoformat(),
                    "address": shop["store"] if by == "store" else buyer["address"],
                    "cost": f"{cost}.00",
                },
                "created": created.isoformat(),
            }
        )
    return made


def goods_of(root: ElementTree.Element) -> dict[str, tuple[str, int]]:
    """Offer → the name as a receipt prints it (with colour and size) and the price."""
    found = {}
    for offer in root.iter("offer"):
        params = {param.get("name"): param.text or "" for param in offer.iter("param")}
        chosen = [params["Цвет"], params.get("Размер", "")]
        label = ", ".join([offer.findtext("name", ""), *filter(None, chosen)])
        found[offer.get("id", "")] = (label, int(offer.findtext("price", "0")))
    return found


def written(root: ElementTree.Element) -> str:
    ElementTree.indent(root, space="  ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def outputs() -> dict[Path, str]:
    """Every file this script makes, with its content."""
    files: dict[Path, str] = {}
    for merchant in ("demo", "second"):
        table = yaml.safe_load((HERE / "tables" / f"{merchant}.yaml").read_text("utf-8"))
        root, shown = feed(table)
        files[HERE / "data" / f"{merchant}.yml"] = written(root)
        body = json.dumps(orders(merchant, goods_of(root)), ensure_ascii=False, indent=1)
        files[HERE / "data" / merchant / "orders.json"] = body + "\n"
        for kind, colour in shown:
            name = pictures.file_name(kind, colour)
            files[HERE / "static" / "demo" / name] = pictures.draw(kind, colour)
    return files


def main() -> None:
    made = outputs()
    for path, content in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    for stale in set((HERE / "static" / "demo").glob("*.svg")) - set(made):
        stale.unlink()


if __name__ == "__main__":
    main()
