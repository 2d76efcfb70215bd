"""Work of kind "deliver": carry a conversation's waiting messages to its channel, in order.

A message is claimed (`sending`) in a transaction that repeats the test of who may speak, then sent
outside of any transaction. No send starts after a takeover has committed.
"""

from __future__ import annotations

import json
import logging
import random
import time
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.utils import timezone

from bots.channels.base import Button, Call, ChannelAdapter, File, Kept, Reply, Sent, Unreachable
from bots.channels.rendering import degraded
from bots.models import Channel, Contact, Conversation, Delivery, Message
from bots.selectors.conduct import AWAKE, conduct_of, quiet_until
from bots.selectors.sendable import is_closed, manifest_of
from bots.services import limits, sla
from bots.services.channels import DEAF, adapter_of, channel_broke
from bots.services.moves import chat_moved
from bots.services.speaking import tell_woken
from bots.services.uploads import link_out
from tenants.kernel import bell, due, outbox
from tenants.kernel.compiled import Compiled
from tenants.kernel.context import current_schema, release_connection
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater
from tenants.selectors.hosts import merchant_of

log = logging.getLogger(__name__)

# Locks the conversation against a takeover that is being committed, repeats the epoch test for
# everything a person did not write, and marks the message as on its way.
_CLAIM = """
WITH c AS (SELECT id, epoch FROM bots_conversation WHERE id = %s FOR SHARE),
m AS (
    UPDATE bots_message m SET state = 'sending' FROM c
    WHERE m.conversation_id = c.id AND m.id = %s AND m.state IN ('queued', 'sending')
        AND (m.author IN ('agent', 'echo') OR m.epoch = c.epoch)
    RETURNING m.id),
d AS (
    INSERT INTO bots_delivery (message_id, part, state, attempts, external_id, error)
    SELECT id, 0, 'sending', 1, '', '' FROM m
    ON CONFLICT (message_id, part) DO NOTHING RETURNING id)
SELECT (SELECT id FROM d) FROM m
"""
# The last part has gone out: part, message and fact in one statement. A platform that gives an id
# twice makes nobody send again.
_FINISH = """
WITH d AS (
    UPDATE bots_delivery SET state = 'sent', external_id = %(sent)s, error = ''
    WHERE id = %(delivery)s RETURNING message_id),
m AS (
    UPDATE bots_message SET state = 'sent', external_id = CASE WHEN EXISTS (
        SELECT 1 FROM bots_message o WHERE o.conversation_id = bots_message.conversation_id
            AND o.external_id = %(first)s AND o.external_id <> '' AND o.id <> %(message)s)
        THEN '' ELSE %(first)s END
    WHERE id = %(message)s AND state = 'sending' RETURNING id)
INSERT INTO public.tenants_outboxevent (schema, name, key, data)
SELECT %(schema)s, 'message.sent', %(key)s, %(data)s FROM m
"""
GIVE_UP_AFTER = timedelta(hours=6)
# What waited longer than this to be sent for the first time is not sent any more: the bot's words
# (sooner where the buyer has written since), and a person's.
STALE_BOT = timedelta(minutes=10)
STALE_AGENT = timedelta(hours=1)
# Where nothing is begun at night, what waited for the morning is still good then.
STALE_QUIET = timedelta(hours=14)
STALE = "stale"
# In the meta of what nobody has asked for: it answers no question, so nobody waits again where it
# does not arrive (bots.services.broadcast_run).
BROADCAST = "broadcast"
# A pause as short as this is waited for on the spot: the row's way back takes longer.
SIT_OUT_S = 1.0
BEHIND_APART_S = 0.15
NOTE_EVERY = timedelta(seconds=30)
# What nobody listens to is looked at again then, unless the buyer speaks before.
KEPT_FOR = STALE_AGENT + timedelta(minutes=1)


# By the database's clock, which has also written when the message was made.
AGE = ExpressionWrapper(Now() - F("created_at"), output_field=DurationField())

