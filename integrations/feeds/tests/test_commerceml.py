import io
import zipfile
from decimal import Decimal

import pytest

from integrations.feeds import Unreadable, open_feed
from integrations.feeds.base import (
    CARD,
    EVERYTHING,
    PRICE,
    STOCK,
    Category,
    Offer,
    Partial,
    Refused,
)

IMPORT = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2" ВерсияСхемы="2.05">
<Классификатор><Группы><Группа><Ид>g1</Ид><Наименование>Одежда</Наименование><Группы>
<Группа><Ид>g2</Ид><Наименование>Футболки</Наименование></Группа></Группы></Группа></Группы>
<Свойства><Свойство><Ид>p1</Ид><Наименование>Материал</Наименование><ВариантыЗначений>
<Справочник><ИдЗначения>v1</ИдЗначения><Значение>хлопок</Значение></Справочник>
</ВариантыЗначений></Свойство></Свойства></Классификатор>
<Каталог СодержитТолькоИзменения="false"><Товары>
<Товар><Ид>t1</Ид><Артикул>TS-1</Артикул><Наименование>Футболка</Наименование>
<Группы><Ид>g2</Ид></Группы><Описание>Мягкая</Описание>
<Изготовитель><Ид>m</Ид><Наименование>Море</Наименование></Изготовитель>
<ЗначенияСвойств><ЗначенияСвойства><Ид>p1</Ид><Значение>v1</Значение></ЗначенияСвойства>
</ЗначенияСвойств></Товар>
<Товар><Ид>t2</Ид><Наименование>Кружка</Наименование></Товар>
<Товар><Ид>t3</Ид><Артикул>без имени</Артикул></Товар>
<Товар Статус="Удален"><Ид>t4</Ид><Наименование>Снято</Наименование></Товар>
</Товары></Каталог></КоммерческаяИнформация>"""
OFFERS = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация><ПакетПредложений><ТипыЦен>
<ТипЦены><Ид>c1</Ид><Наименование>Оптовая</Наименование><Валюта>руб</Валюта></ТипЦены>
<ТипЦены><Ид>c2</Ид><Наименование>Розничная</Наименование><Валюта>руб</Валюта></ТипЦены>
</ТипыЦен><Предложения>
<Предложение><Ид>t1#a</Ид><Наименование>Футболка (синяя)</Наименование>
<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Цвет</Наименование>
<Значение>синий</Значение></ХарактеристикаТовара></ХарактеристикиТовара>
<Цены><Цена><ИдТипаЦены>c1</ИдТипаЦены><ЦенаЗаЕдиницу>900</ЦенаЗаЕдиницу></Цена>
<Цена><ИдТипаЦены>c2</ИдТипаЦены><ЦенаЗаЕдиницу>1990,50</ЦенаЗаЕдиницу><Валюта>руб</Валюта></Цена>
</Цены><Количество>3,000</Количество></Предложение>
<Предложение><Ид>t1#b</Ид><Наименование>Футболка (белая)</Наименование>
<Цены><Цена><ИдТипаЦены>c2</ИдТипаЦены><ЦенаЗаЕдиницу>дорого</ЦенаЗаЕдиницу></Цена></Цены>
<Количество>1</Количество></Предложение>
<Предложение><Ид>t1#c</Ид><Наименование>Футболка (серая)</Наименование>
<Цены><Цена><ИдТипаЦены>c2</ИдТипаЦены><ЦенаЗаЕдиницу>100</ЦенаЗаЕдиницу></Цена></Цены>
<Склад ИдСклада="1" КоличествоНаСкладе="2"/><Склад ИдСклада="2" КоличествоНаСкладе="5"/>
</Предложение></Предложения></ПакетПредложений></КоммерческаяИнформация>"""


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name.replace("__", "/") + ".xml", text)
    return out.getvalue()


def read(tmp_path, data, **options):
    path = tmp_path / "feed"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with open_feed(path, **options) as feed:
        return feed.kind, list(feed.items)


