import gzip
import tracemalloc
from decimal import Decimal

import pytest

from integrations.feeds import Unreadable, open_feed
from integrations.feeds.base import Category, Offer, Refused

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE yml_catalog SYSTEM "shops.dtd">\n'
    '<yml_catalog date="2026-11-20 12:00"><shop><name>Лавка</name>'
    '<categories><category id="1">Одежда</category>'
    '<category id="2" parentId="1">Футболки</category></categories><offers>'
)
TAIL = "</offers></shop></yml_catalog>"
SIMPLE = (
    '<offer id="10" available="true" group_id="5"><url>https://shop.example/10</url>'
    "<price>1990</price><oldprice>2490.00</oldprice><currencyId>RUR</currencyId>"
    "<categoryId>2</categoryId><picture>https://shop.example/10.jpg</picture>"
    "<picture>https://shop.example/10b.jpg</picture><name>Футболка «Волна», синяя</name>"
    "<vendor>Море</vendor><vendorCode>TS-10</vendorCode><barcode>4600000000010</barcode>"
    "<description><![CDATA[<p>Мягкий хлопок.</p><ul><li>не линяет</li></ul>]]></description>"
    '<count>7</count><param name="Цвет">синий</param><param name="Размер" unit="RU">46</param>'
    "<weight>0.2</weight></offer>"
)


def read(tmp_path, data, **options):
    path = tmp_path / "feed"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with open_feed(path, **options) as feed:
        return feed.kind, list(feed.items)


def test_a_simple_offer_is_read_whole(tmp_path):
    kind, items = read(tmp_path, HEAD + SIMPLE + TAIL)

    assert kind == "yml"
    assert items == [
        Category("1", "Одежда"),
        Category("2", "Футболки", "1"),
        Offer(
            row=1,
            external_id="10",
            name="Футболка «Волна», синяя",
            group_id="5",
            sku="TS-10",
            barcode="4600000000010",
            vendor="Море",
            price=Decimal("1990.00"),
            old_price=Decimal("2490.00"),
            currency="RUB",
            is_available=True,
            stock=7,
            category_id="2",
            url="https://shop.example/10",
            pictures=("https://shop.example/10.jpg", "https://shop.example/10b.jpg"),
            description="Мягкий хлопок.\n\n• не линяет",
            params={"Цвет": "синий", "Размер": "46 RU", "Вес": "0.2 кг"},
        ),
    ]


def test_a_vendor_model_offer_gets_its_name_from_its_parts(tmp_path):
    offer = (
        '<offer id="a" type="vendor.model" available="false"><price>10</price>'
        "<currencyId>USD</currencyId><typePrefix>Чайник</typePrefix><vendor>Искра</vendor>"
        "<model>К-17</model></offer>"
    )

    _, items = read(tmp_path, HEAD + offer + TAIL)

    assert (items[-1].name, items[-1].vendor) == ("Чайник Искра К-17", "Искра")
    assert (items[-1].is_available, items[-1].currency) == (False, "USD")


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + SIMPLE + TAIL).replace("UTF-8", "windows-1251").encode("windows-1251"),
        (HEAD + SIMPLE + TAIL).replace(' encoding="UTF-8"', "").encode("windows-1251"),
        (HEAD + SIMPLE + TAIL).encode("windows-1251"),  # declares UTF-8 and is not
        (HEAD + SIMPLE + TAIL).replace("UTF-8", "windows-1251").encode(),  # the other way round
        (HEAD + SIMPLE + TAIL).encode("utf-8-sig"),
        (HEAD + SIMPLE + TAIL).replace("UTF-8", "UTF-16").encode("utf-16"),
        gzip.compress((HEAD + SIMPLE + TAIL).encode()),
    ],
)
def test_encodings_and_packing_make_no_difference(tmp_path, data):
    _, items = read(tmp_path, data)

    assert items[-1].name == "Футболка «Волна», синяя"
    assert items[-1].params["Цвет"] == "синий"


@pytest.mark.parametrize(
    ("offer", "field", "words"),
    [
        ('<offer id="7"><name>X</name><price>дорого</price></offer>', "price", "дорого"),
        ('<offer id="7"><name>X</name></offer>', "price", ""),
        ('<offer id="7"><price>5</price></offer>', "name", ""),
        ("<offer><name>X</name><price>5</price></offer>", "id", ""),
        ('<offer id="7"><name>X</name><price>-5</price></offer>', "price", "-5"),
        (
            '<offer id="7"><name>X</name><price>5</price><currencyId>ZLTX</currencyId></offer>',
            "currencyId",
            "ZLTX",
        ),
        (f'<offer id="{"7" * 121}"><name>X</name><price>5</price></offer>', "id", "777"),
    ],
)
def test_a_bad_offer_is_refused_in_words_and_the_rest_goes_on(tmp_path, offer, field, words):
    _, items = read(tmp_path, HEAD + offer + SIMPLE + TAIL)

    refused = [item for item in items if isinstance(item, Refused)]
    assert [(one.row, one.field) for one in refused] == [(1, field)]
    assert words in refused[0].message
    assert [item.external_id for item in items if isinstance(item, Offer)] == ["10"]


def test_a_file_that_breaks_off_gives_what_it_had_and_then_says_where(tmp_path):
    path = tmp_path / "feed"
    path.write_bytes((HEAD + SIMPLE + "\n<offer id='11'><na").encode())
    got = []

    with open_feed(path) as feed, pytest.raises(Unreadable, match="4"):
        for item in feed.items:
            got.append(item)

    assert [item.external_id for item in got if isinstance(item, Offer)] == ["10"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><yml_catalog>&l9;</yml_catalog>',
    "file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><yml_catalog>&f;</yml_catalog>',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]><yml_catalog/>',
    "harmless entity": '<!DOCTYPE x [<!ENTITY n "v">]><yml_catalog>&n;</yml_catalog>',
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(tmp_path, name, encoding):
    with pytest.raises(Unreadable):
        read(tmp_path, HOSTILE[name].encode(encoding))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"<html><body>403</body></html>",
        b"<!DOCTYPE html><html></html>",
        b'{"offers": []}',
        b"%PDF-1.7",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"<yml_catalog></yml_catalog>",
        b"<a>" * 500,
        b"\x1f\x8b\x08garbage",
        b"PK\x03\x04garbage",
        "просто текст без таблицы".encode(),
    ],
)
def test_what_is_no_feed_is_told_in_words(tmp_path, data):
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, data)

    assert len(str(caught.value).split()) > 1


def test_a_gzip_bomb_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("integrations.feeds.xml.MAX_BYTES", 1_000_000)
    monkeypatch.setattr("integrations.feeds.xml.RECORD_LIMIT", 200_000)
    data = gzip.compress(b"<yml_catalog><shop><name>" + b" " * 30_000_000)

    with pytest.raises(Unreadable, match=r"MB|МБ"):
        read(tmp_path, data)


def test_memory_does_not_grow_with_the_feed(tmp_path):
    path = tmp_path / "feed"
    with path.open("w") as out:
        out.write(HEAD)
        for number in range(8_000):
            out.write(SIMPLE.replace('id="10"', f'id="{number}"', 1) + "<junk><a>1</a></junk>")
        out.write(TAIL)
    assert path.stat().st_size > 5_000_000

    tracemalloc.start()
    with open_feed(path) as feed:
        assert feed.total == 8_000
        count = sum(isinstance(item, Offer) for item in feed.items)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 8_000
    assert peak < 4_000_000
