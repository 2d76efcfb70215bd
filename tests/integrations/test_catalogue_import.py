"""A feed in, a catalogue out: exact rows, idempotence, families, what is taken off sale."""

from decimal import Decimal
from threading import Thread

import pytest

from integrations.models import Category, Product, Variant
from integrations.services import catalogue, catalogue_run, feed_file
from integrations.services.catalogue import BadSource, catalogue_import_start
from integrations.services.catalogue_run import CatalogueRun
from integrations.services.folding import common_name
from tenants.kernel import due
from tenants.kernel.files import file_save
from tenants.models import OutboxEvent
from tenants.workspace.models import Job, StoredFile


def yml(*offers, head=""):
    return (
        '<?xml version="1.0"?><yml_catalog><shop><categories>'
        '<category id="1">Одежда</category><category id="2" parentId="1">Футболки</category>'
        f"{head}</categories><offers>{''.join(offers)}</offers></shop></yml_catalog>"
    ).encode()


def offer(number, name="Кружка", price="500", group="", more="", **params):
    group = f' group_id="{group}"' if group else ""
    params = "".join(f'<param name="{k}">{v}</param>' for k, v in params.items())
    return (
        f'<offer id="{number}"{group}><name>{name}</name><price>{price}</price>'
        f"<currencyId>RUR</currencyId><categoryId>2</categoryId>{params}{more}</offer>"
    )


def run(data, **options):
    """Inside a merchant: import the bytes as the worker would, return the finished job."""
    stored = file_save(data, name="feed.xml", purpose="import")
    started = catalogue_import_start(file=stored, **options)
    assert due.take(_schema(), "job", started.pk)
    return Job.objects.get(pk=started.pk)


def _schema():
    from tenants.kernel.context import current_schema

    return current_schema()


def told():
    """Product ids of the waiting `catalogue.changed` facts, which are forgotten."""
    rows = OutboxEvent.objects.filter(schema=_schema(), name="catalogue.changed")
    ids = sorted({pk for row in rows for pk in row.data["products"]})
    rows.delete()
    return ids


def figures(job):
    return {
        k: v for k, v in job.result.items() if k in ("created", "changed", "unchanged", "retired")
    }


@pytest.fixture
def inside(alpha):
    with alpha.inside():
        yield


def test_a_feed_becomes_products(inside):
    job = run(
        yml(
            offer(10, "Кружка «Море»", "1 990,50", more="<vendor>Берег</vendor>", Объём="300 мл"),
            offer(11, price="дорого"),
        )
    )

    assert (job.state, job.done, job.total, job.refused) == ("done", 2, 2, 1)
    assert [(e["row"], e["field"]) for e in job.errors] == [(2, "price")]
    assert "дорого" in job.errors[0]["message"]
    assert "11" in job.errors[0]["message"]
    product = Product.objects.get()
    assert (product.external_id, product.name, product.vendor, product.params) == (
        "10", "Кружка «Море»", "Берег", {"Объём": "300 мл"},
    )  # fmt: skip
    assert product.category.name == "Футболки"
    assert product.category.parent.name == "Одежда"
    variant = Variant.objects.get()
    assert (variant.external_id, variant.price, variant.currency, variant.params) == (
        "10", Decimal("1990.50"), "RUB", {},
    )  # fmt: skip
    assert told() == [product.pk]
    assert not StoredFile.objects.exists()


def test_the_same_feed_again_writes_nothing(inside):
    data = yml(offer(10), offer(20, group="g", Цвет="синий"), offer(21, group="g", Цвет="белый"))
    first = run(data)
    before = list(Variant.objects.order_by("pk").values_list("pk", "updated_at", "digest"))
    told()

    again = run(data)

    assert figures(first) == {"created": 3, "changed": 0, "unchanged": 0, "retired": 0}
    assert figures(again) == {"created": 0, "changed": 0, "unchanged": 3, "retired": 0}
    assert list(Variant.objects.order_by("pk").values_list("pk", "updated_at", "digest")) == before
    assert told() == []


