"""A word in the ear of whoever holds a conversation: a note for that person alone.

Buyers never see notes, and the assistant is never given them (bots.engine.turn).
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from bots.models import Conversation, Message
from bots.selectors.policy import leads
from bots.selectors.whispers import CODE
from bots.services import messages
from bots.services.assignment import NotYours
from bots.services.conversations import NothingToSend
from tenants.kernel import outbox
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import User


class NobodyHolds(RuleBroken):
    code = "nobody_holds"


def whisper(*, conversation_id: int, by: User, text: str, client_key: str = "") -> Message:
    """Tell the person who answers now; a repeat with the same key says it once.

    Raises: NotYours for who does not lead the team; NobodyHolds where there is nobody to tell.
    """
    if not (text := text.strip()):
        raise NothingToSend(_("There is nothing to save."))
    with transaction.atomic():
        conversation = Conversation.objects.locked().get(pk=conversation_id)
        if not leads(by, conversation.team_id):
            raise NotYours(_("Only who leads the team can whisper."))
        if client_key and (
            earlier := Message.objects.filter(
                conversation=conversation, client_key=client_key, user=by
            ).first()
        ):
            return earlier
        if conversation.speaker != Conversation.Speaker.AGENT or conversation.agent_id is None:
            raise NobodyHolds(_("Nobody of yours answers here now: there is nobody to tell."))
        if conversation.agent_id == by.pk:
            raise NobodyHolds(_("You answer here yourself; write a note instead."))
        written = messages.write(
            conversation=conversation.pk,
            author=Message.Author.AGENT,
            kind=Message.Kind.NOTE,
            state=Message.State.KEPT,
            text=text,
            user=by.pk,
            client_key=client_key,
            meta={"code": CODE, "to": conversation.agent_id, "name": str(conversation.agent)},
        )
        assert written is not None
        outbox.emit(  # they may look elsewhere
            "mention.made",
            key=f"conversation:{conversation.pk}",
            data={
                "conversation": conversation.pk,
                "user": conversation.agent_id,
                "message": written.id,
            },
        )
    return Message.objects.get(pk=written.id)
