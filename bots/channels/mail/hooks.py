"""Services that take letters in and post them to us, read by django-anymail's own classes.

No view of anymail is served: its classes only turn a service's JSON into a letter, in a worker.
Sources: https://anymail.dev/en/stable/inbound/ and the services' pages on inbound webhooks.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any

from bots.channels.base import Inbound, SignatureMismatch

Event = Mapping[str, Any]
CHECKED = "who calls was checked before"  # anymail asks for secrets it has no use for here


@dataclass(frozen=True)
class Service:
    """`verify(request, secret)` raises SignatureMismatch. `about(event)`: its delivery's id, the
    sender's address and where answers go; raises KeyError, TypeError. `mime(event)`: the letter."""

    verify: Callable[[Inbound, str], None]
    about: Callable[[Event], tuple[str, str, str]]
    mime: Callable[[Event], bytes]


def _basic(request: Inbound, secret: str) -> None:
    """Postmark signs nothing: user and password stand in the hook address it is given."""
    sent = request.headers.get("authorization", "")
    made = "Basic " + base64.b64encode(secret.encode()).decode()
    if not secret or not compare_digest(sent.encode(), made.encode()):
        raise SignatureMismatch


def _signed(request: Inbound, secret: str) -> None:
    made = hmac_digest(secret.encode(), request.body, sha256).hex()
    if not secret or not compare_digest(
        request.headers.get("signature", "").encode(), made.encode()
    ):
        raise SignatureMismatch


def _about_postmark(event: Event) -> tuple[str, str, str]:
    return str(event["MessageID"]), str(event["FromFull"]["Email"]), str(event.get("ReplyTo") or "")


def _about_mailersend(event: Event) -> tuple[str, str, str]:
    data = event["data"]
    return str(data["id"]), str(data["from"]["email"]), ""


def _mime_postmark(event: Event) -> bytes:
    from anymail.webhooks.postmark import PostmarkInboundWebhookView

    view = PostmarkInboundWebhookView(webhook_secret=CHECKED)
    return bytes(view.esp_to_anymail_event(event).message)


def _mime_mailersend(event: Event) -> bytes:
    from anymail.webhooks.mailersend import MailerSendInboundWebhookView

    view = MailerSendInboundWebhookView(inbound_secret=CHECKED, webhook_secret=CHECKED)
    return bytes(view.esp_to_anymail_event(event).message)


PLAIN = re.compile(r"^[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,190}$")

SERVICES = {
    "postmark": Service(_basic, _about_postmark, _mime_postmark),
    "mailersend": Service(_signed, _about_mailersend, _mime_mailersend),
}


def address_in(value: str) -> str:
    """The address in “Anna <anna@example.com>”; one that stands alone needs no parsing."""
    bare = value.strip().lower()
    if not bare or PLAIN.match(bare):
        return bare
    return parseaddr(value)[1].strip().lower()
