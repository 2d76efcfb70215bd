"""Applying what a channel delivered: contact, conversation, episode, message, timers, facts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils import timezone

from bots.channels.base import (
    AccountChanged,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    CallHappened,
    Moved,
    Occurrence,
    OwnerEcho,
    Reachable,
    Reaction,
    Receipt,
    ReplyMode,
)
from bots.engine import running, texts
from bots.engine.timing import QUEUE_WAIT
from bots.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    Delivery,
    Episode,
    Greeting,
    Identity,
    Message,
)
from bots.selectors.conditions import thanks_stay_closed
from bots.selectors.conduct import bot_speaks, writes_drafts
from bots.selectors.sendable import manifest_of
from bots.services import (
    agent_telegram,
    assignment,
    calls,
    lanes,
    messages,
    moves,
    platform_templates,
    rating,
    sla,
    transcribe,
    translate,
    unsubscribing,
    who,
)
from bots.services.channels import channel_told
from bots.services.delivery import BROADCAST, waits_again
from bots.services.identities import identities_only, identity_keep
from bots.services.later_over import tell_cancelled
from bots.services.speaking import open_again, tell_woken
from bots.services.windows import window_after
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.workspace.models import User

# Nobody needs an answer to these, and they reopen nothing.
_THANKS = re.compile(
    r"^[\s\W]*(спасибо( большое| вам| за помощь)?|благодарю|спс|пасиб\w*|ок(ей)?|хорошо|понятно|"
    r"ясно|отлично|супер|thanks?( you)?( a lot| so much)?|thx|ok(ay)?|great|got it)?[\s\W]*$",
    re.IGNORECASE,
)
MAX_TEXT = 20_000
# What was kept for this utterance waits so much of its time for the new answer, then goes alone;
# timers come half a second late.
KEPT_WAITS = 0.5
# An answer to a broadcast, if it comes so soon.
BROADCAST_FOR = timedelta(days=14)
# Told with a message and of that message alone: nothing to remember of the buyer.
OF_THE_MESSAGE = frozenset({"greeting", "wordless", "order", "product", "quoted"})


def is_thanks(text: str) -> bool:
    """“Спасибо!”, “ok”, “👍”. A lone “?” or “ok?” asks for an answer."""
    return "?" not in text and bool(_THANKS.match(text))


def apply(channel: Channel, lane: int, occurrence: Occurrence) -> None:
    """Apply one occurrence inside the caller's transaction. Doing it twice changes nothing."""
    if isinstance(occurrence, BuyerMessage):
        if not agent_telegram.heard(channel, occurrence):
            _buyer_wrote(channel, lane, occurrence)
    elif isinstance(occurrence, BuyerEdit):
        _buyer_edited(lane, occurrence)
    elif isinstance(occurrence, BuyerDelete):
        _buyer_deleted(lane, occurrence)
    elif isinstance(occurrence, Reaction):
        _buyer_reacted(lane, occurrence)
    elif isinstance(occurrence, AccountChanged):
        platform_templates.told(channel, occurrence)
        channel_told(channel, occurrence)
    elif isinstance(occurrence, OwnerEcho):
        _owner_wrote(channel, lane, occurrence)
    elif isinstance(occurrence, Receipt):
        _receipt(channel, lane, occurrence)
    elif isinstance(occurrence, Moved):
        moves.apply(channel, lane, occurrence)
    elif isinstance(occurrence, CallHappened):
        calls.apply(channel, lane, occurrence)
    elif isinstance(occurrence, Reachable):
        how = "external_id__startswith" if occurrence.is_all else "external_id"
        Contact.objects.filter(channel=channel, **{how: occurrence.chat}).update(
            is_reachable=occurrence.is_reachable
        )


