"""What agents read: views in their order, pages without a gap, searches, a thread, its context."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import pytest

from bots.models import Draft
from bots.selectors import desk, desk_thread
from bots.services.conversations import note_add
from integrations.models import Order, OrderLine
from tests.api.desks import NOW, URL, Desk, names


def test_each_view_holds_its_own_conversations(alpha, at, api_of):
    waits = {"waiting_since": NOW, "deadline_at": NOW}
    at.talk("Queued", speaker="queue", **waits)
    at.talk("Mine", speaker="agent", agent=alpha.agent, **waits)
    at.talk("Mine, answered", speaker="agent", agent=alpha.agent)
    at.talk("Colleague's", speaker="agent", agent=alpha.supervisor, **waits)
    at.talk("With the bot")
    at.talk("Snoozed", status="snoozed", speaker="agent", agent=alpha.agent)
    at.talk("Done", status="resolved", speaker="nobody")
    called = at.talk("Calls me", "Hi", status="resolved", speaker="nobody")
    with alpha.inside():
        note_add(conversation_id=called.pk, agent=alpha.supervisor, text="@Agent Alpha",
                 mentions=[alpha.agent.pk])  # fmt: skip
    client = api_of(alpha, "agent")

    assert {view: set(names(client, view=view)) for view in desk.VIEWS} == {
        "waiting": {"Queued", "Mine"},
        "mine": {"Mine", "Mine, answered"},
        "unassigned": {"Queued"},
        "bot": {"With the bot"},
        "snoozed": {"Snoozed"},
        "mentioned": {"Calls me"},
        "missed": {"Queued", "Mine", "Colleague's"},
        "resolved": {"Done", "Calls me"},
        "all": {"Queued", "Mine", "Mine, answered", "Colleague's", "With the bot", "Snoozed",
                "Done", "Calls me"},
    }  # fmt: skip
    assert names(client, view="nonsense") == names(client) == names(client, view="waiting")
    counters = client.get("/api/v1/desk/").json()["counters"]
    assert counters == {
        "waiting": 2, "mine": 2, "unassigned": 1, "bot": 1, "snoozed": 1, "mentioned": 1,
        "missed": 3,
    }  # fmt: skip


@pytest.mark.parametrize("view", ["waiting", "all"])
def test_pages_of_a_view_leave_nobody_out_and_show_nobody_twice(
    alpha, at, api_of, monkeypatch, view
):
    monkeypatch.setattr(desk.page_of, "__kwdefaults__", {**desk.page_of.__kwdefaults__, "limit": 2})
    # Deadlines that are the same, and two who wait without one.
    deadlines = [5, 1, 1, None, 3, None, 1]
    for n, minutes in enumerate(deadlines):
        at.talk(
            f"{n}", speaker="queue", waiting_since=NOW, updated_at=NOW + timedelta(minutes=n // 3),
            deadline_at=None if minutes is None else NOW + timedelta(minutes=minutes),
        )  # fmt: skip
    client, seen, cursor = api_of(alpha, "agent"), [], ""
    for _page in range(len(deadlines)):
        page = client.get(URL, {"view": view, "after": cursor}).json()
        seen.append([row["name"] for row in page["rows"]])
        cursor = page["next"]
        if not cursor:
            break

    assert (
        seen
        == {
            "waiting": [["1", "2"], ["6", "4"], ["0", "3"], ["5"]],
            "all": [["6", "5"], ["4", "3"], ["2", "1"], ["0"]],
        }[view]
    )


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "after",
    ["x", "²", "%00", cursor(5), cursor([1, 2]), cursor(["2026-13-45T00:00:00Z", 1]),
     cursor(["2026-01-01T00:00:00Z", float("inf")]), cursor(["2026-01-01T00:00:00", 1]),
     cursor(["", 1]), cursor(["", "x"]), cursor({"a": 1})],
)  # fmt: skip
def test_a_place_that_is_none_shows_the_first_page(alpha, at, api_of, after):
    at.talk("Ann", speaker="queue", waiting_since=NOW, deadline_at=NOW)
    client = api_of(alpha, "agent")
    assert names(client, view="all", after=after) == ["Ann"]
    # An empty moment is a place where deadlines count: after those who have one.
    assert names(client, after=after) == ([] if after == cursor(["", 1]) else ["Ann"])


def test_a_conversation_is_found_by_name_account_number_and_words(alpha, at, api_of):
    at.talk("Анна Петрова", "Где мой заказ?", "В пути.", username="anna")
    at.talk("Борис", "Есть лампа?", identities=[("phone", "+79161234567", "claimed")])
    client = api_of(alpha, "agent")

    found = {
        query: set(names(client, view="all", q=query))
        for query in ("петр", "@anna", "ANNA", "в пути", "8 (916) 123-45-67", "12345", "1234", "@",
                      "ла", "лам", "nobody", "where is my order")
    }  # fmt: skip
    assert found == {
        "петр": {"Анна Петрова"},
        "@anna": {"Анна Петрова"},
        "ANNA": {"Анна Петрова"},
        "в пути": {"Анна Петрова"},
        "8 (916) 123-45-67": {"Борис"},
        "12345": {"Борис"},
        "1234": set(),  # too short to be a number of somebody's
        "@": set(),
        "ла": set(),  # too short for words of messages
        "лам": {"Борис"},
        "nobody": set(),
        "where is my order": set(),  # said at beta
    }


def test_a_thread_is_read_from_its_end_and_on_from_any_place(alpha, at, api_of, monkeypatch):
    monkeypatch.setattr(desk_thread, "THREAD_PAGE", 3)
    talk = at.talk("Ann", *[f"m{n}" for n in range(1, 8)])
    client = api_of(alpha, "agent")

    def read(**asked: Any) -> tuple[list[str], bool]:
        body = client.get(f"{URL}{talk.pk}/", asked).json()
        assert (body["context"] is None) == bool(asked.keys() & {"before", "after"} - {"x"})
        return [m["text"] for m in body["messages"]], body["more"]

    assert read() == (["m5", "m6", "m7"], True)
    assert read(before=5) == (["m2", "m3", "m4"], True)
    assert read(before=2) == (["m1"], False)
    assert read(after=5) == (["m6", "m7"], False)
    assert read(after=7) == ([], False)
    for nonsense in ("²", "x", "-1", "9" * 5000):
        answer = client.get(f"{URL}{talk.pk}/", {"before": nonsense})
        assert [m["text"] for m in answer.json()["messages"]] == ["m5", "m6", "m7"], nonsense


def test_orders_are_shown_of_a_proven_buyer_only(alpha, at, api_of):
    with alpha.inside():
        for number, phone, email in (
            ("1", "+79161234567", ""), ("2", "", "ann@shop.example"), ("3", "+79990000000", ""),
        ):  # fmt: skip
            order = Order.objects.create(
                number=number, phone=phone, email=email, status="shipped", sum=Decimal("990.50"),
                placed_at=NOW + timedelta(days=int(number)),
            )  # fmt: skip
            OrderLine.objects.create(order=order, name=f"Lamp {number}", qty=1, price=Decimal(990))
    client = api_of(alpha, "agent")

    def told(proof: str, email: str = "Ann@shop.example") -> tuple[dict[str, Any], dict[str, Any]]:
        talk = at.talk(
            "Ann", "Hi", data={"page": "https://shop.example/p", "utm": {"utm_source": "ya"}},
            identities=[("phone", "+79161234567", proof), ("email", email, proof)],
        )  # fmt: skip
        url = f"{URL}{talk.pk}/"
        return client.get(url).json()["context"], client.get(f"{url}person/").json()

    context, card = told("code")
    assert [(o["number"], o["sum"], o["currency"], o["lines"]) for o in card["orders"]] == [
        ("2", "990.50", "RUB", ["Lamp 2"]),
        ("1", "990.50", "RUB", ["Lamp 1"]),
    ]
    assert (context["page"], context["utm"]) == ("https://shop.example/p", {"utm_source": "ya"})
    for proof in ("shared", "signed", "thread"):
        assert [o["number"] for o in told(proof)[1]["orders"]] == ["2", "1"]
    claimed = told("claimed")[1]
    assert claimed["orders"] == []
    assert [(i["kind"], i["value"], i["is_proven"]) for i in claimed["identities"]] == [
        ("phone", "+79161234567", False),
        ("email", "Ann@shop.example", False),
    ]


def test_a_draft_is_its_writers_own_and_marks_the_row(alpha, at, api_of):
    talk = at.talk("Ann", "Hi")
    client = api_of(alpha, "agent")
    draft = f"{URL}{talk.pk}/draft/"

    assert client.put(draft, {"text": " so far", "base_seq": 1}, format="json").status_code == 204

    assert client.get(f"{URL}{talk.pk}/").json()["drafts"] == {
        "reply": {"text": " so far", "base_seq": 1, "files": [], "more": {}, "at": ANY}
    }
    assert client.get(URL, {"view": "all"}).json()["rows"][0]["has_draft"] is True
    other = api_of(alpha, "supervisor")
    assert other.get(f"{URL}{talk.pk}/").json()["drafts"] == {}
    assert other.get(URL, {"view": "all"}).json()["rows"][0]["has_draft"] is False
    for wrong in ({"text": "x", "mode": "shout"}, {"text": "x", "base_seq": -1}, {}):
        assert client.put(draft, wrong, format="json").status_code == 400
    assert client.put(f"{URL}999999/draft/", {"text": "x"}, format="json").status_code == 404

    assert client.put(draft, {"text": ""}, format="json").status_code == 204
    with alpha.inside():
        assert not Draft.objects.exists()


def test_a_draft_of_a_card_or_a_quote_alone_is_kept_too(alpha, at, api_of):
    talk = at.talk("Ann", "Hi")
    client = api_of(alpha, "agent")
    draft = f"{URL}{talk.pk}/draft/"
    more = {
        "cards": [{"id": 5, "title": "Lamp"}],
        "quote": {"id": 1, "text": "Hi", "name": "Ann"},
        "isInternal": True,
    }

    assert client.put(draft, {"text": "", "more": more}, format="json").status_code == 204
    assert client.get(f"{URL}{talk.pk}/").json()["drafts"]["reply"]["more"] == more

    for wrong in ({"other": 1}, {"quote": {"text": "x" * 40_000}}):
        answer = client.put(draft, {"text": "", "more": wrong}, format="json")
        assert answer.status_code == 400
    assert client.put(draft, {"text": "", "more": {}}, format="json").status_code == 204
    with alpha.inside():
        assert not Draft.objects.exists()


def test_another_merchants_thread_is_not_there(alpha, beta, at, api_of):
    other = Desk(beta)
    other.count = 100
    theirs = other.talk("Bob", "Hi")
    missing = api_of(alpha, "owner").get(f"{URL}{theirs.pk + 1000}/")
    answer = api_of(alpha, "owner").get(f"{URL}{theirs.pk}/")
    assert (answer.status_code, answer.json()) == (404, missing.json())


def test_whether_i_take_chats_is_told_to_colleagues(alpha, api_of):
    client = api_of(alpha, "agent")
    assert client.post("/api/v1/desk/presence/", {"presence": "away"}).json() == {
        "presence": "away"
    }
    assert client.post("/api/v1/desk/presence/", {"presence": "asleep"}).status_code == 400

    seen = api_of(alpha, "supervisor").get("/api/v1/desk/").json()
    assert {p["name"]: p["presence"] for p in seen["people"]}["Agent Alpha"] == "away"
    assert seen["me"]["role"] == "supervisor"
