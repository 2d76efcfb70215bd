"""How many each list holds: what the lists themselves find, for everybody, in as few queries."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bots.models import Conversation, Label, Mention, Message, SavedView, Team, TeamMember
from bots.selectors.counters import counters, counters_of
from bots.selectors.desk import COUNTED, in_view, views_of
from bots.services.queues import default_team
from tenants.workspace.models import User
from tests.api.desks import NOW

pytestmark = pytest.mark.django_db

FILTERS: list[dict[str, Any]] = [
    {"view": "waiting"},
    {"view": "unassigned", "labels": ["срочно"]},
    {"view": "waiting", "agents": ["me"], "labels": ["срочно"]},
    {"view": "waiting", "agents": ["none"]},
    {"view": "mine", "unread": True},
    {"view": "bot", "languages": ["en"]},
    {"view": "snoozed", "priorities": [1]},
    {"view": "mentioned", "labels": ["срочно"]},
    {"view": "missed", "teams": [0]},  # of the main team
    {"view": "all", "labels": ["срочно"]},  # grows with the years: not counted
]


@pytest.fixture
def floor(alpha, at):
    """Every kind of conversation in two teams, and lists of everybody's and of one's own."""
    chance = random.Random(7)
    with alpha.inside():
        Label.objects.create(name="срочно")
        shut = Team.objects.create(name="Shut", sees_colleagues=False)
        TeamMember.objects.create(team=shut, user=alpha.agent)
        people = list(User.objects.filter(is_active=True))
        for filters in FILTERS:
            if "teams" in filters:
                filters = {**filters, "teams": [default_team().pk]}
            SavedView.objects.create(name="all", filters=filters)
            SavedView.objects.create(name="own", filters=filters, owner=alpha.agent)
        SavedView.objects.create(name="team", filters={"view": "bot"}, team=shut)
    for n in range(60):
        speaker = chance.choice(["queue", "agent", "bot", "nobody"])
        status = "resolved" if speaker == "nobody" else chance.choice(["open", "open", "snoozed"])
        row = at.talk(
            f"B{n}",
            "Hi",
            speaker=speaker,
            status=status,
            agent=chance.choice(people) if speaker == "agent" else None,
            team=chance.choice([None, shut]),
            offered_to=chance.choice([None, *people]) if speaker == "queue" else None,
            waiting_since=chance.choice([None, NOW]),
            labels=chance.choice([[], ["срочно"]]),
            language=chance.choice(["ru", "en"]),
            priority=chance.choice([0, 1]),
            sla_breached_at=NOW if n % 4 == 0 else None,
            unread=chance.choice([0, 2]),
            followers=[chance.choice(people).pk] if n % 7 == 0 else [],
        )
        if n % 5 == 0:
            with alpha.inside():
                called = chance.choice(people)
                message = Message.objects.filter(conversation=row).first()
                Mention.objects.create(conversation=row, message=message, user=called)
                Conversation.objects.filter(pk=row.pk).update(mentioned=[called.pk])
    return alpha


def test_a_figure_is_what_its_list_holds_for_everybody(floor, beta):
    with beta.inside():
        Conversation.objects.update(speaker="queue", waiting_since=NOW)
    with floor.inside():
        people = list(User.objects.order_by("pk"))
        found = counters_of(people)
        for user in people:
            wanted = {view: in_view(user, view).count() for view in COUNTED}
            for one in views_of(user):
                if one.filters["view"] in COUNTED:
                    work = in_view(user, "", saved=one).exclude(status="resolved")
                    wanted[f"saved_{one.pk}"] = work.count()
            assert found[user.pk] == wanted == counters(user), user.role
    assert any(mine["waiting"] for mine in found.values())
    assert any(mine["missed"] for mine in found.values())


def test_fifty_people_with_twenty_lists_cost_what_one_with_none_does(alpha, at):
    with alpha.inside():
        at.talk("Waits", speaker="queue", waiting_since=NOW)
        agent = alpha.agent
        with CaptureQueriesContext(connection) as one:
            counters_of([agent])
        people = [
            User.objects.create(email=f"a{n}@example.com", role=User.Role.AGENT) for n in range(50)
        ]
        for n in range(20):
            SavedView.objects.create(
                name=f"{n}", filters={"view": "waiting", "priorities": [n % 3], "agents": ["me"]}
            )
        with CaptureQueriesContext(connection) as many:
            found = counters_of(people)

    assert len(many) == len(one) <= 5
    assert {mine["waiting"] for mine in found.values()} == {1}
