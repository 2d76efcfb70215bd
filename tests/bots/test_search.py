"""What the console's search finds, whom it shows it to, and by which index."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from bots.models import (
    Attachment,
    Contact,
    Conversation,
    Episode,
    Identity,
    Message,
    Team,
    TeamMember,
)
from bots.selectors import search
from bots.selectors.search import hits, snippets
from bots.selectors.search import words as indexed
from bots.services.queues import default_team
from integrations.models import Order

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "/api/v1/desk/search/"


class Talks:
    def __init__(self, shop: Any) -> None:
        self.shop, self.count = shop, 0

    def add(self, name: str, *texts: str, **more: Any) -> Conversation:
        self.count += 1
        with self.shop.inside():
            contact = Contact.objects.create(
                channel=self.shop.channel, external_id=f"s{self.count}", name=name,
                username=more.pop("username", ""),
            )  # fmt: skip
            for kind, value, proof in more.pop("identities", ()):
                Identity.objects.create(contact=contact, kind=kind, value=value, proof=proof)
            meta = more.pop("meta", {})
            talk = Conversation.objects.create(
                channel=self.shop.channel, contact=contact, lane=self.count, last_seq=len(texts),
                **{"updated_at": NOW, **more},
            )  # fmt: skip
            talk.episode = Episode.objects.create(conversation=talk)
            talk.save(update_fields=["episode"])
            for seq, text in enumerate(texts, 1):
                Message.objects.create(
                    conversation=talk, episode=talk.episode, seq=seq, text=text, meta=meta,
                    author="buyer" if seq % 2 else "bot", state="received", sent_at=NOW,
                )  # fmt: skip
        return talk


@pytest.fixture
def at(alpha, beta):
    """Alpha's talks; beta has the same words, which nobody of alpha may meet."""
    there = Talks(beta)
    there.add("Анна Петрова", "Когда привезут красную куртку? Мой номер 8 (912) 345-67-89",
              identities=[("phone", "+79123456789", "shared")])  # fmt: skip
    with beta.inside():
        Order.objects.create(number="TR-10241", status="new", phone="+79123456789", sum=1,
                             placed_at=NOW)  # fmt: skip
    return Talks(alpha)


