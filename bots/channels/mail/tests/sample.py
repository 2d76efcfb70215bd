"""E-mail by a service's calls, for the conformance suite; IMAP and SMTP are tried on servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.mail.simulator import BUYER, SHOP, basic, letter, postmark
from tests.channels.sample import Sample

SECRET = "postmark:a-long-password"


class MailSample(Sample):
    kind = "mail"
    secrets = {"hook_secret": SECRET, "hook": "hook-secret"}
    settings = {"address": SHOP, "incoming": "postmark"}
    chat = BUYER

    def sign(self, body: bytes) -> Inbound:
        return Inbound(body, basic(SECRET))

    def forged(self, body: bytes) -> list[Inbound]:
        return [
            Inbound(body),
            Inbound(body, basic("postmark:guess")),
            Inbound(body, {"authorization": "Basic пароль"}),
        ]

    def says(self, text: str, *, chat: str = BUYER, number: int = 1) -> Any:
        return postmark(text, sender=chat if "@" in chat else BUYER, number=number)

    def kinds(self) -> Mapping[str, Any]:
        raw = letter("Есть 48?", subject="Куртка").as_string()
        automatic = {"Name": "Auto-Submitted", "Value": "auto-replied (vacation)"}
        picture = {
            "Name": "1.png",
            "Content": "iVBORw0KGgo=",
            "ContentType": "image/png",
            "ContentLength": 8,
            "ContentID": "",
        }
        return {
            "text": self.says("Есть 46?"),
            "html": postmark("", HtmlBody="<p>Есть 46?</p>"),
            "raw": postmark("", RawEmail=raw),
            "files": postmark("Вот", Attachments=[picture]),
            "an answer": postmark("Да", subject="Re: Куртка"),
            "out of office": postmark("Меня нет", Headers=[automatic]),
            "a mailing": postmark(
                "Скидки", Headers=[{"Name": "List-Id", "Value": "<news.example>"}]
            ),
            "our own": postmark("Копия", sender=SHOP),
            "a form of the site": postmark("Перезвоните", sender=SHOP, ReplyTo=BUYER),
            "nobody": postmark("?", sender="undisclosed"),
        }
