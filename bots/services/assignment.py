"""Giving conversations to people: queues, offers, and who is asked first.

A queue is the conversations whose speaker is the queue, of one team, the most urgent first, then
the longest waiting, whatever hands it went through. Whatever may let the next one go (somebody
comes, is done, or has more room) wishes the due work "assign" of the team; `drain` then offers as
many as there is room for. An offer leaves the speaker alone: it becomes the agent when the person
accepts, or answers.

No double assignment: one choice at a time in a merchant (an advisory lock for the length of a
short transaction), and the conversation's row lock, which every change of speaker takes. Rows are
locked in one order: conversation, profile, person, due work.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.engine import running
from bots.models import AgentProfile, Conversation, Team, TeamMember
from bots.models.conversation import AlreadyTaken
from bots.selectors.policy import leads
from bots.selectors.shifts import next_change, on_shift
from bots.selectors.teams import SEEN_FOR, held_by
from bots.services import messages, sla
from bots.services.agents import presence_set
from bots.services.queues import default_team, wake, wake_for
from bots.services.speaking import take
from tenants.kernel import due, outbox
from tenants.kernel.context import PUBLIC, current_schema
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

MISSED_AT_MOST = 2
SOON = timedelta(seconds=1)
Speaker, Status = Conversation.Speaker, Conversation.Status


class NotYours(RuleBroken):
    """Agents give away what they hold; supervisors and leads what their teams have."""

    code = "not_yours"
    status = 403


class OfferGone(RuleBroken):
    code = "offer_gone"


class NotHere(RuleBroken):
    code = "not_here"
    status = 400


# ── Into a queue ─────────────────────────────────────────────────────────────────────────────
def enqueue(conversation: Conversation, team: Team | None = None) -> None:
    """Put it in a team's queue: `team`, its own, or the one its needs lead to.

    Inside the transaction that made the speaker the queue, the row being locked. Whoever declined
    it before may be asked again.
    """
    if team is None:
        team = _team_for(conversation)
    wake_for(conversation.offered_to_id)
    conversation.team = None if team.is_default else team
    conversation.queued_at = timezone.now()
    conversation.offered_to = conversation.offer_until = None
    conversation.needs = {k: v for k, v in conversation.needs.items() if k != "passed"}
    conversation.save(update_fields=["team", "queued_at", "offered_to", "offer_until", "needs"])
    due.schedule("told", conversation.pk)
    wake(team)


def _team_for(conversation: Conversation) -> Team:
    teams = list(Team.objects.order_by("-is_default", "pk"))
    by_id = {team.pk: team for team in teams}
    if conversation.team_id in by_id:
        return by_id[conversation.team_id]
    default = teams[0] if teams and teams[0].is_default else default_team()
    if wanted := set(conversation.needs.get("skills") or ()):
        for team in teams:
            if not team.is_default and wanted <= set(team.skills):
                return team
    language = _language(conversation)
    if default.languages and language not in default.languages:
        for team in teams:
            if language in team.languages:
                return team
    return default


def _language(conversation: Conversation) -> str:
    return conversation.needs.get("language") or conversation.language


def promise(conversation: Conversation) -> None:
    """The buyer began to wait for a person: by when is an answer due?"""
    sla.settle(conversation)
    asleep = conversation.status == Conversation.Status.SNOOZED
    if not asleep and release_from_absent(conversation):
        return
    conversation.deadline_at = sla.patience(
        conversation, conversation.snoozed_until if asleep else None
    )
    Conversation.objects.filter(pk=conversation.pk).update(deadline_at=conversation.deadline_at)
    due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)


# ── Who is asked ─────────────────────────────────────────────────────────────────────────────
@dataclass
class Candidate:
    user: User
    profile: AgentProfile
    team: Team
    load: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)

    def has_room(self, kind: str) -> bool:
        most = self.profile.channel_capacity.get(kind)
        return self.load < self.profile.capacity and (most is None or self.by_kind[kind] < most)

    def fits(self, skills: set[str], language: str) -> bool:
        speaks = self.profile.languages or self.team.languages
        has = {*self.profile.skills, *self.team.skills}
        return skills <= has and (not speaks or language in speaks)

    @property
    def since(self) -> float:
        """The longer ago the last one was given, the smaller."""
        last = self.profile.last_assigned_at
        return last.timestamp() if last else 0.0


def present(team: Team, now: datetime) -> list[Candidate]:
    """People of a team who can be asked: online, heard of lately, on shift; with their loads."""
    users = {
        member.user_id: member.user
        for member in TeamMember.objects.filter(
            team=team, user__is_active=True, user__presence=User.Presence.ONLINE
        ).select_related("user")
    }
    profiles = {
        profile.user_id: profile
        for profile in AgentProfile.objects.filter(user__in=users, seen_at__gt=now - SEEN_FOR)
    }
    here = on_shift(profiles, now)
    found = {pk: Candidate(users[pk], profiles[pk], team) for pk in sorted(here)}
    for user_id, kind in held_by(here, now):
        found[user_id].load += 1
        found[user_id].by_kind[kind] += 1
    return list(found.values())


@dataclass(frozen=True)
class Choice:
    who: Candidate | None
    unmet: bool = False  # nobody here has what it needs: anybody of the team is asked


def choose(team: Team, conversation: Conversation, people: list[Candidate]) -> Choice:
    """Whom to ask: of those who have what it needs, of those with room."""
    skills = set(conversation.needs.get("skills") or ())
    language = _language(conversation)
    fitting = [one for one in people if one.fits(skills, language)]
    unmet = bool(people) and not fitting
    passed = conversation.needs.get("passed") or {}
    free = [
        one
        for one in (people if unmet else fitting)
        if one.has_room(conversation.channel.kind) and passed.get(str(one.user.pk)) != "declined"
    ]
    # Who has let an offer lapse comes after everybody else.
    fresh = [one for one in free if str(one.user.pk) not in passed] or free
    if team.is_sticky:
        for one in fresh:
            if one.user.pk == conversation.previous_agent_id:
                return Choice(one, unmet)
    if team.assignment == Team.Assignment.ROUND_ROBIN:
        who = min(fresh, key=lambda one: (one.since, one.user.pk), default=None)
    else:
        who = min(
            fresh,
            key=lambda one: (one.load / one.profile.capacity, one.since, one.user.pk),
            default=None,
        )
    return Choice(who, unmet)


# ── Draining a queue ─────────────────────────────────────────────────────────────────────────
def waiting_in(team: Team, now: datetime) -> QuerySet[Conversation]:
    """A team's queue without what is on offer, in the order it is given out."""
    mine = Q(team=team) | Q(team=None) if team.is_default else Q(team=team)
    return (
        Conversation.objects.filter(mine, status=Status.OPEN, speaker=Speaker.QUEUE)
        .filter(Q(offered_to=None) | Q(offer_until=None) | Q(offer_until__lte=now))
        .order_by("-priority", Coalesce("waiting_since", "queued_at", "created_at"), "pk")
    )


