"""A pretend Telegram: bots, chats with memory, updates by webhook or long poll, its bad days.

Source: https://core.telegram.org/bots/api (10.x). Composed from the documentation's fields.
"""

from __future__ import annotations

import asyncio
import html
import itertools
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from bots.channels.base import Config, Inbound
from tenants.kernel.simulate import Answer, Request, Simulator

TOKEN = "700000001:" + "AAsimulated-token-of-a-pretend-bot-"
TEXT_LIMIT = 4096
METHODS = frozenset(
    {
        "getMe",
        "getUpdates",
        "setWebhook",
        "deleteWebhook",
        "getWebhookInfo",
        "getUserProfilePhotos",
        "getFile",
        "sendMessage",
        "sendPhoto",
        "sendDocument",
        "sendVoice",
        "sendVideo",
        "sendChatAction",
        "answerCallbackQuery",
        "editMessageText",
        "deleteMessage",
        "deleteBusinessMessages",
        "readBusinessMessage",
        "sendMediaGroup",
        "sendMessageDraft",
        "setChatMenuButton",
    }
)
USERNAME = "pretend_shop_bot"
OWNER = {"id": 900, "is_bot": False, "first_name": "Олег", "username": "owner"}


@dataclass
class Chat:
    id: int
    first_name: str
    username: str = ""
    language_code: str = "ru"
    is_blocked: bool = False
    kind: str = "private"
    migrated_to: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)

    def as_chat(self) -> dict[str, Any]:
        if self.kind != "private":
            return {"id": self.id, "type": self.kind, "title": self.first_name}
        return {"id": self.id, "type": "private", "first_name": self.first_name}

    def as_user(self) -> dict[str, Any]:
        user = {
            "id": self.id,
            "is_bot": False,
            "first_name": self.first_name,
            "language_code": self.language_code,
        }
        return {**user, "username": self.username} if self.username else user


