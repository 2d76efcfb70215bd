"""One message of a broadcast into one dialogue: nobody waits for it, nobody speaks by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from bots.models import Attachment, Conversation, Episode, Message
from bots.selectors.audience import REASONS
from bots.services import messages
from bots.services.broadcast_text import Content
from bots.services.delivery import BROADCAST
from bots.services.sendable import kind_of
from tenants.kernel import due
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import StoredFile


class Refused(RuleBroken):
    """This contact cannot be written to; `reason` is one of bots.selectors.audience.REASONS."""

    code = "refused"

    def __init__(self, reason: str) -> None:
        super().__init__(str(REASONS.get(reason, reason)), reason=reason)


def message_write(conversation: Conversation, said: Content, *, meta: Mapping[str, Any]) -> int:
    """Into the locked conversation, to be delivered. Returns the message's id.

    Its preview and its place in lists stay: a thousand of these would bury what needs somebody.
    """
    if conversation.episode_id is None:
        conversation.episode = Episode.objects.create(
            conversation=conversation,
            start_seq=conversation.last_seq + 1,
            resolved_at=timezone.now(),
            resolved_by="rule",
        )
        conversation.save(update_fields=["episode"])
    written = messages.write(
        conversation=conversation.pk,
        author=Message.Author.AUTOMATION,
        text=said.text,
        kind=Message.Kind.MEDIA if said.files else Message.Kind.TEXT,
        language=said.lang,
        quiet=True,
        memory={BROADCAST: conversation.last_seq + 1},
        meta={
            "code": BROADCAST,
            **({"buttons": list(said.buttons)} if said.buttons else {}),
            **meta,
        },
    )
    assert written is not None
    for stored in StoredFile.objects.filter(pk__in=said.files):
        Attachment.objects.create(
            message_id=written.id, file=stored, kind=kind_of(stored.mime), name=stored.name[:200]
        )
    due.schedule("deliver", conversation.pk)
    return written.id