@due.worker("assign")
def drain(team_id: int) -> datetime | None:
    """Offer a queue to whoever has room; comes back where a row was in other hands."""
    team = Team.objects.filter(pk=team_id).first()
    if team is None or team.assignment == Team.Assignment.MANUAL:
        return None
    again = False
    for pk in list(waiting_in(team, timezone.now()).values_list("pk", flat=True)[:500]):
        people = _place(team, pk)
        if people is None:
            again = True
        elif not any(one.load < one.profile.capacity for one in people):
            break
    return timezone.now() + SOON if again else None


def _place(team: Team, conversation_id: int) -> list[Candidate] | None:
    """Offer one conversation; the people as they were seen, None where its row was locked."""
    with transaction.atomic():
        _one_at_a_time()
        now = timezone.now()
        people = present(team, now)
        if not people:
            return []
        found = waiting_in(team, now).filter(pk=conversation_id)
        conversation = (
            found.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("channel")
            .first()
        )
        if conversation is None:
            return None if found.exists() else people
        choice = choose(team, conversation, people)
        if choice.who is None:
            return people
        if choice.unmet:
            _say(conversation, "conversation.needs_unmet", team=team.pk)
        _offer(team, conversation, choice.who, now)
        choice.who.load += 1
    running.make_stale(current_schema(), conversation_id)
    return people


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s))", (f"assign:{current_schema()}",)
        )


