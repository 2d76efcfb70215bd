"""Unanswered chats from who has too many to who has room: a plan, then a bulk act, then undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.selectors.board import seen
from analytics.selectors.scope import Scope
from bots.models import Conversation, Team
from bots.selectors.policy import visible
from bots.services import assignment, bulk
from bots.services.actions import BadParams
from tenants.workspace.models import Job, User

AT_MOST = 200


@dataclass
class Move:
    conversation: Conversation
    team: int
    to: User

    def shown(self) -> dict[str, Any]:
        return {
            "conversation": self.conversation.pk,
            "name": str(self.conversation.contact),
            "waiting_since": self.conversation.waiting_since,
            "team": self.team,
            "from": {"id": self.conversation.agent_id, "name": str(self.conversation.agent)},
            "to": {"id": self.to.pk, "name": str(self.to)},
        }


def plan(scope: Scope, me: User, team: int | None = None) -> list[Move]:
    """What would be moved now, the longest waiting first; nothing is moved.

    Only chats whose buyer waits, of people who have more than they can take or are not there; only
    to people online, on shift and with room who have the skills and the language it needs. Those
    who are to stay with who answers (high priority is no reason to wait) move like any other.
    """
    now = timezone.now()
    moves: list[Move] = []
    given: dict[int, int] = {}
    for one in Team.objects.order_by("-is_default", "pk")[:200]:
        pk = scope.shown(one.pk)
        if not scope.allows(one.pk) or team not in (None, pk):
            continue
        here = assignment.present(one, now)
        for who in here:
            who.load += given.get(who.user.pk, 0)
        moves += _of_team(scope, me, one, here, given)
        if len(moves) >= AT_MOST:
            break
    return moves[:AT_MOST]


def _of_team(
    scope: Scope,
    me: User,
    team: Team,
    here: list[assignment.Candidate],
    given: dict[int, int],
) -> list[Move]:
    mine = Q(team=team) | Q(team=None) if team.is_default else Q(team=team)
    waiting = (
        seen(scope)
        .filter(mine, speaker=Conversation.Speaker.AGENT, waiting_since__isnull=False)
        .filter(pk__in=visible(me).values("pk"))
        .exclude(agent=None)
        .select_related("contact", "agent", "channel")
        .order_by("waiting_since", "pk")[:AT_MOST]
    )
    by_id = {who.user.pk: who for who in here}
    moves = []
    for conversation in waiting:
        holder = by_id.get(conversation.agent_id or 0)
        if holder is not None and holder.load <= holder.profile.capacity:
            continue
        others = [who for who in here if who.user.pk != conversation.agent_id]
        choice = assignment.choose(team, conversation, others)
        if choice.who is None or choice.unmet:
            continue
        moves.append(Move(conversation, scope.shown(team.pk), choice.who.user))
        choice.who.load += 1
        choice.who.by_kind[conversation.channel.kind] += 1
        given[choice.who.user.pk] = given.get(choice.who.user.pk, 0) + 1
        if holder is not None:
            holder.load -= 1
            given[holder.user.pk] = given.get(holder.user.pk, 0) - 1
    return moves


def rebalance(scope: Scope, me: User, wanted: dict[int, int]) -> tuple[Job, str]:
    """Do what was shown: {conversation: person}. (job, undo token). Whom somebody has answered
    since stays where they are.

    Raises BadParams where nothing of it, or more than was shown, is asked for.
    """
    if not wanted or len(wanted) > AT_MOST:
        raise BadParams(_("There is nothing to move, or too much at once."))
    waiting = seen(scope).filter(speaker=Conversation.Speaker.AGENT, waiting_since__isnull=False)
    allowed = waiting.filter(pk__in=list(wanted)).values_list("pk", flat=True)
    each = {str(pk): {"agent": wanted[pk]} for pk in allowed}
    if not each:
        raise BadParams(_("There is nothing to move, or too much at once."))
    return bulk.bulk_start([int(pk) for pk in each], "assign", {}, me, each=each)
