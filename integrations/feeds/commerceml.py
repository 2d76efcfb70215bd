"""CommerceML 2 (1C and MoySklad): goods in import.xml, prices and stock in offers.xml.

Source: the 2.09 schema and the site components' behaviour; real files lack the namespace, come in
windows-1251, with decimal commas, over 100 MB and split into prices0_1.xml and rests0_1.xml.
The two halves are joined in a temporary SQLite file, so memory does not grow with the shop.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from django.utils.translation import gettext as _

from integrations.feeds import values
from integrations.feeds.base import (
    CARD,
    PRICE,
    STOCK,
    Category,
    Items,
    Offer,
    Partial,
    Refused,
    RowRefused,
)
from integrations.feeds.xml import count, records, text_of
from tenants.kernel.documents import Unreadable, copy_member, open_zip

ROOT = "КоммерческаяИнформация"
MAX_UNPACKED = 2 * 1024 * 1024 * 1024
NAMES = re.compile(r"(?:^|/)(import|offers|prices|rests)[^/]*\.xml$", re.IGNORECASE)
RETAIL = re.compile(r"розн|retail|основн|сайт|интернет", re.IGNORECASE)
# Requisites that mean something to a buyer; the others are 1C's own bookkeeping.
REQUISITES = {"Вес": "Вес", "Страна": "Страна производства"}


CHANGES_ONLY = "СодержитТолькоИзменения"


def total(paths: Iterable[Path]) -> int | None:
    return sum(max(_count(p, "<Товар>"), _count(p, "<Предложение>")) for p in paths) or None


def _count(path: Path, mark: str) -> int:
    return sum(
        count(path, mark.encode(encoding), MAX_UNPACKED) for encoding in ("utf-8", "windows-1251")
    )


def members(path: Path, folder: Path) -> list[Path]:
    """XML files of an exchange archive, unpacked under names of our own, goods first."""
    order = ("import", "offers", "prices", "rests")
    found: list[tuple[int, str]] = []
    with open_zip(path, max_unpacked=MAX_UNPACKED) as archive:
        for name in archive.namelist():
            if known := NAMES.search(name.replace("\\", "/")):
                found.append((order.index(known[1].lower()), name))
        if not found:
            raise Unreadable(
                _("There is no import.xml and no offers.xml in the archive: this is no CommerceML.")
            )
        paths, left = [], MAX_UNPACKED
        for number, (_stage, name) in enumerate(sorted(found)):
            target = folder / f"{number}.xml"
            with target.open("wb") as copy:
                left -= copy_member(archive, name, copy, left)
            paths.append(target)
    return paths


def read(paths: Iterable[Path], *, price_type: str = "") -> Items:
    """All files of one exchange, in any order. `price_type`: id or name; else the retail one."""
    with tempfile.TemporaryDirectory(prefix="exchange-") as folder:
        store = _Store(Path(folder) / "exchange.sqlite", price_type)
        try:
            for path in paths:
                yield from store.take(path)
            yield from store.offers()
        finally:
            store.close()


class _Store:
    """Goods and offers seen so far, by id."""

    def __init__(self, path: Path, price_type: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE goods (id TEXT PRIMARY KEY, n INTEGER, data TEXT)")
        self._db.execute(
            "CREATE TABLE offers (id TEXT PRIMARY KEY, goods TEXT, n INTEGER, data TEXT)"
        )
        self._wanted_price = price_type.casefold().strip()
        self._price_types: dict[str, tuple[str, str]] = {}
        self._properties: dict[str, tuple[str, dict[str, str]]] = {}
        self._row = 0
        self._has: set[str] = set()

    def close(self) -> None:
        self._db.close()

    # ── reading ──
    def take(self, path: Path) -> Iterator[Any]:
        is_ours = False
        if any(_count(path, f'{CHANGES_ONLY}="{yes}"') for yes in ("true", "1")):
            yield Partial()
        for names, element in records(path, self._is_record, limit=MAX_UNPACKED):
            if names[0] != ROOT:
                break
            is_ours = True
            tag = names[-1]
            if tag == CHANGES_ONLY:
                if values.yes_no("".join(element.itertext())):
                    yield Partial()
            elif tag == "Группы":
                yield from _groups(element, "")
            elif tag == "Свойство":
                self._property(element)
            elif tag == "ТипЦены":
                self._price_types[text_of(element, "Ид")] = (
                    text_of(element, "Наименование"),
                    text_of(element, "Валюта"),
                )
            elif tag in ("Товар", "Предложение"):
                self._row += 1
                external_id = values.line(text_of(element, "Ид"), values.ID_LIMIT)
                try:
                    (self._goods if tag == "Товар" else self._offer)(element)
                except RowRefused as exc:
                    message = f"{exc.message} ({external_id})" if external_id else exc.message
                    yield Refused(self._row, exc.field, message, external_id)
        if not is_ours:
            raise Unreadable(_("This is not CommerceML: the root must be <%s>.") % ROOT)
        self._db.commit()

    @staticmethod
    def _is_record(names: tuple[str, ...]) -> bool:
        tag, parent = names[-1], names[-2] if len(names) > 1 else ""
        if tag == CHANGES_ONLY:
            return True
        if tag == "Группы":
            return parent == "Классификатор"
        if tag == "Свойство":
            return parent == "Свойства"
        return (tag, parent) in (
            ("Товар", "Товары"),
            ("Предложение", "Предложения"),
            ("ТипЦены", "ТипыЦен"),
        )

    def _property(self, element: Element) -> None:
        words = {
            text_of(one, "ИдЗначения"): text_of(one, "Значение")
            for one in element.iterfind("ВариантыЗначений/Справочник")
        }
        self._properties[text_of(element, "Ид")] = (text_of(element, "Наименование"), words)

    def _goods(self, element: Element) -> None:
        external_id = values.identifier(text_of(element, "Ид"), "Ид")
        is_deleted = _is_deleted(element)
        name = values.line(text_of(element, "Наименование"))
        if not name and not is_deleted:
            raise RowRefused("Наименование", _("There is no name."))
        params: dict[str, str] = {}
        for one in element.iterfind("ЗначенияСвойств/ЗначенияСвойства"):
            title, words = self._properties.get(text_of(one, "Ид"), ("", {}))
            for value in one.iterfind("Значение"):
                text = (value.text or "").strip()
                values.add_param(params, title, words.get(text, text))
        _features(element, params)
        description = values.plain(text_of(element, "Описание"))
        for one in element.iterfind("ЗначенияРеквизитов/ЗначениеРеквизита"):
            title = text_of(one, "Наименование")
            if title in REQUISITES:
                values.add_param(params, REQUISITES[title], text_of(one, "Значение"))
            elif title == "ОписаниеВФорматеHTML" and not description:
                description = values.plain(text_of(one, "Значение"))
        vendor = text_of(element, "Изготовитель/Наименование") or text_of(element, "Производитель")
        data = {
            "name": name,
            "sku": values.line(text_of(element, "Артикул"), 120),
            "barcode": values.line(text_of(element, "Штрихкод"), 64),
            "vendor": values.line(vendor, 120),
            "category_id": values.line(text_of(element, "Группы/Ид"), 80),
            "description": description,
            "params": params,
            "is_deleted": is_deleted,
        }
        self._has.add(CARD)
        self._put("goods", external_id, data)

    def _offer(self, element: Element) -> None:
        external_id = values.identifier(text_of(element, "Ид"), "Ид")
        data: dict[str, Any] = {}
        if name := values.line(text_of(element, "Наименование")):
            data["name"] = name
        for tag, field, limit in (("Артикул", "sku", 120), ("Штрихкод", "barcode", 64)):
            if text := values.line(text_of(element, tag), limit):
                data[field] = text
        params: dict[str, str] = {}
        _features(element, params)
        if params:
            data["params"] = params
        if element.find("Цены") is not None:
            self._has.add(PRICE)
            price, currency = self._price(element)
            data |= {"price": None if price is None else str(price), "currency": currency}
        pieces = _pieces(element)
        if pieces is not None:
            self._has.add(STOCK)
            data["stock"] = pieces
        if _is_deleted(element):
            data["is_deleted"] = True
        self._put("offers", external_id, data, goods=external_id.partition("#")[0])

    def _price(self, element: Element) -> tuple[Decimal | None, str]:
        prices: dict[str, Element] = {
            text_of(one, "ИдТипаЦены"): one for one in element.iterfind("Цены/Цена")
        }
        if not prices:
            return None, "RUB"
        chosen = prices.get(self._price_type(), next(iter(prices.values())))
        if self._wanted_price and self._price_type() not in prices:
            return None, "RUB"
        currency = (
            text_of(chosen, "Валюта") or self._price_types.get(self._price_type(), ("", ""))[1]
        )
        price = values.decimal(text_of(chosen, "ЦенаЗаЕдиницу"), "ЦенаЗаЕдиницу")
        return price or None, values.currency(currency, "Валюта")

    def _price_type(self) -> str:
        if self._wanted_price:
            for key, (name, _currency) in self._price_types.items():
                if self._wanted_price in (key.casefold(), name.casefold().strip()):
                    return key
            return self._wanted_price
        for key, (name, _currency) in self._price_types.items():
            if RETAIL.search(name):
                return key
        return next(iter(self._price_types), "")

    def _put(self, table: str, external_id: str, data: dict[str, Any], goods: str = "") -> None:
        """A second mention adds to the first: prices0_1.xml follows offers0_1.xml."""
        found = self._db.execute(
            f"SELECT data FROM {table} WHERE id = ?",  # noqa: S608 - our own names
            (external_id,),
        ).fetchone()
        if found:
            text = json.dumps(json.loads(found[0]) | data)
            self._db.execute(f"UPDATE {table} SET data = ? WHERE id = ?", (text, external_id))  # noqa: S608
        elif table == "goods":
            self._db.execute(
                "INSERT INTO goods VALUES (?, ?, ?)", (external_id, self._row, json.dumps(data))
            )
        else:
            self._db.execute(
                "INSERT INTO offers VALUES (?, ?, ?, ?)",
                (external_id, goods, self._row, json.dumps(data)),
            )

    # ── telling ──
    def offers(self) -> Iterator[Offer]:
        parts = frozenset(self._has) or frozenset({CARD})
        has_offers = bool(self._has & {PRICE, STOCK})
        rows = self._db.execute(
            "SELECT g.id, o.id, coalesce(o.n, g.n), g.data, o.data FROM goods g "
            "LEFT JOIN offers o ON o.goods = g.id ORDER BY g.n, o.n"
        )
        for goods_id, offer_id, row, goods, offer in rows:
            if offer is None and has_offers:
                # Goods without an offer are known to 1C and not for sale.
                yield _joined(row, goods_id, goods_id, json.loads(goods), {"stock": 0}, parts)
            else:
                yield _joined(
                    row,
                    goods_id,
                    offer_id or goods_id,
                    json.loads(goods),
                    json.loads(offer or "{}"),
                    parts,
                )
        for offer_id, goods_id, row, offer in self._db.execute(
            "SELECT id, goods, n, data FROM offers o "
            "WHERE NOT EXISTS (SELECT 1 FROM goods g WHERE g.id = o.goods) ORDER BY n"
        ):
            yield _joined(row, goods_id, offer_id, {}, json.loads(offer), parts - {CARD})


def _joined(
    row: int,
    goods_id: str,
    offer_id: str,
    goods: dict[str, Any],
    offer: dict[str, Any],
    parts: frozenset[str],
) -> Offer:
    price = offer.get("price")
    stock = offer.get("stock")
    return Offer(
        row=row,
        external_id=offer_id,
        name=offer.get("name") or goods.get("name", ""),
        group_id=goods_id if "#" in offer_id else "",
        sku=offer.get("sku") or goods.get("sku", ""),
        barcode=offer.get("barcode") or goods.get("barcode", ""),
        vendor=goods.get("vendor", ""),
        price=Decimal(price) if price else None,
        currency=offer.get("currency", "RUB"),
        is_available=stock is None or stock > 0,
        stock=stock,
        category_id=goods.get("category_id", ""),
        description=goods.get("description", ""),
        params={**goods.get("params", {}), **offer.get("params", {})},
        is_deleted=bool(goods.get("is_deleted") or offer.get("is_deleted")),
        parts=parts,
    )


def _groups(element: Element, parent_id: str) -> Iterator[Category]:
    for group in element.iterfind("Группа"):
        external_id = values.line(text_of(group, "Ид"), 80)
        name = values.line(text_of(group, "Наименование"), 200)
        if external_id and name:
            yield Category(external_id, name, parent_id)
        if (inner := group.find("Группы")) is not None:
            yield from _groups(inner, external_id or parent_id)


def _features(element: Element, params: dict[str, str]) -> None:
    for one in element.iterfind("ХарактеристикиТовара/ХарактеристикаТовара"):
        values.add_param(params, text_of(one, "Наименование"), text_of(one, "Значение"))


def _is_deleted(element: Element) -> bool:
    status = element.get("Статус") or text_of(element, "Статус")
    return status == "Удален" or bool(values.yes_no(text_of(element, "ПометкаУдаления")))


def _pieces(element: Element) -> int | None:
    """Quantity of the offer, else the sum over the warehouses; None where nothing is said."""
    if text := text_of(element, "Количество"):
        return values.stock(text.replace(",", "."), "Количество")[0]
    texts = [one.get("КоличествоНаСкладе", "") for one in element.iterfind("Склад")]
    texts += [
        text_of(one, "Склад/Количество") or text_of(one, "Количество")
        for one in element.iterfind("Остатки/Остаток")
    ]
    known = [values.stock(t.replace(",", "."), "Склад")[0] or 0 for t in texts if t]
    return sum(known) if known else None