def _offer(team: Team, conversation: Conversation, to: Candidate, now: datetime) -> None:
    AgentProfile.objects.filter(pk=to.profile.pk).update(last_assigned_at=now)
    if team.accept_s == 0:
        _give(conversation, to.user, by=None)
        return
    conversation.offered_to = to.user
    conversation.offer_until = now + timedelta(seconds=team.accept_s)
    conversation.save(update_fields=["offered_to", "offer_until"])
    due.reschedule("offer", conversation.pk, due_at=conversation.offer_until)
    _say(
        conversation,
        "conversation.offered",
        agent=to.user.pk,
        team=team.pk,
        until=conversation.offer_until.isoformat(),
    )


def _say(conversation: Conversation, name: str, **data: Any) -> None:
    outbox.emit(
        name,
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, **data},
    )


def _give(
    conversation: Conversation, agent: User, *, by: User | None, from_team: int | None = None
) -> None:
    """The person answers from now on. Inside the transaction that holds the row."""
    before = conversation.agent_id
    if conversation.speaker == Speaker.AGENT and before != agent.pk:
        conversation._speak(Speaker.QUEUE, None)
    take(conversation, agent, by=by)
    _say(
        conversation,
        "conversation.assigned",
        agent=agent.pk,
        team=conversation.team_id,
        from_team=conversation.team_id if from_team is None else from_team,
        **{"from": before, "by": by.pk if by else None},
    )
    if before is not None and before != agent.pk:
        wake_for(before)


# ── Offers ───────────────────────────────────────────────────────────────────────────────────
def accept(conversation_id: int, agent: User) -> Conversation:
    """Take what was offered; what waits with no offer is taken just so.

    Raises: OfferGone where a colleague is asked now; AlreadyTaken where one answers.
    """
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.speaker == Speaker.AGENT:
            if conversation.agent_id != agent.pk:
                raise AlreadyTaken(conversation.agent_id)
            return conversation
        if conversation.speaker != Speaker.QUEUE:
            raise OfferGone(_("Nobody has to be answered here any more."))
        is_live = conversation.offer_until and conversation.offer_until > timezone.now()
        if conversation.offered_to_id not in (None, agent.pk) and is_live:
            raise OfferGone(_("This chat is offered to a colleague now."))
        AgentProfile.objects.filter(user=agent).update(offers_missed=0)
        _give(conversation, agent, by=agent)
    running.make_stale(current_schema(), conversation_id)
    return conversation


def decline(conversation_id: int, agent: User) -> Conversation:
    """Pass it on to the next person. Declining twice, or after the time is up, changes nothing."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.speaker != Speaker.QUEUE or conversation.offered_to_id != agent.pk:
            return conversation
        AgentProfile.objects.filter(user=agent).update(offers_missed=0)
        _withdraw(conversation, "declined")
    return conversation


def _withdraw(conversation: Conversation, how: str) -> None:
    """The offer is over; the conversation keeps its place in the queue."""
    agent = conversation.offered_to_id
    passed = {**(conversation.needs.get("passed") or {}), str(agent): how}
    conversation.needs = {**conversation.needs, "passed": passed}
    conversation.offered_to = conversation.offer_until = None
    conversation.save(update_fields=["needs", "offered_to", "offer_until"])
    due.cancel("offer", conversation.pk)
    _say(conversation, "conversation.offer_ended", agent=agent, how=how)
    wake(conversation.team or default_team())
    wake_for(agent)  # there is room for what other teams have


@due.worker("offer")
def end_offer(conversation_id: int) -> datetime | None:
    """Nobody accepted in time: the next person is asked, and who missed two is away."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().filter(pk=conversation_id).first()
        if (
            conversation is None
            or conversation.speaker != Speaker.QUEUE
            or conversation.offer_until is None
        ):
            return None
        if conversation.offer_until > timezone.now():
            return conversation.offer_until
        if (agent := conversation.offered_to) is not None:
            messages.system_line(conversation, "offer_missed", agent=agent.pk, name=str(agent))
            _missed(agent)
        _withdraw(conversation, "missed")
    return None


