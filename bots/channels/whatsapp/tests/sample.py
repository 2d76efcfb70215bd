"""WhatsApp for the conformance suite. Composed from Meta's description of Cloud API (v23.0)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.whatsapp.simulator import (
    ACCOUNT_ID,
    APP_SECRET,
    PHONE_ID,
    TOKEN,
    WhatsAppSimulator,
    error,
)
from tenants.kernel.simulate import Simulator
from tests.channels.sample import Sample

AT = 1_782_038_400
BUYER = "79005550002"
SCOPED = "RU.7000000000000000042"
MEDIA = {"id": "800000000000001", "mime_type": "image/jpeg", "sha256": "3a7bd3e2360a3d29"}


def call(value: Any, field: str = "messages", account: str = ACCOUNT_ID) -> dict[str, Any]:
    entry = {"id": account, "time": AT, "changes": [{"field": field, "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def of_number(phone: str = PHONE_ID, **parts: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "79005550001", "phone_number_id": phone},
        **parts,
    }


def message(kind: str, content: Any, *, number: int = 1, chat: str = BUYER, **more: Any) -> Any:
    said = {
        "from": chat, "id": f"wamid.EXAMPLE{number:04d}==", "timestamp": str(AT + number),
        "type": kind, **more,
    }  # fmt: skip
    if content is not None:
        said[kind] = content
    contact = {"profile": {"name": "Анна"}, "wa_id": chat}
    return call(of_number(contacts=[contact], messages=[said]))


def status(state: str, **more: Any) -> Any:
    told = {
        "id": "wamid.EXAMPLE0009==", "status": state, "timestamp": str(AT),
        "recipient_id": BUYER, **more,
    }  # fmt: skip
    return call(of_number(statuses=[told]))


class WhatsAppSample(Sample):
    kind = "whatsapp"
    settings = {"phone_number_id": PHONE_ID, "business_account_id": ACCOUNT_ID}
    secrets = {"token": TOKEN, "app_secret": APP_SECRET, "hook": "verify-token_1"}
    chat = BUYER
    busy = error(131056, "Pair rate limit hit")
    revoked = error(190, "access token", status=401)
    blocked = error(131026, "Message undeliverable")

    def sign(self, body: bytes) -> Inbound:
        digest = hmac.new(self.secrets["app_secret"].encode(), body, hashlib.sha256).hexdigest()
        return Inbound(body, {"x-hub-signature-256": f"sha256={digest}"})

    def forged(self, body: bytes) -> list[Inbound]:
        other = hmac.new(b"another", body, hashlib.sha256).hexdigest()
        return [
            Inbound(body),
            Inbound(body, {"x-hub-signature-256": f"sha256={other}"}),
            Inbound(body, {"x-hub-signature-256": "подпись"}),
            Inbound(body + b" ", dict(self.sign(body).headers)),
        ]

    def says(self, text: str, *, chat: str = BUYER, number: int = 1) -> Any:
        return message("text", {"body": text}, number=number, chat=chat)

    def kinds(self) -> Mapping[str, Any]:
        pressed = {"id": "size:42", "title": "42"}
        item = {
            "product_retailer_id": "SKU-1", "quantity": 2, "item_price": 990, "currency": "RUB"
        }  # fmt: skip
        contacts = [{"name": {"formatted_name": "Пётр"}, "phones": [{"phone": "+79005550003"}]}]
        hidden = {
            "id": "wamid.HIDDEN1==", "timestamp": str(AT), "type": "text",
            "text": {"body": "Без номера"}, "from_user_id": SCOPED,
        }  # fmt: skip
        echo = {
            "from": "79005550001", "to": BUYER, "id": "wamid.ECHO1==", "timestamp": str(AT),
            "type": "text", "text": {"body": "Это Ольга"},
        }  # fmt: skip
        failed = {"code": 131047, "title": "t", "message": "m", "error_data": {"details": "d"}}
        template = {
            "event": "APPROVED", "message_template_id": 7, "message_template_name": "again",
            "message_template_language": "ru", "reason": "NONE",
        }  # fmt: skip
        media = {
            kind: message(kind, {**MEDIA, **more})
            for kind, more in (
                ("image", {"caption": "Вот"}), ("audio", {"voice": True}), ("video", {}),
                ("document", {"filename": "чек.pdf"}), ("sticker", {"animated": False}),
            )
        }  # fmt: skip
        return {
            **media,
            "text": message("text", {"body": "Привет"}),
            "quoted": message(
                "text", {"body": "Это"}, context={"from": "79005550001", "id": "wamid.X=="}
            ),
            "from an ad": message(
                "text",
                {"body": "Здравствуйте"},
                referral={"source_type": "ad", "source_id": "12", "ctwa_clid": "c1"},
            ),
            "location": message("location", {"latitude": 55.75, "longitude": 37.61}),
            "contacts": message("contacts", contacts),
            "button reply": message(
                "interactive", {"type": "button_reply", "button_reply": pressed}
            ),
            "list reply": message(
                "interactive", {"type": "list_reply", "list_reply": {**pressed, "description": ""}}
            ),
            "form": message(
                "interactive",
                {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": "{}"}},
            ),
            "button": message("button", {"payload": "again", "text": "Повторить"}),
            "order": message("order", {"catalog_id": "1", "text": "Жду", "product_items": [item]}),
            "reaction": message("reaction", {"message_id": "wamid.X==", "emoji": "👍"}),
            "reaction taken away": message("reaction", {"message_id": "wamid.X=="}),
            "changed number": message(
                "system", {"body": "…", "wa_id": "79005550009", "type": "user_changed_number"}
            ),
            "welcome": message("request_welcome", None),
            "edit": message(
                "edit",
                {
                    "original_message_id": "wamid.X==",
                    "message": {"type": "text", "text": {"body": "46"}},
                },
            ),
            "revoke": message("revoke", {"original_message_id": "wamid.X=="}),
            "unsupported": message(
                "unsupported",
                None,
                errors=[{"code": 131051, "type": "t", "title": "t", "message": "t"}],
            ),
            "hidden phone": call(
                of_number(
                    contacts=[{"profile": {"name": "Ян"}, "user_id": SCOPED}], messages=[hidden]
                )
            ),
            "error": call(of_number(errors=[{"code": 130429, "title": "t"}])),
            "sent": status("sent"),
            "delivered": status("delivered", biz_opaque_callback_data="message-981"),
            "read": status("read"),
            "failed": status("failed", errors=[failed]),
            "echo": call(of_number(message_echoes=[echo]), "smb_message_echoes"),
            "history": call(of_number(history=[]), "history"),
            "contacts of the app": call(of_number(state_sync=[]), "smb_app_state_sync"),
            "template": call(template, "message_template_status_update"),
            "locked": call(
                {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}},
                "account_update",
            ),
            "quality": call(
                {"event": "DOWNGRADE", "current_limit": "TIER_250"}, "phone_number_quality_update"
            ),
            "calls": call(of_number(calls=[]), "calls"),
        }

    def simulator(self) -> Simulator:
        simulator = WhatsAppSimulator()
        simulator.buyer(BUYER).wrote_at = simulator.now
        return simulator

    def seen(self, simulator: WhatsAppSimulator) -> list[str]:
        return simulator.texts(BUYER)
