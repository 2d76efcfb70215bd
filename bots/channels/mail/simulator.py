"""Letters and calls as mail programs and services make them: for measuring and for tests.

There is no pretend mail server here: tests talk to real ones.
"""

from __future__ import annotations

import base64
import json
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from bots.channels.base import Config, Inbound

BUYER = "anna@example.com"
SHOP = "shop@shop.example"


def letter(
    text: str = "Есть 46 размер?",
    *,
    sender: str = BUYER,
    name: str = "Анна",
    to: str = SHOP,
    subject: str = "",
    number: int = 1,
    html: str = "",
    **headers: str,
) -> EmailMessage:
    """`in_reply_to="<…>"` becomes In-Reply-To."""
    made = EmailMessage(policy=SMTP)
    made["From"] = f'"{name}" <{sender}>'
    made["To"] = to
    made["Subject"] = subject
    made["Date"] = "Mon, 06 Jan 2025 15:04:05 +0300"
    made["Message-ID"] = f"<letter-{number}@example.com>"
    for key, value in headers.items():
        made[key.replace("_", "-")] = value
    if text:
        made.set_content(text)
    if html and text:
        made.add_alternative(html, subtype="html")
    elif html:
        made.set_content(html, subtype="html")
    return made


def postmark(
    text: str, *, sender: str = BUYER, subject: str = "", number: int = 1, **more: Any
) -> dict[str, Any]:
    """A call of Postmark's inbound stream. https://postmarkapp.com/developer/webhooks/inbound-webhook"""
    return {
        "FromName": "Анна",
        "MessageStream": "inbound",
        "From": sender,
        "FromFull": {"Email": sender, "Name": "Анна", "MailboxHash": ""},
        "To": SHOP,
        "ToFull": [{"Email": SHOP, "Name": "", "MailboxHash": ""}],
        "Cc": "",
        "CcFull": [],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": SHOP,
        "Subject": subject,
        "MessageID": f"73e6d360-66eb-11e1-8e72-{number:012x}",
        "ReplyTo": "",
        "Date": "Mon, 06 Jan 2025 15:04:05 +0300",
        "TextBody": text,
        "HtmlBody": "",
        "StrippedTextReply": "",
        "Tag": "",
        "Headers": [{"Name": "Message-ID", "Value": f"<letter-{number}@example.com>"}],
        "Attachments": [],
        **more,
    }


def mailersend(raw: EmailMessage, *, number: int = 1) -> dict[str, Any]:
    """A call of MailerSend's inbound route. https://developers.mailersend.com/api/v1/inbound.html"""
    return {
        "type": "inbound.message",
        "inbound_id": "yv69oxl5kl785kw2",
        "created_at": "2026-11-22T12:04:05.000000Z",
        "data": {
            "object": "message",
            "id": f"62bf0c0f{number:016x}",
            "recipients": {"rcptTo": [{"email": SHOP}]},
            "from": {"email": BUYER, "name": "Анна", "raw": str(raw["From"])},
            "sender": {"email": BUYER},
            "subject": str(raw["Subject"] or ""),
            "raw": raw.as_string(),
            "created_at": "2026-11-22T12:04:05.000000Z",
        },
    }


def basic(secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {
        "settings": {"address": SHOP, "incoming": "postmark"},
        "secrets": {"hook_secret": "postmark:a-long-password"},
    }


def hook_example(config: Config, number: int) -> Inbound:
    """A buyer's letter as Postmark posts it."""
    event = postmark(
        "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
        sender=f"buyer{number % 500}@example.com",
        subject="Куртка",
        number=number,
    )
    body = json.dumps(event, ensure_ascii=False).encode()
    return Inbound(body, basic(config.secrets.get("hook_secret", "")))
