"""THE policy: which conversations a person may see. Everything that shows one asks here.

| who | sees |
| --- | --- |
| not active, or in no team | nothing |
| owner, administrator | everything |
| supervisor; whoever leads a team | everything of own teams |
| agent | of own teams: what nobody holds, and colleagues' where the team allows |
| each of them | what they hold or held last, are offered, follow or are mentioned in |

A conversation without a team is the default team's. `visible` is the rule for the database,
`Sight.allows` the same rule for one row in memory (sockets filter by it without a query);
tests/tenancy/test_policy.py holds them equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from django.db.models import Exists, Q, QuerySet

from bots.models import Conversation, Team, TeamMember
from tenants.workspace.models import User


@dataclass(frozen=True)
class Facts:
    """What of a conversation decides who sees it: small enough to travel with each event."""

    id: int
    team: int | None = None
    speaker: str = ""
    is_resolved: bool = False
    agent: int | None = None
    offered_to: int | None = None
    previous_agent: int | None = None
    people: tuple[int, ...] = ()  # followers and those mentioned

    FIELDS = (
        "pk", "team_id", "speaker", "status", "agent_id", "offered_to_id", "previous_agent_id",
        "followers", "mentioned",
    )  # fmt: skip

    @classmethod
    def of(cls, row: Conversation) -> Facts:
        return cls(
            row.pk,
            row.team_id,
            row.speaker,
            row.status == Conversation.Status.RESOLVED,
            row.agent_id,
            row.offered_to_id,
            row.previous_agent_id,
            (*row.followers, *row.mentioned),
        )

    @classmethod
    def unpacked(cls, row: Sequence[Any]) -> Facts:
        """From `dataclasses.astuple`, as it comes over the channel layer."""
        return cls(**{**dict(zip(_NAMES, row, strict=True)), "people": tuple(row[-1])})


_NAMES = tuple(one.name for one in fields(Facts))


@dataclass(frozen=True)
class Sight:
    """How far one person sees. Two queries make it, none use it."""

    user: int
    everything: bool = False
    nothing: bool = False
    whole: frozenset[int] = field(default_factory=frozenset)  # teams seen in full
    common: frozenset[int] = field(default_factory=frozenset)  # teams: what nobody else holds
    default: int | None = None  # which of them is the default team

    def allows(self, facts: Facts) -> bool:
        if self.nothing or self.everything:
            return self.everything and not self.nothing
        me = self.user
        if me == facts.agent or me in facts.people:
            return True
        if facts.offered_to == me and facts.speaker == Conversation.Speaker.QUEUE:
            return True
        if facts.previous_agent == me and facts.is_resolved:
            return True
        team = facts.team if facts.team is not None else self.default
        if team is None:
            return False
        if team in self.whole:
            return True
        if team not in self.common or facts.agent is not None:
            return False
        return not (facts.is_resolved and facts.previous_agent is not None)

    def allowed_before(self, facts: Facts, team: int | None) -> bool:
        """Whether it was seen while nobody held it: it has to go from the screen now."""
        return self.allows(replace(facts, agent=None, team=team, is_resolved=False))

    def where(self, prefix: str = "") -> Q:
        """The rule as a condition on conversations, or on what has one at `prefix`."""
        if self.nothing:
            return Q(pk__in=())
        if self.everything:
            return Q()

        def q(**wanted: Any) -> Q:
            return Q(**{f"{prefix}{name}": value for name, value in wanted.items()})

        me = self.user
        resolved = q(status=Conversation.Status.RESOLVED)
        found = (
            q(agent=me)
            | q(followers__contains=[me])
            | q(mentioned__contains=[me])
            | (q(offered_to=me) & q(speaker=Conversation.Speaker.QUEUE))
            | (q(previous_agent=me) & resolved)
        )
        if self.whole:
            found |= self._in(self.whole, q)
        if self.common:
            nobodys = q(agent__isnull=True) & ~(resolved & q(previous_agent__isnull=False))
            found |= self._in(self.common, q) & nobodys
        return found

    def _in(self, teams: frozenset[int], q: Any) -> Q:
        inside = q(team__in=sorted(teams))
        return inside | q(team__isnull=True) if self.default in teams else inside


def sight_of(user: User) -> Sight:
    """Default deny: who is not active, or belongs to no team, sees nothing of others."""
    return sights_of([user])[user.pk or 0]


def sights_of(users: Iterable[User]) -> dict[int, Sight]:
    """How far each of them sees, by id; one query at most."""
    found: dict[int, Sight] = {}
    asked: dict[int, User] = {}
    for user in users:
        if user.pk is None or not user.is_active:
            found[user.pk or 0] = Sight(user.pk or 0, nothing=True)
        elif user.is_superuser or user.role in (User.Role.OWNER, User.Role.ADMIN):
            found[user.pk] = Sight(user.pk, everything=True)
        elif user.role not in (User.Role.SUPERVISOR, User.Role.AGENT):
            found[user.pk] = Sight(user.pk, nothing=True)
        else:
            asked[user.pk] = user
    if not asked:
        return found
    whole: dict[int, set[int]] = {pk: set() for pk in asked}
    common: dict[int, set[int]] = {pk: set() for pk in asked}
    default: dict[int, int] = {}
    for pk, team, is_lead, sees, is_default in TeamMember.objects.filter(
        user__in=asked
    ).values_list("user_id", "team_id", "is_lead", "team__sees_colleagues", "team__is_default"):
        full = is_lead or sees or asked[pk].role == User.Role.SUPERVISOR
        (whole if full else common)[pk].add(team)
        if is_default:
            default[pk] = team
    for pk in asked:
        found[pk] = Sight(
            pk,
            whole=frozenset(whole[pk]),
            common=frozenset(common[pk]),
            default=default.get(pk),
        )
    return found


def of_teams(teams: Iterable[int], prefix: str = "") -> Q:
    """Conversations of these teams; the default team's are those without one, too."""
    wanted = sorted(set(teams))
    default = Exists(Team.objects.filter(is_default=True, pk__in=wanted))
    return Q(**{f"{prefix}team__in": wanted}) | Q(default, **{f"{prefix}team__isnull": True})


