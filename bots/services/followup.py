"""A missed chat: the buyer waited longer than was promised. One press writes to them first."""

from __future__ import annotations

from bots.models import Conversation
from bots.services.conversations import Reply, reply_send
from tenants.workspace.models import User

# What the buyer reads, in their language.
TEXT = {
    "ru": "Здравствуйте! Простите, что не ответили вовремя. Вопрос ещё актуален? Я на связи.",
    "en": "Hello! Sorry that we did not answer in time. Can I still help? I am here now.",
}


def follow_up(conversation: Conversation, agent: User, text: str = "") -> Reply:
    """Take the chat and write to the buyer; pressed twice it is said once.

    Raises: AlreadyTaken, WindowClosed, Unreachable.
    """
    words = text.strip() or TEXT["en" if conversation.language.startswith("en") else "ru"]
    return reply_send(
        conversation_id=conversation.pk,
        agent=agent,
        text=words,
        client_key=f"follow-up-{conversation.pk}-{conversation.last_inbound_seq}",
    )
