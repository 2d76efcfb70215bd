"""Catalogue, orders, jobs and connections through HTTP, with two merchants."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from bots.channels.base import secret_field, text_field
from integrations.models import Connection, Order, Product, Variant
from integrations.services import connections
from tenants.kernel import due
from tenants.workspace.models import Job, StoredFile

FEED = (
    '<?xml version="1.0" encoding="UTF-8"?><yml_catalog><shop><categories>'
    '<category id="1">Посуда</category></categories><offers>'
    '<offer id="10"><name>Кружка «Море»</name><price>1990,50</price><currencyId>RUR</currencyId>'
    "<categoryId>1</categoryId><vendorCode>M-10</vendorCode><count>3</count></offer>"
    '<offer id="11"><name>Ложка</name><price>дорого</price></offer></offers></shop></yml_catalog>'
).encode()


def work(shop, job):
    with shop.inside():
        due.take(shop.schema, "job", job["id"])


def upload(client, data=FEED, name="feed.xml", **more):
    return client.post(
        "/api/v1/catalog/import/",
        {"file": SimpleUploadedFile(name, data), **more},
        format="multipart",
    )


def test_a_catalogue_is_imported_and_watched(alpha, beta, api_of):
    client = api_of(alpha)

    answer = upload(client)

    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["done"], job["total"], job["errors"]) == ("queued", 0, None, [])
    assert job["url"] == answer.headers["Location"] == f"/api/v1/jobs/{job['id']}/"
    work(alpha, job)
    job = client.get(job["url"]).json()
    assert (job["state"], job["done"], job["total"], job["refused"]) == ("done", 2, 2, 1)
    assert [(e["row"], e["field"]) for e in job["errors"]] == [(2, "price")]
    assert "дорого" in job["errors"][0]["message"]
    assert job["result"]["created"] == 1
    [product] = client.get("/api/v1/catalog/products/").json()["results"]
    assert (product["external_id"], product["name"], product["category"]) == (
        "10", "Кружка «Море»", "Посуда",
    )  # fmt: skip
    [variant] = product["variants"]
    assert (variant["price"], variant["stock"], variant["sku"]) == ("1990.50", 3, "M-10")
    assert api_of(beta).get("/api/v1/catalog/products/").json()["results"] == []
    assert api_of(beta).get(job["url"]).status_code == 404
    assert client.get(f"/api/v1/catalog/products/{product['id']}/").json() == product


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("q=море", 1), ("q=КРУЖКА море", 1), ("q=m-10", 1), ("q=10", 1), ("q=чайник", 0),
        ("external_id=10", 1), ("external_id=1", 0), ("category=посуда", 1), ("active=false", 0),
        ("active=true", 1),
    ],
)  # fmt: skip
def test_products_are_found(alpha, api_of, query, count):
    client = api_of(alpha)
    work(alpha, upload(client).json())

    found = client.get(f"/api/v1/catalog/products/?{query}").json()["results"]

    assert len(found) == count


def test_the_file_may_be_the_body_itself(alpha, api_of):
    client = api_of(alpha)

    answer = client.post("/api/v1/catalog/import/?full=false", FEED, content_type="application/xml")

    assert answer.status_code == 202
    work(alpha, answer.json())
    with alpha.inside():
        assert Variant.objects.get().price == Decimal("1990.50")
        assert Job.objects.get().params["full"] is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_source"),
        ({"url": "ftp://shop.example/feed"}, "bad_source"),
        ({"url": "shop"}, "bad_source"),
        ({"file": "text"}, "parse_error"),
        ({"url": "https://shop.example/feed.xml", "full": "perhaps"}, "parse_error"),
    ],
)
def test_an_import_of_nothing_is_refused(alpha, api_of, body, code):
    answer = api_of(alpha).post("/api/v1/catalog/import/", body, format="json")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    with alpha.inside():
        assert not Job.objects.exists()


def test_an_empty_or_too_large_file_leaves_nothing_behind(alpha, api_of, monkeypatch):
    monkeypatch.setattr("integrations.api.catalogue.MAX_FILE", 1000)

    empty, large = upload(api_of(alpha), b""), upload(api_of(alpha), b"x" * 1001)

    assert (empty.status_code, large.status_code) == (400, 413)
    assert large.json()["error"]["code"] == "too_large"
    with alpha.inside():
        assert not StoredFile.objects.exists()
        assert not Job.objects.exists()


def test_hostile_files_fail_in_words(alpha, api_of):
    bomb = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><yml_catalog>&c;</yml_catalog>'
    client = api_of(alpha)

    for data in (bomb, b"MZ\x90\x00\x03", b"<html></html>", b"PK\x03\x04"):
        job = upload(client, data).json()
        work(alpha, job)
        job = client.get(job["url"]).json()
        assert job["state"] == "failed"
        assert len(job["message"].split()) > 1
    with alpha.inside():
        assert not Product.objects.exists()


def test_messages_are_in_the_caller_s_language(alpha, api_of):
    client = api_of(alpha)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {alpha.token()}", HTTP_ACCEPT_LANGUAGE="en")

    job = upload(client).json()
    work(alpha, job)

    assert "is not a number" in client.get(job["url"]).json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 202), ("admin", 202), ("supervisor", 202), ("agent", 403)]
)
def test_who_may_import(alpha, api_of, role, status):
    assert upload(api_of(alpha, role)).status_code == status


# ── Orders ───────────────────────────────────────────────────────────────────────────────────
ORDER = {
    "number": "727",
    "phone": "8 (916) 123-45-67",
    "email": "Anna@Example.RU",
    "status": "В пути",
    "items": [{"offer_id": "10", "name": "Кружка", "qty": 2, "price": 500}],
    "sum": 1300,
    "delivery": {"service": "СДЭК", "track": "TR-1", "eta": "2026-11-25", "cost": 300},
    "created": "2026-11-20T12:30:00+03:00",
}


def test_orders_are_taken_and_listed(alpha, beta, api_of):
    client = api_of(alpha)

    answer = client.post(
        "/api/v1/orders/import/", [ORDER, {"number": "728", "sum": "много"}], format="json"
    )

    assert answer.status_code == 200
    job = answer.json()
    assert (job["state"], job["done"], job["total"], job["created"]) == ("done", 2, 2, 1)
    assert [(e["row"], e["field"]) for e in job["errors"]] == [(2, "sum")]
    assert client.get(job["url"]).json()["errors"] == job["errors"]
    [order] = client.get("/api/v1/orders/?phone=%2B79161234567").json()["results"]
    assert (order["number"], order["status"], order["email"], order["sum"]) == (
        "727", "shipped", "anna@example.ru", "1300.00",
    )  # fmt: skip
    assert order["items"] == [
        {"offer_id": "10", "name": "Кружка", "qty": "2.000", "price": "500.00"}
    ]
    assert order["delivery"] == {
        "service": "СДЭК", "track": "TR-1", "eta": "2026-11-25", "address": "", "cost": "300.00",
    }  # fmt: skip
    for query, count in (
        ("number=727", 1), ("number=72", 0), ("phone=8-916-123-45-67", 1), ("phone=x", 0),
        ("email=ANNA@example.ru", 1), ("status=new", 0),
        ("updated_since=2020-01-01T00:00:00Z", 1), ("updated_since=2220-01-01T00:00:00Z", 0),
    ):  # fmt: skip
        assert len(client.get(f"/api/v1/orders/?{query}").json()["results"]) == count, query
    assert api_of(beta).get("/api/v1/orders/").json()["results"] == []
    assert api_of(beta).get(f"/api/v1/orders/{order['id']}/").status_code == 404


@pytest.mark.parametrize("body", ["text", 5, [[1] * 3] * 5001])
def test_what_is_no_list_of_orders_is_refused(alpha, api_of, body):
    answer = api_of(alpha).post("/api/v1/orders/import/", body, format="json")

    assert answer.status_code == 400
    with alpha.inside():
        assert not Order.objects.exists()


def test_an_agent_may_look_at_orders_and_not_import_them(alpha, api_of):
    client = api_of(alpha, "agent")

    assert client.post("/api/v1/orders/import/", [ORDER], format="json").status_code == 403
    assert client.get("/api/v1/orders/").status_code == 200


def test_pages_lead_on(alpha, api_of):
    client = api_of(alpha)
    rows = [{"number": f"{n}", "sum": n} for n in range(5)]
    client.post("/api/v1/orders/import/", rows, format="json")

    page = client.get("/api/v1/orders/?page_size=2").json()
    numbers = [one["number"] for one in page["results"]]
    while page["next"]:
        page = client.get(page["next"]).json()
        numbers += [one["number"] for one in page["results"]]

    assert numbers == ["4", "3", "2", "1", "0"]


def test_a_broken_cursor_or_date_is_refused(alpha, api_of):
    client = api_of(alpha)

    assert client.get("/api/v1/orders/?cursor=zzz").status_code == 404
    assert client.get("/api/v1/orders/?updated_since=вчера").status_code == 400


# ── Connections ──────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Manifest:
    key: str = "toy"
    title: str = "Toy shop"
    settings: tuple = (text_field("shop", "Shop"), secret_field("key", "Key"))
    implementation: str = "tests.api.test_catalogue_api.ToyConnector"
    capabilities: frozenset = frozenset({"orders"})


class ToyConnector:
    def __init__(self, connection):
        self.connection = connection

    def sync(self, job):
        job.advance(1, 1)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(connections, "manifests", lambda: {"toy": Manifest()})


def test_a_system_is_connected_and_fetched(alpha, beta, api_of, toy):
    client = api_of(alpha)
    [kind] = client.get("/api/v1/connections/kinds/").json()
    assert (kind["key"], [s["name"] for s in kind["settings"]]) == ("toy", ["shop", "key"])

    answer = client.post(
        "/api/v1/connections/",
        {"kind": "toy", "name": "Toy", "settings": {"shop": "a", "key": "very-secret-4f2a"}},
        format="json",
    )

    assert answer.status_code == 201
    found = answer.json()
    assert found["settings"] == {"shop": "a", "key": "•••• 4f2a"}
    with alpha.inside():
        assert Connection.objects.get().secrets == {"key": "very-secret-4f2a"}
    job = client.post(f"/api/v1/connections/{found['id']}/sync/").json()
    work(alpha, job)
    assert client.get(job["url"]).json()["state"] == "done"
    assert api_of(beta).get("/api/v1/connections/").json()["results"] == []
    assert api_of(beta).post(f"/api/v1/connections/{found['id']}/sync/").status_code == 404


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"settings": {"shop": "a"}}, "key"),
        ({"settings": {"shop": "a", "key": "k", "admin": True}}, "admin"),
        ({"settings": {"shop": {"a": 1}, "key": "k"}}, "shop"),
        ({"settings": {"shop": "", "key": "k"}}, "shop"),
    ],
)
def test_wrong_settings_are_told_by_name(alpha, api_of, toy, change, path):
    answer = api_of(alpha).post(
        "/api/v1/connections/", {"kind": "toy", "name": "Toy", **change}, format="json"
    )

    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"]["settings"]) == {path}
    with alpha.inside():
        assert not Connection.objects.exists()


def test_an_unknown_system_and_a_foreign_address_are_refused(alpha, api_of, toy, settings):
    client = api_of(alpha)
    body = {"kind": "toy", "name": "T", "settings": {"shop": "a", "key": "k"}}

    unknown = client.post("/api/v1/connections/", {**body, "kind": "none"}, format="json")
    settings.ALLOW_PRIVATE_ADDRESSES = False
    foreign = client.post(
        "/api/v1/connections/", {**body, "base_url": "http://10.0.0.1/"}, format="json"
    )

    assert unknown.json()["error"]["code"] == "unknown_kind"
    assert set(foreign.json()["error"]["fields"]) == {"base_url"}
