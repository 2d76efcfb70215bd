"""Rules: when, if, then; silence; the guard; trying on the past; macros undone as one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.engine.base import Answer, Decision, Reason
from bots.models import Conversation, Label, Macro, Message, Person, Rule, RuleFiring, Segment
from bots.services import rules
from bots.services.queues import default_team
from tenants.kernel import outbox
from tenants.workspace.models import Counter as Mark
from tests.engine.clock import Clock
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db
HUMAN = Answer("", "ru", Decision.HANDOVER, Reason.ASKED, provider="test")
RETURNS = {"field": "text", "op": "has", "value": ["возврат"]}


@pytest.fixture
def clock(alpha, monkeypatch) -> Clock:
    found = Clock(alpha, timezone.now())
    monkeypatch.setattr(timezone, "now", found.now)
    return found


@pytest.fixture(autouse=True)
def _labels(alpha, beta):
    rules._known.clear()
    for shop in (alpha, beta):
        with shop.inside():
            default_team()
            Label.objects.get_or_create(name="returns")
            Label.objects.get_or_create(name="other")
    yield
    rules._known.clear()


def rule_of(api: Any, **more: Any) -> int:
    body = {
        "name": "Returns", "is_on": True, "event": "buyer_wrote", "when": [RETURNS],
        "then": [{"act": "label", "labels": ["returns"]}], **more,
    }  # fmt: skip
    answer = api.post("/api/v1/rules/", body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def follow(talk: Any) -> None:
    for _ in range(4):
        outbox.relay()
        talk.work()


def fired(shop: Any) -> list[tuple[str, list[str]]]:
    with shop.inside():
        return [(f.outcome, f.detail.get("done", [])) for f in RuleFiring.objects.order_by("pk")]


def test_a_rule_acts_once_on_what_it_is_about(alpha, beta, talk_of, api_of):
    rule_of(api_of(alpha))
    rule_of(api_of(beta), then=[{"act": "label", "labels": ["other"]}])
    talk = talk_of(alpha)

    talk.says("Сколько стоит доставка?", chat="one")
    talk.says("Хочу оформить возврат", chat="two")
    follow(talk)
    follow(talk)

    assert talk.conversation("one").labels == []
    assert talk.conversation("two").labels == ["returns"]
    assert fired(alpha) == [("done", ["label"])]
    assert fired(beta) == []


def test_what_happened_before_it_was_switched_on_sets_nothing_off(alpha, talk_of, api_of):
    pk = rule_of(api_of(alpha), is_on=False)
    talk = talk_of(alpha)
    talk.says("Хочу оформить возврат")
    follow(talk)

    answer = api_of(alpha).patch(f"/api/v1/rules/{pk}/", {"is_on": True}, format="json")
    follow(talk)

    assert answer.json()["is_on"] is True
    assert (talk.conversation().labels, fired(alpha)) == ([], [])

    # Nor what happened before it was told to wait for that.
    other = rule_of(api_of(alpha), event="rated", when=[], name="Other")
    talk.says("возврат", chat="another")
    follow(talk)
    with alpha.inside():  # as if the log were read from the beginning
        Mark.objects.filter(name="rules").update(value=0)
        RuleFiring.objects.all().delete()
    api_of(alpha).patch(f"/api/v1/rules/{pk}/", {"is_on": False}, format="json")
    api_of(alpha).patch(f"/api/v1/rules/{other}/", {"event": "opened"}, format="json")
    follow(talk)
    assert fired(alpha) == []


def test_effects_of_a_rule_set_off_others_once_and_never_itself(alpha, talk_of, api_of):
    api = api_of(alpha)
    label = {"event": "labelled", "when": []}
    rule_of(api)
    rule_of(api, name="Second", **label, then=[{"act": "label", "labels": ["other"]}])
    rule_of(api, name="Third", **label, then=[{"act": "unlabel", "labels": ["returns"]}])
    talk = talk_of(alpha)

    talk.says("возврат")
    follow(talk)

    # The second labels again: that is too deep for anybody.
    assert fired(alpha) == [("done", ["label"]), ("done", ["label"]), ("done", ["unlabel"])]
    assert talk.conversation().labels == ["other"]


def test_who_fires_too_often_is_stopped_there_and_it_is_said(
    alpha, beta, talk_of, api_of, monkeypatch
):
    monkeypatch.setattr(rules, "FIRINGS_AN_HOUR", 2)
    rule_of(api_of(alpha), when=[], then=[{"act": "note", "text": "Look"}])
    rule_of(api_of(beta), when=[], name="Always", then=[{"act": "label", "labels": ["other"]}])
    talk = talk_of(alpha)
    long = talk_of(beta)  # a label that is there already is no loop
    for n in range(5):
        long.says(f"Вопрос {n}?")
        follow(long)
    assert fired(beta) == [("done", ["label"])] * 5

    for text in ("Раз?", "Два?", "Три?", "Четыре?"):
        talk.says(text)
        follow(talk)
    talk.says("Раз?", chat="other")
    follow(talk)

    assert [outcome for outcome, _ in fired(alpha)] == ["done", "done", "stopped", "done"]
    with alpha.inside():
        lines = Message.objects.filter(kind="system", meta__code="rules_stopped")
        assert [line.meta["name"] for line in lines] == ["Returns"]
        assert Message.objects.filter(kind="note", text="Look").count() == 3


def test_a_refused_action_is_told_and_the_others_are_done(alpha, talk_of, api_of):
    then = [{"act": "label", "labels": ["gone"]}, {"act": "priority", "priority": 2}]
    rule_of(api_of(alpha), then=then)
    talk = talk_of(alpha)

    talk.says("возврат")
    follow(talk)

    assert talk.conversation().priority == 2
    with alpha.inside():
        firing = RuleFiring.objects.get()
    assert (firing.outcome, firing.detail["done"]) == ("refused", ["priority"])
    assert firing.detail["refused"][0][0] == "label"


def test_a_silent_buyer_is_reminded_once_and_writing_cancels_it(alpha, talk_of, api_of, clock):
    rule_of(
        api_of(alpha), event="buyer_silent", silence_s=3600, when=[],
        then=[{"act": "label", "labels": ["other"]}, {"act": "note", "text": "Silent"}],
    )  # fmt: skip
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?", chat="writes")
    talk.says("Есть 48 размер?", chat="silent")
    follow(talk)

    clock.forward(minutes=59)
    assert fired(alpha) == []
    talk.says("А 50?", chat="writes")
    with alpha.inside():  # as the clock says
        Message.objects.filter(conversation=talk.conversation("writes").pk, seq__gt=2).update(
            created_at=clock.at
        )
    follow(talk)
    clock.forward(minutes=2)
    assert fired(alpha) == [("done", ["label", "note"])]
    clock.forward(minutes=30)

    assert fired(alpha) == [("done", ["label", "note"])]
    assert talk.conversation("silent").labels == ["other"]
    assert talk.conversation("writes").labels == []


def test_a_waiting_buyer_nobody_answers_is_raised(alpha, talk_of, api_of, answers, clock):
    rule_of(
        api_of(alpha), event="agent_silent", silence_s=600,
        when=[{"field": "speaker", "op": "is", "value": ["queue"]}],
        then=[{"act": "priority", "priority": 2}],
    )  # fmt: skip
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")
    follow(talk)

    clock.forward(minutes=9)
    assert talk.conversation().priority == 0
    clock.forward(minutes=2)

    assert talk.conversation().priority == 2


def test_a_rule_that_is_told_to_wait_less_does_not_wait_for_its_old_timer(
    alpha, talk_of, api_of, answers, clock
):
    pk = rule_of(
        api_of(alpha), event="agent_silent", silence_s=3600, when=[],
        then=[{"act": "priority", "priority": 2}],
    )  # fmt: skip
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?")
    follow(talk)
    clock.forward(minutes=20)

    api_of(alpha).patch(f"/api/v1/rules/{pk}/", {"silence_s": 1800}, format="json")
    talk.work()
    assert fired(alpha) == []
    clock.forward(minutes=11)

    assert (talk.conversation().priority, len(fired(alpha))) == (2, 1)


def _overdue(talk: Any, shop: Any) -> None:
    from tenants.models import Due

    past = timezone.now() - timedelta(seconds=1)
    with shop.inside():
        Conversation.objects.update(deadline_at=past)
    Due.objects.filter(schema=shop.schema, kind="deadline").update(due_at=past)
    talk.work()


def test_a_silent_colleague_is_relieved_unless_that_is_switched_off(alpha, talk_of, api_of):
    api = api_of(alpha)
    builtin = {one["builtin"]: one["id"] for one in api.get("/api/v1/rules/").json()}
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    pk = talk.conversation().pk
    url = f"/api/v1/conversations/{pk}/take-over/"
    api_of(alpha, "agent").post(url)
    talk.says("А 48?")
    off = api.patch(f"/api/v1/rules/{builtin['agent_silent']}/", {"is_on": False}, format="json")
    assert off.status_code == 200

    _overdue(talk, alpha)
    assert talk.conversation().speaker == "agent"
    assert talk.conversation().deadline_at > timezone.now()

    on = {"is_on": True, "silence_s": 300, "then": [{"act": "priority", "priority": 1}]}
    api.patch(f"/api/v1/rules/{builtin['agent_silent']}/", on, format="json")
    _overdue(talk, alpha)

    found = talk.conversation()
    assert (found.speaker, found.priority, found.followers) == ("queue", 1, [alpha.agent.pk])
    assert fired(alpha) == [("done", ["priority"])]
    assert api.delete(f"/api/v1/rules/{builtin['agent_silent']}/").status_code == 400


def test_a_rule_asks_for_a_segment_of_buyers(alpha, beta, talk_of, api_of):
    with beta.inside():
        Segment.objects.create(name="Все", conditions=[])
    with alpha.inside():
        vip = Segment.objects.create(
            name="VIP", conditions=[{"field": "field:vip", "op": "is", "value": True}]
        )
    api = api_of(alpha)
    for op, label in (("is", "returns"), ("is_not", "other")):
        rule_of(api, when=[{"field": "segment", "op": op, "value": [vip.pk]}],
                then=[{"act": "label", "labels": [label]}])  # fmt: skip
    known, stranger = talk_of(alpha), talk_of(alpha)
    known.says("Добрый день")
    with alpha.inside():
        Person.objects.filter(contacts=known.conversation().contact).update(fields={"vip": True})
    known.says("Где мой заказ?")
    stranger.says("Где мой заказ?")
    follow(known)

    assert "returns" in known.conversation().labels
    assert stranger.conversation().labels == ["other"]


def test_thanks_reopen_where_the_rule_is_switched_off(alpha, talk_of, api_of):
    api = api_of(alpha)
    builtin = {one["builtin"]: one["id"] for one in api.get("/api/v1/rules/").json()}
    talk = talk_of(alpha)
    talk.says("Есть 46 размер?")
    api.post(f"/api/v1/conversations/{talk.conversation().pk}/resolve/")

    talk.says("Спасибо!")
    assert talk.conversation().status == "resolved"
    api.patch(f"/api/v1/rules/{builtin['thanks']}/", {"is_on": False}, format="json")
    talk.says("Спасибо большое!")

    assert talk.conversation().status == "open"


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"name": " "}, "name"),
        ({"event": "full_moon"}, "event"),
        ({"when": [{"field": "text", "op": "matches", "value": "(["}]}, "when"),
        ({"when": [{"field": "text", "op": "matches", "value": "a" * 201}]}, "when"),
        ({"when": [{"field": "shoe", "op": "is", "value": "42"}]}, "when"),
        ({"then": []}, "then"),
        ({"then": [{"act": "explode"}]}, "then"),
        ({"then": [{"act": "label", "labels": ["x"], "colour": "red"}]}, "then"),
        ({"event": "buyer_silent", "silence_s": 5}, "silence_s"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_by_field(alpha, api_of, fault, field):
    body = {
        "name": "Returns", "event": "opened", "then": [{"act": "priority", "priority": 1}], **fault
    }  # fmt: skip

    answer = api_of(alpha).post("/api/v1/rules/", body, format="json")

    assert answer.status_code == 400
    assert field in str(answer.json())
    with alpha.inside():
        assert not Rule.objects.filter(builtin="").exists()


def test_an_expression_that_would_run_away_ends(alpha):
    from bots.selectors.conditions import pattern_matches

    with alpha.inside():
        assert pattern_matches("возврат|обмен", "хочу ОБМЕН")
        assert not pattern_matches("(a+)+$", "a" * 1_000 + "!")


def test_trying_on_the_past_tells_and_changes_nothing(alpha, beta, talk_of, api_of):
    talk = talk_of(alpha)
    talk.says("Хочу возврат", chat="one")
    talk.says("А возврат платный?", chat="one")
    talk.says("Где магазин?", chat="two")
    pk = rule_of(api_of(alpha), is_on=False)
    theirs = rule_of(api_of(beta), is_on=False)

    found = api_of(alpha).post(f"/api/v1/rules/{pk}/try/", {}, format="json").json()
    empty = api_of(beta).post(f"/api/v1/rules/{theirs}/try/", {}, format="json").json()

    assert (found["episodes"], found["would"], found["fault"]) == (2, ["label"], "")
    assert [(hit["conversation"], hit["text"], hit["times"]) for hit in found["hits"]] == [
        (talk.conversation("one").pk, "Хочу возврат", 2)
    ]
    assert (empty["episodes"], empty["hits"]) == (0, [])
    assert (talk.conversation("one").labels, fired(alpha)) == ([], [])
    assert api_of(alpha, "agent").post(f"/api/v1/rules/{pk}/try/").status_code == 403


def test_trying_silence_finds_who_waited_for_a_person_as_the_rule_would(
    alpha, talk_of, api_of, answers, clock
):
    talk = talk_of(alpha)
    answers.append(HUMAN)
    talk.says("Позовите человека?", chat="waits")  # the bot's “passed on” is no answer
    talk.says("Есть 46 размер?", chat="served")
    silence = {"silence_s": 600, "when": [], "then": [{"act": "priority", "priority": 2}]}
    agents = rule_of(api_of(alpha), is_on=False, event="agent_silent", **silence)
    buyers = rule_of(api_of(alpha), is_on=False, event="buyer_silent", **silence)
    clock.forward(minutes=11)

    def hits(pk: int) -> list[int]:
        found = api_of(alpha).post(f"/api/v1/rules/{pk}/try/", {}, format="json").json()
        return [one["conversation"] for one in found["hits"]]

    assert hits(agents) == [talk.conversation("waits").pk]
    assert hits(buyers) == [talk.conversation("served").pk]


def test_a_rule_says_a_template_and_the_buyer_still_waits(alpha, talk_of, api_of, answers):
    from bots.models import Template

    with alpha.inside():
        template = Template.objects.get(code="thanks")
    rule_of(
        api_of(alpha), event="handed_over", when=[],
        then=[{"act": "send_template", "template": template.pk},
              {"act": "tag", "tags": ["needs care"]}],
    )  # fmt: skip
    talk = talk_of(alpha)
    answers.append(HUMAN)

    talk.says("Позовите человека?")
    follow(talk)

    assert talk.thread()[-1][:2] == ("automation", "sent")
    assert Pretend.sent[-1][1].startswith("Спасибо, что написали!")
    found = talk.conversation()
    assert (found.speaker, found.waiting_since is None) == ("queue", False)
    with alpha.inside():
        assert found.contact.data["tags"] == ["needs care"]


def test_the_log_shows_what_a_person_may_see(alpha, beta, talk_of, api_of):
    pk = rule_of(api_of(alpha))
    talk = talk_of(alpha)
    talk.says("возврат")
    follow(talk)

    shown = api_of(alpha).get(f"/api/v1/rules/firings/?rule={pk}").json()["results"]
    assert [(one["outcome"], one["conversation"]) for one in shown] == [
        ("done", talk.conversation().pk)
    ]
    assert api_of(alpha).get("/api/v1/rules/firings/?outcome=failed").json()["results"] == []
    assert api_of(beta).get("/api/v1/rules/firings/").json()["results"] == []
    assert api_of(alpha, "agent").get("/api/v1/rules/firings/").status_code == 403
    with alpha.inside():
        RuleFiring.objects.update(at=timezone.now() - timedelta(days=91))
        rules.prune(0)
        assert not RuleFiring.objects.exists()


# ── Macros ───────────────────────────────────────────────────────────────────────────────────
def macro_of(api: Any, then: list[Any], **more: Any) -> Any:
    body = {"name": "Return", "then": then, **more}
    return api.post("/api/v1/macros/", body, format="json")


def test_a_macro_does_all_and_is_undone_as_one(alpha, beta, talk_of, api_of):
    agent = api_of(alpha, "agent")
    then = [
        {"act": "label", "labels": ["returns"]},
        {"act": "note", "text": "Return asked"},
        {"act": "priority", "priority": 1},
        {"act": "assign", "agent": alpha.agent.pk},
    ]
    macro = macro_of(agent, then).json()
    talk = talk_of(alpha)
    talk.says("Хочу возврат")
    url = f"/api/v1/conversations/{talk.conversation().pk}/macro/"

    run = agent.post(url, {"macro": macro["id"]}, format="json")

    assert (run.status_code, run.json()["lasting"]) == (200, [])
    found = talk.conversation()
    assert (found.labels, found.priority, found.agent_id) == (["returns"], 1, alpha.agent.pk)

    undo = f"/api/v1/macros/runs/{run.json()['undo']}/undo/"
    assert api_of(alpha).post(undo).status_code == 410  # somebody else's press
    assert agent.post(undo).json() == {"changed": 4, "left": []}
    assert agent.post(undo).json() == {"changed": 0, "left": []}
    found = talk.conversation()
    assert (found.labels, found.priority, found.speaker) == ([], 0, "bot")
    with alpha.inside():
        assert not Message.objects.filter(kind="note", text="Return asked").exists()
    assert api_of(beta).post(url, {"macro": macro["id"]}, format="json").status_code == 404


def test_a_macro_of_which_one_act_is_refused_does_nothing(alpha, talk_of, api_of):
    agent = api_of(alpha, "agent")
    then = [{"act": "priority", "priority": 2}, {"act": "label", "labels": ["gone"]}]
    macro = macro_of(agent, then).json()
    talk = talk_of(alpha)
    talk.says("Хочу возврат")

    answer = agent.post(
        f"/api/v1/conversations/{talk.conversation().pk}/macro/",
        {"macro": macro["id"]},
        format="json",
    )

    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["act"]) == ("macro_refused", "label")
    assert talk.conversation().priority == 0


def test_macros_are_personal_a_teams_or_everybodys(alpha, beta, api_of):
    then = [{"act": "priority", "priority": 1}]
    agent, supervisor = api_of(alpha, "agent"), api_of(alpha, "supervisor")

    assert macro_of(agent, then, is_personal=False).status_code == 400
    mine = macro_of(agent, then).json()
    shared = macro_of(supervisor, then, is_personal=False).json()

    def seen(api: Any) -> set[int]:
        return {one["id"] for one in api.get("/api/v1/macros/").json()}

    assert seen(agent) == {mine["id"], shared["id"]}
    assert seen(supervisor) == {shared["id"]}
    assert agent.delete(f"/api/v1/macros/{shared['id']}/").status_code == 403
    assert supervisor.delete(f"/api/v1/macros/{mine['id']}/").status_code == 404
    assert seen(api_of(beta)) == set()
    with alpha.inside():
        assert Macro.objects.count() == 2


def test_what_cannot_be_undone_is_said_before(alpha, api_of):
    from bots.models import Template

    with alpha.inside():
        template = Template.objects.get(code="wait")
    then = [{"act": "send_template", "template": template.pk}, {"act": "resolve"}]

    assert macro_of(api_of(alpha, "agent"), then).json()["lasting"] == ["send_template"]


# ── Time by the API ──────────────────────────────────────────────────────────────────────────
def test_a_calendar_is_kept_with_lunch_and_the_production_calendar(alpha, beta, api_of):
    api = api_of(alpha)
    body = {
        "name": "Call centre",
        "time_zone": "Asia/Omsk",
        "hours": [
            {"weekday": 0, "opens": "09:00", "closes": "13:00"},
            {"weekday": 0, "opens": "14:00", "closes": "18:00"},
        ],
        "days": [{"day": "2026-11-04", "name": "We work", "opens": "10:00", "closes": "12:00"}],
    }
    made = api.post("/api/v1/calendars/", body, format="json").json()

    filled = api.post(f"/api/v1/calendars/{made['id']}/holidays/", {"year": 2026}, format="json")
    found = api.get(f"/api/v1/calendars/{made['id']}/").json()

    assert found["hours"] == body["hours"]
    assert filled.json() == {"added": len(found["days"]) - 1, "is_settled": True}
    days = {one["day"]: one for one in found["days"]}
    assert days["2026-11-04"]["opens"] == "10:00"
    assert days["2026-11-03"]["shorter_min"] == 60
    unsettled = api.post(f"/api/v1/calendars/{made['id']}/holidays/", {"year": 2027}, format="json")
    assert unsettled.json()["is_settled"] is False
    refused = api.post("/api/v1/calendars/", {**body, "name": "X", "time_zone": "Moon"},
                       format="json")  # fmt: skip
    assert refused.status_code == 400
    assert api_of(alpha, "agent").post("/api/v1/calendars/", body, format="json").status_code == 403
    assert api_of(beta).get(f"/api/v1/calendars/{made['id']}/").status_code == 404


def test_an_answer_time_is_kept_and_nonsense_refused(alpha, api_of):
    api = api_of(alpha)
    body = {
        "name": "Urgent", "first_reply_s": 600,
        "when": [{"field": "priority", "op": "at_least", "value": 2}],
        "escalate": {"breached": [{"act": "priority", "priority": 2}]},
    }  # fmt: skip

    made = api.post("/api/v1/sla-policies/", body, format="json")

    assert made.status_code == 201
    assert made.json()["escalate"] == {"warned": [], "breached": body["escalate"]["breached"]}
    for fault in (
        {"first_reply_s": None},
        {"when": [{"field": "text", "op": "has", "value": ["x"]}]},
        {"escalate": {"breached": [{"act": "explode"}]}},
    ):
        answer = api.post("/api/v1/sla-policies/", {**body, **fault}, format="json")
        assert answer.status_code == 400
    changed = api.patch(
        f"/api/v1/sla-policies/{made.json()['id']}/", {"next_reply_s": 900}, format="json"
    )
    assert (changed.json()["first_reply_s"], changed.json()["next_reply_s"]) == (600, 900)