def test_goods_and_offers_are_joined(tmp_path):
    kind, items = read(tmp_path, archive(webdata__offers0_1=OFFERS, webdata__import0_1=IMPORT))

    assert kind == "commerceml"
    assert [item for item in items if isinstance(item, Category)] == [
        Category("g1", "Одежда"),
        Category("g2", "Футболки", "g1"),
    ]
    offers = {item.external_id: item for item in items if isinstance(item, Offer)}
    assert list(offers) == ["t2", "t4", "t1#a", "t1#c"] or set(offers) == {
        "t1#a", "t1#c", "t2", "t4",
    }  # fmt: skip
    assert offers["t1#a"] == Offer(
        row=5,
        external_id="t1#a",
        name="Футболка (синяя)",
        group_id="t1",
        sku="TS-1",
        vendor="Море",
        price=Decimal("1990.50"),
        stock=3,
        category_id="g2",
        description="Мягкая",
        params={"Материал": "хлопок", "Цвет": "синий"},
        parts=EVERYTHING,
    )
    assert offers["t1#c"].stock == 7
    assert (offers["t2"].is_available, offers["t2"].stock, offers["t2"].price) == (False, 0, None)
    assert offers["t4"].is_deleted
    refused = {item.external_id: item.field for item in items if isinstance(item, Refused)}
    assert refused == {"t3": "Наименование", "t1#b": "ЦенаЗаЕдиницу"}
    assert Partial() not in items


def test_the_merchant_may_name_the_price_type(tmp_path):
    data = archive(import_=IMPORT, offers=OFFERS)

    _, items = read(tmp_path, data, price_type="оптовая")

    prices = {item.external_id: item.price for item in items if isinstance(item, Offer)}
    assert prices["t1#a"] == Decimal("900.00")


def test_goods_alone_leave_prices_and_stock_alone(tmp_path):
    _, items = read(tmp_path, IMPORT)

    assert {item.parts for item in items if isinstance(item, Offer)} == {frozenset({CARD})}


def test_offers_alone_leave_the_cards_alone(tmp_path):
    _, items = read(tmp_path, OFFERS)

    assert {item.parts for item in items if isinstance(item, Offer)} == {frozenset({PRICE, STOCK})}


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_changes_only_is_noticed(tmp_path, encoding):
    text = IMPORT.replace('ния="false"', 'ния="true"').replace("UTF-8", encoding)

    _, items = read(tmp_path, text.encode(encoding))

    assert Partial() in items
    assert any(isinstance(item, Offer) and item.name == "Футболка" for item in items)


def test_split_price_and_stock_files_add_up(tmp_path):
    prices = OFFERS.replace("<Количество>3,000</Количество>", "")
    rests = (
        "<КоммерческаяИнформация><ПакетПредложений><Предложения><Предложение><Ид>t1#a</Ид><Остатки>"
        "<Остаток><Склад><Ид>1</Ид><Количество>4</Количество></Склад></Остаток></Остатки>"
        "</Предложение></Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )

    _, items = read(
        tmp_path, archive(import0_1=IMPORT, prices0_1=prices, rests0_1=rests, offers0_1=OFFERS)
    )

    offers = {item.external_id: item for item in items if isinstance(item, Offer)}
    assert (offers["t1#a"].price, offers["t1#a"].stock) == (Decimal("1990.50"), 4)


def test_hostile_archives_are_refused(tmp_path):
    entity = '<!DOCTYPE x [<!ENTITY a "b">]><КоммерческаяИнформация>&a;</КоммерческаяИнформация>'
    for bad in (
        archive(**{"import": entity}),
        archive(**{"..__..__import": IMPORT}),
        archive(**{"import": "<a>" + " " * 50_000_000}),
        archive(one="<a/>", two="<b/>"),
    ):
        with pytest.raises(Unreadable):
            read(tmp_path, bad)
