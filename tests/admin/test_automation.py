"""Pages of calendars, answer times, rules with trial and log, macros."""

from __future__ import annotations

import re
from datetime import time

import pytest

from bots.models import (
    Calendar,
    Contact,
    Conversation,
    Holiday,
    Label,
    Macro,
    OpeningHours,
    Rule,
    RuleFiring,
    SlaPolicy,
    Team,
)

pytestmark = pytest.mark.django_db


def week(**more):
    days = {f"day_{day}": "10:00–14:00, 15:00–19:00" for day in range(5)}
    return {"time_zone": "Europe/Moscow", "holidays": "", "day_5": "", "day_6": "", **days, **more}


def test_a_calendar_with_lunch_gets_the_production_calendar(alpha, beta, client_of):
    client = client_of(alpha, "owner")

    assert client.post("/admin/calendars/add/", week(name="Office")).status_code == 302
    with alpha.inside():
        calendar = Calendar.objects.get()
        assert OpeningHours.objects.filter(calendar=calendar).count() == 10
    url = f"/admin/calendars/{calendar.pk}/"
    page = client.get(url).content.decode()
    assert "не подтверждено" in page  # 2027
    assert client.post(url, {"fill": "2026"}).status_code == 302
    with alpha.inside():
        eve = Holiday.objects.get(calendar=calendar, day="2026-04-30")
        assert eve.shorter_min == 60
        assert not Holiday.objects.filter(calendar=None).exists()
    page = client.get(url).content.decode()
    assert "30.04.2026 -60" in page

    refused = client.post(url, week(name="Office", day_0="25:00-26:00"))
    assert refused.status_code == 200
    assert "25:00-26:00" in refused.content.decode()
    lines = "07.11.2026 =1 -30 Moved\n08.11.2026 12:00–13:00"
    client.post(url, week(name="Office", holidays=lines))
    with alpha.inside():
        moved = Holiday.objects.get(calendar=calendar, day="2026-11-07")
        assert (moved.as_weekday, moved.shorter_min, moved.name) == (0, 30, "Moved")
    assert client_of(beta, "owner").get(url).status_code == 404
    assert client_of(alpha, "agent").get(url).status_code in (302, 403)


def test_the_shops_own_hours_say_who_works_by_them_and_whether_now(alpha, client_of):
    client = client_of(alpha, "owner")

    def cells() -> list[str]:
        page = client.get("/admin/calendars/").content.decode()
        row = page.split('/admin/hours/">', 1)[1].split("</tr>", 1)[0]
        found = re.findall(r"<td>(.*?)</td>", row)
        return [re.sub(r"<[^>]+>", "", cell) for cell in found]

    with alpha.inside():
        OpeningHours.objects.all().delete()
        Team.objects.update(name="Первая линия", calendar=None)
    assert cells() == ["Europe/Moscow", "часы ещё не заданы", "Первая линия"]
    with alpha.inside():
        for day in range(7):
            OpeningHours.objects.create(weekday=day, opens=time(0), closes=time(23, 59))
        own = Calendar.objects.create(name="Склад", time_zone="Asia/Omsk")
        Team.objects.update(calendar=own)
    assert cells() == ["Europe/Moscow", "люди работают", "у каждой свой"]


def rule_form(**more):
    return {
        "name": "Returns", "event": "buyer_wrote", "position": "0", "is_on": "on",
        "when-0-name": "text", "when-0-op": "has", "when-0-value": "возврат, обмен",
        "then-0-name": "label", "then-0-value": "returns",
        "then-1-name": "note", "then-1-text": "Ask for a photo", **more,
    }  # fmt: skip


def test_a_rule_is_written_in_words_tried_and_switched(alpha, beta, client_of):
    with alpha.inside():
        Label.objects.create(name="returns")
    client = client_of(alpha, "owner")

    saved = client.post("/admin/rules/add/", rule_form(**{"try": "1"}))

    with alpha.inside():
        rule = Rule.objects.get(builtin="")
        assert rule.when == [{"field": "text", "op": "has", "value": ["возврат", "обмен"]}]
        assert rule.then == [
            {"act": "label", "labels": ["returns"]}, {"act": "note", "text": "Ask for a photo"},
        ]  # fmt: skip
    assert saved.headers["Location"] == f"/admin/rules/{rule.pk}/try/"
    assert client.get(saved.headers["Location"]).status_code == 200
    assert "Ask for a photo" in client.get(f"/admin/rules/{rule.pk}/").content.decode()
    page = client.get("/admin/rules/").content.decode()
    assert 'aria-label="Выключить: Returns"' in page
    for _twice in range(2):  # the button says what it does, whoever has pressed it meanwhile
        client.post("/admin/rules/", {"rule": str(rule.pk), "on": "0"})
        with alpha.inside():
            assert Rule.objects.get(pk=rule.pk).is_on is False
    assert 'aria-label="Включить: Returns"' in client.get("/admin/rules/").content.decode()
    with alpha.inside():
        assert Rule.objects.exclude(builtin="").count() == 2
    assert client_of(beta, "owner").get(f"/admin/rules/{rule.pk}/").status_code == 404


