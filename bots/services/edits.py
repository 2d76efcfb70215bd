"""A person changes or takes back what they wrote, where the channel allows.

The wish is kept with the message and carried out by work of kind "change": the text we show is
changed only once the channel has changed the buyer's. What was written before stays in the history.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.channels.base import Call, ChannelAdapter, Unreachable
from bots.engine import running
from bots.models import AlreadyTaken, Conversation, Delivery, Message
from bots.selectors.sendable import manifest_of
from bots.services import messages
from bots.services.channels import adapter_of
from bots.services.conversations import NothingToSend
from bots.services.delivery import calls_of, reply_of, waits_again
from bots.services.vendor_words import in_words
from tenants.kernel import due
from tenants.kernel.context import current_schema, release_connection
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, RetryLater, RuleBroken
from tenants.workspace.models import User

SENT = (Message.State.SENT, Message.State.DELIVERED, Message.State.READ)
ON_ITS_WAY = (Message.State.QUEUED, Message.State.SENDING)
HISTORY = 20
GIVE_UP_AFTER = timedelta(minutes=10)


class CannotChange(RuleBroken):
    """`why`: "channel" | "late" | "author" | "state" | "kind"."""

    code = "cannot_change"


def message_edit(*, message_id: int, user: User, text: str) -> Message:
    """Ask the channel to show another text. Raises NothingToSend, CannotChange, AlreadyTaken."""
    text = text.strip()
    if not text:
        raise NothingToSend(_("There is nothing to send."))
    with transaction.atomic():
        message = _own(message_id, user)
        manifest = manifest_of(message.conversation.channel)
        if manifest is None or not manifest.can_edit:
            raise CannotChange(
                _("This channel does not let a sent message be changed."), why="channel"
            )
        _in_time(message, manifest.edit_within_s)
        if not message.text:
            raise CannotChange(_("Only texts can be changed."), why="kind")
        if len(text) > manifest.text_limit:
            raise CannotChange(
                _("The text is longer than this channel takes."), why="kind",
            )  # fmt: skip
        if text == message.text and "change" not in message.meta:
            return message
        _wish(message, user, {"act": "edit", "text": text})
    return message


def message_delete(*, message_id: int, user: User) -> Message:
    """Take a message back; one that was not sent yet never is. Raises as `message_edit`."""
    with transaction.atomic():
        message = _own(message_id, user)
        if message.state == Message.State.QUEUED:
            # The claim waits for the conversation's lock, so it cannot begin meanwhile.
            message.state = Message.State.DROPPED
            message.save(update_fields=["state"])
            _gone(message, user)
            waits_again(message.conversation)
            return message
        manifest = manifest_of(message.conversation.channel)
        if manifest is None or not manifest.can_delete:
            raise CannotChange(
                _("This channel does not let a sent message be taken back."), why="channel"
            )
        _in_time(message, manifest.delete_within_s)
        _wish(message, user, {"act": "delete"})
    return message


def _own(message_id: int, user: User) -> Message:
    """The message under the conversation's lock, if this person may change it now."""
    conversation_id = Message.objects.values_list("conversation_id", flat=True).get(pk=message_id)
    conversation = Conversation.objects.locked().get(pk=conversation_id)
    message = Message.objects.select_for_update(of=("self",)).get(pk=message_id)
    message.conversation = conversation
    said = message.kind not in (Message.Kind.NOTE, Message.Kind.SYSTEM)
    if message.author != Message.Author.AGENT or message.user_id != user.pk or not said:
        raise CannotChange(_("Only your own messages can be changed."), why="author")
    if conversation.speaker == Conversation.Speaker.AGENT and conversation.agent_id != user.pk:
        raise AlreadyTaken(conversation.agent_id)
    if message.deleted_at or message.state not in (*SENT, *ON_ITS_WAY):
        raise CannotChange(_("This message was not sent."), why="state")
    return message


