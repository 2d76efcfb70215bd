"""Teams' queues: whose they are, and the wish to look at one."""

from __future__ import annotations

from bots.models import Team, TeamMember
from tenants.kernel import due


def default_team() -> Team:
    """The team of whatever has none; made with the merchant."""
    return Team.objects.get_or_create(is_default=True)[0]


def wake(team: Team) -> None:
    """Look at a queue after the transaction; a team that takes by hand needs nobody to."""
    if team.assignment != Team.Assignment.MANUAL:
        due.schedule("assign", team.pk)


def wake_for(*users: int | None) -> None:
    """These have room (None: nobody): look at the queues of their teams."""
    for user_id in set(users) - {None}:
        teams = TeamMember.objects.filter(user=user_id)
        teams = teams.exclude(team__assignment=Team.Assignment.MANUAL)
        for team_id in teams.values_list("team_id", flat=True):
            due.schedule("assign", team_id)