_waiting = Compiled(
    lambda conversation: (
        Message.objects.filter(
            conversation=conversation, state__in=[Message.State.QUEUED, Message.State.SENDING]
        )
        .select_related("conversation__channel", "conversation__contact")
        .annotate(age=AGE)
        .order_by("seq")
    ),
    int,
)


@due.worker("deliver")
def deliver(conversation_id: int) -> datetime | None:
    now = timezone.now()
    waiting = list(_waiting(conversation_id))
    held = {message.pk: at for message in waiting if (at := _quiet_until(message, now))}
    if held:
        # By a timer of its own: what is said meanwhile must not wait for it.
        due.reschedule("held", conversation_id, due_at=min(held.values()))
    waiting = [message for message in waiting if message.pk not in held]
    for place, message in enumerate(waiting):
        again_at = _deliver_one(message, more=place + 1 < len(waiting))
        if again_at is not None:
            return again_at
    return None


@due.worker("held")
def deliver_held(conversation_id: int) -> datetime | None:
    """The quiet hours are over."""
    due.schedule("deliver", conversation_id)
    return None


def _quiet_until(message: Message, now: datetime) -> datetime | None:
    """What nobody asked for waits for the morning; whoever has just written is awake."""
    if message.author != Message.Author.AUTOMATION or message.state != Message.State.QUEUED:
        return None
    conversation: Conversation = message.conversation
    ends = quiet_until(conversation.channel, now)
    if ends is None:
        return None
    spoke = Message.objects.filter(
        conversation=conversation, author=Message.Author.BUYER, sent_at__gt=now - AWAKE
    )
    return None if spoke.exists() else ends


def _deliver_one(message: Message, *, more: bool) -> datetime | None:
    """Send one message; a time when it has to wait, and with it what follows. `more` does."""
    conversation = message.conversation
    channel, contact = conversation.channel, conversation.contact
    is_off = channel.state == Channel.State.PAUSED or not merchant_of(current_schema()).is_serving
    is_broken = channel.state == Channel.State.BROKEN and DEAF not in channel.cursor
    if is_off or (is_broken and channel.secrets):
        return timezone.now() + timedelta(minutes=1)
    if is_stale(message):
        due.schedule("stale", 0)
        return timezone.now() + timedelta(seconds=2)
    fits = message.state == Message.State.SENDING or message.meta.get("past_window")
    if not fits and is_closed(conversation):
        _fail(message, "window_closed")
        return None
    adapter = adapter_of(channel)
    if not adapter.manifest.can_write:
        _fail(message, "nothing can be written in this channel")
        return None
    behind = BROADCAST in message.meta
    while wait := limits.wait_s(channel.pk, contact.external_id, adapter.manifest, behind=behind):
        if wait > SIT_OUT_S:
            return timezone.now() + timedelta(seconds=wait)
        release_connection()
        # Who comes behind does not ask all at once.
        time.sleep(wait + random.uniform(0, BEHIND_APART_S) if behind else wait)
    resumed = message.state == Message.State.SENDING
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, (conversation.pk, message.pk))
        row = cursor.fetchone()
    if row is None:
        _drop(message)
        return None
    message.state = Message.State.SENDING
    reply = replace(reply_of(message), more=more)
    try:
        calls = calls_of(adapter, reply)
    except Exception as exc:  # another time would go the same way, and all that follows would wait
        log.exception("message %s cannot be put into the channel's calls", message.pk)
        _fail(message, f"cannot be shown in this channel ({type(exc).__name__})")
        return None
    first = Delivery(pk=row[0], message=message, part=0, state="sending") if row[0] else None
    done = {d.part: d for d in message.deliveries.all()} if resumed or first is None else {}
    for part, call in enumerate(calls):
        is_last = part == len(calls) - 1
        delivery = first if part == 0 else None
        if delivery is None:
            earlier = done.get(part)
            if earlier is not None and earlier.state == Delivery.State.SENT:
                continue
            if earlier is not None and earlier.external_id:
                _sent(earlier, Sent(earlier.external_id))  # a receipt has told
                continue
            if (
                earlier is not None
                and earlier.state == Delivery.State.SENDING
                and adapter.manifest.settles_within_s
            ):
                _note(earlier, Delivery.State.UNKNOWN, "interrupted")
                return timezone.now() + timedelta(seconds=adapter.manifest.settles_within_s)
            if earlier is not None and _settle(adapter, message, call, earlier):
                continue
            delivery = _again(message, part, earlier)
        again_at = _send_part(adapter, message, delivery, call, is_last=is_last)
        if again_at is not None or message.state == Message.State.FAILED:
            return again_at
    if message.state == Message.State.SENDING:
        _finish(message, None, "")
        _catch_up(message)
    _note_sent(channel)
    return None