class TelegramSimulator(Simulator):
    """One bot. `buyer_says` is the other side; `sent` is what the bot said, in order."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.chats: dict[int, Chat] = {}
        self.sent: list[dict[str, Any]] = []
        self.answered: list[str] = []
        self.actions: list[int] = []
        self.drafts: list[dict[str, Any]] = []
        self.read: list[tuple[str, int]] = []
        self.allowed: list[str] = []
        self.menu: dict[str, Any] = {"type": "commands"}
        self.connections: dict[str, dict[str, Any]] = {}
        # An owner's chats: in them 24 hours after the buyer's last words the bot is silent.
        self.last_words: dict[tuple[str, int], float] = {}
        self.knows_drafts = True
        # A server of one's own tells where a file lies on its disk.
        self.is_local = False
        self.webhook = ""
        self.secret = ""
        self.is_revoked = False
        self.files: dict[str, bytes] = {}
        self._updates: list[dict[str, Any]] = []
        self._update_ids = itertools.count(710_000_001)
        self._message_ids = itertools.count(1)
        for method in ("GET", "POST"):
            self.route(method, "/bot{token}/{method}", self._method)
        self.route("GET", "/file/bot{token}/{path}", self._download)

    # ── the buyer's side ──
    def chat(self, chat_id: int = 101, first_name: str = "Анна", **more: Any) -> Chat:
        return self.chats.setdefault(chat_id, Chat(chat_id, first_name, **more))

    def buyer_says(self, text: str, *, chat_id: int = 101, **more: Any) -> dict[str, Any]:
        """A message of a buyer as an update; delivered to the webhook or kept for getUpdates."""
        chat = self.chat(chat_id)
        chat.is_blocked = False
        message = {
            "message_id": next(self._message_ids),
            "date": int(time.time()),
            "chat": chat.as_chat(),
            "from": chat.as_user(),
            **({"text": text} if text else {}),
            **more,
        }
        chat.messages.append(message)
        return self.happens(message=message)

    def owner_connects(
        self, ident: str = "bc1", *, can_reply: bool = True, is_enabled: bool = True
    ) -> dict[str, Any]:
        """The owner lets the bot into their account, or takes it out."""
        rights = {"can_reply": True, "can_read_messages": True} if can_reply else {}
        self.connections[ident] = {
            "id": ident,
            "user": OWNER,
            "user_chat_id": OWNER["id"],
            "date": int(time.time()),
            "rights": rights,
            "is_enabled": is_enabled,
        }
        return self.happens(business_connection=self.connections[ident])

    def said_in_account(
        self, text: str, *, chat_id: int = 101, by: str = "buyer", ident: str = "bc1", **more: Any
    ) -> dict[str, Any]:
        """In a private chat of the account's owner: the buyer, the owner or our own bot wrote."""
        chat = self.chat(chat_id)
        message = {
            "business_connection_id": ident,
            "message_id": next(self._message_ids),
            "date": int(time.time()),
            "chat": chat.as_chat(),
            "from": chat.as_user() if by == "buyer" else OWNER,
            **({"text": text} if text else {}),
            **({"sender_business_bot": self._bot()} if by == "bot" else {}),
            **more,
        }
        if by == "buyer":
            self.last_words[ident, chat_id] = time.time()
        return self.happens(business_message=message)

    def album(self, *captions: str, chat_id: int = 101) -> list[dict[str, Any]]:
        """Pictures chosen together: an update each."""
        group = str(next(self._update_ids))
        found = []
        for caption in captions:
            ident = f"picture{next(self._message_ids)}"
            self.files[ident] = b"\x89PNG"
            sizes = [{"file_id": ident, "file_unique_id": ident, "width": 90, "height": 90}]
            told = {"caption": caption} if caption else {}
            found.append(
                self.buyer_says("", chat_id=chat_id, photo=sizes, media_group_id=group, **told)
            )
        return found

    def group(self, chat_id: int = -1001, kind: str = "supergroup") -> Chat:
        return self.chats.setdefault(chat_id, Chat(chat_id, "Покупатели", kind=kind))

    def said_in_group(
        self, text: str, *, chat_id: int = -1001, member: int = 101, **more: Any
    ) -> dict[str, Any]:
        """With the privacy mode off, a bot gets everything that is said in a group."""
        chat = self.group(chat_id)
        message = {
            "message_id": next(self._message_ids),
            "date": int(time.time()),
            "chat": chat.as_chat(),
            "from": self.chat(member).as_user(),
            "text": text,
            **more,
        }
        chat.messages.append(message)
        return self.happens(message=message)

    def group_grows(self, chat_id: int = -1, to: int = -1002) -> dict[str, Any]:
        """A group becomes a supergroup: another id, and ids of messages from the beginning."""
        old = self.group(chat_id, "group")
        old.migrated_to = self.group(to).id
        note = {
            "message_id": next(self._message_ids),
            "date": int(time.time()),
            "chat": old.as_chat(),
            "from": self.chat().as_user(),
            "migrate_to_chat_id": to,
        }
        return self.happens(message=note)

    def buyer_reacts(self, message_id: int, emoji: str, *, chat_id: int = 101) -> dict[str, Any]:
        signs = [{"type": "emoji", "emoji": emoji}] if emoji else []
        chat = self.chat(chat_id)
        return self.happens(
            message_reaction={
                "chat": chat.as_chat(),
                "message_id": message_id,
                "user": chat.as_user(),
                "date": int(time.time()),
                "old_reaction": [],
                "new_reaction": signs,
            }
        )

    def buyer_shares_phone(self, phone: str, *, chat_id: int = 101) -> dict[str, Any]:
        """Press the button below the writing field. KeyError where none asks for a phone."""
        for message in reversed(self.chat(chat_id).messages):
            markup = message.get("_below", {})
            if any(one.get("request_contact") for row in markup.get("keyboard", []) for one in row):
                contact = {"phone_number": phone, "first_name": "Анна", "user_id": chat_id}
                return self.buyer_says("", chat_id=chat_id, contact=contact)
        raise KeyError("request_contact")

    def buyer_presses(self, title: str, *, chat_id: int = 101, member: int = 0) -> dict[str, Any]:
        """Press a button of the bot's newest message that has it. KeyError when none has."""
        for message in reversed(self.chat(chat_id).messages):
            for row in message.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == title:
                        return self.happens(
                            callback_query={
                                "id": str(next(self._update_ids)),
                                "from": self.chat(member or chat_id).as_user(),
                                "message": _told(message),
                                "chat_instance": "-900",
                                "data": button["callback_data"],
                            }
                        )
        raise KeyError(title)

    def buyer_blocks(self, chat_id: int = 101, *, blocks: bool = True) -> dict[str, Any]:
        chat = self.chat(chat_id)
        chat.is_blocked = blocks
        member = {"status": "member", "user": self._bot()}
        kicked = {"status": "kicked", "user": self._bot(), "until_date": 0}
        return self.happens(
            my_chat_member={
                "chat": chat.as_chat(),
                "from": chat.as_user(),
                "date": int(time.time()),
                "old_chat_member": member if blocks else kicked,
                "new_chat_member": kicked if blocks else member,
            }
        )

    def happens(self, **kind: Any) -> dict[str, Any]:
        update = {"update_id": next(self._update_ids), **kind}
        self._updates.append(update)
        return update

    def deliver(self, *, times: int = 1) -> list[int]:
        """Call the webhook with all waiting updates; returns the answers' statuses."""
        statuses = []
        with httpx.Client(timeout=10, trust_env=False) as client:
            for update in list(self._updates):
                for _ in range(times):
                    answer = client.post(
                        self.webhook,
                        json=update,
                        headers={"X-Telegram-Bot-Api-Secret-Token": self.secret},
                    )
                    statuses.append(answer.status_code)
                if statuses[-1] == 200:
                    self._updates.remove(update)
        return statuses

    def texts(self, chat_id: int = 101) -> list[str]:
        """What the bot said in a chat."""
        return [m["text"] for m in self.sent if m["chat"]["id"] == chat_id and "text" in m]

    # ── the bot's side ──
    def is_scripted(self, request: Request) -> bool:
        return not request.path.endswith(("/getUpdates", "/getMe"))

    async def _method(self, request: Request) -> Answer:
        if request.params["token"] != self.token or self.is_revoked:
            return _error(401, "Unauthorized")
        method = request.params["method"]
        if method not in METHODS:
            return _error(404, "Not Found")
        found = getattr(self, f"_{_snake(method)}")(_arguments(request))
        return await found if asyncio.iscoroutine(found) else found

    def _bot(self) -> dict[str, Any]:
        return {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Помощник",
            "username": USERNAME,
        }

    def _get_me(self, _data: dict[str, Any]) -> Answer:
        return _ok(
            {
                **self._bot(),
                "can_join_groups": True,
                "can_read_all_group_messages": False,
                "supports_inline_queries": False,
                "can_connect_to_business": True,
            }
        )

    async def _get_updates(self, data: dict[str, Any]) -> Answer:
        if self.webhook:
            return _error(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(data.get("offset") or 0)
        self._updates = [u for u in self._updates if u["update_id"] >= offset]
        until = time.monotonic() + float(data.get("timeout") or 0)
        while not self._updates and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return _ok(self._updates[:100])

    def _set_webhook(self, data: dict[str, Any]) -> Answer:
        self.webhook, self.secret = data.get("url", ""), data.get("secret_token", "")
        if self.secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", self.secret):
            return _error(400, "Bad Request: secret token contains unallowed characters")
        self.allowed = _json(data.get("allowed_updates")) or []
        return _ok(True)

    def _delete_webhook(self, _data: dict[str, Any]) -> Answer:
        self.webhook = self.secret = ""
        return _ok(True)

    def _get_webhook_info(self, _data: dict[str, Any]) -> Answer:
        return _ok(
            {
                "url": self.webhook,
                "has_custom_certificate": False,
                "pending_update_count": len(self._updates),
                "allowed_updates": self.allowed,
            }
        )

    def _get_user_profile_photos(self, _data: dict[str, Any]) -> Answer:
        photo = {
            "file_id": "picture",
            "file_unique_id": "picture1",
            "width": 160,
            "height": 160,
        }
        return _ok({"total_count": 1, "photos": [[photo]]})

    def _get_file(self, data: dict[str, Any]) -> Answer:
        ident = data.get("file_id", "")
        if ident not in self.files:
            return _error(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        return _ok(
            {
                "file_id": ident,
                "file_unique_id": f"u{ident}",
                "file_size": len(self.files[ident]),
                "file_path": f"/data/{self.token}/files_{ident}"
                if self.is_local
                else f"files_{ident}",
            }
        )

    def _download(self, request: Request) -> Answer:
        ident = request.params["path"].removeprefix("files_")
        if request.params["token"] != self.token or ident not in self.files:
            return _error(404, "Not Found")
        return Answer(200, self.files[ident], {"content-type": "application/octet-stream"})

    def _send_message(self, data: dict[str, Any]) -> Answer:
        text = data.get("text", "")
        if not text.strip():
            return _error(400, "Bad Request: message text is empty")
        if data.get("parse_mode") == "HTML":
            if fault := _html_fault(text):
                return _error(400, f"Bad Request: can't parse entities: {fault}")
            text = html.unescape(re.sub(r"<[^>]*>", "", text))
        # "1-4096 characters after entities parsing"
        if len(text.encode("utf-16-le")) // 2 > TEXT_LIMIT:
            return _error(400, "Bad Request: message is too long")
        return self._say(data, {"text": text})

    def _send_photo(self, data: dict[str, Any]) -> Answer:
        return self._say(data, {"photo": [_PHOTO]})

    def _send_document(self, data: dict[str, Any]) -> Answer:
        return self._say(data, {"document": _DOCUMENT})

    def _send_media_group(self, data: dict[str, Any]) -> Answer:
        media = _json(data.get("media")) or []
        if not 2 <= len(media) <= 10:
            return _error(400, "Bad Request: group send failed")
        kinds = {one["type"] for one in media}
        if "document" in kinds and len(kinds) > 1:
            return _error(400, "Bad Request: document can't be mixed with other media types")
        group = str(next(self._update_ids))
        shown = {"photo": [_PHOTO], "video": _VIDEO, "document": _DOCUMENT}
        said = []
        for one in media:
            kind = one["type"]
            answer = self._say(data, {kind: shown[kind], "media_group_id": group})
            if answer.status != 200:
                return answer
            assert isinstance(answer.body, bytes)
            said.append(json.loads(answer.body)["result"])
        return _ok(said)

    def _send_message_draft(self, data: dict[str, Any]) -> Answer:
        if not self.knows_drafts:
            return _error(404, "Not Found")
        chat = self.chats.get(int(data.get("chat_id") or 0))
        if chat is None or chat.kind != "private":
            return _error(400, "Bad Request: chat not found")
        if not int(data.get("draft_id") or 0):
            return _error(400, "Bad Request: draft identifier must be non-zero")
        if len(data.get("text", "").encode("utf-16-le")) // 2 > TEXT_LIMIT:
            return _error(400, "Bad Request: message is too long")
        self.drafts.append(data)
        return _ok(True)

    def _set_chat_menu_button(self, data: dict[str, Any]) -> Answer:
        button = _json(data.get("menu_button")) or {"type": "default"}
        page = button.get("web_app", {}).get("url", "")
        if button["type"] == "web_app" and not page.startswith("https://"):
            return _error(400, "Bad Request: menu button URL must be HTTPS")
        self.menu = button
        return _ok(True)

    def _read_business_message(self, data: dict[str, Any]) -> Answer:
        connection = self.connections.get(str(data.get("business_connection_id")), {})
        if not connection.get("rights", {}).get("can_read_messages"):
            return _error(400, "Bad Request: BUSINESS_CONNECTION_INVALID")
        self.read.append((connection["id"], int(data["message_id"])))
        return _ok(True)

    def _delete_business_messages(self, data: dict[str, Any]) -> Answer:
        wanted = {int(one) for one in _json(data.get("message_ids")) or []}
        through = data.get("business_connection_id")
        gone = [
            m
            for m in self.sent
            if m["message_id"] in wanted and m.get("business_connection_id") == through
        ]
        if not gone:
            return _error(400, "Bad Request: message to delete not found")
        for message in gone:
            self.sent.remove(message)
        return _ok(True)

    def _no_entry(self, data: dict[str, Any], chat: Chat) -> Answer | None:
        """Why nothing can be said there."""
        if chat.migrated_to:
            return _error(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                parameters={"migrate_to_chat_id": chat.migrated_to},
            )
        if chat.is_blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if ident := data.get("business_connection_id"):
            connection = self.connections.get(ident, {})
            if not connection.get("is_enabled") or not connection["rights"].get("can_reply"):
                return _error(400, "Bad Request: BUSINESS_CONNECTION_INVALID")
            if time.time() - self.last_words.get((ident, chat.id), 0.0) > 24 * 3600:
                return _error(400, "Bad Request: BUSINESS_PEER_USAGE_MISSING")
        return None

    def _send_voice(self, data: dict[str, Any]) -> Answer:
        return self._say(data, {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 1}})

    def _send_video(self, data: dict[str, Any]) -> Answer:
        return self._say(data, {"video": _VIDEO})

    def _say(self, data: dict[str, Any], content: dict[str, Any]) -> Answer:
        chat = self.chats.get(int(data.get("chat_id") or 0))
        if chat is None:
            return _error(400, "Bad Request: chat not found")
        if (refused := self._no_entry(data, chat)) is not None:
            return refused
        business = data.get("business_connection_id")
        markup = _json(data.get("reply_markup"))
        below = markup if markup and "inline_keyboard" not in markup else None
        if below and (business or chat.kind == "channel"):
            return _error(400, "Bad Request: reply keyboards are not supported here")
        markup = None if below else markup
        for row in (markup or {}).get("inline_keyboard", []):
            for button in row:
                if len(button.get("callback_data", "").encode()) > 64:
                    return _error(400, "Bad Request: BUTTON_DATA_INVALID")
                if "web_app" in button and (business or chat.kind != "private"):
                    return _error(400, "Bad Request: BUTTON_TYPE_INVALID")
        message = {
            "message_id": next(self._message_ids),
            "date": int(time.time()),
            "chat": chat.as_chat(),
            "from": self._bot(),
            **content,
            **({"reply_markup": markup} if markup else {}),
        }
        if business:
            owned = {"business_connection_id": business, "sender_business_bot": self._bot()}
            message |= {"from": OWNER, **owned}
        quoted = _json(data.get("reply_parameters")) or {}
        kept = {**message, "_below": below or {}, "_quoted": quoted.get("message_id", 0)}
        chat.messages.append(kept)
        self.sent.append(kept)
        return _ok(message)

    def _edit_message_text(self, data: dict[str, Any]) -> Answer:
        message = self._own(data)
        if message is None:
            return _error(400, "Bad Request: message to edit not found")
        text = data.get("text", "")
        if data.get("parse_mode") == "HTML":
            if fault := _html_fault(text):
                return _error(400, f"Bad Request: can't parse entities: {fault}")
            text = html.unescape(re.sub(r"<[^>]*>", "", text))
        markup = _json(data.get("reply_markup"))
        if message.get("text") == text and message.get("reply_markup") == markup:
            return _error(
                400,
                "Bad Request: message is not modified: specified new message content and reply "
                "markup are exactly the same as a current content and reply markup of the message",
            )
        if "text" not in message:
            return _error(400, "Bad Request: there is no text in the message to edit")
        message["text"], message["edit_date"] = text, int(time.time())
        message.pop("reply_markup", None)
        if markup:
            message["reply_markup"] = markup
        return _ok(_told(message))

    def _delete_message(self, data: dict[str, Any]) -> Answer:
        message = self._own(data)
        if message is None:
            return _error(400, "Bad Request: message to delete not found")
        if time.time() - message["date"] > 48 * 3600:
            return _error(400, "Bad Request: message can't be deleted for everyone")
        self.chats[int(data["chat_id"])].messages.remove(message)
        self.sent.remove(message)
        return _ok(True)

    def _own(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """A message of the bot's in a chat that it knows."""
        chat = self.chats.get(int(data.get("chat_id") or 0))
        wanted = int(data.get("message_id") or 0)
        own = (m for m in self.sent if m["message_id"] == wanted and chat is not None)
        return next((m for m in own if chat and m["chat"]["id"] == chat.id), None)

    def _send_chat_action(self, data: dict[str, Any]) -> Answer:
        self.actions.append(int(data["chat_id"]))
        return _ok(True)

    def _answer_callback_query(self, data: dict[str, Any]) -> Answer:
        self.answered.append(data["callback_query_id"])
        return _ok(True)

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"token": TOKEN}


def too_many(seconds: int) -> Answer:
    """429 as Telegram says it."""
    return _error(
        429, f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds}
    )