def _in_time(message: Message, within_s: int | None) -> None:
    if within_s is None:
        return
    if timezone.now() - message.sent_at > timedelta(seconds=within_s):
        raise CannotChange(
            _("The channel allows this for %s hours after sending.") % (within_s // 3600),
            why="late",
        )


def _wish(message: Message, user: User, change: dict[str, Any]) -> None:
    now = timezone.now().isoformat()
    message.meta = {
        **message.meta,
        "change": {**change, "by": user.pk, "at": now, "state": "waiting"},
    }
    message.save(update_fields=["meta"])
    due.schedule("change", message.pk)
    messages.changed(message)


# ── Carrying it out ──────────────────────────────────────────────────────────────────────────
@due.worker("change")
def change_message(message_id: int) -> datetime | None:
    message = (
        Message.objects.select_related(
            "conversation__channel", "conversation__contact", "user", "reply_to"
        )
        .filter(pk=message_id)
        .first()
    )
    change = (message.meta.get("change") or {}) if message else {}
    if message is None or change.get("state") != "waiting":
        return None
    if message.state in ON_ITS_WAY:
        return timezone.now() + timedelta(seconds=1)
    if message.state not in SENT:
        _refused(message, change, "This message was not sent.")
        return None
    adapter = adapter_of(message.conversation.channel)
    try:
        if change["act"] == "edit":
            _edit(adapter, message, change["text"])
        else:
            _delete(adapter, message)
    except (RetryLater, OutcomeUnknown) as exc:
        # Both acts may be repeated: doing them twice changes nothing.
        if timezone.now() - datetime.fromisoformat(change["at"]) > GIVE_UP_AFTER:
            _refused(message, change, exc.detail)
            return None
        wait = getattr(exc, "retry_after_s", None) or 2.0
        return timezone.now() + timedelta(seconds=wait)
    except Unreachable:
        _refused(message, change, "The buyer has blocked this channel.")
        return None
    except (Rejected, NeedsMerchant) as exc:
        _refused(message, change, exc.detail)
        return None
    return _changed(message, change)


def _edit(adapter: ChannelAdapter, message: Message, text: str) -> None:
    reply = reply_of(message)
    before, after = calls_of(adapter, reply), calls_of(adapter, replace(reply, text=text))
    if len(before) != len(after):
        raise Rejected("The new text takes another number of messages than the old one.")
    for external_id, _old, new in _parts(message, before, after):
        release_connection()
        adapter.edit(new, message.conversation.contact.external_id, external_id)


def _parts(message: Message, before: list[Call], after: list[Call]) -> list[tuple[str, Call, Call]]:
    """(id in the channel, call as sent, call as wished) of the parts that differ."""
    ids = dict(Delivery.objects.filter(message=message).values_list("part", "external_id"))
    return [
        (ids.get(part, ""), old, new)
        for part, (old, new) in enumerate(zip(before, after, strict=True))
        if old != new
    ]


def _delete(adapter: ChannelAdapter, message: Message) -> None:
    ids = Delivery.objects.filter(message=message, state=Delivery.State.SENT)
    for external_id in list(ids.order_by("-part").values_list("external_id", flat=True)):
        release_connection()
        adapter.delete(message.conversation.contact.external_id, external_id)


def _changed(message: Message, change: dict[str, Any]) -> datetime | None:
    """The channel shows it: the history, the text and the fact."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=message.conversation_id)
        current = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
        now_wished = current.meta.get("change") or {}
        if change["act"] == "delete":
            _gone(current, User.objects.filter(pk=change["by"]).first())
            return None
        before = current.text
        history = [
            *current.meta.get("before", []),
            before,
        ][-HISTORY:]
        current.meta = {**current.meta, "before": history}
        if now_wished == change:
            current.meta.pop("change", None)
        current.text, current.edited_at = change["text"], timezone.now()
        # The words before translation belong to the old text.
        current.meta.pop("original", None)
        current.save(update_fields=["text", "meta", "edited_at"])
        shown = " ".join(before.split())[:160]
        if conversation.preview == shown and conversation.preview_author == "agent":
            conversation.preview = " ".join(current.text.split())[:160]
            conversation.save(update_fields=["preview"])
        messages.changed(current)
        again = current.meta.get("change")
    if conversation.speaker == Conversation.Speaker.BOT:
        running.make_stale(current_schema(), conversation.pk)
    return timezone.now() if again else None


def _gone(message: Message, user: User | None) -> None:
    """Taken back: the words stay for colleagues, buyers no longer see them."""
    message.meta.pop("change", None)
    message.meta = {**message.meta, "deleted_by": str(user) if user else ""}
    message.deleted_at = timezone.now()
    message.save(update_fields=["meta", "deleted_at"])
    messages.changed(message)


def _refused(message: Message, change: dict[str, Any], why: str) -> None:
    """Nothing has changed; the person is told why."""
    with transaction.atomic():
        current = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
        if (current.meta.get("change") or {}) != change:
            return
        current.meta = {
            **current.meta,
            "change": {**change, "state": "refused", "detail": in_words(why)[:300]},
        }
        current.save(update_fields=["meta"])
        messages.changed(current)
