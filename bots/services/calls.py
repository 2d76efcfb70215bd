"""Telephone calls in the conversation of the number they come from.

A call is one inner line of the thread (`Message.meta["call"]`), told again and again as it goes on:
what is known of it only grows, in whatever order the telephone company says it. Nobody writes an
answer to the line itself. A call nobody took makes the buyer wait for a person and is a fact
("call.missed") that rules wait for; talking, whoever rang, ends the waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from bots.channels.base import CallHappened
from bots.engine import running
from bots.engine.base import Reason
from bots.engine.timing import QUEUE_WAIT
from bots.models import Channel, Contact, Conversation, Episode, Identity, Message
from bots.services import assignment, lanes, messages, sla
from bots.services.identities import identity_keep
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

CODE = "call"
# Over, and nobody is known to have talked: so long the word of it may still be on its way.
GRACE = timedelta(seconds=15)
Speaker, Status = Conversation.Speaker, Conversation.Status


def apply(channel: Channel, lane: int, call: CallHappened) -> None:
    """Inside the caller's transaction. Told again, or out of order, nothing goes backwards."""
    conversation, is_known = lanes.opened(
        channel,
        lane,
        call.chat,
        external_id=call.external_id,
        name=_hidden(call.chat),
        username=call.chat if call.chat.startswith("+") else "",
    )
    if not is_known:
        _know(conversation.contact, call.chat)
        message, before = _begin(conversation, call), {}
    else:
        message = _line(conversation, call.external_id)
        before = message.meta["call"]
        if (now := grown(before, call)) == before:
            return
        _keep(message, now)
    _mean(conversation, message, before)


def grown(before: dict[str, Any], call: CallHappened) -> dict[str, Any]:
    """What is known of a call after it was told once more.

    `talked` and `over` only become true; the state follows from them.
    """
    talked = call.state == "answered" or call.seconds > 0
    found = {
        "direction": before.get("direction") or call.direction,
        "at": min(before.get("at") or call.at.isoformat(), call.at.isoformat()),
        "seconds": max(before.get("seconds", 0), call.seconds),
        "line": before.get("line") or call.line[:40],
        "recording": before.get("recording") or call.recording[:1000],
        "answered_by": before.get("answered_by") or call.answered_by[:80],
        "talked": before.get("talked", False) or talked,
        "over": before.get("over", False) or call.state in ("ended", "missed"),
        "missed": before.get("missed", False) or call.state == "missed",
    }
    return found | {"state": _state(found)}


def _state(call: dict[str, Any]) -> str:
    if call["talked"]:
        return "ended" if call["over"] else "answered"
    if call["missed"]:
        return "missed"
    return "ended" if call["over"] else "ringing"


def is_missed(call: dict[str, Any]) -> bool:
    return call.get("state") == "missed" and call.get("direction") == "in"


# ── The line ─────────────────────────────────────────────────────────────────────────────────
def _begin(conversation: Conversation, call: CallHappened) -> Message:
    if conversation.episode_id is None:
        # A call alone opens nothing: what it leads to does.
        now = timezone.now()
        conversation.episode = Episode.objects.create(
            conversation=conversation, start_seq=conversation.last_seq + 1, resolved_at=now
        )
        conversation.save(update_fields=["episode"])
    known = grown({}, call)
    written = messages.write(
        conversation=conversation.pk,
        author=Message.Author.SYSTEM,
        kind=Message.Kind.SYSTEM,
        state=Message.State.KEPT,
        text=in_words(known),
        external_id=call.external_id[:120],
        meta={"code": CODE, "call": known},
        sent_at=call.at,
    )
    assert written is not None
    conversation.last_seq = written.seq
    return Message.objects.get(pk=written.id)


def _line(conversation: Conversation, external_id: str) -> Message:
    return Message.objects.get(
        conversation=conversation, external_id=external_id[:120], meta__code=CODE
    )


def _keep(message: Message, call: dict[str, Any]) -> None:
    message.meta = {**message.meta, "call": call}
    message.text = in_words(call)
    message.save(update_fields=["meta", "text"])
    messages.changed(message)


def in_words(call: dict[str, Any]) -> str:
    """For lists, search and export, in the merchant's language."""
    with translation.override(merchant_of(current_schema()).language):
        is_in = call["direction"] == "in"
        if call["state"] == "missed":
            words = _("Missed call") if is_in else _("Outgoing call, no answer")
        else:
            words = _("Incoming call") if is_in else _("Outgoing call")
        if call["seconds"]:
            minutes, seconds = divmod(call["seconds"], 60)
            words += f", {minutes}:{seconds:02}"
        return f"{words}, {call['answered_by']}" if call["answered_by"] else words