def test_a_family_says_once_what_its_variants_share(inside):
    run(
        yml(
            offer(20, "Футболка «Волна», синяя, M", group="g", Ткань="хлопок", Цвет="синий"),
            offer(21, "Футболка «Волна», белая, S", group="g", Ткань="хлопок", Цвет="белый"),
        )
    )

    product = Product.objects.get()
    assert (product.external_id, product.name, product.params) == (
        "g", "Футболка «Волна»", {"Ткань": "хлопок"},
    )  # fmt: skip
    assert dict(Variant.objects.values_list("external_id", "params")) == {
        "20": {"Цвет": "синий"},
        "21": {"Цвет": "белый"},
    }
    assert told() == [product.pk]


def test_a_family_is_compared_anew_when_one_of_it_changes(inside):
    blue = offer(20, "Футболка синяя", group="g", Ткань="хлопок", Цвет="синий")
    run(yml(blue, offer(21, "Футболка белая", group="g", Ткань="хлопок", Цвет="белый")))
    told()

    job = run(yml(blue, offer(21, "Футболка белая", "600", group="g", Ткань="лён", Цвет="белый")))

    assert figures(job) == {"created": 0, "changed": 1, "unchanged": 1, "retired": 0}
    product = Product.objects.get()
    assert product.params == {}
    assert dict(Variant.objects.values_list("external_id", "params")) == {
        "20": {"Ткань": "хлопок", "Цвет": "синий"},
        "21": {"Ткань": "лён", "Цвет": "белый"},
    }
    assert Variant.objects.get(external_id="21").price == Decimal("600.00")
    assert told() == [product.pk]


def test_a_lone_offer_may_grow_a_family(inside):
    run(yml(offer(20, "Футболка синяя", Ткань="хлопок", Цвет="синий")))

    run(
        yml(
            offer(20, "Футболка синяя", Ткань="хлопок", Цвет="синий"),
            offer(21, "Футболка белая", group="20", Ткань="хлопок", Цвет="белый"),
        )
    )

    product = Product.objects.get()
    assert product.params == {"Ткань": "хлопок"}
    assert {v.external_id: v.params for v in Variant.objects.filter(product=product)} == {
        "20": {"Цвет": "синий"},
        "21": {"Цвет": "белый"},
    }


def test_chunks_do_not_split_a_family(inside, monkeypatch):
    monkeypatch.setattr(catalogue_run, "CHUNK", 2)
    offers = [offer(n, f"Шарф {n}", group="g", Ткань="шерсть", Номер=n) for n in range(7)]

    job = run(yml(*offers, offer(99, "Кружка")))

    assert figures(job)["created"] == 8
    assert Product.objects.get(external_id="g").params == {"Ткань": "шерсть"}
    assert Variant.objects.get(external_id="6").params == {"Номер": "6"}


def test_what_a_full_feed_no_longer_names_is_taken_off_sale(inside):
    run(yml(*(offer(n) for n in range(4))))
    told()

    job = run(yml(*(offer(n) for n in range(3))))

    assert figures(job) == {"created": 0, "changed": 0, "unchanged": 3, "retired": 1}
    gone = Variant.objects.get(is_active=False)
    assert (gone.external_id, gone.product.is_active) == ("3", False)
    assert told() == [gone.product_id]


def test_a_bad_row_is_still_in_the_feed(inside):
    run(yml(offer(1), offer(2), offer(3)))

    run(yml(offer(1), offer(2), offer(3, price="дорого")))

    assert Variant.objects.filter(is_active=True).count() == 3


def test_more_than_half_is_held_back_until_confirmed(inside):
    run(yml(*(offer(n) for n in range(4))))

    held = run(yml(offer(0)))

    assert held.state == "done"
    assert held.result["held"] == 3
    assert "3" in held.message
    assert Variant.objects.filter(is_active=True).count() == 4

    run(yml(offer(0)), confirm=True)

    assert Variant.objects.filter(is_active=True).count() == 1


