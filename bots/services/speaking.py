"""Who speaks: a person takes over, and a finished conversation begins again. The row is locked."""

from __future__ import annotations

from bots.models import AgentProfile, Conversation, Episode
from bots.services import messages, sla
from bots.services.queues import wake_for
from tenants.kernel import due, outbox
from tenants.workspace.models import User


def open_again(conversation: Conversation) -> None:
    """Somebody of the shop writes where all was done: a new episode. Fields only, no saving."""
    conversation.status = Conversation.Status.OPEN
    conversation.episode = Episode.objects.create(
        conversation=conversation, start_seq=conversation.last_seq + 1
    )
    outbox.emit(
        "conversation.opened",
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "by": "shop"},
    )


def take(conversation: Conversation, agent: User, by: User | None = None) -> None:
    """The person answers from now on; `by`: who gave it to them. The row is locked."""
    offered = conversation.offered_to_id
    if not conversation.hand_to(agent):
        return
    if conversation.status == Conversation.Status.RESOLVED:
        open_again(conversation)
    sla.settle(conversation)
    if conversation.waiting_since is not None:
        conversation.deadline_at = sla.patience(conversation)
        due.reschedule("deadline", conversation.pk, due_at=conversation.deadline_at)
    if offered is not None:
        due.cancel("offer", conversation.pk)
    if offered == agent.pk:  # answering is accepting
        AgentProfile.objects.filter(user=agent).update(offers_missed=0)
    conversation.handover_reason = ""
    conversation.save(
        update_fields=[
            *("speaker", "agent", "epoch", "status", "episode", "deadline_at", "handover_reason"),
            *("previous_agent", "offered_to", "offer_until"),
        ]
    )
    given = {"by": str(by)} if by is not None and by.pk != agent.pk else {}
    messages.system_line(conversation, "taken_over", agent=agent.pk, name=str(agent), **given)
    outbox.emit(
        "conversation.taken_over",
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "agent": agent.pk},
    )
    if offered is not None and offered != agent.pk:
        wake_for(offered)


def tell_woken(conversation: Conversation, by: str) -> None:
    """Its sleep is over before its time: by the "buyer", or by a "failure" to answer."""
    due.cancel("snooze", conversation.pk)
    outbox.emit(
        "conversation.woken",
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "by": by},
    )
