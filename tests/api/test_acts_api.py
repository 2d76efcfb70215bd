"""Acts on conversations through the API: what changes, what is told, what is undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.models import (
    Conversation,
    Episode,
    Label,
    Macro,
    Message,
    Rule,
    SavedView,
    Segment,
    SlaPolicy,
    Template,
    TemplateText,
)
from bots.services import agents
from bots.services.bulk import run as bulk_job
from tenants.kernel import due
from tenants.workspace.models import Job
from tests.bots.test_assignment import Floor

ONE = "/api/v1/conversations/{}/{}/"


@pytest.fixture
def floor(alpha, beta):
    theirs = Floor(beta)
    other = theirs.talk(labels=[])
    yield Floor(alpha)
    assert (theirs.fresh(other).priority, theirs.fresh(other).labels) == (0, [])


def act(client: Any, talk: Conversation, name: str, **body: Any) -> Any:
    return client.post(ONE.format(talk.pk, name), body, format="json")


def test_a_supervisor_gives_a_chat_to_a_person_and_to_a_team(floor, api_as, api_of):
    ann, lead = floor.person("Ann"), floor.person("Lea")
    with floor.shop.inside():
        returns = agents.team_save({"name": "Returns", "assignment": "manual"})
        agents.team_save({}, team=floor.team, members=[(ann, False), (lead, True)])
    talk = floor.talk()
    client = api_as(floor.shop, lead)

    given = act(client, talk, "assign", agent=ann.pk)
    assert given.status_code == 200, given.content
    assert (given.json()["speaker"], given.json()["agent"]["id"]) == ("agent", ann.pk)
    moved = act(client, talk, "assign", team=returns.pk)

    assert (moved.json()["speaker"], moved.json()["team"]) == ("queue", returns.pk)
    now = floor.fresh(talk)
    assert (now.agent_id, now.previous_agent_id, now.epoch) == (None, ann.pk, 2)
    assert [one["agent"] for one in floor.facts("conversation.assigned")] == [ann.pk, None]


def test_an_agent_passes_on_what_is_held_and_nothing_else(floor, api_as):
    ann, bob = floor.person("Ann"), floor.person("Bob")
    talk = floor.talk()
    client = api_as(floor.shop, ann)

    refused = act(client, talk, "assign", agent=bob.pk)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_yours")
    assert floor.fresh(talk).speaker == "queue"

    assert act(client, talk, "assign", agent=ann.pk).status_code == 200
    assert act(client, talk, "assign", agent=bob.pk).status_code == 200
    assert floor.fresh(talk).agent_id == bob.pk


def test_a_snoozed_chat_comes_back_at_its_time(floor, api_of):
    talk = floor.talk()
    until = timezone.now() + timedelta(hours=2)
    client = api_of(floor.shop)

    for _ in range(2):
        answer = act(client, talk, "snooze", until=until.isoformat())
        assert answer.json()["status"] == "snoozed", answer.content
    assert len(floor.facts("conversation.snoozed")) == 1
    assert floor.fresh(talk).deadline_at > until

    with floor.shop.inside():
        assert due.take(floor.shop.schema, "snooze", talk.pk) is False  # not yet
        Conversation.objects.filter(pk=talk.pk).update(snoozed_until=timezone.now())
        due.reschedule("snooze", talk.pk, due_at=timezone.now())
    due.take(floor.shop.schema, "snooze", talk.pk)

    now = floor.fresh(talk)
    assert (now.status, now.snoozed_until) == ("open", None)
    assert floor.facts("conversation.woken") == [{"conversation": talk.pk, "by": None}]
    assert timezone.now() < now.deadline_at < until


def test_a_time_that_is_over_is_no_time_to_snooze_until(floor, api_of):
    talk = floor.talk()
    answer = act(api_of(floor.shop), talk, "snooze", until="2020-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")
    assert floor.fresh(talk).status == "open"


def test_labels_come_from_the_catalogue_and_follow_its_names(floor, api_of):
    talk = floor.talk()
    client = api_of(floor.shop)
    made = client.post("/api/v1/labels/", {"name": "VIP", "colour": "red"}, format="json").json()
    again = client.post("/api/v1/labels/", {"name": "vip"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (400, "not_possible")

    unknown = act(client, talk, "label", labels=["nobody's"])
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "no_such_label")
    for _ in range(2):
        assert act(client, talk, "label", labels=["VIP"]).json()["labels"] == ["VIP"]
    other = client.post("/api/v1/labels/", {"name": "Other"}, format="json").json()
    act(client, talk, "label", labels=["Other"])
    condition = [{"field": "label", "op": "has", "value": ["VIP", "Other"]}]
    then = [{"act": "unlabel", "labels": ["VIP"]}, {"act": "note", "text": "VIP"}]
    with floor.shop.inside():
        rule = Rule.objects.create(name="R", event="buyer_wrote", when=condition, then=then)
        promise = SlaPolicy.objects.create(
            name="P", when=condition, escalate={"warned": then}, first_reply_s=60
        )
        macro = Macro.objects.create(name="M", then=then)
        view = SavedView.objects.create(name="V", filters={"view": "all", "labels": ["VIP"]})
        segment = Segment.objects.create(
            name="S", conditions=[{"field": "label", "op": "is", "value": "VIP"}]
        )
    client.patch(f"/api/v1/labels/{made['id']}/", {"name": "Wholesale"}, format="json")
    assert floor.fresh(talk).labels == ["Wholesale", "Other"]
    with floor.shop.inside():
        for row in (rule, promise, macro, view, segment):
            row.refresh_from_db()
    assert rule.when == promise.when
    assert promise.when[0]["value"] == ["Wholesale", "Other"]
    assert rule.then == macro.then == promise.escalate["warned"]
    assert rule.then == [{"act": "unlabel", "labels": ["Wholesale"]}, then[1]]
    assert (view.filters["labels"], segment.conditions[0]["value"]) == (["Wholesale"], "Wholesale")
    assert client.delete(f"/api/v1/labels/{other['id']}/").status_code == 204
    assert floor.fresh(talk).labels == ["Wholesale"]
    assert act(client, talk, "unlabel", labels=["Wholesale"]).json()["labels"] == []

    facts = floor.facts("conversation.labelled")
    assert [(one["added"], one["removed"]) for one in facts] == [
        ([made["id"]], []),
        ([other["id"]], []),
        ([], [made["id"]]),
    ]


def test_priority_followers_and_unread(floor, api_as):
    ann = floor.person("Ann")
    talk = floor.talk()
    with floor.shop.inside():
        Message.objects.create(
            conversation=talk, episode=Episode.objects.get(conversation=talk), seq=1,
            author="buyer", text="Hi", state="received",
        )  # fmt: skip
        Conversation.objects.filter(pk=talk.pk).update(last_seq=1, last_read_seq=1)
    client = api_as(floor.shop, ann)

    for _ in range(2):
        assert act(client, talk, "priority", priority=2).json()["priority"] == 2
        assert act(client, talk, "follow").json()["followers"] == [ann.pk]
        assert act(client, talk, "unread").json()["unread"] == 1
    assert act(client, talk, "unfollow").json()["followers"] == []

    assert len(floor.facts("conversation.prioritised")) == 1
    assert len(floor.facts("conversation.unread")) == 1
    assert [one["follows"] for one in floor.facts("conversation.followed")] == [True, False]


def test_a_closed_chat_is_opened_again_by_who_answers(floor, api_as):
    ann = floor.person("Ann")
    talk = floor.talk()
    client = api_as(floor.shop, ann)
    act(client, talk, "resolve")

    answer = act(client, talk, "reopen")

    assert (answer.json()["status"], answer.json()["agent"]["id"]) == ("open", ann.pk)
    with floor.shop.inside():
        assert Episode.objects.filter(conversation=talk).count() == 2


# ── Many at once ─────────────────────────────────────────────────────────────────────────────
def bulk(client: Any, shop: Any, **body: Any) -> tuple[dict[str, Any], str]:
    answer = client.post("/api/v1/conversations/bulk/", body, format="json")
    assert answer.status_code == 202, answer.content
    return done(client, shop, answer.json()["job"]), answer.json()["undo"]


def done(client: Any, shop: Any, job: dict[str, Any]) -> dict[str, Any]:
    due.take(shop.schema, "job", job["id"])
    return client.get(job["url"]).json()


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("priority", {"priority": 2}),
        ("label", {"labels": ["VIP"]}),
        ("resolve", {}),
        ("snooze", {"until": "2040-01-01T00:00:00Z"}),
        ("assign", {"agent": "owner"}),
        ("follow", {}),
        ("return_to_bot", {}),
    ],
)
def test_an_act_on_many_is_undone_as_one(floor, api_of, name, params):
    with floor.shop.inside():
        Label.objects.create(name="VIP")
    if params.get("agent"):
        params = {"agent": floor.shop.owner.pk}
    talks = [floor.talk() for _ in range(3)]
    fields = ("status", "speaker", "agent_id", "priority", "labels", "followers", "team_id")
    before = [[getattr(floor.fresh(one), field) for field in fields] for one in talks]
    client = api_of(floor.shop)

    job, token = bulk(client, floor.shop, ids=[one.pk for one in talks], act=name, params=params)
    assert (job["state"], job["done"], job["refused"], job["result"]) == (
        "done", 3, 0, {"changed": 3},
    )  # fmt: skip
    after = [[getattr(floor.fresh(one), field) for field in fields] for one in talks]
    assert all(a != b for a, b in zip(after, before, strict=True))

    for _ in range(2):
        undone = client.post("/api/v1/conversations/bulk/undo/", {"token": token}, format="json")
        assert undone.status_code == 202, undone.content
        assert done(client, floor.shop, undone.json())["result"] == {"changed": 3}
    assert [[getattr(floor.fresh(one), field) for field in fields] for one in talks] == before


def test_a_prepared_reply_goes_to_many_once_each_also_when_the_job_begins_again(floor, api_of):
    with floor.shop.inside():
        template = Template.objects.create(code="sale", name="Sale")
        TemplateText.objects.create(template=template, lang="ru", text="Скидки с пятницы")
    talks = [floor.talk() for _ in range(2)]
    client = api_of(floor.shop)

    job, _token = bulk(
        client, floor.shop, ids=[*(one.pk for one in talks), 999_999], act="send_template",
        params={"template": template.pk},
    )  # fmt: skip
    assert (job["state"], job["refused"], len(job["errors"])) == ("done", 1, 1)
    with floor.shop.inside():
        row = Job.objects.get(pk=job["id"])
        row.params.pop("undo")
        row.save()
        bulk_job(row)  # as after a kill: nothing was kept of what it had done
        said = Message.objects.filter(text="Скидки с пятницы")
        assert sorted(said.values_list("conversation_id", flat=True)) == [t.pk for t in talks]

    pks = [one.pk for one in talks]
    job, _token = bulk(client, floor.shop, ids=pks, act="note", params={"text": "Called"})
    with floor.shop.inside():
        row = Job.objects.get(pk=job["id"])
        row.params.pop("undo")
        row.save()
        bulk_job(row)
        assert Message.objects.filter(text="Called").count() == 2


def test_a_filter_means_what_it_holds_now(floor, api_of):
    waiting = [floor.talk() for _ in range(2)]
    closed = floor.talk(status="resolved")

    job, _token = bulk(
        api_of(floor.shop), floor.shop, filter={"view": "unassigned"}, act="priority",
        params={"priority": 1},
    )  # fmt: skip

    assert job["result"] == {"changed": 2}
    assert [floor.fresh(one).priority for one in [*waiting, closed]] == [1, 1, 0]


def test_what_was_moved_on_since_stays(floor, api_of, api_as):
    ann = floor.person("Ann")
    first, second = floor.talk(), floor.talk()
    client = api_of(floor.shop)
    _job, token = bulk(client, floor.shop, ids=[first.pk, second.pk], act="resolve")
    act(api_as(floor.shop, ann), first, "reopen")

    job = client.post("/api/v1/conversations/bulk/undo/", {"token": token}, format="json").json()
    told = done(client, floor.shop, job)

    assert (told["result"], [one["row"] for one in told["errors"]]) == ({"changed": 1}, [first.pk])
    assert floor.fresh(first).agent_id == ann.pk
    assert (floor.fresh(second).status, floor.fresh(second).speaker) == ("open", "queue")


def test_a_strangers_token_undoes_nothing(floor, api_of, api_as):
    ann = floor.person("Ann")
    talk = floor.talk()
    _job, token = bulk(api_of(floor.shop), floor.shop, ids=[talk.pk], act="resolve")

    answer = api_as(floor.shop, ann).post(
        "/api/v1/conversations/bulk/undo/", {"token": token}, format="json"
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "too_late")
    assert floor.fresh(talk).status == "resolved"


# ── Teams and people ─────────────────────────────────────────────────────────────────────────
def test_teams_and_profiles_are_kept_through_the_api(floor, api_of):
    ann = floor.person("Ann")
    client = api_of(floor.shop)
    made = client.post(
        "/api/v1/teams/",
        {"name": "Returns", "assignment": "round_robin", "skills": ["returns"],
         "members": [{"user": ann.pk, "is_lead": True}]},
        format="json",
    )  # fmt: skip
    assert made.status_code == 201, made.content
    assert made.json()["members"] == [{"user": ann.pk, "name": "Ann", "is_lead": True}]

    changed = client.patch(
        f"/api/v1/agents/{ann.pk}/", {"capacity": 7, "channel_capacity": {"web": 2}}, format="json"
    ).json()
    assert (changed["profile"]["capacity"], changed["profile"]["channel_capacity"]) == (
        7, {"web": 2},
    )  # fmt: skip
    week = [{"weekday": 0, "starts": "10:00:00", "ends": "18:00:00"}]
    assert client.put(f"/api/v1/agents/{ann.pk}/shifts/", week, format="json").json() == week

    desk = client.get("/api/v1/desk/").json()
    assert [team["name"] for team in desk["teams"]][1:] == ["Returns"]
    person = next(one for one in desk["people"] if one["id"] == ann.pk)
    assert (person["capacity"], person["load"], person["is_here"]) == (7, 0, True)

    talk = floor.talk(needs={"skills": ["returns"]})
    counters = {t["name"]: t["counters"] for t in client.get("/api/v1/desk/").json()["teams"]}
    assert counters["Returns"] == {"queued": 1, "waiting": 1, "held": 0}
    assert client.delete(f"/api/v1/teams/{made.json()['id']}/").status_code == 204
    assert floor.fresh(talk).team_id is None


def test_the_main_team_cannot_be_deleted_and_agents_change_no_team(floor, api_of):
    path = f"/api/v1/teams/{floor.team.pk}/"
    assert api_of(floor.shop).delete(path).json()["error"]["code"] == "not_possible"
    assert api_of(floor.shop, "agent").patch(path, {"name": "X"}).status_code == 403
    with floor.shop.inside():
        floor.team.refresh_from_db()
    assert floor.team.name == ""
