"""Lists of one's own, rows that changed, mentions, verdicts, and what helps to write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bots.models import (
    Article,
    Message,
    SavedView,
    Shift,
    Team,
    TeamMember,
    Template,
    TemplateText,
    Verdict,
)
from bots.retrieval import reindex_articles, reindex_products
from bots.selectors import desk_thread, shifts
from integrations.models import Product, Variant
from tenants.models import OutboxEvent
from tests.api.desks import NOW, URL, names

VIEWS = "/api/v1/desk/views/"


def test_a_list_of_ones_own_narrows_and_is_counted(alpha, at, api_of):
    at.talk("Red", speaker="queue", labels=["срочно"], unread=1)
    at.talk("Blue", speaker="queue", labels=["возврат"])
    at.talk("Done", status="resolved", speaker="nobody", labels=["срочно"])
    client = api_of(alpha, "agent")
    made = client.post(
        VIEWS, {"name": "Срочные", "filters": {"view": "unassigned", "labels": ["срочно"]}},
        format="json",
    )  # fmt: skip
    assert made.status_code == 201
    pk = made.json()["id"]

    assert names(client, saved=pk) == ["Red"]
    seen = client.get("/api/v1/desk/").json()
    assert seen["counters"][f"saved_{pk}"] == 1
    assert [v["name"] for v in seen["views"]] == ["Срочные"]
    # Nobody else's, and not for a colleague to change.
    other = api_of(alpha, "supervisor")
    assert other.get(VIEWS).json() == []
    assert other.get(URL, {"saved": pk}).status_code == 404
    assert other.delete(f"{VIEWS}{pk}/").status_code == 404
    changed = client.patch(f"{VIEWS}{pk}/", {"filters": {"unread": True}}, format="json")
    assert changed.json()["filters"] == {"unread": True}
    assert client.delete(f"{VIEWS}{pk}/").status_code == 204
    with alpha.inside():
        assert not SavedView.objects.exists()


def test_a_list_for_everybody_is_made_by_a_supervisor(alpha, beta, api_of):
    asked = {"name": "Team", "filters": {"view": "bot"}, "is_shared": True}
    assert api_of(alpha, "agent").post(VIEWS, asked, format="json").status_code == 403
    pk = api_of(alpha, "supervisor").post(VIEWS, asked, format="json").json()["id"]
    assert [v["is_shared"] for v in api_of(alpha, "agent").get(VIEWS).json()] == [True]
    assert api_of(alpha, "agent").delete(f"{VIEWS}{pk}/").status_code == 403
    assert api_of(beta, "owner").get(VIEWS).json() == []
    for wrong in ({"filters": {"x": 1}}, {"filters": {"view": "x"}}, {"sort": "x"}):
        answer = api_of(alpha, "agent").post(VIEWS, {"name": "N", **wrong}, format="json")
        assert answer.status_code == 400, wrong


def test_changed_rows_come_with_those_that_left(alpha, at, api_of):
    here = at.talk("Here", speaker="queue", waiting_since=NOW)
    left = at.talk("Left", status="resolved", speaker="nobody")
    client = api_of(alpha, "agent")

    seen = client.get(
        "/api/v1/desk/changes/", {"view": "waiting", "ids": f"{here.pk},{left.pk},x,999999"}
    ).json()

    assert [row["name"] for row in seen["rows"]] == ["Here"]
    assert seen["gone"] == sorted([left.pk, 999999])


@pytest.mark.parametrize(
    ("sort", "order"),
    [("deadline", "BAC"), ("waiting", "ABC"), ("newest", "ABC"), ("oldest", "CBA")],
)
def test_a_list_is_sorted_as_asked(alpha, at, api_of, sort, order):
    for name, deadline in (("A", 5), ("B", 1), ("C", None)):
        at.talk(
            name, speaker="queue", waiting_since=NOW + timedelta(minutes=at.count),
            deadline_at=None if deadline is None else NOW + timedelta(minutes=deadline),
        )  # fmt: skip
    client = api_of(alpha, "agent")
    assert "".join(names(client, view="unassigned", sort=sort)) == order


def test_what_was_promised_counts_where_it_comes_before_the_deadline(alpha, at, api_of):
    def talk(name, deadline, promised):
        moment = lambda n: None if n is None else NOW + timedelta(minutes=n)  # noqa: E731
        at.talk(
            name, speaker="queue", waiting_since=NOW, deadline_at=moment(deadline),
            sla_due_at=moment(promised), sla_kind="next_reply" if promised else "",
        )  # fmt: skip

    for name, deadline, promised in (
        ("A", 9, None), ("B", 30, 2), ("C", None, 5), ("D", None, None), ("E", 1, 40),
    ):  # fmt: skip
        talk(name, deadline, promised)
    client = api_of(alpha, "agent")
    page = client.get("/api/v1/desk/conversations/?view=waiting").json()
    assert (page["sort"], "".join(row["name"] for row in page["rows"])) == ("deadline", "EBCAD")


def test_a_page_takes_as_many_queries_however_much_there_is(alpha, at, api_of):
    client = api_of(alpha, "agent")

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    talk = at.talk("One", "Hi", speaker="queue", waiting_since=NOW)
    paths = [URL, f"{URL}{talk.pk}/", "/api/v1/desk/"]
    queries("/api/v1/desk/")  # who asks is read once, and that they are here is noted
    few = [queries(path) for path in paths]
    for n in range(12):
        at.talk(f"{n}", "Hi", "Yes", speaker="queue", waiting_since=NOW)
        with alpha.inside():
            SavedView.objects.create(owner=alpha.agent, name=f"{n}", filters={"view": "bot"})
            Message.objects.create(
                conversation=talk, episode=talk.episodes.get(), seq=n + 2, text="x",
                author="agent", user=alpha.agent, state="sent",
            )  # fmt: skip
    assert [queries(path) for path in paths] == few
    assert max(few) < 25


def test_a_quoted_message_far_above_is_shown_with_its_neighbours(
    alpha, at, api_of, monkeypatch
):  # fmt: skip
    monkeypatch.setattr(desk_thread, "THREAD_PAGE", 4)
    talk = at.talk("Ann", *[f"m{n}" for n in range(1, 10)])
    client = api_of(alpha, "agent")
    with alpha.inside():
        third = Message.objects.get(conversation=talk, seq=3)
        last = Message.objects.get(conversation=talk, seq=9)
        last.reply_to = third
        last.save()
        Message.objects.filter(conversation=talk, seq__gte=5).update(sent_at=NOW)
        Message.objects.filter(conversation=talk, seq__lt=5).update(sent_at=NOW - timedelta(days=3))

    newest = client.get(f"{URL}{talk.pk}/").json()
    assert newest["messages"][-1]["quote"]["seq"] == 3

    def read(**asked: Any) -> tuple[list[str], bool, bool]:
        body = client.get(f"{URL}{talk.pk}/", asked).json()
        return [m["text"] for m in body["messages"]], body["more"], body["newer"]

    assert read(around=3) == (["m1", "m2", "m3", "m4"], False, True)
    assert read(around=8) == (["m6", "m7", "m8", "m9"], True, False)
    assert read(after=4) == (["m5", "m6", "m7", "m8"], False, True)
    assert read(since=(NOW - timedelta(days=1)).isoformat()) == (
        ["m3", "m4", "m5", "m6"], True, True,
    )  # fmt: skip
    assert read(since="yesterday")[0][-1] == "m9"


def test_a_colleague_called_by_a_note_is_told_until_it_is_read(alpha, at, api_of):
    talk = at.talk("Ann", "Hi")
    asked = {"text": "@Agent Alpha look", "mentions": [alpha.agent.pk, 999_999]}
    note = api_of(alpha, "supervisor").post(
        f"/api/v1/conversations/{talk.pk}/note/", asked, format="json"
    )
    assert note.status_code == 201
    events = OutboxEvent.objects.filter(schema=alpha.schema, name="mention.made")
    assert [e.data["user"] for e in events] == [alpha.agent.pk]
    client = api_of(alpha, "agent")
    assert names(client, view="mentioned") == ["Ann"]
    assert client.get(f"{URL}{talk.pk}/").json()["messages"][-1]["mentions"] == [alpha.agent.pk]
    assert names(api_of(alpha, "supervisor"), view="mentioned") == []

    client.post(f"/api/v1/conversations/{talk.pk}/read/", {"seq": 2}, format="json")

    assert names(client, view="mentioned") == []


def test_an_answer_of_the_bot_is_judged_and_the_last_word_counts(alpha, beta, at, api_of):
    talk = at.talk("Ann", "Hi", "Wrong answer")
    with alpha.inside():
        asked, answer = Message.objects.filter(conversation=talk).order_by("seq")
    client = api_of(alpha, "agent")
    where = f"/api/v1/desk/messages/{answer.pk}/verdict/"
    assert client.post(where, {"good": True}, format="json").status_code == 200
    given = {"good": False, "about": "knowledge", "comment": "Цена другая"}
    assert client.post(where, given, format="json").json() == given

    assert client.get(f"{URL}{talk.pk}/").json()["messages"][1]["verdict"] == given
    with alpha.inside():
        assert Verdict.objects.count() == 1
    assert client.post(where, {"good": False, "about": "x"}, format="json").status_code == 400
    for wrong in (asked.pk, 999_999):
        path = f"/api/v1/desk/messages/{wrong}/verdict/"
        assert client.post(path, {"good": True}, format="json").status_code == 404


def test_prepared_replies_are_found_by_code_words_and_meaning(alpha, api_of):
    with alpha.inside():
        for code, name, text in (
            ("возврат", "Как вернуть товар", "Вернуть покупку можно за 14 дней."),
            ("привет", "Приветствие", "Здравствуйте, {{contact.first_name|друг}}."),
            ("доставка", "Сроки доставки", "Привезём за два дня."),
        ):
            one = Template.objects.create(code=code, name=name)
            TemplateText.objects.create(template=one, lang="ru", text=text)
    client = api_of(alpha, "agent")

    def found(q: str) -> list[str]:
        seen = client.get("/api/v1/desk/templates/", {"q": q, "lang": "ru"}).json()
        return [one["code"] for one in seen["results"]]

    assert found("возв")[0] == "возврат"
    assert found("ПРИВ")[0] == "привет"
    assert found("сроки")[0] == "доставка"
    assert found("возвращать покупки")[0] == "возврат"  # other forms of the words
    assert found("квантовая физика") == []
    assert set(found("")) >= {"возврат", "привет", "доставка"}


def test_knowledge_and_goods_are_put_into_a_reply(alpha, at, api_of):
    with alpha.inside():
        inner = Article.objects.create(
            title="Закупочные цены", text="Закупочная цена лампы 500 рублей.", is_internal=True
        )
        lamp = Product.objects.create(external_id="l1", name="Лампа Луна", url="https://s.ru/l")
        Variant.objects.create(
            product=lamp, external_id="l1", name="Лампа Луна", price=990, stock=4
        )
        reindex_articles([inner.pk])
        reindex_products([lamp.pk])
    client = api_of(alpha, "agent")

    def find(q: str) -> dict[str, dict[str, Any]]:
        seen = client.get("/api/v1/desk/knowledge/", {"q": q, "lang": "ru"}).json()["results"]
        return {one["title"]: one for one in seen}

    assert find("лампа луна")["Лампа Луна"]["price"] == "990.00"
    assert "Лампа Луна" in find("лун")
    assert find("закупочная цена")["Закупочные цены"]["internal"] is True
    assert find("") == {}
    passage = client.get("/api/v1/desk/passage/", {"kind": "article", "id": inner.pk}).json()
    assert passage["text"].startswith("Закупочная")
    assert client.get("/api/v1/desk/passage/", {"kind": "x", "id": 1}).status_code == 404

    talk = at.talk("Ann", "Есть лампа?")
    sent = client.post(
        f"/api/v1/conversations/{talk.pk}/reply/", {"text": "", "cards": [lamp.pk]}, format="json"
    )
    assert sent.status_code == 201
    card = client.get(f"{URL}{talk.pk}/").json()["messages"][-1]["meta"]["cards"][0]
    assert (card["title"], card["url"]) == ("Лампа Луна", "https://s.ru/l")


def test_a_reply_quotes_a_message_of_its_own_conversation(alpha, at, api_of):
    talk, other = at.talk("Ann", "First"), at.talk("Bob", "Else")
    with alpha.inside():
        first = Message.objects.get(conversation=talk)
        foreign = Message.objects.get(conversation=other)
    client = api_of(alpha, "agent")
    for said, quoted in ((first.pk, "First"), (foreign.pk, None)):
        client.post(
            f"/api/v1/conversations/{talk.pk}/reply/", {"text": "Yes", "reply_to": said},
            format="json",
        )  # fmt: skip
        seen = client.get(f"{URL}{talk.pk}/").json()["messages"][-1]["quote"]
        assert (seen and seen["text"]) == quoted


def test_the_status_says_whose_shift_it_is_until_when(alpha, api_of):
    def shift():
        return api_of(alpha, "agent").get("/api/v1/desk/").json()["me"]["shift"]

    assert shift() is None
    with alpha.inside():
        local = timezone.now().astimezone(shifts.zone())
        begins, ends = local - timedelta(hours=1), local + timedelta(hours=1)
        Shift.objects.create(
            user=alpha.agent, weekday=begins.weekday(), starts=begins.time(), ends=ends.time()
        )
    told = shift()
    assert told["is_on"] is True
    assert datetime.fromisoformat(told["changes_at"]) == ends


def test_choices_follow_a_person_to_any_computer(alpha, beta, api_of):
    client, where = api_of(alpha, "agent"), "/api/v1/desk/prefs/"
    client.put(where, {"send": "enter", "keys": {"take": "Alt+KeyY"}}, format="json")
    seen = client.put(where, {"font": 125, "send": None}, format="json").json()

    assert seen == {"font": 125, "keys": {"take": "Alt+KeyY"}}
    assert client.get("/api/v1/desk/").json()["prefs"] == seen
    assert api_of(alpha, "supervisor").get("/api/v1/desk/").json()["prefs"] == {}
    for wrong in ({"font": 99}, {"send": "x"}, {"sorts": {"mine": "x"}}):
        assert client.put(where, wrong, format="json").status_code == 400


def test_a_list_of_a_team_is_for_its_people(alpha, api_of):
    with alpha.inside():
        own, other = (Team.objects.create(name=name) for name in ("Own", "Other"))
        TeamMember.objects.create(team=own, user=alpha.agent)
    boss = api_of(alpha, "supervisor")
    for team in (own, other):
        made = boss.post(VIEWS, {"name": team.name, "team": team.pk, "filters": {}}, format="json")
        assert made.status_code == 201
    assert [v["name"] for v in api_of(alpha, "agent").get(VIEWS).json()] == ["Own"]
