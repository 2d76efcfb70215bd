"""Telegram for the conformance suite. Composed from https://core.telegram.org/bots/api."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.telegram.simulator import TOKEN, TelegramSimulator, too_many
from tenants.kernel.simulate import Answer, Simulator
from tests.channels.sample import Sample

USER = {"id": 101, "is_bot": False, "first_name": "Анна", "language_code": "ru"}
CHAT = {"id": 101, "type": "private", "first_name": "Анна"}
AT = 1_782_038_400


class TelegramSample(Sample):
    kind = "telegram"
    secrets = {"token": TOKEN, "hook": "hook-secret_1"}
    busy = too_many(7)
    revoked = Answer.json({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
    blocked = Answer.json(
        {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"},
        403,
    )

    def sign(self, body: bytes) -> Inbound:
        return Inbound(body, {"x-telegram-bot-api-secret-token": self.secrets["hook"]})

    def forged(self, body: bytes) -> list[Inbound]:
        return [Inbound(body), Inbound(body, {"x-telegram-bot-api-secret-token": "другой"})]

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        return {
            "update_id": 710_000_000 + number,
            "message": {
                "message_id": number,
                "date": AT + number,
                "chat": {**CHAT, "id": int(chat)},
                "from": {**USER, "id": int(chat)},
                "text": text,
            },
        }

    def kinds(self) -> Mapping[str, Any]:
        message = self.says("Привет")["message"]
        query = {"id": "800", "from": USER, "message": message, "chat_instance": "-9", "data": "a"}
        member = {"status": "member", "user": USER}
        poll = {"id": "5", "question": "?", "options": [], "type": "regular", "is_closed": False}
        about: dict[str, Any] = {
            "message": message,
            "edited_message": {**message, "edit_date": AT},
            "channel_post": {**message, "chat": {"id": -100, "type": "channel", "title": "К"}},
            "edited_channel_post": {**message, "chat": {"id": -100, "type": "channel"}},
            "business_connection": {
                "id": "bc1",
                "user": USER,
                "user_chat_id": 101,
                "date": AT,
                "rights": {"can_reply": True},
                "is_enabled": True,
            },
            "business_message": {**message, "business_connection_id": "bc1"},
            "edited_business_message": {**message, "business_connection_id": "bc1"},
            "deleted_business_messages": {
                "business_connection_id": "bc1",
                "chat": CHAT,
                "message_ids": [1],
            },
            "guest_message": message,
            "message_reaction": {
                "chat": CHAT,
                "message_id": 1,
                "user": USER,
                "date": AT,
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            },
            "message_reaction_count": {"chat": CHAT, "message_id": 1, "date": AT, "reactions": []},
            "inline_query": {"id": "1", "from": USER, "query": "свитер", "offset": ""},
            "chosen_inline_result": {"result_id": "1", "from": USER, "query": "свитер"},
            "callback_query": query,
            "shipping_query": {"id": "1", "from": USER, "invoice_payload": "x"},
            "pre_checkout_query": {"id": "1", "from": USER, "currency": "RUB", "total_amount": 1},
            "purchased_paid_media": {"from": USER, "paid_media_payload": "x"},
            "poll": poll,
            "poll_answer": {"poll_id": "5", "user": USER, "option_ids": [0]},
            "my_chat_member": {
                "chat": CHAT,
                "from": USER,
                "date": AT,
                "old_chat_member": member,
                "new_chat_member": {"status": "kicked", "user": USER, "until_date": 0},
            },
            "chat_member": {
                "chat": CHAT,
                "from": USER,
                "date": AT,
                "old_chat_member": member,
                "new_chat_member": member,
            },
            "chat_join_request": {"chat": CHAT, "from": USER, "user_chat_id": 101, "date": AT},
            "chat_boost": {"chat": CHAT, "boost": {"boost_id": "1", "add_date": AT}},
            "removed_chat_boost": {"chat": CHAT, "boost_id": "1", "remove_date": AT},
            "managed_bot": {"user": USER, "bot": {**USER, "is_bot": True}},
            "subscription": {"user": USER, "is_active": True},
            "stopped_message_generation": {"chat": CHAT, "draft_id": 3},
        }
        return {name: {"update_id": 710_000_500, name: body} for name, body in about.items()}

    def simulator(self) -> Simulator:
        simulator = TelegramSimulator()
        simulator.chat(int(self.chat))
        return simulator

    def seen(self, simulator: TelegramSimulator) -> list[str]:
        return [one["text"] for one in simulator.chat(int(self.chat)).messages if "text" in one]
