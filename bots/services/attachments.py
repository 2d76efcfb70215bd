"""Work of kind "fetch": bring a message's files over while the channel still has them."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from bots.channels.base import DELIVERED, ChannelAdapter, File
from bots.models import Attachment, Inbox, Message
from bots.services import messages, transcribe
from bots.services.channels import adapter_of
from tenants.kernel import due
from tenants.kernel.context import release_connection
from tenants.kernel.errors import NeedsMerchant, Rejected
from tenants.kernel.files import TooLarge, file_save

log = logging.getLogger(__name__)

LIMIT = 25 * 1024 * 1024
_NAMES = {"image": "photo.jpg", "voice": "voice.ogg", "video": "video.mp4"}


@due.worker("fetch")
def fetch_files(message_id: int) -> datetime | None:
    message = Message.objects.select_related("conversation__channel").filter(pk=message_id).first()
    if message is None:
        return None
    adapter = adapter_of(message.conversation.channel)
    waiting = message.attachments.filter(file=None, error="").exclude(external_id="")
    for attachment in list(waiting):
        release_connection()
        try:
            content = _content(adapter, attachment)
        except (ValueError, Rejected, NeedsMerchant) as exc:
            _refuse(attachment, str(getattr(exc, "detail", "") or exc))
            continue
        _keep(attachment, content)
    messages.changed(message)
    return None


def _content(adapter: ChannelAdapter, attachment: Attachment) -> bytes:
    """From the channel or, where it came inside the delivery, from the inbox."""
    ident = attachment.external_id
    if not ident.startswith(f"{DELIVERED}:"):
        return adapter.fetch_file(File(kind=attachment.kind, external_id=ident))
    _, key, part = ident.split(":", 2)
    row = Inbox.objects.filter(channel_id=adapter.config.channel_id, dedupe_key=key).first()
    if row is None:
        raise ValueError("the file is not kept any more")
    return adapter.delivered_file(row.payload, part)


def _keep(attachment: Attachment, content: bytes) -> None:
    name = attachment.name or _NAMES.get(attachment.kind, "file")
    with transaction.atomic():
        try:
            attachment.file = file_save(content, name=name, purpose="message", limit=LIMIT)
        except TooLarge as exc:
            attachment.error = str(exc)[:200]
        attachment.save(update_fields=["file", "error"])
        if attachment.file is not None:
            transcribe.wish(attachment)


def _refuse(attachment: Attachment, why: str) -> None:
    attachment.error = why[:200] or "could not be fetched"
    attachment.speech = {}
    attachment.save(update_fields=["error", "speech"])