def visible(user: User) -> QuerySet[Conversation]:
    """Conversations a person of this merchant may see."""
    return Conversation.objects.filter(sight_of(user).where())


def may_see(user: User, conversation_id: int) -> bool:
    return visible(user).filter(pk=conversation_id).exists()


def of_visible(user: User, found: QuerySet, path: str = "conversation__") -> QuerySet:
    """Rows that hang on a conversation (messages, files, drafts…), by the same rule."""
    sight = sight_of(user)
    if sight.nothing:
        return found.none()
    return found.filter(sight.where(path))


def conversations_in(data: Iterable[Mapping[str, Any]]) -> set[int]:
    """Ids of the conversations that facts of the log are about."""
    return {ident for one in data if isinstance(ident := one.get("conversation"), int)}


def facts_of(ids: Iterable[int]) -> dict[int, Facts]:
    """What decides about these conversations, in one query."""
    rows = Conversation.objects.filter(pk__in=set(ids)).only(*Facts.FIELDS)
    return {row.pk: Facts.of(row) for row in rows}


def leads(user: User, team_id: int | None) -> bool:
    """Whether a person gives out the work of a team: supervisors and leads of it, and admins."""
    sight = sight_of(user)
    if sight.everything:
        return not sight.nothing
    if sight.nothing:
        return False
    mine = TeamMember.objects.filter(user=user)
    if user.role != User.Role.SUPERVISOR:
        mine = mine.filter(is_lead=True)
    if team_id is None:
        return mine.filter(team__is_default=True).exists()
    return mine.filter(team=team_id).exists()