def _missed(agent: User) -> None:
    profile = AgentProfile.objects.filter(user=agent)
    profile.update(offers_missed=F("offers_missed") + 1)
    if profile.filter(offers_missed__gte=MISSED_AT_MOST).exists():
        profile.update(offers_missed=0)
        presence_set(agent, User.Presence.AWAY, reason="offers_missed")


def withdraw_from(user_id: int) -> None:
    """Somebody goes: what is offered to them goes to the next."""
    offered = Conversation.objects.filter(
        status=Status.OPEN, speaker=Speaker.QUEUE, offered_to=user_id
    )
    for pk in list(offered.values_list("pk", flat=True)):
        with transaction.atomic():
            conversation = Conversation.objects.locked().get(pk=pk)
            if conversation.speaker == Speaker.QUEUE and conversation.offered_to_id == user_id:
                _withdraw(conversation, "missed")


# ── By hand ──────────────────────────────────────────────────────────────────────────────────
def assign(
    conversation_id: int,
    to: User | None = None,
    team: Team | None = None,
    by: User | None = None,
) -> Conversation:
    """Give it to a person, to a team's queue, or (neither) back to the queue it came from.

    What the bot answers changes its team only. Doing it again changes nothing.
    Raises: NotYours, NotHere; `by` None is a rule of the merchant.
    """
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        before, speaker = conversation.team_id, conversation.speaker
        if by is not None and not _may_assign(by, conversation, to):
            raise NotYours(_("Only who holds this chat, or a supervisor, can pass it on."))
        if to is not None and not to.is_active:
            raise NotHere(_("This person no longer works here."))
        goes = team is not None and _team_id(team) != before
        if goes:
            conversation.team = None if team is None or team.is_default else team
            conversation.save(update_fields=["team"])
        if to is not None:
            if speaker != Speaker.AGENT or conversation.agent_id != to.pk:
                _give(conversation, to, by=by, from_team=before)
            elif goes:
                _moved(conversation, before, by)
        elif speaker == Speaker.AGENT:
            release(conversation, "assigned", by=by, team=team, from_team=before)
        elif goes:
            _moved(conversation, before, by)
            if speaker == Speaker.QUEUE:
                enqueue(conversation, team)
    running.make_stale(current_schema(), conversation_id)
    return conversation


def _team_id(team: Team) -> int | None:
    return None if team.is_default else team.pk


def _may_assign(by: User, conversation: Conversation, to: User | None) -> bool:
    if conversation.agent_id == by.pk or leads(by, conversation.team_id):
        return True
    return conversation.agent_id is None and to is not None and to.pk == by.pk


def _moved(conversation: Conversation, before: int | None, by: User | None) -> None:
    _say(
        conversation,
        "conversation.assigned",
        agent=conversation.agent_id,
        team=conversation.team_id,
        from_team=before,
        **{"from": conversation.agent_id, "by": by.pk if by else None},
    )


