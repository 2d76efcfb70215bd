"""Acceptance check 15: a week with known truth, equal to the unit on screen, API and export."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import pytest
from django.core.management import call_command

from analytics.handlers import figures_advance
from analytics.models import Dialogue, HourlyFigure
from analytics.selectors.formulas import quantile
from analytics.services import fold
from analytics.tests.week import BEFORE, MOSCOW, OF_ANN, OF_BOB, PERIOD, TRUTH, Week
from bots.models import Conversation, Team, TeamMember
from bots.services.hours import zone_save
from tenants.kernel import due, outbox
from tenants.workspace.models import Counter as Mark
from tenants.workspace.models import Job

URL = "/api/v1/reports/"


@pytest.fixture
def week(alpha, beta):
    with beta.inside():
        theirs = Week(beta)
        theirs.live()
        figures_advance(0)
    with alpha.inside():
        made = Week(alpha)
        made.live()
        figures_advance(0)
    return made


def figures(answer: dict[str, Any], what: str = "value") -> dict[str, Any]:
    return {one["key"]: one[what] for one in answer["figures"]}


def asked(client: Any, **more: Any) -> dict[str, Any]:
    answer = client.get(URL, {**PERIOD, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def exported(client: Any, **more: Any) -> list[list[str]]:
    begun = client.post(f"{URL}export/", {**PERIOD, **more}, format="json")
    assert begun.status_code == 202, begun.content
    for schema, kind, number in due.overdue(grace_s=-0.01):
        if kind == "job":
            due.take(schema, kind, number)
    job = client.get(begun.json()["url"]).json()
    assert job["state"] == "done", job
    answer = client.get(f"{URL}export/{job['id']}/")
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), delimiter=";"))[1:]


def test_check_15_every_figure_of_a_week_is_the_truth(alpha, week, api_of):
    answer = asked(api_of(alpha))

    assert figures(answer) == TRUTH
    assert {k: v for k, v in figures(answer, "before").items() if k in BEFORE} == BEFORE
    assert all(one["formula"] for one in answer["figures"])
    assert {row["title"]: row["values"] for row in answer["rows"]} == {
        str(week.ann): OF_ANN,
        str(week.bob): OF_BOB,
    }
    assert [(one["reason"], one["value"]) for one in answer["reasons"]] == [
        ("asked", 1), ("complaint", 1), ("no_knowledge", 1),
    ]  # fmt: skip
    assert answer["cost"]["value"] == {"RUB": "1.75"}
    assert answer["cost"]["before"] == {"RUB": "3.00"}
    assert [(one["opened"], one["closed"], one["handed"]) for one in answer["days"]] == [
        (0, 1, 0), (3, 2, 1), (1, 2, 1), (1, 1, 0), (1, 0, 1), (0, 1, 0), (1, 0, 0),
    ]  # fmt: skip


def test_check_15_the_export_adds_up_to_the_screen(alpha, week, api_of):
    rows = exported(api_of(alpha))

    assert len(rows) == 8  # seven begun, and the one that was closed after midnight

    def total(column: int) -> int:
        return sum(int(row[column]) for row in rows if row[column])

    def lengths(column: int) -> Counter[str]:
        return Counter(row[column] for row in rows if row[column])

    def count(column: int, value: str) -> int:
        return sum(row[column] == value for row in rows)

    scores, bots = lengths(19), lengths(20)
    assert {
        "opened": total(7), "closed": total(13), "taken": total(11), "missed": count(14, "missed"),
        "answer_median": quantile(lengths(8), 0.5), "answer_p90": quantile(lengths(8), 0.9),
        "reply_median": quantile(lengths(12), 0.5), "reply_p90": quantile(lengths(12), 0.9),
        "length_median": quantile(lengths(15), 0.5), "length_p90": quantile(lengths(15), 0.9),
        "handle_median": quantile(lengths(16), 0.5),
        "back": total(17), "back_share": round(100 * total(17) / total(13), 1),
        "csat_person": 100 * (scores["4"] + scores["5"]) / scores.total(),
        "csat_person_mean": total(19) / scores.total(), "csat_person_count": scores.total(),
        "csat_bot": 100 * (bots["4"] + bots["5"]) / bots.total(),
        "csat_bot_mean": total(20) / bots.total(), "csat_bot_count": bots.total(),
        "bot_share": round(100 * count(14, "bot") / total(13), 1),
        "bot_confirmed": count(18, "confirmed"), "bot_assumed": count(18, "assumed"),
        "bot_back": count(18, "back"), "handed": total(9), "offers_missed": total(21),
        "late": total(22), "breach": total(23), "sent_person": total(24), "sent_bot": total(25),
    } == TRUTH  # fmt: skip
    # A buyer's name is text, whatever it looks like.
    assert {row[1] for row in rows if "HYPERLINK" in row[1]} == {'\'=HYPERLINK("http://x")'}


@pytest.mark.parametrize("narrowed", ["ann", "returns", "channel"])
def test_a_narrowed_report_and_its_export_agree(alpha, week, api_of, narrowed):
    more = {
        "ann": {"agent": week.ann.pk},
        "returns": {"team": week.returns.pk},
        "channel": {"channel": week.other.pk},
    }[narrowed]
    client = api_of(alpha)
    shown, rows = figures(asked(client, **more)), exported(client, **more)

    def total(column: int) -> int:
        return sum(int(row[column]) for row in rows if row[column])

    assert (shown["opened"], shown["closed"], shown["taken"]) == {
        "ann": (0, 1, 2), "returns": (1, 1, 1), "channel": (2, 2, 1),
    }[narrowed]  # fmt: skip
    assert (total(7), total(13), total(11)) == (shown["opened"], shown["closed"], shown["taken"])
    assert total(24) == shown["sent_person"]
    assert quantile(Counter(r[12] for r in rows if r[12]), 0.5) == shown["reply_median"]


def test_rows_by_team_channel_hour_and_day(alpha, week, api_of):
    client = api_of(alpha)

    def opened(by: str) -> dict[Any, int]:
        rows = asked(client, by=by)["rows"]
        return {row["key"]: row["values"]["opened"] for row in rows if row["values"]["opened"]}

    assert opened("team") == {0: 6, week.returns.pk: 1}
    assert opened("channel") == {week.site.pk: 5, week.other.pk: 2}
    assert opened("hour") == {9: 1, 10: 1, 11: 1, 12: 1, 15: 1, 17: 1, 20: 1}
    assert opened("day") == {
        "2026-11-17": 3, "2026-11-18": 1, "2026-11-19": 1, "2026-11-20": 1, "2026-11-22": 1,
    }  # fmt: skip
    assert len(asked(client, by="hour")["rows"]) == 24
    # What a deleted team had is the main team's, here too.
    assert client.delete(f"/api/v1/teams/{week.returns.pk}/").status_code == 204
    outbox.relay()
    for schema, kind, number in due.overdue(grace_s=-0.01):
        if kind == "figures_team":
            due.take(schema, kind, number)
    assert opened("team") == {0: 7}
    assert opened("channel") == {week.site.pk: 5, week.other.pk: 2}


def state() -> tuple[list, list]:
    names = [one.attname for one in HourlyFigure._meta.concrete_fields if one.name != "id"]
    return (
        list(Dialogue.objects.order_by("seq").values_list()),
        sorted(HourlyFigure.objects.values_list(*names)),
    )


def test_facts_count_once_and_a_rebuild_gives_the_same(alpha, week, monkeypatch):
    with alpha.inside():
        before = state()
        figures_advance(0)
        assert state() == before
        # In pieces of any length the same comes out.
        for length in (1, 3):
            monkeypatch.setattr("analytics.services.dialogues.AT_ONCE", length)
            Mark.objects.filter(name="dialogues").update(value=0)
            Dialogue.objects.all().delete()
            HourlyFigure.objects.all().delete()
            figures_advance(0)
            assert state() == before
    monkeypatch.undo()
    call_command("rebuild_reports", merchant="alpha")
    with alpha.inside():
        assert state() == before
        # Hours are the sum over dialogues, whatever happened to them.
        added: Counter = Counter()
        for one in Dialogue.objects.all():
            added += Counter(
                {k: v for k, v in fold.counts_of(one, MOSCOW).items()}  # noqa: C416
            )
        shown: Counter = Counter()
        for row in HourlyFigure.objects.all():
            shown[row.day.isoformat(), row.hour, row.name, row.label, row.agent_id] += row.value
        assert shown == added


def test_a_closing_that_is_taken_back_is_taken_from_the_figures(alpha, week, api_of):
    from analytics.tests.week import Talk

    with alpha.inside():
        talk = Talk(week, week.site, "Undone").opens("22 10:00").says("22 10:00:05")
        talk.closes("22 10:01")
        week.write()
        figures_advance(0)
    assert figures(asked(api_of(alpha)))["closed"] == 8
    with alpha.inside():
        talk.fact("22 10:02", "conversation.reopened")
        week.write()
        figures_advance(0)
        assert not HourlyFigure.objects.filter(value=0).exists()
    assert figures(asked(api_of(alpha)))["closed"] == 7


def test_what_the_shop_begins_is_no_answer_and_nobody_came_back(alpha, week, api_of):
    """Ann writes first to somebody served by the assistant; what she is asked then is measured."""
    from analytics.tests.week import Talk

    before = figures(asked(api_of(alpha)))
    with alpha.inside():
        talk = Talk(week, week.site, "Follow-up").opens("18 10:00").says("18 10:00:05")
        talk.closes("18 10:10")
        talk.fact("18 11:00", "conversation.opened", by="shop")
        talk.taken("18 11:00", week.ann).says("18 11:00", week.ann).says("18 11:01", week.ann)
        week.write()
        figures_advance(0)
    first = figures(asked(api_of(alpha)))
    assert (first["back"], first["bot_back"]) == (before["back"], before["bot_back"])
    with alpha.inside():
        own = Dialogue.objects.order_by("-seq").first()
        assert (own.answer_s, own.reply_s) == (None, None)
        talk.asks("18 12:00").says("18 12:03", week.ann).closes("18 12:20", week.ann)
        week.write()
        figures_advance(0)
        own.refresh_from_db()
    assert (own.answer_s, own.reply_s, own.reply_agent_id) == (180, 180, week.ann.pk)
    shown = figures(asked(api_of(alpha)))
    assert (shown["missed"], shown["closed"]) == (before["missed"], before["closed"] + 2)


def test_another_zone_moves_the_hours_and_loses_nothing(alpha, week, api_of, client_of):
    before = asked(api_of(alpha), by="hour")
    with alpha.inside():
        zone_save(alpha.merchant, "Asia/Vladivostok")  # seven hours on
    outbox.relay()
    for schema, kind, number in due.overdue(grace_s=-0.01):
        if kind == "figures_zone":
            due.take(schema, kind, number)

    after = asked(api_of(alpha), by="hour", first="2026-11-01", last="2026-11-30")
    opened = {row["key"]: row["values"]["opened"] for row in after["rows"]}
    assert {hour: n for hour, n in opened.items() if n} == {
        # With the two of the week before: 10:00 and 23:59.
        16: 1, 17: 2, 18: 1, 19: 1, 22: 1, 0: 1, 3: 1, 6: 1,
    }  # fmt: skip
    assert sum(opened.values()) == figures(before)["opened"] + 2
    with alpha.inside():
        figures_advance(0)
        assert not HourlyFigure.objects.filter(value__lt=0).exists()


def test_reports_are_for_those_who_lead(alpha, beta, week, api_of):
    agent, bob = api_of(alpha, "agent"), api_of(alpha, "supervisor")
    assert agent.get(URL).status_code == 403
    assert agent.post(f"{URL}export/", PERIOD, format="json").status_code == 403
    assert figures(asked(bob))["opened"] == 6  # of the main team
    assert asked(bob)["cost"] is None
    with alpha.inside():
        TeamMember.objects.create(team=week.returns, user=week.ann, is_lead=True)
    assert figures(asked(agent))["opened"] == 1  # of the team she leads
    assert [one["name"] for one in asked(agent)["choices"]["teams"]] == ["Returns"]
    # Her table is hers alone, and has only what she may see.
    assert [row[1] for row in exported(agent)] == ["Buyer of returns"]
    with alpha.inside():
        found = Conversation.objects.filter(contact__name="Buyer of returns")
        found.update(team=Team.objects.create(name="Far"))
    # The dialogue still counts; its buyer is elsewhere now.
    assert [row[:2] for row in exported(agent)] == [["", ""]]
    with alpha.inside():
        done = Job.objects.filter(kind="reports.export").latest("pk")
    for other in (api_of(alpha), bob, api_of(beta)):
        assert other.get(f"{URL}export/{done.pk}/").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": "2026-11-22", "last": "2026-11-16"},
        {"first": "2020-01-01", "last": "2026-01-01"},
        {"by": "moon"},
        {"agent": "x"},
        {"first": "0001-01-01", "last": "0001-01-02"},
    ],
)
def test_what_cannot_be_reported_is_refused(alpha, api_of, wrong):
    assert api_of(alpha).get(URL, wrong).status_code == 400


def test_a_report_takes_the_same_number_of_queries_however_much_there_is(
    alpha, week, api_of, django_assert_max_num_queries
):
    client = api_of(alpha)
    asked(client)
    with django_assert_max_num_queries(24) as few:
        asked(client)
    with alpha.inside():
        for row in list(HourlyFigure.objects.all()):
            row.pk, row.hour = None, (row.hour + 1) % 24
            row.agent_id, row.label = row.agent_id + 1000, f"{row.label}"
            row.save()
    with django_assert_max_num_queries(24) as many:
        asked(client)
    assert len(many) == len(few)
