"""Visitors of a site: seen while they are there, greeted by rule, stored only when they write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bots.models import (
    Channel,
    Contact,
    Conversation,
    Greeting,
    Message,
    Person,
    Segment,
    Team,
    TeamMember,
)
from bots.services import places, visits
from tenants.kernel.context import PUBLIC, enter
from tests.live.conftest import Browser

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = "https://shop.example"


@pytest.fixture(autouse=True)
def _no_visits(db):
    for key in visits._redis().scan_iter("*visit*"):
        visits._redis().delete(key)
    for kind in ("greeted", "invite"):
        for key in visits._redis().scan_iter(f"{kind}:*"):
            visits._redis().delete(key)


@pytest.fixture
def shown(alpha, beta):
    """Both merchants show their visitors; greetings end with the test."""
    for shop in (alpha, beta):
        with shop.inside():
            Channel.objects.filter(kind="web").update(settings={"visitors": True})
    places._kept.clear()
    yield
    for shop in (alpha, beta):
        with shop.inside():
            Greeting.objects.all().delete()
    enter(PUBLIC)


def greet(shop: Any, **fields: Any) -> Greeting:
    values = {"name": "g", "is_on": True, "text": {"ru": "Подсказать размер?", "en": "Help?"}}
    with shop.inside():
        return Greeting.objects.create(**{**values, **fields})


def beat(buyer: Browser, page: str = "/", **more: Any) -> dict[str, Any]:
    about = {"page": f"{SHOP}{page}", "title": f"Page {page}", **more.pop("about", {})}
    body = {"token": buyer.token, "about": about, "locale": "ru", **more}
    answer = buyer.http.post("visit/", content=json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(api: Any) -> list[dict[str, Any]]:
    return api.get("/api/v1/visitors/").json()["visitors"]


def test_a_site_that_does_not_show_visitors_sees_nobody(alpha, browser_of, api_of):
    buyer = browser_of(alpha)
    greet(alpha)
    assert beat(buyer) == {"again": 0}
    assert listed(api_of(alpha)) == []
    with alpha.inside():
        Greeting.objects.all().delete()


def test_who_looks_around_is_seen_by_their_shop_and_leaves_no_row(
    alpha, beta, shown, browser_of, api_of
):
    buyer, stranger = browser_of(alpha), browser_of(beta)
    beat(stranger, "/secret")
    cart = {"items": [{"name": "Lamp", "qty": 1}], "total": "990", "currency": "RUB"}
    beat(buyer, "/", about={"referrer": "https://search.example/", "utm": {"utm_source": "ya"}})
    beat(buyer, "/lamps", about={"cart": cart}, returning=True)

    [seen] = listed(api_of(alpha, "agent"))

    assert (seen["page"], seen["title"]) == (f"{SHOP}/lamps", "Page /lamps")
    assert [one["page"] for one in seen["pages"]] == [f"{SHOP}/", f"{SHOP}/lamps"]
    assert (seen["referrer"], seen["utm"]) == ("https://search.example/", {"utm_source": "ya"})
    assert (seen["cart"]["total"], seen["is_returning"]) == ("990", True)
    assert (seen["conversation"], seen["name"]) == (None, "")
    with alpha.inside():
        assert not Contact.objects.exists() and not Conversation.objects.exists()


def test_who_shares_no_queue_sees_no_visitors(alpha, shown, browser_of, api_of):
    beat(browser_of(alpha))
    with alpha.inside():
        rows = list(TeamMember.objects.filter(user=alpha.agent))
        TeamMember.objects.filter(user=alpha.agent).delete()
    try:
        assert listed(api_of(alpha, "agent")) == []
        assert len(listed(api_of(alpha, "owner"))) == 1
    finally:
        with alpha.inside():
            TeamMember.objects.bulk_create(rows)


def test_a_greeting_is_said_by_its_rule_and_so_often_a_day(alpha, beta, shown, browser_of):
    greet(alpha, when={"page": "/lamps*", "cart_from": "500"})
    greet(beta, text={"ru": "Чужое"})
    buyer = browser_of(alpha)
    assert "greeting" not in beat(buyer, "/")
    assert "greeting" not in beat(buyer, "/lamps?x=1", about={"cart": {"total": "499.99"}})

    told = beat(buyer, "/lamps?x=1", about={"cart": {"total": "500"}})
    again = beat(buyer, "/lamps?x=1", about={"cart": {"total": "500"}})

    assert told["greeting"]["text"] == "Подсказать размер?"
    assert "greeting" not in again
    with alpha.inside():
        one = Greeting.objects.get()
        assert (one.shown, one.opened, one.answered) == (1, 0, 0)


@pytest.mark.parametrize(
    ("when", "body", "is_said"),
    [
        ({"returning": True}, {"returning": True}, True),
        ({"returning": True}, {}, False),
        ({"seconds": 30}, {}, False),
        ({"known": True}, {}, False),
        ({"known": False}, {}, True),
        ({}, {"open": True}, False),
    ],
)
def test_conditions_of_a_greeting(alpha, shown, browser_of, when, body, is_said):
    greet(alpha, when=when)
    assert ("greeting" in beat(browser_of(alpha), **body)) is is_said


def test_a_greeting_is_for_a_segment_of_buyers(
    alpha, beta, shown, browser_of, api_of, work, answers
):
    with alpha.inside():
        vip = Segment.objects.create(
            name="VIP", conditions=[{"field": "field:vip", "op": "is", "value": True}]
        )
    given = {"name": "VIP", "text": {"ru": "С возвращением"}, "when": {"segment": vip.pk},
             "is_on": True}  # fmt: skip
    assert api_of(beta).post("/api/v1/greetings/", given, format="json").status_code == 400
    made = api_of(alpha).post("/api/v1/greetings/", given, format="json")
    assert (made.status_code, made.json()["when"]) == (201, {"segment": vip.pk})
    buyer = browser_of(alpha)
    assert "greeting" not in beat(buyer)  # nobody knows them yet
    buyer.says("key-000001", "Здравствуйте, вопрос по заказу")
    work(alpha)
    with alpha.inside():
        Conversation.objects.update(status="resolved", speaker="nobody")
    assert "greeting" not in beat(buyer)
    with alpha.inside():
        Person.objects.update(fields={"vip": True})
    assert beat(buyer)["greeting"]["text"] == "С возвращением"
    with alpha.inside():
        vip.delete()


def test_visits_of_a_forgotten_person_are_forgotten(
    alpha, beta, shown, browser_of, api_of, work, answers
):
    greet(alpha)
    buyer, other, alien = browser_of(alpha), browser_of(alpha), browser_of(beta)
    for one in (buyer, other, alien):
        beat(one, "/lamps")
    buyer.says("key-000001", "Забудьте меня")
    work(alpha)
    beat(buyer, "/secret")
    with alpha.inside():
        contact = Contact.objects.get()
        visitor = contact.external_id

    def kept() -> list[str]:  # the pace of sending is a number, and gone in seconds
        names = visits._redis().scan_iter(f"*{visitor}*")
        return [name for name in names if not name.startswith("pace:")]

    assert kept()
    client, url = api_of(alpha, "owner"), f"/api/v1/people/{contact.person_id}/forget/"
    code = client.post(url, {"texts": "remove", "proof": "document"}).json()["code"]
    assert client.post(url, {"code": code}).status_code == 200

    assert not kept()
    assert [one["page"] for one in listed(client)] == [f"{SHOP}/lamps"]
    assert len(listed(api_of(beta))) == 1


def test_an_answered_greeting_opens_the_talk_and_is_counted(
    alpha, shown, browser_of, work, answers
):
    one = greet(alpha)
    buyer = browser_of(alpha)
    beat(buyer, "/lamps")
    beat(buyer, "/lamps", opened=one.pk, open=True)
    beat(buyer, "/lamps", opened=one.pk, open=True)
    buyer.says("key-000001", "Да, какой диаметр?")
    work(alpha)

    with alpha.inside():
        said = list(Message.objects.order_by("seq").values_list("seq", "author", "text"))
        assert said[:3] == [
            (1, "automation", "Подсказать размер?"),
            (2, "buyer", "Да, какой диаметр?"),
            (3, "bot", "re: Да, какой диаметр?"),
        ]
        one.refresh_from_db()
        assert (one.shown, one.opened, one.answered) == (1, 1, 1)
        data = Contact.objects.get().data
        assert [page["page"] for page in data["pages"]] == [f"{SHOP}/lamps"]
        assert "greeting" not in data
    assert "greeting" not in beat(buyer, "/other")  # a chat is going on


def test_a_colleague_writes_first_and_holds_the_chat(
    alpha, beta, shown, browser_of, api_of, work, answers
):
    buyer = browser_of(alpha)
    beat(buyer)
    [seen] = listed(api_of(alpha, "agent"))
    given = {"channel": seen["channel"], "visitor": seen["visitor"], "text": "Чем помочь?"}
    assert api_of(beta, "agent").post(
        "/api/v1/visitors/invite/", given, format="json"
    ).status_code == 404  # fmt: skip
    answer = api_of(alpha, "agent").post("/api/v1/visitors/invite/", given, format="json")
    assert answer.status_code == 202
    with alpha.inside():
        assert not Contact.objects.exists()
    told = beat(buyer)["greeting"]
    assert told == {"text": "Чем помочь?", "name": str(alpha.agent)}
    assert "greeting" not in beat(buyer)
    buyer.says("key-000001", "Ищу лампу")
    work(alpha)

    with alpha.inside():
        talk = Conversation.objects.get()
        assert (talk.speaker, talk.agent_id) == ("agent", alpha.agent.pk)
        assert list(Message.objects.exclude(kind="system").order_by("seq").values_list(
            "author", "text"
        )) == [("agent", "Чем помочь?"), ("buyer", "Ищу лампу")]  # fmt: skip
    beat(buyer)
    busy = api_of(alpha, "agent").post("/api/v1/visitors/invite/", given, format="json")
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "visitor_writes")


def test_a_visitor_whose_chat_is_hidden_is_hidden_too(
    alpha, shown, browser_of, api_of, work, answers
):
    buyer = browser_of(alpha)
    beat(buyer)
    buyer.says("key-000001", "Здравствуйте, вопрос по заказу")
    work(alpha)
    with alpha.inside():
        other = Team.objects.create(name="Other")
        Conversation.objects.update(team=other)
    try:
        beat(buyer)
        assert listed(api_of(alpha, "agent")) == []
        assert len(listed(api_of(alpha, "owner"))) == 1
    finally:
        with alpha.inside():
            Conversation.objects.update(team=None)
            other.delete()


def test_greetings_are_kept_by_administrators(alpha, beta, shown, api_of):
    given = {"name": "Sizes", "text": {"ru": "Размер?"}, "when": {"page": "/p/*", "cart_from": 100}}
    assert api_of(alpha, "agent").post(
        "/api/v1/greetings/", given, format="json"
    ).status_code == 403  # fmt: skip
    made = api_of(alpha).post("/api/v1/greetings/", given, format="json")
    assert made.status_code == 201, made.content
    assert made.json()["when"] == {"page": "/p/*", "cart_from": "100.00"}
    assert made.json()["shown"] == 0
    wrong = api_of(alpha).post(
        "/api/v1/greetings/", {**given, "when": {"weather": "rain"}}, format="json"
    )
    assert wrong.status_code == 400
    assert api_of(beta).get(f"/api/v1/greetings/{made.json()['id']}/").status_code == 404


def test_the_page_about_data_says_what_is_seen(alpha, shown, client_of):
    with alpha.inside():
        key = Channel.objects.get(kind="web").route_key
    page = client_of(alpha, None).get(f"/chat/{key}/privacy/").content.decode()
    assert "forgotten half an hour" in page or "забывается через полчаса" in page
    with alpha.inside():
        Channel.objects.filter(kind="web").update(settings={})
    places._kept.clear()
    page = client_of(alpha, None).get(f"/chat/{key}/privacy/").content.decode()
    assert "forgotten half an hour" not in page and "забывается через полчаса" not in page


def test_a_form_is_asked_for_as_the_merchant_wishes(alpha, beta, browser_of):
    def asked() -> Any:
        places._kept.clear()
        return browser_of(alpha).http.get("config/").json()["form"]

    assert asked() is None
    with alpha.inside():
        channel = Channel.objects.filter(kind="web")
        channel.update(settings={"form": "always", "form_fields": "name phone"})
    assert asked() == {"kind": "first", "fields": ["name", "phone"]}
    with alpha.inside():
        channel.update(settings={"form": "offline"})
    assert asked() is None  # the assistant answers at any hour
    assert browser_of(beta).http.get("config/").json()["form"] is None


def test_greetings_are_made_changed_and_removed_on_their_page(alpha, beta, shown, client_of):
    assert client_of(alpha, "agent").get("/admin/greetings/").status_code == 403
    client = client_of(alpha, "owner")
    form = {"new-name": "Sizes", "new-text_ru": "Размер?", "new-page": "/p/*", "new-cap": "2",
            "new-open": "yes", "new-is_on": "on"}  # fmt: skip
    client.post("/admin/greetings/", form)
    with alpha.inside():
        one = Greeting.objects.get()
        assert (one.name, one.is_on, one.cap) == ("Sizes", True, 2)
        assert (one.when, one.text) == ({"page": "/p/*", "open": True}, {"ru": "Размер?"})
    page = client.get("/admin/greetings/").content.decode()
    assert "Sizes" in page
    g = f"g{one.pk}"
    client.post("/admin/greetings/", {f"{g}-name": "", f"{g}-cap": "1", "new-cap": "1"})
    with alpha.inside():
        assert not Greeting.objects.exists()