@pytest.mark.parametrize(
    "fault",
    [
        {"when-0-op": "matches", "when-0-value": "(["},
        {"then-0-name": "assign", "then-0-value": "Nobody Known"},
        {"then-1-text": ""},
        {"event": "buyer_silent", "silence_min": ""},
    ],
)
def test_a_refused_rule_keeps_what_was_typed(alpha, client_of, fault):
    answer = client_of(alpha, "owner").post("/admin/rules/add/", rule_form(**fault))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "desk-error" in page or "is-late" in page
    assert "Returns" in page
    assert fault.get("then-0-value", fault.get("when-0-value", "возврат, обмен")) in page
    with alpha.inside():
        assert not Rule.objects.filter(builtin="").exists()


def test_an_answer_time_is_kept_with_what_follows_it(alpha, client_of):
    client = client_of(alpha, "owner")
    data = {
        "name": "Quick", "first_reply": "10", "next_reply": "", "resolve": "480",
        "warn_percent": "70", "calendar": "", "position": "0", "is_on": "on",
        "when-0-name": "channel", "when-0-op": "is", "when-0-value": "",
        "breached-0-name": "notify", "breached-0-value": "leads", "breached-0-text": "Late",
    }  # fmt: skip
    with alpha.inside():
        data["when-0-value"] = alpha.channel.name

    assert client.post("/admin/answer-times/add/", data).status_code == 302
    with alpha.inside():
        policy = SlaPolicy.objects.get()
        assert (policy.first_reply_s, policy.next_reply_s, policy.resolve_s) == (600, None, 28800)
        assert policy.when == [{"field": "channel", "op": "is", "value": [alpha.channel.pk]}]
        assert policy.escalate["breached"] == [{"act": "notify", "to": "leads", "text": "Late"}]
    assert client.get(f"/admin/answer-times/{policy.pk}/").status_code == 200
    bad = client.post("/admin/answer-times/add/", {**data, "first_reply": "", "resolve": ""})
    assert bad.status_code == 200
    with alpha.inside():
        assert SlaPolicy.objects.count() == 1


def test_macros_for_everybody_are_written_by_those_who_may(alpha, client_of):
    client = client_of(alpha, "owner")
    data = {"name": "Close", "team": "", "position": "0", "then-0-name": "resolve"}

    assert client.post("/admin/macros/add/", data).status_code == 302
    with alpha.inside():
        macro = Macro.objects.get()
        assert (macro.then, macro.owner_id) == ([{"act": "resolve"}], None)
        mine = Macro.objects.create(name="Own", owner=alpha.agent, then=[])
    assert client.get("/admin/macros/").status_code == 200
    assert client.get(f"/admin/macros/{mine.pk}/").status_code == 404


def test_the_log_is_searched_filtered_and_paged(alpha, beta, client_of):
    with alpha.inside():
        contact = Contact.objects.create(channel=alpha.channel, external_id="x", name="Ann")
        talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=991)
        for number in range(60):
            RuleFiring.objects.create(
                conversation=talk, outcome="done" if number else "failed",
                detail={"name": f"Rule {number}", "done": ["label"], "refused": []},
            )  # fmt: skip
    client = client_of(alpha, "owner")

    first = client.get("/admin/rules/log/").content.decode()
    assert ("Rule 59" in first, "Rule 9<" in first, "1 / 2" in first) == (True, False, True)
    assert "Rule 9<" in client.get("/admin/rules/log/?page=2").content.decode()
    failed = client.get("/admin/rules/log/?outcome=failed&q=ann").content.decode()
    assert ("Rule 0" in failed, "Rule 59" in failed) == (True, False)
    assert "Rule 59" not in client_of(beta, "owner").get("/admin/rules/log/").content.decode()