def is_stale(message: Message) -> bool:
    """It answers a question of long ago: bots.engine.stale takes it away. Read with its AGE."""
    if message.state != Message.State.QUEUED:
        return False
    age: timedelta = vars(message)["age"]
    channel: Channel = message.conversation.channel
    if message.author == Message.Author.AGENT:
        return age > STALE_AGENT
    if message.author == Message.Author.AUTOMATION and conduct_of(channel).quiet:
        return age > STALE_QUIET
    if age > STALE_BOT:
        return True
    conversation = message.conversation
    return conversation.last_inbound_seq > message.seq and age > timedelta(
        seconds=max(conversation.channel.bot.deadline_s, 60)
    )


def _drop(message: Message) -> None:
    """Somebody else speaks by now: it is not sent, and the buyer waits again."""
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked()
            .select_related("channel__bot")
            .get(pk=message.conversation_id)
        )
        mine = Message.objects.filter(pk=message.pk).exclude(epoch=conversation.epoch)
        if mine.filter(state=Message.State.QUEUED).update(state=Message.State.DROPPED):
            tell_of(message, "dropped")
        elif mine.filter(state=Message.State.SENDING).update(
            state=Message.State.FAILED, failure="outcome unknown; a person took over"
        ):
            tell_of(message, "failed")
        else:
            return
        if (
            BROADCAST not in message.meta
            and waits_again(conversation)
            and conversation.speaker == Conversation.Speaker.BOT
        ):
            due.schedule("turn", conversation.pk)


def waits_again(conversation: Conversation) -> bool:
    """What was to answer the buyer did not leave: somebody has to, by a time. The row is locked.

    False where the conversation is over, or the buyer has been answered or waits already.
    """
    if conversation.status == Conversation.Status.RESOLVED or conversation.waiting_since:
        return False
    after = Message.objects.filter(
        conversation=conversation, seq__gt=conversation.last_inbound_seq
    ).exclude(kind__in=[Message.Kind.NOTE, Message.Kind.SYSTEM])
    after = after.exclude(meta__has_key=BROADCAST)
    if after.exclude(state__in=[Message.State.DROPPED, Message.State.FAILED]).exists():
        return False
    now = timezone.now()
    said_at = (
        Message.objects.filter(conversation=conversation, seq=conversation.last_inbound_seq)
        .values_list("created_at", flat=True)
        .first()
    )
    conversation.waiting_since = said_at or now
    if conversation.is_asleep_at_bot:
        # Nobody sleeps on what the bot has to answer.
        conversation.status, conversation.snoozed_until = Conversation.Status.OPEN, None
        tell_woken(conversation, "failure")
    sla.settle(conversation)
    conversation.deadline_at = (
        now + timedelta(seconds=conversation.channel.bot.deadline_s)
        if conversation.speaker == Conversation.Speaker.BOT
        else sla.patience(conversation, now)
    )
    conversation.save(
        update_fields=["waiting_since", "deadline_at", "status", "snoozed_until"],
    )
    due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
    return True


def _again(message: Message, part: int, earlier: Delivery | None) -> Delivery:
    """The row of a part that is tried now."""
    if earlier is None:
        return Delivery.objects.create(message=message, part=part, state=Delivery.State.SENDING)
    earlier.state, earlier.attempts = Delivery.State.SENDING, earlier.attempts + 1
    earlier.save(update_fields=["state", "attempts"])
    return earlier