def asked(client: Any, q: str, **more: Any) -> dict[str, Any]:
    answer = client.get(URL, {"q": q, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def names(client: Any, q: str, **more: Any) -> list[str]:
    return [one["row"]["name"] for one in asked(client, q, **more)["conversations"]]


@pytest.mark.parametrize(
    ("query", "how"),
    [
        ("куртка", "words"), ("КУРТКИ", "words"), ("курт", "words"), ("красная куртка", "words"),
        ("rehnrf", "words"), ("kurtka", "words"), ("курткк", "slips"), ("куртук", "slips"),
        ("deliveries", "words"), ("delivred", "slips"), ("вудшмукн", "words"),
        ("ax3000", "words"), ("AX-3000", ""), ("TV-101", "words"), ("самовар", "words"),
        ("89123456789", "words"), ("+7 912 345-67-89", "words"), ("345-67-89", "words"),
        ("6789", "words"), ("шерсть", ""), ("и", ""),
    ],
)  # fmt: skip
def test_messages_are_found_by_words_in_any_form_and_spelling(alpha, at, api_of, query, how):
    at.add(
        "Анна", "Когда привезут красную куртку?", "Delivery takes 3 days, router ax3000.",
        "Мой номер 8 (912) 345-67-89",
        meta={"cards": [{"title": "Самовар медный", "external_id": "TV-101", "price": "9"}]},
    )  # fmt: skip
    at.add("Борис", "Здравствуйте")
    found = asked(api_of(alpha, "agent"), query)
    assert [one["row"]["name"] for one in found["conversations"]] == (["Анна"] if how else [])
    assert found["how"] == (how or "words")


def test_a_hit_says_where_to_jump_and_which_letters_fit(alpha, at, api_of):
    talk = at.add("Анна", "Привет 😀", "Да", "😀 Жду: где Куртка и зелёные куртки?")

    found = asked(api_of(alpha, "agent"), "куртка зеленый")

    (one,) = found["conversations"]
    (hit,) = one["hits"]
    assert one["row"]["id"] == talk.pk
    assert one["more"] is False
    assert hit["jump"] == {"conversation": talk.pk, "seq": 3}
    assert hit["text"] == "😀 Жду: где Куртка и зелёные куртки?"
    units = hit["text"].encode("utf-16-le")
    assert [units[2 * a : 2 * b].decode("utf-16-le") for a, b in hit["marks"]] == [
        "Куртка", "зелёные", "куртки",
    ]  # fmt: skip


def test_a_long_message_is_cut_around_the_match_and_markup_is_text(alpha, at, api_of):
    at.add("Анна", "слово " * 100 + "<b>самовар</b> " + "дело " * 100)
    (one,) = asked(api_of(alpha, "agent"), "самовар")["conversations"]
    (hit,) = one["hits"]
    assert "<b>самовар</b>" in hit["text"]
    assert hit["text"][0] == hit["text"][-1] == "…"
    assert len(hit["text"]) <= snippets.SNIPPET + 2
    assert [hit["text"][a:b] for a, b in hit["marks"]] == ["самовар"]


def test_what_was_said_in_a_voice_note_is_found(alpha, at, api_of):
    talk = at.add("Анна", "")
    with alpha.inside():
        Attachment.objects.create(
            message=talk.messages.get(), kind="voice", transcript="Хочу самовар, ещё один"
        )
    (one,) = asked(api_of(alpha, "agent"), "самовара")["conversations"]
    assert one["hits"][0]["text"] == "Хочу самовар, ещё один"
    assert one["hits"][0]["jump"] == {"conversation": talk.pk, "seq": 1}


def test_contacts_are_found_by_name_mail_and_telephone(alpha, at, api_of):
    talk = at.add(
        "Анна Петрова", username="anna_p",
        identities=[("phone", "+79161234567", "claimed"), ("email", "ann@mail.example", "code")],
    )  # fmt: skip
    at.add("Борис")
    client = api_of(alpha, "agent")
    found = {
        query: [one["name"] for one in asked(client, query)["contacts"]]
        for query in ("петр", "Anna", "fyyf", "anna_p", "Питрова", "8 (916) 123-45-67",
                      "9161234567", "34567", "4567", "8 916 12", "(916) 123-45-67",
                      "8-916,123,45/67", "+7(916)1", "ann@mail", "nobody", "1234")
    }  # fmt: skip
    assert found == {
        **{query: ["Анна Петрова"] for query in found},
        "nobody": [], "1234": [],
    }  # fmt: skip
    (one,) = asked(client, "петр")["contacts"]
    assert one["jump"] == {"conversation": talk.pk, "seq": 0}
    assert one["marks"] == [[5, 9]]


def test_orders_lead_to_a_conversation_of_a_proven_buyer_only(alpha, at, api_of):
    proven = at.add("Анна", identities=[("phone", "+79161234567", "shared")])
    at.add("Обманщик", identities=[("phone", "+79167654321", "claimed")])
    with alpha.inside():
        for number, phone in (("TR-10241", "+79161234567"), ("TR-10242", "+79167654321")):
            Order.objects.create(number=number, status="new", phone=phone, sum=Decimal("10.50"),
                                 placed_at=NOW)  # fmt: skip
    client = api_of(alpha, "agent")

    def orders(query: str) -> list[tuple[str, Any]]:
        return [(one["number"], one["jump"]) for one in asked(client, query)["orders"]]

    there = {"conversation": proven.pk, "seq": 0}
    assert orders("TR-10241") == orders("№tr-10241") == [("TR-10241", there)]
    assert orders("8 916 123 45 67") == orders("8 (916) 123 45") == [("TR-10241", there)]
    with alpha.inside():
        Order.objects.create(number="BY-1", status="new", phone="+375291234567", sum=1,
                             placed_at=NOW)  # fmt: skip
    assert orders("+375 29 123-45-67") == [("BY-1", None)]
    assert orders("TR-10242") == [("TR-10242", None)]
    assert orders("TR-1024") == [("TR-10241", there), ("TR-10242", None)]
    assert orders("куртка") == []


def test_an_agent_finds_only_what_the_policy_shows(alpha, at, api_of):
    at.add("Чужая", "Красная куртка", speaker="agent", agent=alpha.supervisor,
           identities=[("phone", "+79161234567", "shared")])  # fmt: skip
    mine = at.add("Моя", "Синяя куртка", speaker="agent", agent=alpha.agent)
    with alpha.inside():
        Order.objects.create(number="7001", status="new", phone="+79161234567", sum=1,
                             placed_at=NOW)  # fmt: skip
        Team.objects.update(sees_colleagues=False)
        TeamMember.objects.filter(user=alpha.agent).update(is_lead=False)
    agent, owner = api_of(alpha, "agent"), api_of(alpha, "owner")

    assert names(agent, "куртка") == ["Моя"]
    assert names(owner, "куртка") == ["Моя", "Чужая"]
    assert asked(agent, "чужая")["contacts"] == []
    assert asked(agent, "7001")["orders"][0]["jump"] is None
    assert [row["id"] for row in
            agent.get("/api/v1/desk/conversations/", {"view": "all", "q": "куртка"}).json()["rows"]
            ] == [mine.pk]  # fmt: skip
    with alpha.inside():
        TeamMember.objects.filter(user=alpha.agent).delete()
        Conversation.objects.update(agent=None)
    assert asked(agent, "куртка") == {
        "how": "words", "conversations": [], "contacts": [], "orders": [], "next": "",
    }  # fmt: skip


def test_each_filter_narrows(alpha, at, api_of):
    at.add("Первая", "куртка", status="resolved", labels=["vip"], agent=alpha.agent)
    at.add("Вторая", "Да", "куртка есть")
    client = api_of(alpha, "owner")
    assert names(client, "куртка") == ["Вторая", "Первая"]
    assert names(client, "куртка", status="resolved") == ["Первая"]
    assert names(client, "куртка", label="vip") == ["Первая"]
    assert names(client, "куртка", agent=alpha.agent.pk) == ["Первая"]
    assert names(client, "куртка", author="bot") == ["Вторая"]
    assert names(client, "куртка", channel=alpha.channel.pk) == ["Вторая", "Первая"]
    assert names(client, "куртка", channel=99999) == []
    assert names(client, "куртка", since="2026-11-22T12:00:01Z") == []
    assert names(client, "куртка", until="2026-11-22T12:00:01Z") == ["Вторая", "Первая"]
    assert client.get(URL, {"q": "x", "status": "nonsense"}).status_code == 400
    with alpha.inside():
        main, far = default_team(), Team.objects.create(name="Far")
        Conversation.objects.filter(contact__name="Первая").update(team=far)
    # The main team's are those without a team, in the search and in a list of one's own.
    assert names(client, "куртка", team=main.pk) == ["Вторая"]
    assert names(client, "куртка", team=far.pk) == ["Первая"]
    body = {"name": "Main", "filters": {"view": "all", "teams": [main.pk]}}
    saved = client.post("/api/v1/desk/views/", body, format="json").json()["id"]
    rows = client.get("/api/v1/desk/conversations/", {"saved": saved}).json()["rows"]
    assert [row["name"] for row in rows] == ["Вторая"]


def test_pages_show_every_conversation_once_whatever_the_window(alpha, at, api_of, monkeypatch):
    monkeypatch.setattr(hits, "WINDOWS", (3, 7))
    monkeypatch.setattr(search.search, "__kwdefaults__", {"cursor": "", "limit": 2})
    for n in range(7):
        at.add(f"{n}", *(["куртка"] * (1 + n % 3)), "Да")
    with alpha.inside():  # the oldest conversation has the newest message
        first = Conversation.objects.order_by("pk").first()
        Message.objects.create(conversation=first, episode=first.episode, seq=50, text="куртка",
                               author="buyer", state="received")  # fmt: skip
    client, seen, after = api_of(alpha, "agent"), [], ""
    for _page in range(20):
        page = asked(client, "куртка", after=after)
        seen += [one["row"]["name"] for one in page["conversations"]]
        after = page["next"]
        if not after:
            break
    assert seen == ["0", "6", "5", "4", "3", "2", "1"]
    assert names(client, "куртка", after="nonsense") == ["0", "6"]


def test_time_that_is_up_gives_what_was_found_and_a_place_to_go_on(alpha, at, api_of, monkeypatch):
    monkeypatch.setattr(hits, "WINDOWS", (1, 2))
    monkeypatch.setattr(search, "BUDGET_S", -1)
    at.add("Анна", "куртка", "Да")
    client, after, seen = api_of(alpha, "agent"), "", []
    for _page in range(5):
        page = asked(client, "куртка", after=after)
        seen.append([one["row"]["name"] for one in page["conversations"]])
        if not (after := page["next"]):
            break
    assert seen[:2] == [[], ["Анна"]]
    assert not any(seen[2:])


def test_deleted_messages_and_system_lines_are_not_found(alpha, at, api_of):
    talk = at.add("Анна", "куртка", "куртка")
    with alpha.inside():
        Message.objects.filter(conversation=talk, seq=1).update(deleted_at=NOW)
        Message.objects.filter(conversation=talk, seq=2).update(kind="system")
    assert names(api_of(alpha, "agent"), "куртка") == []


def test_parts_of_words_are_found_where_the_server_can(alpha, at, api_of, monkeypatch):
    at.add("Анна", "Нужен электросамовар")
    client = api_of(alpha, "agent")
    assert names(client, "самовар") == []
    monkeypatch.setattr(hits, "has_inside", lambda: True)
    found = asked(client, "самовар")
    assert found["how"] == "inside"
    (hit,) = found["conversations"][0]["hits"]
    assert [hit["text"][a:b] for a, b in hit["marks"]] == ["самовар"]


@pytest.mark.parametrize(
    ("table", "words", "index"),
    [
        ("bots_message", indexed.OF_MESSAGE, "message_words"),
        ("bots_contact", indexed.OF_CONTACT, "contact_words"),
        ("bots_person", indexed.OF_PERSON, "person_words"),
    ],
)
def test_the_index_is_made_of_the_words_that_are_asked_for(alpha, table, words, index):
    expression = words.sql
    for place, column in enumerate(words.columns):
        expression = expression.replace(f"{{{place}}}", column)
    if table == "bots_person":
        expression = f"name <> '' AND {expression}"
    with alpha.inside(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            f"EXPLAIN SELECT id FROM {table} WHERE {expression} @@ to_tsquery('simple', 'x')"
        )
        assert index in "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    "query", ["", " ", "'", "\\", "%", "_", "a:*", "!!", "()", "&|", "<->", "\x00", "²", "😀",
              "'; --", "{0}", "%s", "a" * 500, "ё" * 199, "й́й"],
)  # fmt: skip
def test_no_text_breaks_the_search(alpha, at, api_of, query):
    at.add("Анна", "куртка")
    answer = api_of(alpha, "agent").get(URL, {"q": query})
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json()["conversations"] == []


def test_a_search_takes_a_constant_number_of_queries(
    alpha, at, api_of, django_assert_max_num_queries
):
    for n in range(30):
        at.add(f"Анна {n}", "куртка", "и куртка", identities=[("phone", f"+7916000000{n}", "code")])
    client = api_of(alpha, "owner")
    asked(client, "куртка")
    with django_assert_max_num_queries(24):
        asked(client, "куртка")
