import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from integrations.feeds import Unreadable, open_feed, table
from integrations.feeds.base import Category, Offer, Refused

ROWS = [
    ["ID товара", "Название", "Цена, руб.", "Остаток", "Категория", "Цвет", "Фото"],
    ["10", "Чай зелёный", "1 990,50 ₽", "7", "Чай / Зелёный", "зелёный", "https://s.example/1.jpg"],
    ["11", "Чай чёрный", "дорого", "1", "Чай", "чёрный", ""],
    ["", "Без кода", "10", "1", "", "", ""],
    ["12", "Кофе; молотый", "990", "нет", "Кофе", "", ""],
]


def read(tmp_path, data):
    path = tmp_path / "feed"
    path.write_bytes(data)
    with open_feed(path) as feed:
        return feed.kind, list(feed.items)


def csv_of(rows, mark=";", encoding="utf-8"):
    quoted = [[f'"{cell}"' if mark in cell else cell for cell in row] for row in rows]
    return "\r\n".join(mark.join(row) for row in quoted).encode(encoding)


def xlsx_of(rows, **sheets):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for title, extra in sheets.items():
        sheet = book.create_sheet(title)
        for row in extra:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def check(items):
    offers = [item for item in items if isinstance(item, Offer)]
    assert offers[0] == Offer(
        row=2,
        external_id="10",
        name="Чай зелёный",
        price=Decimal("1990.50"),
        stock=7,
        category_id="чай/зелёный",
        pictures=("https://s.example/1.jpg",),
        params={"Цвет": "зелёный"},
    )
    assert [(o.external_id, o.name, o.is_available) for o in offers[1:]] == [
        ("12", "Кофе; молотый", False)
    ]
    assert [(r.row, r.field) for r in items if isinstance(r, Refused)] == [(3, "price"), (4, "id")]
    assert [c for c in items if isinstance(c, Category)][:2] == [
        Category("чай", "Чай"),
        Category("чай/зелёный", "Зелёный", "чай"),
    ]


@pytest.mark.parametrize("mark", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1251", "cp866", "koi8-r"]
)
def test_csv_is_read_in_any_usual_encoding_and_delimiter(tmp_path, mark, encoding):
    rows = [[cell.replace("₽", "руб") for cell in row] for row in ROWS]

    kind, items = read(tmp_path, csv_of(rows, mark, encoding))

    assert kind == "csv"
    check(items)


def test_xlsx_is_read(tmp_path):
    kind, items = read(tmp_path, xlsx_of(ROWS))

    assert kind == "xlsx"
    check(items)


def test_numbers_of_a_workbook_keep_their_meaning(tmp_path):
    rows = [["Артикул", "Наименование", "Цена", "Объём"], [1001, "Чай", 99.9, 0.5]]

    _, items = read(tmp_path, xlsx_of(rows))

    assert items == [
        Offer(row=2, external_id="1001", name="Чай", sku="1001", price=Decimal("99.90"),
              params={"Объём": "0.5"})
    ]  # fmt: skip


def test_the_heading_may_stand_lower_and_on_another_sheet(tmp_path):
    listing = [["Прайс-лист лавки"], [], ["Код", "Товар", "Розничная цена"], ["1", "Чай", 100]]

    _, items = read(tmp_path, xlsx_of([["Оглавление"]], Прайс=listing))

    assert [(o.row, o.external_id, o.name, o.price) for o in items] == [
        (4, "1", "Чай", Decimal("100.00"))
    ]


def test_english_headings_work_alike(tmp_path):
    data = b"sku,title,price,brand,in stock,Size\nA-1,Green tea,12.50,Leaf,yes,100 g\n"

    _, items = read(tmp_path, data)

    assert items == [
        Offer(row=2, external_id="A-1", name="Green tea", sku="A-1", vendor="Leaf",
              price=Decimal("12.50"), params={"Size": "100 g"})
    ]  # fmt: skip


@pytest.mark.parametrize("cell", ["=A2*2", '=HYPERLINK("http://x.example";"чай")', " =1+1"])
def test_a_formula_is_refused_as_a_value(tmp_path, cell):
    for data in (
        csv_of([["id", "name", "price"], ["1", "Чай", cell.replace(";", ",")], ["2", "Кофе", "5"]]),
        xlsx_of([["id", "name", "price"], ["1", "Чай", cell.strip()], ["2", "Кофе", "5"]]),
    ):
        _, items = read(tmp_path, data)

        assert [(r.row, r.field) for r in items if isinstance(r, Refused)] == [(2, "price")]
        assert [o.external_id for o in items if isinstance(o, Offer)] == ["2"]


def test_leading_zeros_kept_by_a_spreadsheet_trick_are_kept(tmp_path):
    _, items = read(tmp_path, 'id;name;price\n="00123";Чай;5\n'.encode())

    assert items[0].external_id == "00123"


@pytest.mark.parametrize(
    "data",
    [
        "просто;слова\nбез;смысла\n".encode(),
        "name;price\nЧай;5\n".encode(),  # nothing to tell rows apart by
        'id;name;price\n1;"Чай;5\n'.encode() + "слово ".encode() * 50_000,  # a quote never closed
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"a" * 5_000_000,
    ],
)
def test_what_is_no_price_list_is_told_in_words(tmp_path, data):
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, data)

    assert len(str(caught.value).split()) > 1


def repacked(data, **parts):
    """The archive with members replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def test_hostile_workbooks_are_refused(tmp_path):
    good = xlsx_of(ROWS)
    entity = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    for bad in (
        repacked(good, **{"xl/worksheets/sheet1.xml": entity}),
        repacked(good, **{"xl/sharedStrings.xml": entity}),
        repacked(good, **{"xl/media/zeros.bin": b"\0" * 30_000_000}),  # a bomb by its ratio
        repacked(good, **{"../../evil.xml": "<a/>"}),
        good[: len(good) // 2],
        repacked(good, **{"xl/worksheets/sheet1.xml": "<worksheet><sheetData><row"}),
    ):
        with pytest.raises(Unreadable):
            read(tmp_path, bad)


def test_a_heading_is_known_with_its_unit(tmp_path):
    assert table.field_of("Цена, ₽") == "price"
    assert table.field_of("ЦЕНА (руб.)") == "price"
    assert table.field_of("Цена доставки") is None
    assert table.field_of("Кол-во") == "stock"


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_refusal_in_words(tmp_path_factory, data):
    try:
        read(tmp_path_factory.mktemp("any"), b"id;name;price\n" + data)
    except Unreadable as exc:
        assert str(exc)
