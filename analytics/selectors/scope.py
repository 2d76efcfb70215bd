"""Whose figures a person may look at: everything for admins, their teams for who leads them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from bots.models import Team, TeamMember
from tenants.workspace.models import User


@dataclass(frozen=True)
class Scope:
    """`teams` as read models number them: the default team is 0."""

    everything: bool = False
    teams: frozenset[int] = frozenset()
    default: int = 0  # number of the default team among teams

    def __bool__(self) -> bool:
        return self.everything or bool(self.teams)

    def allows(self, team: int | None) -> bool:
        return self.everything or self.shown(team) in self.teams

    def shown(self, team: int | None) -> int:
        return 0 if team is None or team == self.default else team

    def figures(self) -> Q:
        return Q() if self.everything else Q(team_id__in=sorted(self.teams))

    def conversations(self) -> Q:
        """The teams as conversations name them."""
        if self.everything:
            return Q()
        found = Q(team__in=sorted(self.teams - {0}))
        return found | Q(team=None) | Q(team=self.default) if 0 in self.teams else found


def scope_of(user: User) -> Scope:
    """Default deny: an agent who leads no team looks at nothing here."""
    if user.pk is None or not user.is_active:
        return Scope()
    default = Team.objects.filter(is_default=True).values_list("pk", flat=True).first() or 0
    if user.is_superuser or user.role in (User.Role.OWNER, User.Role.ADMIN):
        return Scope(everything=True, default=default)
    mine = TeamMember.objects.filter(user=user)
    if user.role != User.Role.SUPERVISOR:
        mine = mine.filter(is_lead=True)
    teams = set(mine.values_list("team_id", flat=True))
    return Scope(teams=frozenset(0 if pk == default else pk for pk in teams), default=default)
