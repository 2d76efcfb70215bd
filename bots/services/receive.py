"""Applying what a channel delivered: contact, conversation, episode, message, timers, facts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from bots.channels.base import (
    BuyerEdit,
    BuyerMessage,
    Occurrence,
    OwnerEcho,
    Reachable,
    Receipt,
)
from bots.engine import running, texts
from bots.engine.timing import AGENT_WAIT, QUEUE_WAIT
from bots.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    Episode,
    Identity,
    Message,
)
from bots.services import messages
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema

# Nobody needs an answer to these, and they reopen nothing.
_THANKS = re.compile(
    r"^[\s\W]*(спасибо( большое| вам| за помощь)?|благодарю|спс|пасиб\w*|ок(ей)?|хорошо|понятно|"
    r"ясно|отлично|супер|thanks?( you)?( a lot| so much)?|thx|ok(ay)?|great|got it)?[\s\W]*$",
    re.IGNORECASE,
)
MAX_TEXT = 20_000


def is_thanks(text: str) -> bool:
    return bool(_THANKS.match(text))


def apply(channel: Channel, lane: int, occurrence: Occurrence) -> None:
    """Apply one occurrence inside the caller's transaction. Doing it twice changes nothing."""
    if isinstance(occurrence, BuyerMessage):
        _buyer_wrote(channel, lane, occurrence)
    elif isinstance(occurrence, BuyerEdit):
        _buyer_edited(lane, occurrence)
    elif isinstance(occurrence, OwnerEcho):
        _owner_wrote(lane, occurrence)
    elif isinstance(occurrence, Receipt):
        _receipt(lane, occurrence)
    elif isinstance(occurrence, Reachable):
        Contact.objects.filter(channel=channel, external_id=occurrence.chat).update(
            is_reachable=occurrence.is_reachable
        )


def _locked(lane: int) -> Conversation | None:
    return (
        Conversation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("contact")
        .filter(lane=lane)
        .first()
    )


def _open(channel: Channel, lane: int, message: BuyerMessage) -> Conversation:
    """The locked conversation of a lane, made with its contact at the first message."""
    if found := _locked(lane):
        return found
    contact, _made = Contact.objects.get_or_create(
        channel=channel,
        external_id=message.chat,
        defaults={
            "name": message.name[:120],
            "username": message.username[:120],
            "language": message.language[:8],
            "data": dict(message.data),
        },
    )
    Conversation.objects.get_or_create(
        lane=lane,
        defaults={
            "channel": channel,
            "contact": contact,
            "language": "en" if message.language.startswith("en") else "ru",
            "speaker": Conversation.Speaker.NOBODY,
            "status": Conversation.Status.RESOLVED,
        },
    )
    found = _locked(lane)
    assert found is not None
    return found


def _buyer_wrote(channel: Channel, lane: int, said: BuyerMessage) -> None:
    conversation = _open(channel, lane, said)
    if said.external_id and _known(conversation, said.external_id):
        return
    _learn(conversation.contact, said)
    now = timezone.now()
    text = said.text[:MAX_TEXT]
    only_thanks = not said.files and not said.payload and is_thanks(text)
    opened = False
    if conversation.status == Conversation.Status.RESOLVED and (
        conversation.episode_id is None or not only_thanks
    ):
        opened = True
        episode = Episode.objects.create(
            conversation=conversation, start_seq=conversation.last_seq + 1
        )
        conversation.episode = episode
        conversation.status = Conversation.Status.OPEN
        if channel.bot.is_active:
            conversation.hand_to_bot()
        else:
            conversation.hand_to_queue("bot_off")
        conversation.memory = {}
    elif conversation.status == Conversation.Status.SNOOZED:
        conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
    conversation.last_seq += 1
    seq = conversation.last_seq
    message = Message.objects.create(  # type: ignore[misc]
        conversation=conversation,
        episode_id=conversation.episode_id,
        seq=seq,
        author=Message.Author.BUYER,
        kind=Message.Kind.MEDIA if said.files else Message.Kind.TEXT,
        text=text,
        external_id=said.external_id[:120],
        epoch=conversation.epoch,
        state=Message.State.RECEIVED,
        reply_to_id=_quoted(conversation, said.reply_to),
        meta=_meta(said),
        sent_at=said.sent_at or now,
    )
    for file in said.files:
        Attachment.objects.create(
            message=message,
            kind=file.kind,
            name=file.name[:200],
            external_id=file.external_id[:300],
            file_id=file.stored_id,
        )
        if file.external_id and file.stored_id is None:
            due.schedule("fetch", message.pk)
    conversation.last_inbound_seq = seq
    conversation.unread += 1
    conversation.preview = " ".join((text or texts.say(texts.FILE, conversation.language)).split())[
        :160
    ]
    conversation.preview_author = Message.Author.BUYER
    conversation.updated_at = now
    waits = not (only_thanks and conversation.status == Conversation.Status.RESOLVED)
    if waits:
        _wait(channel, conversation, now)
    conversation.save()
    fact = {"conversation": conversation.pk, "message": message.pk, "seq": seq}
    key = f"conversation:{conversation.pk}"
    facts = [("message.received", fact)]
    if opened:
        facts.insert(0, ("conversation.opened", {"conversation": conversation.pk}))
    outbox.emit_all(facts, key=key)
    running.make_stale(current_schema(), conversation.pk)


