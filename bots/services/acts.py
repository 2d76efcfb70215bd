"""Smaller acts on a conversation: snooze, labels, priority, following, unread, reopening.

Each is one transaction with its fact, and doing it again changes nothing. The rows' gate (who may
see it) is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.engine import running
from bots.models import Conversation, Episode, Label, Message
from bots.services import assignment, messages, queues, sla
from bots.services.speaking import open_again, take
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User

Speaker, Status = Conversation.Speaker, Conversation.Status


class NoSuchLabel(RuleBroken):
    code = "no_such_label"
    status = 400


class NotNow(RuleBroken):
    code = "not_now"


def _say(conversation: Conversation, name: str, by: User | None, **data: Any) -> None:
    outbox.emit(
        name,
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "by": by.pk if by else None, **data},
    )


# ── Snooze ───────────────────────────────────────────────────────────────────────────────────
def snooze(
    conversation_id: int, until: datetime, *, wake_on_reply: bool = True, by: User | None = None
) -> Conversation:
    """Out of the lists until a time, or until the buyer writes. Raises NotNow."""
    now = timezone.now()
    if until <= now:
        raise NotNow(_("Choose a time to come."))
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.status == Status.RESOLVED:
            raise NotNow(_("This chat is closed already."))
        if conversation.speaker == Speaker.BOT and conversation.waiting_since is not None:
            raise NotNow(_("The assistant is answering right now."))
        same = (conversation.snoozed_until, conversation.wakes_on_reply) == (until, wake_on_reply)
        if conversation.status == Status.SNOOZED and same:
            return conversation
        offered = conversation.offered_to_id
        conversation.status, conversation.snoozed_until = Status.SNOOZED, until
        conversation.wakes_on_reply = wake_on_reply
        conversation.offered_to = conversation.offer_until = None
        sla.settle(conversation)
        if conversation.waiting_since is not None:
            # Whoever waits is not forgotten: the time runs on from the waking.
            conversation.deadline_at = sla.patience(conversation, until)
            due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
        conversation.save(
            update_fields=[
                *("status", "snoozed_until", "wakes_on_reply", "deadline_at"),
                *("offered_to", "offer_until"),
            ]
        )
        due.reschedule("snooze", conversation.pk, due_at=until)
        if offered is not None:
            due.cancel("offer", conversation.pk)
        messages.system_line(conversation, "snoozed", until=until.isoformat(), name=_name(by))
        _say(conversation, "conversation.snoozed", by, until=until.isoformat())
        for user_id in {conversation.agent_id, offered} - {None}:
            queues.wake_for(user_id)
    return conversation


def _name(by: User | None) -> str:
    return str(by) if by else ""


def wake(conversation_id: int, *, by: User | None = None) -> Conversation:
    """Back into the lists. Waking what is awake changes nothing."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.status != Status.SNOOZED:
            return conversation
        conversation.status, conversation.snoozed_until = Status.OPEN, None
        sla.settle(conversation)
        if conversation.waiting_since is not None:
            conversation.deadline_at = sla.patience(conversation)
            due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
        conversation.save(update_fields=["status", "snoozed_until", "deadline_at"])
        due.cancel("snooze", conversation.pk)
        messages.system_line(conversation, "woken", name=_name(by))
        _say(conversation, "conversation.woken", by)
        if conversation.waiting_since is not None and by is None:
            assignment.release_from_absent(conversation)
        elif conversation.speaker == Speaker.QUEUE:
            queues.wake(conversation.team or queues.default_team())
    return conversation


@due.worker("snooze")
def end_snooze(conversation_id: int) -> datetime | None:
    found = Conversation.objects.filter(pk=conversation_id, status=Status.SNOOZED).first()
    if found is None:
        return None
    if found.snoozed_until and found.snoozed_until > timezone.now():
        return found.snoozed_until
    wake(conversation_id)
    return None


