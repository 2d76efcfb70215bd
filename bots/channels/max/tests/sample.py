"""MAX for the conformance suite. Composed from https://dev.max.ru/docs-api (schema 0.0.32)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.max.simulator import TOKEN, MaxSimulator, too_many
from tenants.kernel.simulate import Answer, Simulator
from tests.channels.sample import Sample

AT = 1_782_038_400_000
USER = {
    "user_id": 500100,
    "first_name": "Анна",
    "last_name": "",
    "name": "Анна",
    "username": None,
    "is_bot": False,
    "last_activity_time": AT,
}


class MaxSample(Sample):
    kind = "max"
    secrets = {"token": TOKEN, "hook": "hook-secret_1"}
    busy = too_many()
    revoked = Answer.json({"code": "verify.token", "message": "Invalid access_token"}, 401)
    blocked = Answer.json({"code": "chat.denied", "message": "error.dialog.suspended"}, 403)

    def sign(self, body: bytes) -> Inbound:
        # Our secret as it was subscribed: without the underscore.
        return Inbound(body, {"x-max-bot-api-secret": "hook-secret-1"})

    def forged(self, body: bytes) -> list[Inbound]:
        return [Inbound(body), Inbound(body, {"x-max-bot-api-secret": "другой"})]

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        return {
            "update_type": "message_created",
            "timestamp": AT + number,
            "user_locale": "ru",
            "message": {
                "sender": USER,
                "recipient": {"chat_id": int(chat), "chat_type": "dialog", "user_id": 700300},
                "timestamp": AT + number,
                "body": {
                    "mid": f"mid.{number:08x}",
                    "seq": number,
                    "text": text,
                    "attachments": None,
                },
            },
        }

    def kinds(self) -> Mapping[str, Any]:
        message = self.says("Привет")["message"]
        callback = {"timestamp": AT, "callback_id": "cb_1", "payload": "size:42", "user": USER}
        here: dict[str, Any] = {"chat_id": 101, "user": USER, "user_locale": "ru"}
        group = {"chat_id": -700, "user": USER, "is_channel": False}
        about: dict[str, Any] = {
            "bot_added": group,
            "bot_removed": group,
            "bot_started": {**here, "payload": "promo42"},
            "bot_stopped": here,
            "chat_title_changed": {"chat_id": -700, "user": USER, "title": "Закупка"},
            "dialog_cleared": here,
            "dialog_muted": {**here, "muted_until": AT},
            "dialog_unmuted": here,
            "dialog_removed": here,
            "message_callback": {"callback": callback, "message": message, "user_locale": "ru"},
            "message_callback of a deleted message": {"callback": callback, "message": None},
            "message_created": {"message": message, "user_locale": "ru"},
            "message_created in a group": {
                "message": {**message, "recipient": {"chat_id": -7, "chat_type": "chat"}}
            },
            "message_edited": {"message": message},
            "message_removed": {"message_id": "mid.1", "chat_id": 101, "user_id": 500100},
            "user_added": {**group, "inviter_id": None},
            "user_removed": {**group, "admin_id": None},
            "message_chat_created": {"chat": {"chat_id": -7}, "message_id": "mid.1"},
        }
        return {
            name: {"update_type": name.split(" ")[0], "timestamp": AT, **body}
            for name, body in about.items()
        }

    def simulator(self) -> Simulator:
        simulator = MaxSimulator()
        simulator.dialogue(int(self.chat))
        return simulator

    def seen(self, simulator: MaxSimulator) -> list[str]:
        return simulator.texts(int(self.chat))
