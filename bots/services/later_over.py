"""A message for later that is given up: by a person, or by the buyer who writes first."""

from __future__ import annotations

from typing import Any

from bots.models import Conversation
from bots.services import messages
from tenants.kernel import due, outbox


def tell_cancelled(
    conversation: Conversation, later_id: int, user_id: int, why: str, **more: Any
) -> None:
    """The line in the thread and the fact, in the transaction that cancels."""
    due.cancel("later", later_id)
    messages.system_line(conversation, "later_cancelled", later=later_id, reason=why, **more)
    outbox.emit(
        "later.cancelled",
        key=f"conversation:{conversation.pk}",
        data={
            "conversation": conversation.pk,
            "later": later_id,
            "agent": user_id,
            "reason": why,
        },
    )
