"""Yandex Market YML. Source: https://yandex.ru/support/marketplace/assortment/files/yml (format
of 2024-2026): simple offers, `vendor.model`, group_id variants, typed params.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

from django.utils.translation import gettext as _

from integrations.feeds import values
from integrations.feeds.base import Category, Items, Offer, Refused, RowRefused
from integrations.feeds.xml import count, records
from tenants.kernel.documents import Unreadable

# Elements that tell buyers something and have no field of their own.
EXTRA = {
    "country_of_origin": "Страна производства",
    "weight": "Вес",
    "dimensions": "Габариты (Д×Ш×В)",
    "sales_notes": "Условия продажи",
    "expiry": "Срок годности",
    "warranty-days": "Гарантия",
    "author": "Автор",
    "publisher": "Издательство",
    "year": "Год",
    "ISBN": "ISBN",
    "artist": "Исполнитель",
    "title": "Название",
}
UNITS = {"weight": "кг", "dimensions": "см"}


def total(path: Path) -> int:
    return count(path, b"<offer ")


def read(path: Path) -> Items:
    """Categories as they come, then offers. Raises Unreadable when the XML breaks off."""
    row, found = 0, False
    for names, element in records(path, lambda names: names[-1] in ("category", "offer")):
        found = True
        if names[-1] == "category":
            if (category := _category(element)) is not None:
                yield category
            continue
        row += 1
        try:
            yield to_offer(element, row)
        except RowRefused as exc:
            external_id = values.line(element.get("id"), values.ID_LIMIT)
            message = f"{exc.message} ({external_id})" if external_id else exc.message
            yield Refused(row, exc.field, message, external_id)
    if not found:
        raise Unreadable(_("There are no offers in this XML: a YML feed has <offer> elements."))


def _category(element: Element) -> Category | None:
    external_id = values.line(element.get("id"), 80)
    name = values.line("".join(element.itertext()), 200)
    if not external_id or not name:
        return None
    return Category(external_id, name, values.line(element.get("parentId"), 80))


def to_offer(element: Element, row: int) -> Offer:
    """`<offer>` → Offer.

    Reads: id, available, group_id; price and oldprice in units of currencyId ("1990.00"),
        name or typePrefix + vendor + model, categoryId (the first counts), count or the sum of
        outlet/@instock, param/@name + @unit.
    """
    external_id = values.identifier(element.get("id"))
    text = _texts(element)
    price = values.decimal(text["price"], "price")
    if price is None:
        raise RowRefused("price", _("There is no price."))
    # A broken old price hides a discount, no more: the offer itself is sound.
    try:
        old_price = values.decimal(text["oldprice"], "oldprice")
    except RowRefused:
        old_price = None
    stock, in_stock = _stock(element, text)
    available = values.yes_no(element.get("available", ""))
    if values.yes_no(text["disabled"]):
        available = False
    params: dict[str, str] = {}
    for param in element.iterfind("param"):
        values.add_param(
            params, param.get("name"), "".join(param.itertext()), param.get("unit", "")
        )
    for name in [name for name in EXTRA if name in text]:
        values.add_param(params, EXTRA[name], text[name], UNITS.get(name, ""))
    if values.yes_no(text["manufacturer_warranty"]):
        values.add_param(params, "Гарантия производителя", "есть")
    return Offer(
        row=row,
        external_id=external_id,
        name=_name(text),
        group_id=values.line(element.get("group_id"), values.ID_LIMIT),
        sku=values.line(text["vendorCode"], 120),
        barcode=values.line(text["barcode"], 64),
        vendor=values.line(text["vendor"], 120),
        price=price or None,
        old_price=old_price if old_price and price and old_price > price else None,
        currency=values.currency(text["currencyId"], "currencyId"),
        is_available=in_stock is not False and available is not False,
        stock=stock,
        category_id=values.line(text["categoryId"], 80),
        url=values.web_address(text["url"]),
        pictures=_pictures(element),
        description=values.plain(text["description"]),
        params=params,
    )


def _texts(element: Element) -> defaultdict[str, str]:
    """Text of each child by name, the first one's where there are several; else empty."""
    found: defaultdict[str, str] = defaultdict(str)
    for child in element:
        if child.tag not in found:
            inner = "".join(child.itertext()) if len(child) else child.text or ""
            found[child.tag] = inner.strip()
    return found


def _name(text: Mapping[str, str]) -> str:
    name = values.line(text["name"])
    if not name:
        parts = (text[part] for part in ("typePrefix", "vendor", "model"))
        name = values.line(" ".join(filter(None, parts)))
    if not name:
        raise RowRefused("name", _("There is neither a name nor a model."))
    return name


def _stock(element: Element, text: Mapping[str, str]) -> tuple[int | None, bool | None]:
    for name in ("count", "stock_quantity", "quantity_in_stock"):
        if text[name]:
            return values.stock(text[name], name)
    outlets = [outlet.get("instock") for outlet in element.iterfind("outlets/outlet")]
    pieces = [values.stock(one, "outlet")[0] for one in outlets if one]
    known = [number for number in pieces if number is not None]
    return (sum(known), sum(known) > 0) if known else (None, None)


def _pictures(element: Element) -> tuple[str, ...]:
    found = (values.web_address("".join(one.itertext())) for one in element.iterfind("picture"))
    return tuple(dict.fromkeys(filter(None, found)))[: values.PICTURES_LIMIT]
