"""Work of kind "who": the name of a buyer whose messages come without one.

Some platforms tell a number only (VK): the name is asked for once the first message is there.
"""

from __future__ import annotations

from datetime import datetime

from bots.channels.base import Unreachable
from bots.models import Channel, Contact
from bots.selectors.sendable import manifest_of
from bots.services.channels import adapter_of
from tenants.kernel import due, outbox
from tenants.kernel.context import release_connection
from tenants.kernel.errors import NeedsMerchant, Rejected


def wish(channel: Channel, contact: Contact) -> None:
    """Ask for a name we do not have, inside the transaction of the message."""
    if contact.name:
        return
    manifest = manifest_of(channel)
    if manifest is not None and manifest.tells_who:
        due.schedule("who", contact.pk)


@due.worker("who")
def ask(contact_id: int) -> datetime | None:
    """A refusal leaves the number; the next message asks again."""
    contact = Contact.objects.select_related("channel").filter(pk=contact_id).first()
    if contact is None or contact.name or not contact.channel.secrets:
        return None
    adapter = adapter_of(contact.channel)
    if not adapter.manifest.tells_who:
        return None
    release_connection()
    try:
        found = adapter.who(contact.external_id)
    except (Rejected, NeedsMerchant, Unreachable):
        return None
    told = {
        "name": found.name[:120],
        "username": found.username[:120],
        "picture": found.picture[:400],
        "language": found.language[:8],
    }
    kept = {name: value for name, value in told.items() if value}
    if kept and Contact.objects.filter(pk=contact.pk, name="").update(**kept):
        outbox.emit(
            "person.changed",
            key=f"person:{contact.person_id}",
            data={"person": contact.person_id},
        )
    return None