# One statement for what a buyer's message changes; the conversation is locked by the caller and
# its new fields are those of the caller's object.
_RECEIVE = """
WITH opened AS (
    INSERT INTO bots_episode (conversation_id, outcome, resolved_by, handover_reason, summary,
        start_seq)
    SELECT %(conversation)s, '', '', '', '', %(seq)s WHERE %(begins)s RETURNING id),
said AS (
    INSERT INTO bots_message (conversation_id, episode_id, seq, author, kind, text, language,
        external_id, client_key, reply_to_id, epoch, state, failure, meta, sent_at)
    SELECT %(conversation)s, coalesce((SELECT id FROM opened), %(episode)s), %(seq)s, 'buyer',
        %(kind)s, %(text)s, '', %(external_id)s, '', %(reply_to)s, %(epoch)s, 'received', '',
        %(meta)s::jsonb, %(sent_at)s
    RETURNING id, episode_id),
talk AS (
    UPDATE bots_conversation SET episode_id = coalesce((SELECT id FROM opened), %(episode)s),
        status = %(status)s, speaker = %(speaker)s, agent_id = %(agent)s, epoch = %(epoch)s,
        handover_reason = %(reason)s, snoozed_until = %(snoozed_until)s, memory = %(memory)s::jsonb,
        waiting_since = %(waiting_since)s, deadline_at = %(deadline_at)s,
        window_expires_at = greatest(window_expires_at, %(window)s::timestamptz),
        last_seq = %(seq)s, last_inbound_seq = %(seq)s, unread = unread + 1,
        preview = %(preview)s, preview_author = 'buyer', updated_at = now()
    WHERE id = %(conversation)s),
later AS (
    UPDATE bots_latermessage SET state = 'cancelled', reason = 'buyer_wrote', ended_at = now()
    WHERE conversation_id = %(conversation)s AND state = 'waiting' AND cancels_on_reply
    RETURNING id, user_id),
facts AS (
    INSERT INTO public.tenants_outboxevent (schema, name, key, data)
    SELECT %(schema)s, name, %(key)s, data FROM (
        SELECT 1 AS place, 'conversation.opened' AS name,
            jsonb_build_object('conversation', %(conversation)s) AS data WHERE %(opens)s
        UNION ALL
        SELECT 2, 'message.received', jsonb_build_object(
            'conversation', %(conversation)s, 'message', said.id, 'seq', %(seq)s) FROM said
        ORDER BY place) AS fact)
SELECT said.id, said.episode_id,
    (SELECT json_agg(json_build_array(later.id, later.user_id)) FROM later) FROM said
"""


def _open(channel: Channel, lane: int, message: BuyerMessage) -> tuple[Conversation, bool]:
    """The locked conversation of a lane, made with its contact at the first message; and whether
    this message is in it already."""
    return lanes.opened(
        channel,
        lane,
        message.chat,
        name=message.name,
        username=message.username,
        language=message.language,
        data={k: v for k, v in message.data.items() if k not in OF_THE_MESSAGE},
        external_id=message.external_id,
        is_public=message.is_public,
    )


