"""What the demo merchants know, read from `data/` without a database.

The seeder, the evaluation set's checks and its baselines all read the demo world here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from defusedxml import ElementTree

DATA = Path(__file__).parent / "data"
MERCHANTS = ("demo", "second")


@dataclass(frozen=True)
class Article:
    external_id: str
    lang: str
    title: str
    category: str
    text: str


@dataclass(frozen=True)
class Offer:
    """One variant as the feed has it. Prices are whole roubles, as text."""

    id: str
    group: str
    name: str
    vendor: str
    price: str
    old_price: str
    count: int
    category: str
    description: str
    params: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Document:
    """A text an answer may come from: `ref` is article:<id>, product:<group> or order:<number>."""

    ref: str
    lang: str
    title: str
    text: str


def read_yaml(merchant: str, name: str) -> Any:
    return yaml.safe_load((DATA / merchant / f"{name}.yaml").read_text("utf-8"))


def partner() -> dict[str, Any]:
    return yaml.safe_load((DATA / "partner.yaml").read_text("utf-8"))


@cache
def articles(merchant: str) -> tuple[Article, ...]:
    """By external id and language. A file is front matter between `---`, then text."""
    found = []
    for path in sorted((DATA / merchant / "articles").glob("*.md")):
        external_id, lang = path.stem.rsplit(".", 1)
        _, head, text = path.read_text("utf-8").split("---\n", 2)
        front = yaml.safe_load(head)
        found.append(Article(external_id, lang, front["title"], front["category"], text.strip()))
    return tuple(found)


def feed_path(merchant: str) -> Path:
    return DATA / f"{merchant}.yml"


def feed_bytes(merchant: str, *, base: str) -> bytes:
    """The feed with `{base}` (where pictures are served from) put in, e.g. http://demo.localhost"""
    return feed_path(merchant).read_text("utf-8").replace("{base}", base).encode()


@cache
def offers(merchant: str) -> tuple[Offer, ...]:
    root = ElementTree.parse(feed_path(merchant)).getroot()
    categories = {node.get("id"): node.text for node in root.iter("category")}
    return tuple(
        Offer(
            id=node.get("id"),
            group=node.get("group_id"),
            name=node.findtext("name"),
            vendor=node.findtext("vendor"),
            price=node.findtext("price"),
            old_price=node.findtext("oldprice", ""),
            count=int(node.findtext("count")),
            category=categories[node.findtext("categoryId")],
            description=node.findtext("description"),
            params={param.get("name"): param.text for param in node.iter("param")}
            | {"Страна производства": node.findtext("country_of_origin", "")},
        )
        for node in root.iter("offer")
    )


def orders(merchant: str) -> list[dict[str, Any]]:
    """As POST /api/v1/orders/import/ takes them; dates are those of the files (2026)."""
    return json.loads((DATA / merchant / "orders.json").read_text("utf-8"))


def orders_until(merchant: str, today: date) -> list[dict[str, Any]]:
    """The same orders moved by whole days, so that the newest was placed on `today`."""
    moved = orders(merchant)
    newest = max(date.fromisoformat(order["created"][:10]) for order in moved)
    for order in moved:
        order["created"] = _moved(order["created"][:10], today - newest) + order["created"][10:]
        order["delivery"]["eta"] = _moved(order["delivery"]["eta"], today - newest)
    return moved


def _moved(day: str, by: Any) -> str:
    return (date.fromisoformat(day) + by).isoformat()


def documents(merchant: str) -> Iterator[Document]:
    """Everything an answer of this merchant's bot may rest on, as plain text."""
    for article in articles(merchant):
        ref = f"article:{article.external_id}"
        yield Document(ref, article.lang, article.title, article.text)
    groups: dict[str, list[Offer]] = {}
    for offer in offers(merchant):
        groups.setdefault(offer.group, []).append(offer)
    for group, members in groups.items():
        first = members[0]
        lines = [first.category, first.vendor, first.description]
        lines += [f"{name}: {value}" for name, value in first.params.items()]
        for one in members:
            chosen = ", ".join(one.params[key] for key in choices(members) if key in one.params)
            lines.append(f"{chosen}: {one.price} ₽ {one.old_price}, в наличии {one.count}")
        yield Document(f"product:{group}", "ru", first.name, "\n".join(lines))


def order_documents(merchant: str) -> Iterator[Document]:
    for order in orders(merchant):
        text = json.dumps(order, ensure_ascii=False)
        yield Document(f"order:{order['number']}", "ru", order["number"], text)


def choices(members: list[Offer]) -> list[str]:
    """Parameters whose values differ among a product's offers: colour, size…"""
    return [
        name
        for name in members[0].params
        if len({one.params.get(name) for one in members}) > 1 or name == "Цвет"
    ]
