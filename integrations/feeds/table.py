"""Price lists as tables: CSV of any usual encoding and delimiter, XLSX.

Columns are known by their headings in Russian or English; columns of other names become the
offer's properties, so a size column works without anybody mapping it.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from integrations.feeds import values
from integrations.feeds.base import Category, Items, Offer, Refused, RowRefused
from integrations.feeds.xml import open_plain
from tenants.kernel.documents import Unreadable, check_office

MAX_XLSX = 300 * 1024 * 1024
HEADER_ROWS = 20
COLUMNS_LIMIT = 500

SYNONYMS = {
    "id": "id|ид|offer id|offerid|id товара|ид товара|id предложения|код товара|код|external id|"
    "product id|variant id|id варианта|уникальный код|внешний код|номер товара|item id|ид варианта",
    "group": "group id|groupid|group|группа вариантов|id группы|ид группы|item group id|parent id|"
    "родитель|модель id|код модели",
    "name": "name|название|наименование|title|товар|название товара|наименование товара|"
    "product|product name|номенклатура|название товара или услуги",
    "price": "price|цена|стоимость|розничная цена|цена продажи|цена руб|цена ₽|цена розничная|"
    "sale price|цена со скидкой|розница|текущая цена",
    "old_price": "old price|oldprice|старая цена|цена до скидки|compare at price|rrp|"
    "зачеркнутая цена|цена без скидки|прежняя цена",
    "currency": "currency|валюта|currency id|currencyid",
    "stock": "stock|остаток|остатки|количество|кол во|quantity|qty|в наличии шт|count|"
    "остаток на складе|склад|количество на складе|inventory",
    "available": "available|availability|наличие|в наличии|in stock|доступность|is available",
    "category": "category|категория|раздел|группа|группа товаров|рубрика|категория товара|"
    "product type|categories|категории|размещение на сайте",
    "vendor": "vendor|brand|бренд|производитель|марка|торговая марка|manufacturer",
    "sku": "sku|артикул|vendor code|vendorcode|код производителя|art|article|артикул товара",
    "barcode": "barcode|штрихкод|штрих код|ean|gtin|ean13|upc",
    "url": "url|link|ссылка|адрес|страница|ссылка на товар|url товара|product url",
    "picture": "picture|image|фото|изображение|картинка|pictures|images|фотографии|изображения|"
    "image link|image url|ссылка на фото|ссылка на изображение|photo|main image",
    "description": "description|описание|подробное описание|полное описание|текст|body|"
    "краткое описание|описание товара",
}
KNOWN = {word: field for field, words in SYNONYMS.items() for word in words.split("|")}
_PARAM = re.compile(
    r"^(?:param|параметр|свойство|property|attribute|атрибут|характеристика)\s*[:.]\s*", re.I
)
_FORMULA_TEXT = re.compile(r'="([^"]*)"')


def heading(text: object) -> str:
    """`Цена, руб.` → `цена руб`: how headings are compared."""
    key = values.line(text, 200).casefold().replace("ё", "е")
    return " ".join(re.sub(r"[^\w₽]+|_", " ", key).split())


def field_of(text: object) -> str | None:
    key = heading(text)
    if key in KNOWN:
        return KNOWN[key]
    # "Цена, ₽ с НДС" is still a price; "Цена доставки" is not.
    stripped = re.sub(r"\s*(?:\bруб\b|₽|\brub\b|\bшт\b|\bpcs\b|\bс ндс\b|\*)\s*", " ", key).strip()
    return KNOWN.get(stripped)


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────
def csv_encoding(path: Path) -> str:
    """By the byte order mark, else UTF-8 if the whole file is, else the Cyrillic code pages."""
    with open_plain(path) as stream:
        head = stream.read(4096)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decode = codecs.getincrementaldecoder("utf-8")().decode
        sample = head
        try:
            while head:
                decode(head)
                head = stream.read(1024 * 1024)
                sample = sample if len(sample) > 65536 else sample + head
            decode(b"", True)
        except UnicodeDecodeError:
            return max(("windows-1251", "cp866", "koi8-r"), key=lambda name: _russian(sample, name))
    return "utf-8"


def _russian(sample: bytes, encoding: str) -> float:
    """How much the bytes look like Russian words in that encoding."""
    text = sample.decode(encoding, "replace")
    lower = sum(text.count(letter) for letter in "оеаинтсрвлкмдпу")
    strange = sum(1 for letter in text if "\u2500" <= letter <= "\u259f" or letter == "\ufffd")
    upper_inside = len(re.findall(r"[а-яё][А-ЯЁ]", text))
    return lower - 3 * strange - 2 * upper_inside


def csv_delimiter(lines: Sequence[str]) -> str:
    """The mark that gives the most known headings, then the most even columns."""

    def score(mark: str) -> tuple[int, int, int]:
        rows = [row for row in csv.reader(lines, delimiter=mark) if row]
        if not rows:
            return 0, 0, 0
        known = max(len({field_of(cell) for cell in row} - {None}) for row in rows[:HEADER_ROWS])
        width = len(rows[0])
        return known, sum(len(row) == width for row in rows) if width > 1 else 0, width

    try:
        return max((";", ",", "\t", "|"), key=score)
    except csv.Error:
        return ";"


def csv_rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    encoding = csv_encoding(path)
    with open_plain(path) as stream:
        if b"\x00" in stream.read(4096) and encoding != "utf-16":
            raise Unreadable(_("This is not a text table: it holds binary data."))
    lines = _lines(path, encoding)
    head = [one for _n, one in zip(range(HEADER_ROWS + 10), lines, strict=False)]
    if not any(one.strip() for one in head):
        raise Unreadable(_("The file is empty."))
    mark = csv_delimiter(head)
    reader = csv.reader(_lines(path, encoding), delimiter=mark)
    row = 0
    try:
        for row, cells in enumerate(reader, 1):
            yield row, cells[:COLUMNS_LIMIT]
    except csv.Error as exc:
        raise Unreadable(
            _(
                "The table breaks at row %(row)s: a quote is opened and never closed, or a cell is "
                "larger than 128 KB."
            )
            % {"row": row + 1}
        ) from exc


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines with their ends, decoded piece by piece; a line has an upper bound."""
    decode = codecs.getincrementaldecoder(encoding)("replace").decode
    rest = ""
    with open_plain(path) as stream:
        while piece := stream.read(256 * 1024):
            *whole, rest = (rest + decode(piece)).splitlines(keepends=True) or [""]
            if rest.endswith("\n"):
                whole.append(rest)
                rest = ""
            yield from whole
            if len(rest) > 4 * 1024 * 1024:
                raise Unreadable(_("A line of the file is longer than 4 MB: this is no table."))
    if rest := rest + decode(b"", True):
        yield rest