def _send_part(
    adapter: ChannelAdapter, message: Message, delivery: Delivery, call: Call, *, is_last: bool
) -> datetime | None:
    """One call to the platform and what it means. A time = try again then."""
    # Nothing of the database is held while the platform is waited for.
    release_connection()
    try:
        sent = adapter.send(call)
    except Kept:
        _keep(message, delivery)
        return timezone.now() + KEPT_FOR
    except RetryLater as exc:
        _note(delivery, Delivery.State.FAILED, exc.detail)
        if timezone.now() - message.created_at > GIVE_UP_AFTER:
            _fail(message, exc.detail)
            return None
        wait = exc.retry_after_s or min(2.0**delivery.attempts, 300)
        return timezone.now() + timedelta(seconds=wait)
    except OutcomeUnknown as exc:
        return _unknown(adapter, message, delivery, exc.detail)
    except Unreachable as exc:
        Contact.objects.filter(pk=message.conversation.contact_id).update(is_reachable=False)
        _fail_delivery(message, delivery, str(exc) or "unreachable")
        return None
    except NeedsMerchant as exc:
        channel_broke(message.conversation.channel, exc.detail)
        _note(delivery, Delivery.State.FAILED, exc.detail)
        return timezone.now() + timedelta(minutes=1)
    except Rejected as exc:
        _fail_delivery(message, delivery, exc.detail)
        return None
    except Exception as exc:
        # An answer that fits no description: the message may be out, so it counts as such.
        log.exception("message %s: the channel's answer is not understood", message.pk)
        return _unknown(adapter, message, delivery, type(exc).__name__)
    if is_last:
        _finish(message, delivery, sent.external_id)
    else:
        _sent(delivery, sent)
    if sent.moved_to:
        chat_moved(message.conversation, sent.moved_to)
    return None


def _keep(message: Message, delivery: Delivery) -> None:
    """Nobody listens: as if it had never been tried. A person's words and the bot's alike."""
    with transaction.atomic():
        delivery.delete()
        Message.objects.filter(pk=message.pk, state=Message.State.SENDING).update(
            state=Message.State.QUEUED
        )
    message.state = Message.State.QUEUED


def _unknown(
    adapter: ChannelAdapter, message: Message, delivery: Delivery, detail: str
) -> datetime | None:
    """When to look again at a part that may be out. A receipt that came meanwhile has its id."""
    _note(delivery, Delivery.State.UNKNOWN, detail)
    if Delivery.objects.filter(pk=delivery.pk).exclude(external_id="").exists():
        return timezone.now()
    if timezone.now() - message.created_at > GIVE_UP_AFTER:
        _fail(message, detail)
        return None
    # Where it is found out or repeated without harm, nothing else ends the tries.
    wait = max(min(2.0 ** (delivery.attempts - 1), 300), adapter.manifest.settles_within_s)
    return timezone.now() + timedelta(seconds=wait)


def _catch_up(message: Message) -> None:
    """What receipts said of a message before its sending was known to be over."""
    told = Message.objects.filter(pk=message.pk).values_list("meta__told", flat=True).first()
    if told in (Message.State.DELIVERED, Message.State.READ):
        changed = Message.objects.filter(pk=message.pk, state=Message.State.SENT)
        if changed.update(state=told):
            tell_of(message, str(told))


def _settle(adapter: ChannelAdapter, message: Message, call: Call, earlier: Delivery) -> bool:
    """Find out what became of an earlier try. True when nothing more is to be done for this part.

    Text is resent once where the platform cannot be asked; what moves money never is.
    """
    unsettled = earlier.state in (Delivery.State.SENDING, Delivery.State.UNKNOWN)
    if not unsettled:
        return False
    if adapter.manifest.can_look_up:
        found = adapter.look_up(call)
        if found is not None:
            _sent(earlier, found)
            return True
        return False
    if message.meta.get("money") or earlier.attempts >= 2:
        _fail_delivery(message, earlier, earlier.error or "outcome unknown")
        return True
    outbox.emit(
        "delivery.resent",
        key=f"conversation:{message.conversation_id}",
        data={"conversation": message.conversation_id, "message": message.pk},
    )
    return False


