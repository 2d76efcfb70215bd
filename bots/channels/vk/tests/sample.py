"""VK for the conformance suite. Composed from https://dev.vk.com (API 5.199)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bots.channels.base import Inbound
from bots.channels.vk.simulator import GROUP_ID, TOKEN, VERSION, VkSimulator, error
from tenants.kernel.simulate import Simulator
from tests.channels.sample import Sample

AT = 1_782_038_400
SECRET = "hooksecret1"


class VkSample(Sample):
    kind = "vk"
    secrets = {"token": TOKEN, "hook": "hook-secret_1"}
    settings = {"group_id": str(GROUP_ID)}
    busy = error(6, "Too many requests per second")
    revoked = error(5, "User authorization failed: access_token was revoked")
    blocked = error(901, "Can't send messages for users without permission")

    def sign(self, body: bytes) -> Inbound:
        """The proof is in the body, so what is no object cannot have it."""
        try:
            event = json.loads(body)
        except ValueError:
            return Inbound(body)
        if isinstance(event, dict):
            event["secret"] = SECRET
        return Inbound(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))

    def forged(self, body: bytes) -> list[Inbound]:
        wrong = {**json.loads(body), "secret": "другой"}
        anothers = {**json.loads(body), "secret": SECRET, "group_id": 7}
        return [Inbound(body), *(Inbound(json.dumps(one).encode()) for one in (wrong, anothers))]

    def event(self, kind: str, about: Any, number: int = 1) -> dict[str, Any]:
        return {
            "type": kind,
            "group_id": GROUP_ID,
            "event_id": f"{number:040x}",
            "v": VERSION,
            "object": about,
        }

    def message(self, text: str, *, chat: int = 101, number: int = 1) -> dict[str, Any]:
        return {
            "id": 5000 + number,
            "conversation_message_id": 300 + number,
            "date": AT + number,
            "peer_id": chat,
            "from_id": chat,
            "out": 0,
            "version": 10_000_000 + number,
            "text": text,
            "attachments": [],
            "fwd_messages": [],
            "important": False,
            "is_hidden": False,
            "random_id": 0,
        }

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        info = {"button_actions": ["text"], "keyboard": True, "inline_keyboard": True, "lang_id": 0}
        about = {"message": self.message(text, chat=int(chat), number=number), "client_info": info}
        return self.event("message_new", about, number)

    def kinds(self) -> Mapping[str, Any]:
        message = self.message("Привет")
        own = {**message, "from_id": -GROUP_ID, "out": 1, "random_id": 224}
        here = {"peer_id": 101, "from_id": 101}
        press = {"user_id": 101, "peer_id": 101, "event_id": "7c3f", "payload": {"p": "size:42"}}
        about: dict[str, Any] = {
            "message_new": {"message": message, "client_info": {}},
            "message_new of several people": {
                "message": {**message, "peer_id": 2_000_000_005}, "client_info": {},
            },
            "message_reply": own,
            "message_edit": message,
            "message_allow": {"user_id": 101, "key": ""},
            "message_deny": {"user_id": 101},
            "message_read": {**here, "read_message_id": 5001, "conversation_message_id": 301},
            "message_event": {**press, "conversation_message_id": 301},
            "message_typing_state": {"from_id": 101, "to_id": -GROUP_ID, "state": "typing"},
            "message_reaction_event": {
                "reacted_id": 101, "peer_id": 101, "cmid": 301, "reaction_id": 4,
            },
            "messages_edit": {},
        }  # fmt: skip
        others = """audio_new board_post_new board_post_edit board_post_restore board_post_delete
            group_leave group_join group_change_photo group_change_settings group_officers_edit
            lead_forms_new market_comment_new market_comment_delete market_comment_edit
            market_comment_restore market_order_new market_order_edit photo_new photo_comment_new
            photo_comment_delete photo_comment_edit photo_comment_restore poll_vote_new user_block
            user_unblock video_new video_comment_new video_comment_delete video_comment_edit
            video_comment_restore wall_post_new wall_reply_new wall_reply_edit wall_reply_delete
            wall_reply_restore wall_repost wall_schedule_post_new wall_schedule_post_delete"""
        about |= {kind: {"user_id": 101} for kind in others.split()}
        return {name: self.event(name.split(" ")[0], body) for name, body in about.items()}

    def simulator(self) -> Simulator:
        simulator = VkSimulator()
        simulator.dialogue(int(self.chat))
        simulator.has_bot_abilities = True
        return simulator

    def seen(self, simulator: VkSimulator) -> list[str]:
        return simulator.texts(int(self.chat))