# ── XLSX ─────────────────────────────────────────────────────────────────────────────────────
class Formula(str):
    """A cell that holds a formula: what it would show is not ours to compute."""

    __slots__ = ()


def xlsx_rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    from openpyxl import load_workbook  # a second of imports only importers need

    check_office(path, max_unpacked=MAX_XLSX)
    stream = path.open("rb")  # a stream: openpyxl judges a path by its ending
    try:
        book = load_workbook(stream, read_only=True, data_only=False, keep_links=False)
    except Exception as exc:  # openpyxl raises what a damaged file leads it to
        stream.close()
        raise Unreadable(_("This is not an Excel workbook (XLSX), or it is damaged.")) from exc
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if not sheets:
            raise Unreadable(_("The workbook has no visible sheet."))
        sheet = next((one for one in sheets if _has_header(one)), sheets[0])
        sheet.reset_dimensions()  # a file may claim a million columns
        for row, cells in enumerate(sheet.iter_rows(max_col=COLUMNS_LIMIT), 1):
            yield (
                row,
                [Formula(c.value) if c.data_type == "f" else c.value for c in cells],
            )
    except Unreadable:
        raise
    except Exception as exc:  # as above, in the middle of the file
        raise Unreadable(
            _("The workbook is damaged. Open it, save it anew and send that.")
        ) from exc
    finally:
        book.close()
        stream.close()


def _has_header(sheet: Any) -> bool:
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_row=HEADER_ROWS, max_col=COLUMNS_LIMIT, values_only=True)
    return any("name" in {field_of(cell) for cell in row if cell is not None} for row in rows)


# ── Both ─────────────────────────────────────────────────────────────────────────────────────
def total(path: Path) -> int:
    """Rows of a CSV; a little too many where cells hold line breaks."""
    with open_plain(path) as stream:
        rows = 0
        while piece := stream.read(1024 * 1024):
            rows += piece.count(b"\n")
    return rows


def read_csv(path: Path) -> Items:
    return _read(csv_rows(path))


def read_xlsx(path: Path) -> Items:
    return _read(xlsx_rows(path))


def _read(rows: Iterator[tuple[int, list[Any]]]) -> Items:
    columns = _find_header(rows)
    categories: set[str] = set()
    for row, cells in rows:
        if not any(cell is not None and str(cell).strip() for cell in cells):
            continue
        external_id = ""
        try:
            record, params = _record(columns, cells)
            external_id = _identity(record)
            for category in _category_path(record.get("category")):
                if category.external_id not in categories:
                    categories.add(category.external_id)
                    yield category
            yield to_offer(record, params, external_id, row, has_price="price" in columns.values())
        except RowRefused as exc:
            yield Refused(row, exc.field, exc.message, external_id)