def _buyer_wrote(channel: Channel, lane: int, said: BuyerMessage) -> None:
    conversation, is_known = _open(channel, lane, said)
    if is_known or (said.is_nudge and _is_on_its_way(conversation)):
        return
    if said.album and _joins_album(conversation, said):
        return
    _learn(conversation.contact, said)
    who.wish(channel, conversation.contact)
    if rating.take(conversation, said) or unsubscribing.take(conversation, said):
        return
    now = timezone.now()
    text = said.text[:MAX_TEXT]
    only_thanks = conversation.contact.is_blocked or (
        not said.files and not said.payload and not said.data.get("location") and is_thanks(text)
    )
    opens = wakes = False
    told = 0
    if conversation.status == Conversation.Status.RESOLVED and (
        conversation.episode_id is None
        or not only_thanks
        or not thanks_stay_closed(conversation, text)
    ):
        opens = True
        conversation.status = Conversation.Status.OPEN
        if bot_speaks(channel, now):
            conversation.hand_to_bot()
        else:
            conversation.hand_to_queue("bot_off")
        told = int(conversation.memory.get(BROADCAST) or 0)
        conversation.memory = {}
    elif conversation.status == Conversation.Status.SNOOZED and (
        conversation.wakes_on_reply or conversation.speaker == Conversation.Speaker.BOT
    ):
        conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
        wakes = True
    floods = conversation.speaker == Conversation.Speaker.BOT and _floods(
        channel, conversation, now
    )
    if floods:
        conversation.hand_to_queue("flood")
    greeted = (
        _greeting_answered(conversation, said) or _broadcast_answered(conversation, told)
        if opens
        else None
    )
    waits = not (only_thanks and conversation.status == Conversation.Status.RESOLVED)
    waited = conversation.waiting_since
    bot_has_to = waits and _wait(channel, conversation, now)
    preview = " ".join((text or texts.say(texts.FILE, conversation.language)).split())[:160]
    with connection.cursor() as cursor:
        cursor.execute(
            _RECEIVE,
            {
                "schema": current_schema(),
                "key": f"conversation:{conversation.pk}",
                "conversation": conversation.pk,
                "opens": opens,
                "begins": opens and greeted is None,
                "episode": conversation.episode_id,
                "seq": conversation.last_seq + 1,
                "kind": Message.Kind.MEDIA if said.files else Message.Kind.TEXT,
                "text": text,
                "external_id": said.external_id[:120],
                "reply_to": _quoted(conversation, said.reply_to),
                "meta": json.dumps(_meta(said), ensure_ascii=False),
                "sent_at": said.sent_at or now,
                "status": conversation.status,
                "speaker": conversation.speaker,
                "agent": conversation.agent_id,
                "epoch": conversation.epoch,
                "reason": conversation.handover_reason,
                "snoozed_until": conversation.snoozed_until,
                "memory": json.dumps(conversation.memory, ensure_ascii=False),
                "waiting_since": conversation.waiting_since,
                "deadline_at": conversation.deadline_at,
                "window": window_after(channel, said.sent_at or now, said.window_s),
                "preview": preview,
            },
        )
        message_id, conversation.episode_id, cancelled = cursor.fetchone()
    outbox.tell_relay()
    for later_id, user_id in cancelled or ():
        tell_cancelled(conversation, later_id, user_id, "buyer_wrote")
    translate.wish(conversation, message_id, text)
    if conversation.speaker == Conversation.Speaker.QUEUE and (opens or wakes or floods):
        assignment.enqueue(conversation)
    if (
        conversation.waiting_since is not None
        and not bot_has_to
        and (waited is None or wakes or floods)
    ):
        assignment.promise(conversation)
    if wakes:
        tell_woken(conversation, "buyer")
    _keep_files(message_id, said)
    if conversation.agent_id or conversation.followers or conversation.window_expires_at:
        due.schedule("told", conversation.pk)
    if waits and not bot_has_to and not said.files and writes_drafts(channel):
        due.schedule("propose", conversation.pk)
    manifest = manifest_of(channel)
    if manifest and manifest.reply_mode == ReplyMode.INLINE and _kept(conversation):
        # Together with the new answer, or alone shortly before this call has to be answered.
        due.reschedule(
            "deliver",
            conversation.pk,
            due_at=now + timedelta(seconds=manifest.reply_within_s * KEPT_WAITS),
        )
    if bot_has_to and conversation.deadline_at:
        due.follow("turn", conversation.pk, timer=("deadline", conversation.deadline_at))
    running.make_stale(current_schema(), conversation.pk)


def _keep_files(message_id: int, said: BuyerMessage) -> None:
    for file in said.files:
        kept = Attachment.objects.create(
            message_id=message_id,
            kind=file.kind,
            name=file.name[:200],
            external_id=file.external_id[:2000],
            file_id=file.stored_id,
            speech={"state": "waiting"} if file.kind == "voice" and transcribe.is_on() else {},
        )
        if file.stored_id is not None:
            transcribe.wish(kept)
        if file.external_id and file.stored_id is None:
            due.schedule("fetch", message_id)


def _joins_album(conversation: Conversation, said: BuyerMessage) -> bool:
    """Another picture of a message that is here already: added to it, nothing new was said.

    False for the first one. The caption may come with any of them. The row is locked.
    """
    message = (
        Message.objects.filter(
            conversation=conversation, author=Message.Author.BUYER, meta__album=said.album
        )
        .order_by("-seq")
        .first()
    )
    if message is None:
        return False
    parts = message.meta.get("parts", [])
    if said.external_id in parts:
        return True
    message.meta = {**message.meta, "parts": [*parts, said.external_id]}
    if said.text and said.text not in message.text:
        message.text = "\n".join(filter(None, [message.text, said.text]))[:MAX_TEXT]
    message.save(update_fields=["meta", "text"])
    _keep_files(message.pk, said)
    messages.changed(message)
    if conversation.speaker == Conversation.Speaker.BOT and conversation.waiting_since is not None:
        running.make_stale(current_schema(), conversation.pk)
        due.follow("turn", conversation.pk)
    return True