def test_a_part_of_the_catalogue_retires_nothing(inside):
    run(yml(*(offer(n) for n in range(4))))

    job = run(yml(offer(7)), is_full=False)

    assert figures(job) == {"created": 1, "changed": 0, "unchanged": 0, "retired": 0}
    assert Variant.objects.filter(is_active=True).count() == 5


def test_what_comes_back_is_sold_again(inside):
    run(yml(offer(1), offer(2), offer(3)))
    run(yml(offer(1), offer(2)))

    job = run(yml(offer(1), offer(2), offer(3)))

    assert figures(job)["changed"] == 1
    back = Variant.objects.get(external_id="3")
    assert (back.is_active, back.product.is_active) == (True, True)


def test_a_file_that_breaks_off_fails_and_retires_nothing(inside):
    run(yml(*(offer(n) for n in range(4))))

    job = run(yml(offer(0, price="600"), offer(1))[:-60])

    assert job.state == "failed"
    assert "XML" in job.message
    assert Variant.objects.filter(is_active=True).count() == 4
    assert Variant.objects.get(external_id="0").price == Decimal("600.00")
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    "data", [b"", b"<html></html>", yml(), yml(offer(1, price="x")), b"PK\x03\x04"]
)
def test_what_gives_no_offer_fails_in_words(inside, data):
    job = run(data)

    assert job.state == "failed"
    assert len(job.message.split()) > 1
    assert not Product.objects.exists()


def test_an_id_that_occurs_twice_is_refused_once(inside):
    job = run(yml(offer(1, "Первая"), offer(1, "Вторая")))

    assert [(e["row"], e["field"]) for e in job.errors] == [(2, "id")]
    assert Variant.objects.get().name == "Первая"


def test_a_circle_of_categories_is_refused(inside):
    head = '<category id="8" parentId="9">А</category><category id="9" parentId="8">Б</category>'

    job = run(yml(offer(1), head=head))

    assert [e["field"] for e in job.errors] == ["parentId", "parentId"]
    assert list(Category.objects.filter(external_id__in="89").values_list("parent", flat=True)) == [
        None, None,
    ]  # fmt: skip


def test_a_kill_in_the_middle_loses_nothing(inside, monkeypatch):
    monkeypatch.setattr(catalogue_run, "CHUNK", 2)
    data = yml(*(offer(n, f"Шарф {n}", group="g", Ткань="шерсть", Номер=n) for n in range(6)))
    stored = file_save(data, name="feed.xml", purpose="import")
    started = catalogue_import_start(file=stored)
    real, calls = CatalogueRun.flush, []

    def dies(self):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(CatalogueRun, "flush", dies)
    with pytest.raises(KeyboardInterrupt):
        catalogue.catalogue_import(Job.objects.get(pk=started.pk))
    assert Variant.objects.count() == 2
    monkeypatch.setattr(CatalogueRun, "flush", real)

    assert due.take(_schema(), "job", started.pk)

    job = Job.objects.get(pk=started.pk)
    assert (job.state, job.done) == ("done", 6)
    assert figures(job) == {"created": 4, "changed": 0, "unchanged": 2, "retired": 0}
    assert Product.objects.get().params == {"Ткань": "шерсть"}


def test_prices_alone_change_prices_alone(inside):
    goods = (
        "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>t1</Ид><Наименование>Шарф</Наименование>"
        "<Описание>Тёплый</Описание></Товар></Товары></Каталог></КоммерческаяИнформация>"
    )
    offers = (
        "<КоммерческаяИнформация><ПакетПредложений><Предложения><Предложение><Ид>t1</Ид><Цены><Цена>"
        "<ИдТипаЦены>c</ИдТипаЦены><ЦенаЗаЕдиницу>990,50</ЦенаЗаЕдиницу></Цена></Цены><Количество>3"
        "</Количество></Предложение><Предложение><Ид>t9</Ид><Количество>1</Количество>"
        "</Предложение></Предложения></ПакетПредложений></КоммерческаяИнформация>"
    )

    run(goods.encode())
    before = Variant.objects.get()
    job = run(offers.encode())

    assert (before.price, before.is_available) == (None, False)
    after = Variant.objects.get()
    assert (after.name, after.price, after.stock, after.is_available) == (
        "Шарф", Decimal("990.50"), 3, True,
    )  # fmt: skip
    assert Product.objects.get().description == "Тёплый"
    assert [(e["row"], e["field"]) for e in job.errors] == [(2, "id")]


