"""A buyer's chat goes on under another id: a changed number, a group that became another."""

from __future__ import annotations

from django.db import transaction

from bots.channels.base import Moved
from bots.models import Channel, Contact, Conversation
from bots.services import lanes
from bots.services.accept import lane_of
from bots.services.identities import identity_keep


def apply(channel: Channel, lane: int, moved: Moved) -> None:
    """Doing it twice changes nothing."""
    if not moved.is_all:
        _move(channel, lane, moved)
        return
    old = Contact.objects.filter(channel=channel, external_id__startswith=moved.chat)
    for chat in list(old.order_by("pk").values_list("external_id", flat=True)):
        to = moved.to + chat.removeprefix(moved.chat)
        _move(channel, lane_of(channel.pk, chat), Moved(chat, to))


def chat_moved(conversation: Conversation, to: str) -> None:
    """The platform said so while we wrote there."""
    chat = conversation.contact.external_id
    with transaction.atomic():
        _move(conversation.channel, conversation.lane, Moved(chat, to))
    conversation.contact.external_id = to


def _move(channel: Channel, lane: int, moved: Moved) -> None:
    """Where the new id is a chat already, the old one is over."""
    conversation = lanes.locked(lane)
    if conversation is None or moved.to == moved.chat:
        return
    contact = conversation.contact
    if Contact.objects.filter(channel=channel, external_id=moved.to).exists():
        Contact.objects.filter(pk=contact.pk).update(is_reachable=False)
        return
    contact.external_id = moved.to
    contact.save(update_fields=["external_id"])
    conversation.lane = lane_of(channel.pk, moved.to)
    conversation.save(update_fields=["lane"])
    for kind, value, proof in moved.identities:
        identity_keep(contact, kind, value, proof)