def _is_on_its_way(conversation: Conversation) -> bool:
    """The answer the buyer asks after: said now if it is ready, waited for if it is not."""
    if _kept(conversation):
        due.reschedule("deliver", conversation.pk, due_at=timezone.now())
        return True
    return conversation.waiting_since is not None


def _kept(conversation: Conversation) -> bool:
    return Message.objects.filter(conversation=conversation, state=Message.State.QUEUED).exists()


def _greeting_answered(conversation: Conversation, said: BuyerMessage) -> Episode | None:
    """What the chat on the site had said first becomes the talk's first message.

    A colleague who wrote first holds the chat from here on. The row is locked by the caller.
    """
    greeting = said.data.get("greeting")
    if not isinstance(greeting, dict) or not greeting.get("text"):
        return None
    agent = User.objects.filter(pk=greeting.get("agent") or 0, is_active=True).first()
    seq = conversation.last_seq + 1
    episode = Episode.objects.create(conversation=conversation, start_seq=seq)
    conversation.episode, conversation.last_seq = episode, seq
    Message.objects.create(
        conversation=conversation,
        episode=episode,
        seq=seq,
        author=Message.Author.AGENT if agent else Message.Author.AUTOMATION,
        user=agent,
        text=str(greeting["text"])[:MAX_TEXT],
        state=Message.State.READ,
        meta={"greeting": greeting.get("id", 0)},
        sent_at=datetime.fromtimestamp(float(greeting.get("at", 0)), UTC),
    )
    if agent is not None:
        conversation._speak(Conversation.Speaker.AGENT, agent)
        outbox.emit(
            "conversation.taken_over",
            key=f"conversation:{conversation.pk}",
            data={"conversation": conversation.pk, "agent": agent.pk},
        )
    elif greeting.get("id"):
        Greeting.objects.filter(pk=greeting["id"]).update(answered=F("answered") + 1)
    return episode


def _broadcast_answered(conversation: Conversation, told: int) -> Episode | None:
    """What was sent to this buyer among others is the talk's beginning, so that whoever answers
    knows it. `told`: the number of its message, 0 for none. The row is locked by the caller.
    """
    if told <= conversation.last_inbound_seq:
        return None
    sent = Message.objects.filter(
        conversation=conversation, seq__gte=told, meta__has_key=BROADCAST,
        created_at__gt=timezone.now() - BROADCAST_FOR,
    ).exclude(state__in=[Message.State.DROPPED, Message.State.FAILED])  # fmt: skip
    first = sent.order_by("seq").values_list("seq", flat=True).first()
    if first is None:
        return None
    episode = Episode.objects.create(conversation=conversation, start_seq=first)
    sent.update(episode=episode)
    conversation.episode = episode
    return episode


def _floods(channel: Channel, conversation: Conversation, now: datetime) -> bool:
    """More in an hour than a person writes: perhaps another robot, which an answer would feed."""
    manifest = manifest_of(channel)
    if manifest is None or not manifest.hourly_limit:
        return False
    lately = Message.objects.filter(
        conversation=conversation,
        author=Message.Author.BUYER,
        created_at__gt=now - timedelta(hours=1),
    )
    return lately.count() >= manifest.hourly_limit


def _wait(channel: Channel, conversation: Conversation, now: datetime) -> bool:
    """The buyer waits now: somebody has to answer by a time. True when that is the bot."""
    if conversation.speaker == Conversation.Speaker.BOT:
        conversation.waiting_since = conversation.waiting_since or now
        conversation.deadline_at = now + timedelta(seconds=channel.bot.deadline_s)
        return True
    if conversation.waiting_since is None:
        conversation.waiting_since = now
        conversation.deadline_at = now + QUEUE_WAIT
    return False


def _known(conversation: Conversation, external_id: str) -> bool:
    return Message.objects.filter(conversation=conversation, external_id=external_id[:120]).exists()