def _hidden(chat: str) -> str:
    if chat.startswith("+"):
        return ""
    with translation.override(merchant_of(current_schema()).language):
        return _("Hidden number")


def _know(contact: Contact, chat: str) -> None:
    """The number a call shows can be made up: it is what the buyer says of themselves."""
    if chat.startswith("+") and identity_keep(contact, "phone", chat, Identity.Proof.CLAIMED):
        outbox.emit("contact.identified", key=f"contact:{contact.pk}", data={"contact": contact.pk})


# ── What it means ────────────────────────────────────────────────────────────────────────────
def _mean(conversation: Conversation, message: Message, before: dict[str, Any]) -> None:
    call = message.meta["call"]
    if is_missed(call) and not is_missed(before):
        _missed(conversation, message)
    elif call["talked"] and not before.get("talked"):
        _talked(conversation)
    elif call["over"] and not call["talked"] and not call["missed"]:
        due.schedule("call", message.pk, due_at=timezone.now() + GRACE)
    Conversation.objects.filter(pk=conversation.pk).update(
        preview=message.text[:160], preview_author=Message.Author.SYSTEM, updated_at=timezone.now()
    )


@due.worker("call")
def end_call(message_id: int) -> datetime | None:
    """It is over and nobody has said that anybody talked: nobody did."""
    with transaction.atomic():
        found = Message.objects.filter(pk=message_id).values_list("conversation", flat=True).first()
        conversation = (
            Conversation.objects.locked().select_related("contact").filter(pk=found or 0).first()
        )
        message = Message.objects.filter(pk=message_id).first()
        if conversation is None or message is None:
            return None
        before = message.meta["call"]
        if before["talked"] or before["missed"]:
            return None
        now = {**before, "missed": True}
        _keep(message, now | {"state": _state(now)})
        _mean(conversation, message, before)
    return None


def _missed(conversation: Conversation, message: Message) -> None:
    """The buyer waits for a person, by a time; rules may answer meanwhile. The row is locked."""
    if not conversation.contact.is_blocked:
        _waits(conversation, message)
    outbox.emit(
        "call.missed",
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "message": message.pk, "seq": message.seq},
    )


def _waits(conversation: Conversation, message: Message) -> None:
    now = timezone.now()
    waited = conversation.waiting_since
    opens = conversation.status == Status.RESOLVED
    wakes = conversation.status == Status.SNOOZED and conversation.wakes_on_reply
    if opens:
        conversation.status, conversation.memory = Status.OPEN, {}
        conversation.episode = Episode.objects.create(
            conversation=conversation, start_seq=message.seq
        )
        message.episode = conversation.episode
        message.save(update_fields=["episode"])
    elif wakes:
        conversation.status, conversation.snoozed_until = Status.OPEN, None
        due.cancel("snooze", conversation.pk)
    was_bots = conversation.hand_to_queue(Reason.MISSED_CALL)
    conversation.waiting_since = waited or now
    conversation.deadline_at = conversation.deadline_at if waited else now + QUEUE_WAIT
    conversation.unread += 1
    conversation.save(
        update_fields=[
            *("status", "memory", "episode", "snoozed_until", "speaker", "agent", "epoch"),
            *("handover_reason", "waiting_since", "deadline_at", "unread"),
            *("previous_agent", "offered_to", "offer_until"),
        ]
    )
    name = "conversation.opened" if opens else "conversation.woken" if wakes else ""
    if name:
        outbox.emit(
            name,
            key=f"conversation:{conversation.pk}",
            data={"conversation": conversation.pk, **({"by": "buyer"} if wakes else {})},
        )
    if conversation.speaker == Speaker.QUEUE and (opens or wakes or was_bots):
        assignment.enqueue(conversation)
    if waited is None or wakes or was_bots:
        assignment.promise(conversation)
    due.schedule("told", conversation.pk)
    if was_bots:
        running.make_stale(current_schema(), conversation.pk)


def _talked(conversation: Conversation) -> None:
    """A person of the shop and the buyer have spoken: nobody waits for a person any more."""
    if conversation.waiting_since is None or conversation.speaker == Speaker.BOT:
        return
    conversation.waiting_since = conversation.deadline_at = None
    conversation.save(update_fields=["waiting_since", "deadline_at"])
    sla.settle(conversation, replied=True)
    due.cancel("deadline", conversation.pk)