def _find_header(rows: Iterator[tuple[int, list[Any]]]) -> dict[int, str]:
    """Column number → field, or "param:<title>". The heading is the first row that has a name."""
    seen: list[str] = []
    for number, cells in rows:
        fields = [field_of(cell) if cell is not None else None for cell in cells]
        if "name" in fields and {"id", "sku", "barcode"} & set(fields):
            return _columns(cells, fields)
        if len(seen) < 3 and any(cells):
            seen.append(", ".join(values.line(cell, 40) for cell in cells[:12] if cell))
        if number >= HEADER_ROWS:
            break
    raise Unreadable(
        _(
            "No heading row was found. The table needs columns for the name and for the id (or "
            "the vendor code). The first rows read: %s"
        )
        % (" / ".join(seen) or "–")
    )


def _columns(cells: Sequence[Any], fields: Sequence[str | None]) -> dict[int, str]:
    columns: dict[int, str] = {}
    for number, (cell, field) in enumerate(zip(cells, fields, strict=True)):
        title = values.line(cell, 80)
        if field and (field == "picture" or field not in columns.values()):
            columns[number] = field
        elif title:
            columns[number] = f"param:{_PARAM.sub('', title)}"
    return columns


def _record(columns: dict[int, str], cells: Sequence[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    record: dict[str, Any] = {}
    params: dict[str, str] = {}
    pictures: list[str] = []
    for number, field in columns.items():
        value = cells[number] if number < len(cells) else None
        title = field.removeprefix("param:")
        if value is None or value == "":
            continue
        if isinstance(value, str):
            value = no_formula(value, title)
        if field.startswith("param:"):
            values.add_param(params, title, _shown(value))
        elif field == "picture":
            pictures += re.split(r"[\s;,|]+(?=https?://|//)", str(value).strip())
        else:
            record[field] = value
    record["pictures"] = pictures
    return record, params


def no_formula(value: str, title: str) -> str:
    if escaped := _FORMULA_TEXT.fullmatch(value.strip()):
        return escaped[1]  # ="00123": how spreadsheets keep leading zeros in a CSV
    if isinstance(value, Formula) or value.lstrip().startswith("="):
        raise RowRefused(
            title, _("The cell holds a formula. Save the table with values instead of formulas.")
        )
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "да" if value else "нет"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "strftime"):
        return value.strftime("%d.%m.%Y")
    return str(value)


def _identity(record: dict[str, Any]) -> str:
    for field in ("id", "sku", "barcode"):
        if record.get(field) not in (None, ""):
            return values.identifier(record[field], field)
    raise RowRefused("id", _("There is no id: without it the offer cannot be told apart."))


def _category_path(value: Any) -> list[Category]:
    """`Одежда / Футболки` → two categories, the second inside the first."""
    names = [values.line(part, 200) for part in re.split(r"\s*(?:/|>|»|→|\\)\s*", str(value or ""))]
    found: list[Category] = []
    path = ""
    for name in filter(None, names):
        parent, path = path, f"{path}/{name.casefold()}" if path else name.casefold()
        found.append(Category(_short(path), name, _short(parent)))
    return found


def _short(path: str) -> str:
    return path if len(path) <= 80 else path[:56] + values.hash_of(path)


def to_offer(
    record: dict[str, Any],
    params: dict[str, str],
    external_id: str,
    row: int,
    *,
    has_price: bool = True,
) -> Offer:
    name = values.line(record.get("name"))
    if not name:
        raise RowRefused("name", _("There is no name."))
    price = values.decimal(record.get("price"), "price")
    if has_price and price is None:
        raise RowRefused("price", _("There is no price."))
    old_price = values.decimal(record.get("old_price"), "old_price")
    pieces, in_stock = values.stock(record.get("stock"), "stock")
    available = values.yes_no(record.get("available", ""))
    if available is None and record.get("available") not in (None, ""):
        pieces, available = values.stock(record["available"], "available")
    path = _category_path(record.get("category"))
    return Offer(
        row=row,
        external_id=external_id,
        name=name,
        group_id=values.line(_shown(record.get("group", "")), values.ID_LIMIT),
        sku=values.line(_shown(record.get("sku", "")), 120),
        barcode=values.line(_shown(record.get("barcode", "")), 64),
        vendor=values.line(record.get("vendor"), 120),
        price=price or None,
        old_price=old_price if old_price and price and old_price > price else None,
        currency=values.currency(record.get("currency")),
        is_available=in_stock is not False and available is not False,
        stock=pieces,
        category_id=path[-1].external_id if path else "",
        url=values.web_address(record.get("url")),
        pictures=tuple(
            dict.fromkeys(filter(None, map(values.web_address, record.get("pictures", ()))))
        )[: values.PICTURES_LIMIT],
        description=values.plain(str(record.get("description") or "")),
        params=params,
    )