def _wait(channel: Channel, conversation: Conversation, now) -> None:
    """The buyer waits now: somebody has to answer by a time, whoever speaks."""
    if conversation.speaker == Conversation.Speaker.BOT:
        conversation.waiting_since = conversation.waiting_since or now
        deadline = now + timedelta(seconds=channel.bot.deadline_s)
        conversation.deadline_at = deadline
        due.follow("turn", conversation.pk)
        due.reschedule("deadline", conversation.pk, due_at=deadline)
        return
    if conversation.waiting_since is None:
        conversation.waiting_since = now
        wait = AGENT_WAIT if conversation.speaker == Conversation.Speaker.AGENT else QUEUE_WAIT
        conversation.deadline_at = now + wait
        due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)


def _known(conversation: Conversation, external_id: str) -> bool:
    return Message.objects.filter(conversation=conversation, external_id=external_id[:120]).exists()


def _quoted(conversation: Conversation, external_id: str) -> int | None:
    if not external_id:
        return None
    return (
        Message.objects.filter(conversation=conversation, external_id=external_id)
        .values_list("pk", flat=True)
        .first()
    )


def _meta(said: BuyerMessage) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if said.payload:
        meta["payload"] = said.payload[:200]
    if said.is_start:
        meta["start"] = True
    if said.callback:
        meta["callback"] = said.callback[:120]
    if location := said.data.get("location"):
        meta["location"] = location
    return meta


def _learn(contact: Contact, said: BuyerMessage) -> None:
    """Keep what the message tells of the buyer: name, language, page, proofs."""
    changed = []
    for name, value in (
        ("name", said.name[:120]),
        ("username", said.username[:120]),
        ("language", said.language[:8]),
    ):
        if value and getattr(contact, name) != value:
            setattr(contact, name, value)
            changed.append(name)
    if said.data and any(contact.data.get(k) != v for k, v in said.data.items()):
        contact.data = {**contact.data, **said.data}
        changed.append("data")
    if not contact.is_reachable:
        contact.is_reachable = True
        changed.append("is_reachable")
    if changed:
        contact.save(update_fields=changed)
    for kind, value, proof in said.identities:
        Identity.objects.update_or_create(
            contact=contact,
            kind=kind,
            value=value[:120],
            defaults={"proof": proof, "proven_at": timezone.now()},
        )


def _buyer_edited(lane: int, edit: BuyerEdit) -> None:
    conversation = _locked(lane)
    if conversation is None:
        return
    message = Message.objects.filter(
        conversation=conversation, external_id=edit.external_id, author=Message.Author.BUYER
    ).first()
    if message is None or message.text == edit.text:
        return
    before = message.meta.get("before", [])
    message.meta = {**message.meta, "before": [*before, message.text][-5:]}
    message.text, message.edited_at = edit.text[:MAX_TEXT], timezone.now()
    message.save(update_fields=["text", "edited_at", "meta"])
    key = f"conversation:{conversation.pk}"
    data = {"conversation": conversation.pk, "message": message.pk, "seq": message.seq}
    outbox.emit("message.edited", key=key, data=data)
    # An edit of what is not answered yet is answered as edited.
    if (
        conversation.speaker == Conversation.Speaker.BOT
        and conversation.waiting_since is not None
        and message.seq == conversation.last_inbound_seq
    ):
        running.make_stale(current_schema(), conversation.pk)
        due.follow("turn", conversation.pk)


def _owner_wrote(lane: int, echo: OwnerEcho) -> None:
    """The shop's owner answered from a phone: the bot is silent from here on."""
    conversation = _locked(lane)
    if conversation is None or _known(conversation, echo.external_id):
        return
    if conversation.speaker != Conversation.Speaker.AGENT:
        conversation._speak(Conversation.Speaker.AGENT, None)
        conversation.handover_reason = ""
        conversation.save(update_fields=["speaker", "agent", "epoch", "handover_reason"])
        messages.system_line(conversation, "taken_by_phone")
        outbox.emit(
            "conversation.taken_over",
            key=f"conversation:{conversation.pk}",
            data={"conversation": conversation.pk, "agent": None},
        )
        running.make_stale(current_schema(), conversation.pk)
    messages.write(
        conversation=conversation.pk,
        author=Message.Author.ECHO,
        text=echo.text[:MAX_TEXT],
        state=Message.State.SENT,
        external_id=echo.external_id,
        sent_at=echo.sent_at,
        answers=True,
    )
    due.cancel("deadline", conversation.pk)


_RANK = {"sent": 0, "delivered": 1, "read": 2}


def _receipt(lane: int, receipt: Receipt) -> None:
    conversation = Conversation.objects.filter(lane=lane).only("pk").first()
    if conversation is None:
        return
    message = Message.objects.filter(
        conversation=conversation, external_id=receipt.external_id
    ).first()
    if message is None:
        message = Message.objects.filter(
            conversation=conversation, deliveries__external_id=receipt.external_id
        ).first()
    if message is None:
        return
    if receipt.state == "failed":
        message.state, message.failure = Message.State.FAILED, receipt.detail[:300]
    elif _RANK[receipt.state] > _RANK.get(message.state, -1):
        message.state = receipt.state
    else:
        return
    message.save(update_fields=["state", "failure"])
    outbox.emit(
        f"message.{receipt.state}",
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "message": message.pk, "seq": message.seq},
    )
