"""Work of kind "seen": the buyer's platform is told that a person has read what they wrote."""

from __future__ import annotations

from bots.models import Channel, Conversation, Message
from bots.services.channels import adapter_of
from tenants.kernel import due
from tenants.kernel.context import release_connection


@due.worker("seen")
def mark_seen(conversation_id: int) -> None:
    """The newest that was read; platforms take what came before as read, too. Best effort."""
    conversation = (
        Conversation.objects.select_related("channel", "contact").filter(pk=conversation_id).first()
    )
    if conversation is None or conversation.channel.state != Channel.State.LIVE:
        return
    adapter = adapter_of(conversation.channel)
    if not adapter.manifest.can_mark_read:
        return
    newest = (
        Message.objects.filter(
            conversation=conversation,
            author=Message.Author.BUYER,
            seq__lte=conversation.last_read_seq,
        )
        .exclude(external_id="")
        .order_by("-seq")
        .values_list("external_id", flat=True)
        .first()
    )
    if newest:
        release_connection()
        adapter.mark_read(conversation.contact.external_id, newest)
