"""Facts of conversations, channels and people: who has to know of each, and of which no more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from bots.engine.base import Reason
from bots.models import (
    Channel,
    Conversation,
    Message,
    ModelAccount,
    Notice,
    Team,
    TeamMember,
)
from bots.services.assignment import present
from bots.services.channels import expires_at
from bots.services.delivery import BROADCAST, STALE
from bots.services.notices import notify
from tenants.kernel import due, outbox
from tenants.kernel.outbox import Event
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User

# Of these there is nothing to do once somebody has taken the chat.
_TAKEN = ("queue", "handover")
_BOTS_REASONS = frozenset(Reason) - {Reason.BOT_OFF, Reason.MISSED_CALL}
WINDOW_NEAR = timedelta(hours=2)
Speaker = Conversation.Speaker


def _conversation(pk: int) -> Conversation | None:
    return Conversation.objects.select_related("contact").filter(pk=pk).first()


def team_people(conversation: Conversation, *, leads: bool = False) -> list[User]:
    """Who shares the queue a conversation is in; `leads`: who gives it out."""
    team = conversation.team_id
    mine = Q(team=team) if team else Q(team__is_default=True)
    members = TeamMember.objects.filter(mine, user__is_active=True).select_related("user")
    if leads:
        members = members.filter(Q(is_lead=True) | Q(user__role=User.Role.SUPERVISOR))
    return [one.user for one in members]


def _people(ids: Iterable[int | None]) -> list[User]:
    return list(User.objects.filter(pk__in={pk for pk in ids if pk}, is_active=True))


@due.worker("told")
def tell_of(conversation_id: int) -> datetime | None:
    """A buyer wrote to a person, or a conversation came into a queue: who has to know."""
    conversation = _conversation(conversation_id)
    if conversation is None or conversation.status == Conversation.Status.RESOLVED:
        return None
    if conversation.waiting_since is not None and conversation.window_expires_at:
        near = max(conversation.window_expires_at - WINDOW_NEAR, timezone.now())
        due.reschedule("window", conversation.pk, due_at=near)
    if conversation.speaker == Speaker.QUEUE and conversation.queued_at is not None:
        event = "handover" if conversation.handover_reason in _BOTS_REASONS else "queue"
        key = f"queue:{conversation.pk}:{conversation.queued_at.timestamp():.3f}"
        notify(event, key, _asked_in(conversation), conversation=conversation)
    if conversation.waiting_since is not None:
        key = f"reply:{conversation.pk}:{conversation.last_inbound_seq}"
        who = _people([conversation.agent_id, *conversation.followers])
        if conversation.agent_id or conversation.followers:
            notify("reply", key, who, conversation=conversation)
    return None


def _asked_in(conversation: Conversation) -> list[User]:
    """Where chats are given out one by one, whoever is asked hears of it by the offer."""
    people = team_people(conversation)
    team = (
        Team.objects.filter(pk=conversation.team_id).first()
        if conversation.team_id
        else Team.objects.filter(is_default=True).first()
    )
    if team is not None and team.assignment != Team.Assignment.MANUAL:
        here = present(team, timezone.now())
        if any(one.has_room("") for one in here):
            return []
    return people


@outbox.on("conversation.offered", "conversation.assigned")
def tell_assigned(event: Event) -> None:
    agent = event.data.get("agent")
    if agent is None or agent in (event.data.get("by"), event.data.get("from")):
        return
    if (conversation := _conversation(event.data["conversation"])) is None:
        return
    is_theirs = conversation.agent_id == agent or conversation.offered_to_id == agent
    if is_theirs:
        key = f"assigned:{conversation.pk}:{agent}:{event.data.get('until') or event.seq}"
        notify("assigned", key, _people([agent]), conversation=conversation)


@outbox.on("mention.made")
def tell_mentioned(event: Event) -> None:
    if conversation := _conversation(event.data["conversation"]):
        notify(
            "mention",
            f"mention:{event.data['message']}",
            _people([event.data["user"]]),
            conversation=conversation,
            data={"message": event.data["message"]},
        )


@outbox.on("sla.warned", "sla.breached")
def tell_promise(event: Event) -> None:
    """Whoever holds it; else its queue. A broken one, the leads too."""
    conversation = _conversation(event.data["conversation"])
    if conversation is None or conversation.sla_due_at is None:
        return
    name = event.name.replace(".", "_")
    people = (
        _people([conversation.agent_id]) if conversation.agent_id else team_people(conversation)
    )
    if name == "sla_breached":
        people += team_people(conversation, leads=True)
    key = f"{name}:{conversation.pk}:{conversation.sla_due_at.timestamp():.0f}"
    notify(name, key, people, conversation=conversation)


@due.worker("window")
def tell_window(conversation_id: int) -> datetime | None:
    """The buyer still waits and soon cannot be answered freely."""
    conversation = _conversation(conversation_id)
    if conversation is None or conversation.waiting_since is None:
        return None
    ends = conversation.window_expires_at
    if ends is None or ends <= timezone.now():
        return None
    if ends - WINDOW_NEAR > timezone.now():
        return ends - WINDOW_NEAR
    people = (
        _people([conversation.agent_id]) if conversation.agent_id else team_people(conversation)
    )
    key = f"window:{conversation.pk}:{ends.timestamp():.0f}"
    notify("window", key, people, conversation=conversation)
    return None


@outbox.on("message.failed")
def tell_failed(event: Event) -> None:
    message = (
        Message.objects.filter(pk=event.data["message"], state=Message.State.FAILED)
        .select_related("conversation__contact")
        .first()
    )
    if message is None or message.failure == STALE or BROADCAST in message.meta:
        return  # these are told together (bots.engine.stale, the page of a broadcast)
    conversation = message.conversation
    who = message.user_id if message.author == Message.Author.AGENT else conversation.agent_id
    notify("failed", f"failed:{message.pk}", _people([who]), conversation=conversation)


@outbox.on("channel.broke")
def tell_channel(event: Event) -> None:
    """Those who can mend it. Told again when it breaks again."""
    channel = Channel.objects.filter(pk=event.data["channel"], state=Channel.State.BROKEN).first()
    if channel is None:
        return
    data = {"channel": channel.pk, "name": channel.name}
    notify("channel", f"channel:{channel.pk}:{event.seq}", who_sets_up(), data=data)


@outbox.on("channel.expires")
def tell_expiry(event: Event) -> None:
    """Those who can renew it, a week and a day before."""
    channel = Channel.objects.filter(pk=event.data["channel"]).first()
    ends = expires_at(channel) if channel else None
    if channel is None or ends is None:
        return
    merchant = merchant_of(event.schema)
    with translation.override(merchant.language):
        day = date_format(ends.astimezone(ZoneInfo(merchant.time_zone)), "j E")
        name = _("%(channel)s: its access ends on %(day)s, renew it") % {
            "channel": channel.name, "day": day,
        }  # fmt: skip
    data = {"channel": channel.pk, "name": name}
    notify("channel", f"expiry:{channel.pk}:{event.seq}", who_sets_up(), data=data)


def who_sets_up() -> QuerySet[User]:
    return User.objects.filter(role__in=(User.Role.OWNER, User.Role.ADMIN), is_active=True)


@outbox.on("model.budget_soft", "model.budget_hard")
def tell_budget(event: Event) -> None:
    """Once a month each: near the end of the model money, and past it. Of another budget anew."""
    is_soft = event.name == "model.budget_soft"
    with translation.override(merchant_of(event.schema).language):
        if event.data.get("own"):
            words = (
                _("your own model budget of this month is nearly spent")
                if is_soft
                else _("your own model budget of this month is spent: no model until you raise it")
            )
        else:
            words = (
                _("this month's model budget is nearly spent")
                if is_soft
                else _("this month's model budget is spent: the bot answers without a model")
            )
    key = f"{event.name}:{timezone.now():%Y-%m}:{event.data.get('budget', '')}"
    notify("model", key, who_sets_up(), data={"name": words})


@outbox.on("model_account.broken")
def tell_model(event: Event) -> None:
    """Told again when it breaks again."""
    found = ModelAccount.objects.filter(
        pk=event.data["account"], state=ModelAccount.State.BROKEN
    ).first()
    if found is None:
        return
    name = ": ".join(filter(None, [found.name, found.state_detail]))
    notify("model", f"model:{found.pk}:{event.seq}", who_sets_up(), data={"name": name})


@outbox.on("agent.presence")
def tell_missed(event: Event) -> None:
    """Back at work: what was kept back is told, in one piece where it is old."""
    agent = event.data["agent"]
    if event.data.get("reason") == "offers_missed":
        notify("missed", f"missed:{event.seq}", _people([agent]))
    due.schedule("notice", agent)


@outbox.on("conversation.taken_over", "conversation.resolved", "conversation.returned")
def forget_taken(event: Event) -> None:
    """Nobody has to come any more: nothing more of it leaves the house."""
    about = Notice.objects.filter(conversation=event.data["conversation"], seen_at=None)
    if event.name == "conversation.taken_over":
        about = about.filter(event__in=_TAKEN)
    else:
        about = about.exclude(event="mention")
    about.update(seen_at=timezone.now(), todo=[])


@outbox.on("conversation.read")
def forget_read(event: Event) -> None:
    if agent := event.data.get("agent"):
        Notice.objects.filter(
            conversation=event.data["conversation"], user=agent, seen_at=None
        ).update(seen_at=timezone.now(), todo=[])
