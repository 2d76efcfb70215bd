"""Where else a buyer can be written to: other chats of the same person, and their telephone.

The same person: their card's contacts, and whoever has proven the same number. A channel whose
chats are numbers (SMS) can be written to without a chat there.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from bots.channels.base import ReplyMode
from bots.models import Channel, Contact, Conversation, Identity
from bots.selectors.people import contacts_of
from bots.selectors.policy import visible
from bots.selectors.sendable import is_closed, manifest_of
from tenants.workspace.models import User


@dataclass(frozen=True)
class Way:
    """`conversation` is None where nobody has written in that channel yet; `chat` is then the
    number."""

    channel: Channel
    chat: str
    conversation: Conversation | None = None


def can_write(channel: Channel) -> bool:
    """Whether anything can be sent through it at all, whoever it is for."""
    manifest = manifest_of(channel)
    return manifest is not None and manifest.can_write


def ways(conversation: Conversation, *, seen_by: User | None = None) -> list[Way]:
    """In the order of the channels' tiles, its own chat among them. `seen_by`: what this colleague
    may open."""
    contact = conversation.contact
    phones = phones_of(contact)
    talks = Conversation.objects.filter(contact__in=_same(contact, phones)).select_related(
        "channel__bot", "contact"
    )
    if seen_by is not None:
        talks = talks.filter(Q(pk__in=visible(seen_by).values("pk")))
    here = [Way(t.channel, t.contact.external_id, t) for t in talks if is_open(t)]
    known = set(
        Contact.objects.filter(external_id__in=phones).values_list("channel", "external_id")
    )
    for channel in Channel.objects.filter(state=Channel.State.LIVE).select_related("bot"):
        manifest = manifest_of(channel)
        if manifest is None or not (manifest.chat_is_phone and _writes(channel)):
            continue
        here += [Way(channel, one) for one in phones if (channel.pk, one) not in known]
    return sorted(here, key=_place)


def is_open(conversation: Conversation) -> bool:
    """Whether the shop may write here now, having something to say by itself."""
    channel, contact = conversation.channel, conversation.contact
    return (
        channel.state == Channel.State.LIVE
        and _writes(channel)
        and contact.is_reachable
        and not contact.is_blocked
        and not is_closed(conversation)
    )


def phones_of(contact: Contact) -> list[str]:
    """Numbers that are the buyer's: proven, or the very one the channel reaches them by."""
    manifest = manifest_of(contact.channel)
    own = [contact.external_id] if manifest is not None and manifest.chat_is_phone else []
    proven = contact.identities.filter(
        kind=Identity.Kind.PHONE, proof__in=Identity.PROVEN
    ).values_list("value", flat=True)
    return [one for one in dict.fromkeys([*own, *proven]) if one.startswith("+")]


def _same(contact: Contact, phones: list[str]) -> QuerySet[Contact]:
    condition = Q(pk=contact.pk) | Q(
        identities__kind=Identity.Kind.PHONE,
        identities__value__in=phones,
        identities__proof__in=Identity.PROVEN,
    )
    if contact.person is not None:
        condition |= Q(pk__in=contacts_of(contact.person).values("pk"))
    by_number = [c.pk for c in Channel.objects.all() if _is_phone(c)]
    condition |= Q(channel__in=by_number, external_id__in=phones)
    return Contact.objects.filter(condition)


def _is_phone(channel: Channel) -> bool:
    manifest = manifest_of(channel)
    return manifest is not None and manifest.chat_is_phone


def _writes(channel: Channel) -> bool:
    manifest = manifest_of(channel)
    return (
        manifest is not None
        and manifest.is_offered
        and manifest.can_write
        and manifest.can_write_first
        and manifest.reply_mode == ReplyMode.PUSH
        and not channel.settings.get("removed")
    )


def _place(way: Way) -> tuple[int, int, int]:
    manifest = manifest_of(way.channel)
    talk = way.conversation
    return manifest.place if manifest else 99, way.channel.pk, talk.pk if talk else 0
