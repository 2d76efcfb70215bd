"""Pages of teams, people with their week, and labels."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path

import pytest

from bots.models import AgentProfile, Conversation, Label, Shift, Team, TeamMember
from bots.selectors.teams import CARDS


def test_a_team_is_made_changed_and_removed(alpha, beta, client_of, api_of):
    client = client_of(alpha, "owner")
    with alpha.inside():
        agent = alpha.agent
    data = {
        "name": "Returns", "assignment": "round_robin", "accept_s": "45", "is_sticky": "on",
        "languages": "ru, EN", "skills": "returns; sizes", "members": [str(agent.pk)],
        "leads": [str(agent.pk)], "card_1": "past", "card_3": "orders", "card_4": "past",
    }  # fmt: skip

    assert client.post("/admin/teams/add/", data).status_code == 302
    with alpha.inside():
        team = Team.objects.get(name="Returns")
        assert (team.assignment, team.accept_s, team.sees_colleagues) == ("round_robin", 45, False)
        assert (team.languages, team.skills) == (["ru", "en"], ["returns", "sizes"])
        assert team.cards == ["past", "orders"]
        assert list(TeamMember.objects.filter(team=team).values_list("user_id", "is_lead")) == [
            (agent.pk, True)
        ]
    page = client.get(f"/admin/teams/{team.pk}/").content.decode()
    assert "returns, sizes" in page
    desk = api_of(alpha, "agent").get("/api/v1/desk/").json()
    assert {one["name"]: one["cards"] for one in desk["teams"]}["Returns"] == ["past", "orders"]
    # Cards the page does not know would never show; those it knows can be chosen.
    source = Path("static/console/src/context/pane.tsx").read_text()
    known = re.findall(r"^    id: '(\w+)'|^  personal\('(\w+)'", source, re.M)
    assert [one or other for one, other in known] == list(CARDS)

    assert client.post(f"/admin/teams/{team.pk}/", {"remove": "1"}).status_code == 302
    with alpha.inside():
        assert not Team.objects.filter(name="Returns").exists()
    with beta.inside():
        assert Team.objects.count() == 1


def test_a_persons_room_and_week_are_kept(alpha, client_of):
    client = client_of(alpha, "owner")
    path = f"/admin/agents/{alpha.agent.pk}/"
    data = {
        "capacity": "3", "kind_web": "2", "skills": "returns", "languages": "",
        "day_0": "10:00-14:00, 18-22", "day_4": "22:00–06:00",
    }  # fmt: skip

    assert client.post(path, data).status_code == 302

    with alpha.inside():
        profile = AgentProfile.objects.get(user=alpha.agent)
        assert (profile.capacity, profile.channel_capacity, profile.skills) == (
            3, {"web": 2}, ["returns"],
        )  # fmt: skip
        assert list(
            Shift.objects.filter(user=alpha.agent).values_list("weekday", "starts", "ends")
        ) == [(0, time(10), time(14)), (0, time(18), time(22)), (4, time(22), time(6))]
    page = client.get(path).content.decode()
    assert "22:00–06:00" in page
    assert client.post(path, {**data, "day_1": "soon"}).status_code == 200


def test_labels_are_added_renamed_and_removed(alpha, client_of):
    client = client_of(alpha, "owner")
    client.post("/admin/labels/", {"new-name": "VIP", "new-colour": "red"})
    with alpha.inside():
        label = Label.objects.get()
        assert (label.name, label.colour) == ("VIP", "red")
    row = {f"label{label.pk}-name": "Wholesale", f"label{label.pk}-colour": "blue"}
    client.post("/admin/labels/", {**row, "new-name": "", "new-colour": "blue"})
    with alpha.inside():
        assert list(Label.objects.values_list("name", "colour")) == [("Wholesale", "blue")]
    row[f"label{label.pk}-name"] = ""
    client.post("/admin/labels/", {**row, "new-name": "", "new-colour": "blue"})
    with alpha.inside():
        assert not Label.objects.exists()
        assert not Conversation.objects.filter(labels__contains=["VIP"]).exists()


@pytest.mark.parametrize("role", ["supervisor", "agent"])
def test_others_change_no_teams(alpha, client_of, role):
    client = client_of(alpha, role)
    for path in ("/admin/teams/", "/admin/teams/add/", f"/admin/agents/{alpha.agent.pk}/"):
        assert client.get(path).status_code == 403
    assert client.get("/admin/labels/").status_code == 403
