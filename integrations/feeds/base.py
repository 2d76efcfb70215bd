"""What every feed is read into. Parsers are pure: bytes on a disk in, these values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

CARD, PRICE, STOCK = "card", "price", "stock"
EVERYTHING = frozenset({CARD, PRICE, STOCK})


@dataclass(frozen=True, slots=True)
class Category:
    external_id: str
    name: str
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that can be bought.

    `price` and `old_price` are in major units of `currency` (ISO 4217). `stock` is pieces, None
    where the source does not count. `parts` says what the source knows: a prices-only file leaves
    the card alone. `params` are the shop's own names and values, units included.
    """

    row: int
    external_id: str
    name: str = ""
    group_id: str = ""
    sku: str = ""
    barcode: str = ""
    vendor: str = ""
    price: Decimal | None = None
    old_price: Decimal | None = None
    currency: str = "RUB"
    is_available: bool = True
    stock: int | None = None
    category_id: str = ""
    url: str = ""
    pictures: tuple[str, ...] = ()
    description: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    is_deleted: bool = False
    parts: frozenset[str] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken. `external_id` where it could be read: it is still in the feed."""

    row: int
    field: str
    message: str
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Partial:
    """The feed says it holds changes only: what it does not name stays."""


Item = Category | Offer | Refused | Partial
Items = Iterator[Item]


class RowRefused(Exception):
    """Raised by readers of one value; becomes `Refused` with the row's number."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message