def release(
    conversation: Conversation,
    reason: str,
    *,
    by: User | None = None,
    team: Team | None = None,
    follows: bool = False,
    from_team: int | None = None,
) -> None:
    """From a person back to a queue, with a line in the thread. The row is locked."""
    before, name = conversation.agent_id, str(conversation.agent or "")
    conversation._speak(Speaker.QUEUE, None)
    conversation.handover_reason = reason
    if follows and before is not None and before not in conversation.followers:
        conversation.followers = [*conversation.followers, before]
    if conversation.waiting_since is not None:
        conversation.deadline_at = sla.patience(conversation)
        due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
    conversation.save(
        update_fields=[
            *("speaker", "agent", "epoch", "handover_reason", "followers", "deadline_at"),
            *("previous_agent", "offered_to", "offer_until"),
        ]
    )
    messages.system_line(conversation, "released", reason=reason, agent=before, name=name)
    enqueue(conversation, team)
    if by is not None:  # who gave it away does not want it; from whom it was taken comes last
        passed = {str(before): "declined" if by.pk == before else "released"}
        conversation.needs = {**conversation.needs, "passed": passed}
        conversation.save(update_fields=["needs"])
    _say(
        conversation,
        "conversation.assigned",
        agent=None,
        team=conversation.team_id,
        from_team=from_team,
        reason=reason,
        **{"from": before, "by": by.pk if by else None},
    )
    wake_for(before)


# ── Shifts ───────────────────────────────────────────────────────────────────────────────────
@due.worker("shift")
def shift_change(user_id: int) -> datetime | None:
    """A shift begins: their queues are looked at. It ends: waiting buyers go back to the queue."""
    now = timezone.now()
    if _is_here(user_id, now):
        with transaction.atomic():
            wake_for(user_id)
    else:
        hand_back(user_id)
    return next_change(user_id, now)


def _is_here(user_id: int, now: datetime) -> bool:
    """Works here, and now."""
    is_active = User.objects.filter(pk=user_id, is_active=True).exists()
    return is_active and user_id in on_shift([user_id], now)


def release_from_absent(conversation: Conversation) -> bool:
    """A buyer begins to wait for somebody whose shift is over, or who has left: for anybody then.

    The row is locked. Whether it was so.
    """
    holder = conversation.agent_id
    if conversation.speaker != Speaker.AGENT or holder is None:
        return False
    if _is_here(holder, timezone.now()):
        return False
    release(conversation, "shift_end", follows=True, from_team=conversation.team_id)
    return True


@receiver(post_save, sender=User, dispatch_uid="bots.left")
def left(instance: User, created: bool, **_: Any) -> None:
    """Who may not log in any more has no chats and no offers: looked after as at a shift's end."""
    if not created and not instance.is_active and current_schema() != PUBLIC:
        with transaction.atomic():
            due.schedule("shift", instance.pk)


@receiver(pre_delete, sender=User, dispatch_uid="bots.deleted")
def deleted(instance: User, **_: Any) -> None:
    """What they hold would be nobody's, as if the owner had answered by phone."""
    if current_schema() != PUBLIC:
        hand_back(instance.pk, everything=True)


def hand_back(user_id: int, *, everything: bool = False) -> int:
    """What somebody holds with a waiting buyer goes to the queue; they follow it. How many.

    The rest stays theirs until its buyer writes (`release_from_absent`), or goes: `everything`.
    """
    withdraw_from(user_id)
    held = Conversation.objects.filter(speaker=Speaker.AGENT, agent=user_id)
    if not everything:
        held = held.filter(status=Status.OPEN)
    count = 0
    for pk in list(held.values_list("pk", flat=True)):
        with transaction.atomic():
            conversation = Conversation.objects.locked().get(pk=pk)
            if conversation.agent_id != user_id or conversation.speaker != Speaker.AGENT:
                continue
            if conversation.waiting_since is None and not everything:
                conversation.previous_agent_id = user_id
                conversation.save(update_fields=["previous_agent"])
                continue
            release(
                conversation, "shift_end", follows=not everything, from_team=conversation.team_id
            )
            count += 1
    return count
