"""The pages of broadcasts, and the same by API."""

from __future__ import annotations

import io

import pytest

from bots.models import Broadcast, BroadcastItem, Message
from tests.broadcasts.conftest import AD
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db
LIST = "/admin/bots/broadcast/"


def form_of(mine, **more):
    return {
        "name": "Осень", "kind": "advertising", "channels": [str(mine.talk.channel.pk)],
        "who": "all", "text_ru": "Скидка {{shop.name}}", "quiet_from": "21", "quiet_to": "9",
        "buttons": "Каталог https://shop.example/c", **AD, **more,
    }  # fmt: skip


def test_one_is_written_counted_tried_and_sent(mine, other, client_of):
    mine.buyer("anna", consent=True)
    mine.buyer("boris")
    client = client_of(mine.shop)

    saved = client.post(f"{LIST}add/", form_of(mine))
    page = client.get(saved["Location"]).content.decode()

    assert saved.status_code == 302
    assert 'data-gets="1"' in page
    with mine.shop.inside():
        row = Broadcast.objects.get()
    act = f"{LIST}{row.pk}/act/"
    Pretend.sent.clear()
    client.post(act, {"act": "test", "contact": "boris"})
    mine.talk.work()
    assert [chat for chat, _text in Pretend.sent] == ["boris"]
    client.post(act, {"act": "start"})
    mine.go(row)
    assert mine.results(row) == {"anna": ("sent", ""), "boris": ("skipped", "no_consent")}
    done = client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "anna" in done
    state = client.get(f"{LIST}{row.pk}/state/").json()
    assert (state["state"], state["done"], state["total"], state["share"]) == ("done", 2, 2, 100)
    found = client.get(f"{LIST}{row.pk}/results.csv").content.decode()
    assert len(found.splitlines()) == 3
    assert client_of(other.shop).get(f"{LIST}{row.pk}/state/").status_code == 404


def test_what_is_wrong_stands_beside_its_field(mine, client_of):
    page = client_of(mine.shop).post(f"{LIST}add/", form_of(mine, inn="7707083894", erid="эрид"))

    assert page.status_code == 200
    assert set(page.context["form"].errors) == {"inn", "erid"}
    with mine.shop.inside():
        assert not Broadcast.objects.exists()


def test_the_preview_is_what_each_channel_shows(mine, client_of):
    answer = client_of(mine.shop).post(f"{LIST}preview/", form_of(mine))

    (one,) = answer.json()["shown"]
    assert one["text"].startswith("Реклама\n\nСкидка")
    assert one["text"].endswith("ИНН 7707083893. erid: 2VtzqvXq1Rw")
    assert one["buttons"] == ["Каталог", "Отписаться"]


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_only_owner_and_administrator_broadcast(mine, client_of, api_of, role):
    assert client_of(mine.shop, role).get(LIST).status_code == 403
    assert api_of(mine.shop, role).get("/api/v1/broadcasts/").status_code == 403


def test_a_data_operator_is_told_shows_by_erid_channel_and_month(mine, client_of, api_of):
    from openpyxl import load_workbook

    for chat in ("anna", "boris"):
        mine.buyer(chat, consent=True)
    row = mine.broadcast()
    mine.start(row)
    with mine.shop.inside():
        Message.objects.filter(meta__broadcast=row.pk).update(sent_at="2026-10-31T20:30:00Z")
        last = BroadcastItem.objects.latest("pk").message
        Message.objects.filter(pk=last.pk).update(sent_at="2026-10-31T21:30:00Z")

    told = api_of(mine.shop).get("/api/v1/broadcasts/shows/").json()
    book = client_of(mine.shop).get(f"{LIST}shows/?table=xlsx&broadcast={row.pk}")
    october = api_of(mine.shop).get("/api/v1/broadcasts/shows/?until=2026-10-31").json()

    assert [(one["erid"], one["first"], one["shows"]) for one in told] == [
        ("2VtzqvXq1Rw", "2026-10-31", 1),
        ("2VtzqvXq1Rw", "2026-11-01", 1),
    ]
    assert len(october) == 1
    rows = list(load_workbook(io.BytesIO(book.content)).active.values)
    assert [line[0] for line in rows] == ["erid", "2VtzqvXq1Rw", "2VtzqvXq1Rw"]


def test_the_whole_way_by_api(mine, other, api_of):
    mine.buyer("anna", order="10241")
    other.buyer("anna", order="7")
    api = api_of(mine.shop)
    given = {
        "kind": "service", "name": "Ждёт", "channels": [mine.talk.channel.pk],
        "audience": {"who": "orders", "statuses": ["ready"]},
        "texts": {"ru": "Заказ {{order.number}} ждёт"},
    }  # fmt: skip

    made = api.post("/api/v1/broadcasts/", given, format="json").json()
    one = f"/api/v1/broadcasts/{made['id']}/"
    counted = api.get(f"{one}audience/").json()
    preview = api.get(f"{one}preview/").json()
    Pretend.sent.clear()
    started = api.post(f"{one}start/", {}, format="json")
    with mine.shop.inside():
        row = Broadcast.objects.get()
    mine.go(row)

    assert (counted["gets"], preview[0]["text"]) == (1, "Заказ 10241 ждёт")
    assert started.json()["state"] == "ready"
    assert Pretend.sent == [("anna", "Заказ 10241 ждёт")]
    assert api.get(one).json()["figures"]["sent"] == 1
    assert [r["result"] for r in api.get(f"{one}results/").json()["results"]] == ["sent"]
    assert api.post(f"{one}stop/").status_code == 409
    assert api.delete(one).status_code == 409
    assert api_of(other.shop).get(one).status_code == 404


def test_the_operator_edits_the_table_of_bans(platform_client, partner_client):
    from tenants.models import AdPolicy

    address = "/admin/tenants/adpolicy/"
    given = {
        "region": "RU", "channel": "pretend", "forbidden_from": "2026-01-01",
        "forbidden_until": "", "is_on": "on", "why": "Access is restricted.",
    }  # fmt: skip

    assert platform_client.get(address).status_code == 200
    assert platform_client.post(f"{address}add/", given).status_code == 302
    assert AdPolicy.objects.filter(channel="pretend").exists()
    assert partner_client.get(address).status_code == 403