def _is_own(conversation: Conversation, echo: OwnerEcho) -> bool:
    """Ours, told back by the platform, maybe before our call has ended."""
    return bool(echo.own_id) and (
        Message.objects.filter(conversation=conversation, pk=echo.own_id)
        .exclude(author__in=[Message.Author.BUYER, Message.Author.ECHO])
        .exists()
    )


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
    if said.album:
        meta["album"] = said.album[:120]
    if said.callback:
        meta["callback"] = said.callback[:500]
    for name in ("location", "wordless", "order", "product", "quoted"):
        if value := said.data.get(name):
            meta[name] = value
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
    told = {name: value for name, value in said.data.items() if name not in OF_THE_MESSAGE}
    if any(contact.data.get(k) != v for k, v in told.items()):
        contact.data = {**contact.data, **told}
        changed.append("data")
    elif contact.data.get("thread") and "thread" not in told:
        # Of an earlier message; this one needs nothing of a reply.
        contact.data = {k: v for k, v in contact.data.items() if k != "thread"}
        changed.append("data")
    if not contact.is_reachable:
        contact.is_reachable = True
        changed.append("is_reachable")
    if changed:
        contact.save(update_fields=changed)
    if said.vouched_anew:
        identities_only(contact, said.identities)
    is_known_better = False
    for kind, value, proof in said.identities:
        is_known_better = identity_keep(contact, kind, value, proof) or is_known_better
    if is_known_better:
        outbox.emit("contact.identified", key=f"contact:{contact.pk}", data={"contact": contact.pk})


def _buyer_edited(lane: int, edit: BuyerEdit) -> None:
    conversation = lanes.locked(lane)
    if conversation is None:
        return
    message = _of_buyer(conversation, edit.external_id)
    if message is None or message.text == edit.text:
        return
    before = message.meta.get("before", [])
    message.meta = {**message.meta, **edit.data, "before": [*before, message.text][-5:]}
    message.text, message.edited_at = edit.text[:MAX_TEXT], timezone.now()
    message.save(update_fields=["text", "edited_at", "meta"])
    messages.changed(message)
    # An edit of what is not answered yet is answered as edited.
    if (
        conversation.speaker == Conversation.Speaker.BOT
        and conversation.waiting_since is not None
        and message.seq == conversation.last_inbound_seq
    ):
        running.make_stale(current_schema(), conversation.pk)
        due.follow("turn", conversation.pk)


def _of_buyer(conversation: Conversation, external_id: str) -> Message | None:
    """A message of the buyer's; one of an album by its first part."""
    return Message.objects.filter(
        conversation=conversation, external_id=external_id, author=Message.Author.BUYER
    ).first()


def _buyer_deleted(lane: int, deleted: BuyerDelete) -> None:
    """Taken back: the words stay for colleagues; what nobody has answered yet asks for nothing."""
    conversation = lanes.locked(lane)
    if conversation is None:
        return
    message = _of_buyer(conversation, deleted.external_id[:120])
    if message is None or message.deleted_at is not None:
        return
    message.deleted_at = timezone.now()
    message.save(update_fields=["deleted_at"])
    messages.changed(message)
    if conversation.speaker == Conversation.Speaker.BOT and conversation.waiting_since is not None:
        running.make_stale(current_schema(), conversation.pk)
        due.follow("turn", conversation.pk)


def _buyer_reacted(lane: int, reaction: Reaction) -> None:
    """A sign on one of the messages: shown there, nobody has to answer it."""
    conversation = Conversation.objects.filter(lane=lane).only("pk").first()
    message = message_of(conversation, reaction.external_id) if conversation else None
    if message is None or message.meta.get("reaction", "") == reaction.emoji[:16]:
        return
    message.meta = {**message.meta, "reaction": reaction.emoji[:16]}
    message.save(update_fields=["meta"])
    messages.changed(message)


def message_of(conversation: Conversation, external_id: str) -> Message | None:
    """By its own id in the channel, or by that of any of the parts it went out in."""
    here = Message.objects.filter(conversation=conversation)
    return (
        here.filter(external_id=external_id).first()
        or here.filter(deliveries__external_id=external_id).first()
    )


def _owner_wrote(channel: Channel, lane: int, echo: OwnerEcho) -> None:
    """The shop's owner answered from a phone: the bot is silent from here on."""
    conversation = lanes.locked(lane)
    if conversation is None and echo.phone:
        other = _lane_of_phone(channel, echo.phone)
        conversation = lanes.locked(other) if other is not None else None
    if conversation is None and echo.begins:
        conversation, _ = lanes.opened(channel, lane, echo.chat, name=echo.name)
    if conversation is None or _known(conversation, echo.external_id):
        return
    if _is_own(conversation, echo):
        return
    if conversation.speaker != Conversation.Speaker.AGENT:
        conversation._speak(Conversation.Speaker.AGENT, None)
        conversation.handover_reason = ""
        if conversation.status == Conversation.Status.RESOLVED:
            open_again(conversation)
        conversation.save(
            update_fields=[
                *("speaker", "agent", "epoch", "handover_reason", "status", "episode"),
                *("previous_agent", "offered_to", "offer_until"),
            ]
        )
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
    sla.settle(conversation, replied=True)
    due.cancel("deadline", conversation.pk)


