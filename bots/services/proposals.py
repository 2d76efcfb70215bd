"""Work of kind "propose": where the bot only writes drafts, its answer waits beside the question.

A note in the thread with its sources, put into the composer by a button. Buyers see nothing of it.
"""

from __future__ import annotations

from datetime import datetime

from bots.engine.base import Decision
from bots.models import Conversation, Message
from bots.selectors.conduct import writes_drafts
from bots.services import messages
from bots.services.assist import NothingToDo, suggestion_of
from tenants.kernel import due

CODE = "proposal"


@due.worker("propose")
def propose(conversation_id: int) -> datetime | None:
    """One draft for what the buyer asked last; none where somebody has answered meanwhile."""
    conversation = (
        Conversation.objects.select_related("channel__bot__published", "contact", "episode")
        .filter(pk=conversation_id)
        .first()
    )
    if conversation is None or not _is_wanted(conversation):
        return None
    asked = conversation.last_inbound_seq
    try:
        made = suggestion_of(conversation)
    except NothingToDo:
        return None
    if made["decision"] not in (Decision.ANSWER, Decision.CLARIFY) or not made["text"]:
        return None
    still = Conversation.objects.select_related("channel__bot").get(pk=conversation_id)
    if still.last_inbound_seq != asked or not _is_wanted(still):
        return None
    messages.write(
        conversation=conversation_id,
        author=Message.Author.BOT,
        kind=Message.Kind.NOTE,
        state=Message.State.KEPT,
        text=made["text"],
        language=made["lang"],
        client_key=f"{CODE}:{asked}",
        meta={"code": CODE, "sources": made["sources"], "provider": made["provider"]},
    )
    return None


def _is_wanted(conversation: Conversation) -> bool:
    return (
        conversation.waiting_since is not None
        and conversation.speaker in (Conversation.Speaker.QUEUE, Conversation.Speaker.AGENT)
        and writes_drafts(conversation.channel)
    )