_PHOTO = {"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}
_VIDEO = {"file_id": "w", "file_unique_id": "w", "width": 1, "height": 1, "duration": 1}
_DOCUMENT = {"file_id": "d", "file_unique_id": "d"}


def _told(message: dict[str, Any]) -> dict[str, Any]:
    """Without what only the simulator remembers of it."""
    return {name: value for name, value in message.items() if name[0] != "_"}


def _json(value: Any) -> Any:
    """An argument that is JSON inside a form."""
    return json.loads(value) if isinstance(value, str) and value else value


def _ok(result: Any) -> Answer:
    return Answer.json({"ok": True, "result": result})


def _html_fault(text: str) -> str:
    opened: list[str] = []
    for closes, name, rest in re.findall(r"<(/?)(\w*)([^>]*)(?:>|$)", text):
        if name not in ("b", "i", "u", "s", "a", "code", "pre") or (rest and name != "a"):
            return f"unsupported start tag {name!r}"
        if not closes:
            opened.append(name)
        elif not opened or opened.pop() != name:
            return f"unexpected end tag {name!r}"
    return f"can't find end tag corresponding to start tag {opened[-1]!r}" if opened else ""


def _error(code: int, description: str, **more: Any) -> Answer:
    body = {"ok": False, "error_code": code, "description": description, **more}
    return Answer.json(body, code)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda m: "_" + m.group(1).lower(), name)


def _arguments(request: Request) -> dict[str, Any]:
    """Arguments of a call: query, JSON, form or multipart (files are left out)."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return {**request.query, **request.json()}
    if kind.startswith("multipart/form-data"):
        plain = {p.name: p.content.decode() for p in request.parts() if not p.filename}
        return {**request.query, **plain}
    return {**request.query, **request.form()}


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {"secrets": {"token": TOKEN, "hook": "hook-secret_1"}}


def hook_example(config: Config, number: int) -> Inbound:
    """A buyer's message as Telegram sends it."""
    chat = 100_000 + number % 500
    update = {
        "update_id": 710_000_000 + number,
        "message": {
            "message_id": number,
            "date": 1_782_038_400,
            "chat": {"id": chat, "type": "private", "first_name": "Анна"},
            "from": {"id": chat, "is_bot": False, "first_name": "Анна", "language_code": "ru"},
            "text": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
        },
    }
    secret = config.secrets["hook"]
    body = json.dumps(update, ensure_ascii=False).encode()
    return Inbound(body, {"x-telegram-bot-api-secret-token": secret})