_RANK = {"sent": 0, "delivered": 1, "read": 2}


def _receipt(channel: Channel, lane: int, receipt: Receipt) -> None:
    message = _told_of(channel, lane, receipt)
    if message is None:
        return
    if receipt.message_id == message.pk and _settles(message, receipt):
        due.reschedule("deliver", message.conversation_id, due_at=timezone.now())
    if receipt.state == "failed":
        _did_not_arrive(message, receipt)
        return
    if receipt.message_id and message.state == Message.State.SENDING:
        # Other parts are on their way; the answer that says so has the word.
        if receipt.state != "sent":
            message.meta = {**message.meta, "told": receipt.state}
            message.save(update_fields=["meta"])
        return
    told = [message]
    if receipt.is_up_to:
        lower = [state for state, rank in _RANK.items() if rank < _RANK[receipt.state]]
        told += Message.objects.filter(
            conversation=message.conversation_id, seq__lt=message.seq, state__in=lower
        ).exclude(author=Message.Author.BUYER)
    for one in told:
        if _RANK[receipt.state] > _RANK.get(one.state, -1):
            one.state, one.failure = receipt.state, ""
            one.save(update_fields=["state", "failure"])
            _tell_receipt(one, receipt.state)


def _told_of(channel: Channel, lane: int, receipt: Receipt) -> Message | None:
    """The message a receipt is about: by its id in the channel, or by ours."""
    conversation = Conversation.objects.filter(lane=lane).only("pk").first()
    found = message_of(conversation, receipt.external_id[:120]) if conversation else None
    if found is None and receipt.message_id:
        ours = Message.objects.filter(pk=receipt.message_id, conversation__channel=channel)
        found = ours.exclude(author=Message.Author.BUYER).first()
    return found


def _settles(message: Message, receipt: Receipt) -> bool:
    """A part whose answer is still awaited, or was lost, has arrived: keep its id. True where
    sending had stopped for it."""
    parts = Delivery.objects.filter(message=message)
    if parts.filter(external_id=receipt.external_id[:120]).exists():
        return False
    open_states = [Delivery.State.SENDING, Delivery.State.UNKNOWN]
    part = parts.select_for_update().filter(state__in=open_states, external_id="").first()
    if part is None:
        return False
    is_lost = part.state == Delivery.State.UNKNOWN
    part.external_id = receipt.external_id[:120]
    part.state = Delivery.State.SENT if is_lost else part.state
    part.save(update_fields=["external_id", "state"])
    return is_lost


def _did_not_arrive(message: Message, receipt: Receipt) -> None:
    """The platform took it and could not deliver it: the buyer waits for an answer again."""
    if message.state == Message.State.FAILED:
        return
    conversation = (
        Conversation.objects.locked()
        .select_related("channel__bot", "contact")
        .get(pk=message.conversation_id)
    )
    message.state, message.failure = Message.State.FAILED, receipt.detail[:300]
    message.save(update_fields=["state", "failure"])
    if receipt.is_unreachable:
        Contact.objects.filter(pk=conversation.contact_id).update(is_reachable=False)
    elif conversation.contact.is_reachable:
        waits_again(conversation)
    _tell_receipt(message, "failed")


def _tell_receipt(message: Message, state: str) -> None:
    outbox.emit(
        f"message.{state}",
        key=f"conversation:{message.conversation_id}",
        data={
            "conversation": message.conversation_id,
            "message": message.pk,
            "seq": message.seq,
        },
    )


def _lane_of_phone(channel: Channel, phone: str) -> int | None:
    """The chat of a buyer whose phone is proven, where a platform names it by the phone."""
    return (
        Conversation.objects.filter(
            channel=channel,
            contact__identities__kind=Identity.Kind.PHONE,
            contact__identities__value=phone,
            contact__identities__proof__in=Identity.PROVEN,
        )
        .order_by("-pk")
        .values_list("lane", flat=True)
        .first()
    )