def _sent(delivery: Delivery, sent: Sent) -> None:
    delivery.state, delivery.external_id = Delivery.State.SENT, sent.external_id[:120]
    delivery.error = ""
    delivery.save(update_fields=["state", "external_id", "error"])


def _finish(message: Message, delivery: Delivery | None, external_id: str) -> None:
    """Everything is out: `delivery` is the last part, None where nothing was left to send."""
    first = external_id
    if delivery is None or delivery.part > 0:
        first = (
            Delivery.objects.filter(message=message, part=0)
            .values_list("external_id", flat=True)
            .first()
        ) or ""
    data = {
        "conversation": message.conversation_id,
        "message": message.pk,
        "seq": message.seq,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            _FINISH,
            {
                "sent": external_id[:120],
                "first": first[:120],
                "delivery": delivery.pk if delivery else None,
                "message": message.pk,
                "schema": current_schema(),
                "key": f"conversation:{message.conversation_id}",
                "data": json.dumps(data),
            },
        )
    message.state = Message.State.SENT
    transaction.on_commit(bell.publish_outbox)


def _note_sent(channel: Channel) -> None:
    now = timezone.now()
    if channel.last_out_at is None or now - channel.last_out_at > NOTE_EVERY:
        Channel.objects.filter(pk=channel.pk).update(last_out_at=now)


def _note(delivery: Delivery, state: str, detail: str) -> None:
    delivery.state, delivery.error = state, detail[:300]
    delivery.save(update_fields=["state", "error"])


def _fail_delivery(message: Message, delivery: Delivery, detail: str) -> None:
    _note(delivery, Delivery.State.FAILED, detail)
    _fail(message, detail)


def _fail(message: Message, detail: str) -> None:
    """It will not arrive. The buyer who can still be reached is not left with silence."""
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked()
            .select_related("channel__bot", "contact")
            .get(pk=message.conversation_id)
        )
        Message.objects.filter(pk=message.pk).update(
            state=Message.State.FAILED, failure=detail[:300]
        )
        if conversation.contact.is_reachable and BROADCAST not in message.meta:
            waits_again(conversation)
        tell_of(message, "failed")
    message.state = Message.State.FAILED


def tell_of(message: Message, what: str) -> None:
    outbox.emit(
        f"message.{what}",
        key=f"conversation:{message.conversation_id}",
        data={
            "conversation": message.conversation_id,
            "message": message.pk,
            "seq": message.seq,
        },
    )


def calls_of(adapter: ChannelAdapter, reply: Reply) -> list[Call]:
    """The platform's calls for a reply, what it cannot show put into words."""
    return adapter.render(degraded(reply, adapter.manifest))


def reply_of(message: Message) -> Reply:
    """What the channel is given of a message."""
    conversation: Conversation = message.conversation
    meta = message.meta
    quoted = message.reply_to.external_id if message.reply_to_id and message.reply_to else ""
    manifest = manifest_of(conversation.channel)
    links = manifest is not None and manifest.takes_links
    return Reply(
        chat=conversation.contact.external_id,
        text=message.text,
        buttons=tuple(button_of(b) for b in meta.get("buttons", ())),
        files=tuple(
            File(
                kind=a.kind,
                name=a.name,
                mime=a.file.mime if a.file else "",
                size=a.file.size if a.file else None,
                stored_id=a.file_id,
                url=link_out(a.file_id) if links and a.file_id else "",
            )
            for a in (
                message.attachments.select_related("file")
                if message.kind == Message.Kind.MEDIA or meta.get("files")
                else ()
            )
        ),
        cards=tuple(meta.get("cards", ())),
        sources=tuple(meta.get("sources", ())),
        reply_to=quoted,
        message_id=message.pk,
        author=message.author if message.author != Message.Author.ECHO else "agent",
        thread=conversation.contact.data.get("thread") or {},
        author_name=message.user.get_short_name() if message.user_id and message.user else "",
        template=meta.get("approved", {}),
    )


def button_of(value) -> Button:
    if isinstance(value, str):
        return Button(title=value, payload=value)
    return Button(
        title=value.get("title", ""),
        payload=value.get("payload", ""),
        url=value.get("url", ""),
        kind=value.get("kind", ""),
    )
