"""Work of kind "stale": what waited too long to be sent does not go out as if nothing had happened.

A merchant that was switched off, a channel that was paused or broken for days: the words that
waited meanwhile answer a question of then. The bot's are dropped and the buyer is answered anew (a
person decides where even the question is old); a person's are given back to them. Delivery finds
the first of them (bots.services.delivery) and waits; here all of a merchant are cleared away, and
its people are told how many.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import ngettext

from bots.channels.base import ReplyMode
from bots.engine.base import Reason
from bots.engine.handover import hand_over
from bots.models import Conversation, Message
from bots.selectors.sendable import manifest_of
from bots.services.delivery import (
    AGE,
    BROADCAST,
    STALE,
    STALE_AGENT,
    is_stale,
    tell_of,
    waits_again,
)
from bots.services.notice_facts import who_sets_up
from bots.services.notices import notify
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.models import Due
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User

AT_ONCE = 200


@due.worker("stale")
def clear_stale(_object_id: int) -> datetime | None:
    schema = current_schema()
    with merchant_context(PUBLIC):
        waiting = list(
            Due.objects.filter(schema=schema, kind="deliver").values_list("object_id", flat=True)
        )
    found: Counter[str] = Counter()
    writers: set[int] = set()
    for start in range(0, len(waiting), AT_ONCE):
        queued = Message.objects.filter(
            conversation__in=waiting[start : start + AT_ONCE], state=Message.State.QUEUED
        )
        for conversation_id in queued.values_list("conversation", flat=True).distinct():
            _clear(conversation_id, found, writers)
    if found:
        _tell(found, writers)
    return None


def _clear(conversation_id: int, found: Counter[str], writers: set[int]) -> None:
    """One conversation: what is stale in it, and who has to answer the buyer now."""
    now = timezone.now()
    with transaction.atomic():
        conversation = (
            Conversation.objects.locked()
            .select_related("channel__bot", "contact")
            .get(pk=conversation_id)
        )
        stale = []
        queued = Message.objects.filter(conversation=conversation, state=Message.State.QUEUED)
        for message in queued.annotate(age=AGE).order_by("seq"):
            message.conversation = conversation
            if not is_stale(message):
                continue
            is_agents = message.author == Message.Author.AGENT
            message.state = Message.State.FAILED if is_agents else Message.State.DROPPED
            message.failure = STALE
            message.save(update_fields=["state", "failure"])
            tell_of(message, message.state)
            if BROADCAST in message.meta:
                continue  # it answers nobody, and is sent again (bots.services.broadcast_run)
            stale.append(message)
            if is_agents and message.user_id:
                writers.add(message.user_id)
        if not stale:
            return
        said_at = (
            Message.objects.filter(conversation=conversation, seq=conversation.last_inbound_seq)
            .values_list("sent_at", flat=True)
            .first()
        )
        # Who spoke to a voice assistant has gone; nobody waits for what was not said.
        manifest = manifest_of(conversation.channel)
        has_gone = manifest is not None and manifest.reply_mode == ReplyMode.INLINE
        waits = not has_gone and conversation.contact.is_reachable and waits_again(conversation)
        if waits and conversation.speaker == Conversation.Speaker.BOT:
            if said_at is not None and now - said_at < STALE_AGENT:
                due.schedule("turn", conversation.pk)
            else:
                hand_over(
                    conversation_id=conversation.pk,
                    reason=Reason.DEADLINE,
                    epoch=conversation.epoch,
                    is_silent=True,
                )
    found.update(
        str(message.state)
        for message in stale
        if not has_gone or message.author == Message.Author.AGENT
    )


def _tell(found: Counter[str], writers: set[int]) -> None:
    """Those who set up, and whose words have come back."""
    dropped, failed = found[Message.State.DROPPED], found[Message.State.FAILED]
    parts = []
    with translation.override(merchant_of(current_schema()).language):
        if dropped:
            parts.append(
                ngettext("%(n)s reply of the bot", "%(n)s replies of the bot", dropped)
                % {"n": dropped}
            )
        if failed:
            parts.append(
                ngettext("%(n)s reply of a person", "%(n)s replies of people", failed)
                % {"n": failed}
            )
    people = who_sets_up() | User.objects.filter(pk__in=writers, is_active=True)
    key = f"stale:{timezone.now().timestamp():.0f}"
    notify("stale", key, people, data={"name": ", ".join(parts), **found})
