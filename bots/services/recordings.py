"""A call's recording, asked of the telephone company when a colleague opens it; none is kept."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from bots.channels.base import Recorded
from bots.models import Message
from bots.services.channels import adapter_of
from bots.services.vendor_words import in_words
from tenants.kernel.context import release_connection
from tenants.kernel.errors import RuleBroken, VendorError


class NoRecording(RuleBroken):
    code = "no_recording"


def recording_of(message: Message, address: str) -> Recorded | None:
    """None where the call has none. `address`: of the colleague. Raises NoRecording in words."""
    reference = str(message.meta.get("call", {}).get("recording") or "")
    if not reference:
        return None
    adapter = adapter_of(message.conversation.channel)
    release_connection()
    try:
        found = adapter.recording(reference, address)
    except VendorError as exc:
        raise NoRecording(in_words(exc.detail)) from exc
    if found.url and not is_safe(found.url):
        raise NoRecording(_("The recording's address is not usable."))
    return found


def is_safe(url: str) -> bool:
    """An address of the world's that a browser may be sent to: no script, no user, no blanks."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return (
        plain and parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.username
    )