# ── Labels, priority, followers ──────────────────────────────────────────────────────────────
def label(
    conversation_id: int,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    by: User | None = None,
) -> tuple[list[str], list[str]]:
    """Put labels on and take labels off; what really changed: (added, removed).

    Raises NoSuchLabel for a name that is not in the catalogue.
    """
    wanted = list(dict.fromkeys(add))
    known = dict(Label.objects.filter(name__in=wanted).values_list("name", "pk"))
    if unknown := [name for name in wanted if name not in known]:
        raise NoSuchLabel(_("There is no label “%s”.") % unknown[0])
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        off = set(remove) - set(wanted)
        added = [name for name in wanted if name not in conversation.labels]
        removed = [name for name in conversation.labels if name in off]
        if added or removed:
            kept = [name for name in conversation.labels if name not in off]
            conversation.labels = [*kept, *added]
            conversation.save(update_fields=["labels"])
            gone = Label.objects.filter(name__in=removed).values_list("pk", flat=True)
            _say(
                conversation,
                "conversation.labelled",
                by,
                added=sorted(known[name] for name in added),
                removed=sorted(gone),
            )
    return added, removed


def prioritise(conversation_id: int, priority: int, *, by: User | None = None) -> int:
    """How soon it is given out; what it was before."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        before = conversation.priority
        if before != priority:
            conversation.priority = Conversation.Priority(priority)
            conversation.save(update_fields=["priority"])
            _say(conversation, "conversation.prioritised", by, priority=int(priority))
            if conversation.speaker == Speaker.QUEUE:
                queues.wake(conversation.team or queues.default_team())
    return before


def follow(
    conversation_id: int, user: User, *, follows: bool = True, by: User | None = None
) -> bool:
    """Who follows sees it whatever its team, and is told. Whether anything changed."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        others = [pk for pk in conversation.followers if pk != user.pk]
        now = [*others, user.pk] if follows else others
        if sorted(now) == sorted(conversation.followers):
            return False
        conversation.followers = now
        conversation.save(update_fields=["followers"])
        _say(
            conversation,
            "conversation.followed",
            by or user,
            agent=user.pk,
            follows=follows,
        )
    return True


def mark_unread(conversation_id: int, *, by: User) -> Conversation:
    """The buyer's newest message counts as not seen, for everybody."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        newest = (
            Message.objects.filter(conversation=conversation, author=Message.Author.BUYER)
            .order_by("-seq")
            .values_list("seq", flat=True)
            .first()
        )
        if newest is None or conversation.unread:
            return conversation
        conversation.last_read_seq = min(conversation.last_read_seq, newest - 1)
        conversation.unread = 1
        conversation.save(update_fields=["last_read_seq", "unread"])
        _say(conversation, "conversation.unread", by, seq=newest - 1)
    return conversation


def reopen(conversation_id: int, *, by: User | None = None) -> Conversation:
    """A closed one is open again: with the person who does it, or in the queue for a rule."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.status != Status.RESOLVED:
            return conversation
        if by is not None:
            take(conversation, by)
        else:
            open_again(conversation)
            conversation._speak(Speaker.QUEUE, None)
            conversation.save()
            assignment.enqueue(conversation)
            sla.settle(conversation)
        messages.system_line(conversation, "reopened", name=_name(by))
        _say(conversation, "conversation.reopened", by)
    return conversation


def unresolve(conversation_id: int, *, epoch: int, before: dict[str, Any], by: User | None) -> bool:
    """Undo a closing: the same episode goes on, with whoever had it. False where it moved on."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if conversation.epoch != epoch or conversation.status != Status.RESOLVED:
            return False
        agent = User.objects.filter(pk=before.get("agent") or 0, is_active=True).first()
        is_agents = before["speaker"] == Speaker.AGENT and agent is not None
        conversation._speak(
            Speaker.AGENT if is_agents else
            Speaker.BOT if before["speaker"] == Speaker.BOT else Speaker.QUEUE,
            agent if is_agents else None,
        )  # fmt: skip
        conversation.status, conversation.sla = Status.OPEN, before.get("sla") or {}
        if before.get("waiting_since"):
            conversation.waiting_since = datetime.fromisoformat(before["waiting_since"])
        sla.settle(conversation)
        if conversation.waiting_since is not None:
            conversation.deadline_at = sla.patience(conversation)
            due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
            if conversation.speaker == Speaker.BOT:
                due.schedule("turn", conversation.pk)
        conversation.save()
        Episode.objects.now_of(conversation).update(resolved_at=None, outcome="", resolved_by="")
        if conversation.speaker == Speaker.QUEUE:
            assignment.enqueue(conversation)
        messages.system_line(conversation, "reopened", name=_name(by))
        _say(conversation, "conversation.reopened", by)
    running.make_stale(current_schema(), conversation_id)
    return True