def test_one_merchant_s_import_is_not_another_s(alpha, beta):
    with alpha.inside():
        run(yml(offer(1, "Альфа")))
    with beta.inside():
        run(yml(offer(1, "Бета")))
        assert Variant.objects.get().name == "Бета"
    with alpha.inside():
        assert Variant.objects.get().name == "Альфа"


# ── By address ───────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def shop_site():
    """A shop's web server on loopback; `pages` maps a path to (status, headers, body)."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    pages["base"] = f"http://127.0.0.1:{server.server_port}"
    yield pages
    server.shutdown()
    server.server_close()


def by_url(url, times=1):
    started = catalogue_import_start(url=url)
    for _ in range(times):
        with _connection().cursor() as cursor:
            cursor.execute("UPDATE public.tenants_due SET due_at = now() - interval '1 second'")
        due.take(_schema(), "job", started.pk)
    return Job.objects.get(pk=started.pk)


def _connection():
    from django.db import connection

    return connection


def test_a_feed_is_fetched_by_address_and_redirects_are_followed(inside, shop_site):
    shop_site["/feed"] = (302, {"Location": "/real.xml"}, b"")
    shop_site["/real.xml"] = (200, {}, yml(offer(1)))

    job = by_url(f"{shop_site['base']}/feed")

    assert (job.state, job.done) == ("done", 1)


def test_a_feed_that_cannot_be_fetched_is_told_in_words(inside, shop_site):
    shop_site["/circle"] = (302, {"Location": "/circle"}, b"")
    shop_site["/inside"] = (302, {"Location": "file:///etc/passwd"}, b"")
    shop_site["/locked"] = (401, {}, b"")
    shop_site["/broken"] = (500, {}, b"")

    for path, words in (
        ("/circle", ""), ("/inside", ""), ("/locked", "401"), ("/none", "404"), ("/broken", "500"),
    ):  # fmt: skip
        job = by_url(shop_site["base"] + path, times=3)
        assert job.state == "failed", path
        assert words in job.message


def test_private_addresses_are_refused_at_once(inside, shop_site, settings):
    settings.ALLOW_PRIVATE_ADDRESSES = False
    shop_site["/feed"] = (200, {}, yml(offer(1)))

    job = by_url(f"{shop_site['base']}/feed")

    assert job.state == "failed"
    assert not Product.objects.exists()


def test_a_feed_larger_than_agreed_is_refused(inside, shop_site, monkeypatch):
    monkeypatch.setattr(feed_file, "MAX_FILE", 100)
    shop_site["/feed"] = (200, {}, yml(offer(1)))

    assert by_url(f"{shop_site['base']}/feed").state == "failed"


@pytest.mark.parametrize("url", ["ftp://shop.example/feed", "javascript:alert(1)", "", "shop"])
def test_only_web_addresses_are_taken(inside, url):
    with pytest.raises(BadSource):
        catalogue_import_start(url=url)

    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["Футболка «Волна», синяя, M", "Футболка «Волна», белая, S"], "Футболка «Волна»"),
        (["Чай зелёный 100 г", "Чай зелёный 50 г"], "Чай зелёный"),
        (["Кружка", "Ложка"], "Ложка"),
        (["Шарф"], "Шарф"),
        (["T-shirt Wave (blue)", "T-shirt Wave (white)"], "T-shirt Wave"),
    ],
)
def test_a_family_s_name_is_what_its_members_begin_with(names, common):
    assert common_name(names) == common
