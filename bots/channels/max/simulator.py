"""A pretend MAX: one bot, dialogues with memory, subscriptions, uploads, its limits and refusals.

Source: https://dev.max.ru/docs-api (schema 0.0.32). Composed from the documentation's fields.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import itertools
import json
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import httpx

from bots.channels.base import Config, Inbound
from tenants.kernel.simulate import Answer, Request, Simulator

TOKEN = "f9LHodD0cOsimulated-token-of-a-pretend-bot_0123456789"
BOT_ID = 700300
TEXT_LIMIT = 4000
PER_SECOND = 30
PER_SECOND_CHAT = 2
_TAGS = ("b", "strong", "i", "em", "u", "ins", "s", "del", "a", "code", "pre", "mark", "h1")


@dataclass
class Dialogue:
    chat_id: int
    user_id: int
    first_name: str
    locale: str = "ru"
    is_suspended: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)

    def user(self) -> dict[str, Any]:
        return {
            "user_id": self.user_id,
            "first_name": self.first_name,
            "last_name": "",
            "name": self.first_name,
            "username": None,
            "is_bot": False,
            "last_activity_time": _now(),
        }

    def recipient(self, user_id: int) -> dict[str, Any]:
        return {"chat_id": self.chat_id, "chat_type": "dialog", "user_id": user_id}


class MaxSimulator(Simulator):
    """`buyer_says` is the other side. `keeps_rates`: refuse what comes too fast, as MAX does."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.url = ""
        self.dialogues: dict[int, Dialogue] = {}
        self.sent: list[dict[str, Any]] = []
        self.answered: list[str] = []
        self.actions: list[tuple[int, str]] = []
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.not_ready = 0
        self.keeps_rates = False
        self._uploads: dict[str, str] = {}
        self._updates: list[tuple[int, dict[str, Any]]] = []
        self._numbers = itertools.count(1)
        self._hits: dict[int, deque[float]] = {}
        for method, path, handler in (
            ("GET", "/me", self._me),
            ("GET", "/subscriptions", self._subscriptions),
            ("POST", "/subscriptions", self._subscribe),
            ("DELETE", "/subscriptions", self._unsubscribe),
            ("GET", "/updates", self._get_updates),
            ("POST", "/messages", self._send),
            ("PUT", "/messages", self._edit),
            ("DELETE", "/messages", self._delete),
            ("GET", "/messages", self._list),
            ("GET", "/messages/{mid}", self._get),
            ("POST", "/answers", self._answer),
            ("POST", "/chats/{chat}/actions", self._action),
            ("POST", "/uploads", self._upload_place),
            ("GET", "/videos/{token}", self._video),
        ):
            self.route(method, path, self._checked(handler))
        self.route("POST", "/upload/{kind}/{key}", self._upload)
        self.route("GET", "/files/{key}", self._download)

    async def respond(self, request: Request) -> Answer:
        # Addresses it gives away are its own, wherever it is served.
        self.url = self.url or f"http://{request.headers.get('host', '')}"
        return await super().respond(request)

    # ── the buyer's side ──
    def dialogue(self, chat_id: int = 101, first_name: str = "Анна") -> Dialogue:
        return self.dialogues.setdefault(chat_id, Dialogue(chat_id, chat_id + 500_000, first_name))

    def buyer_starts(self, chat_id: int = 101, payload: str | None = None) -> dict[str, Any]:
        one = self.dialogue(chat_id)
        one.is_suspended = False
        return self.happens(
            "bot_started",
            chat_id=chat_id,
            user=one.user(),
            payload=payload,
            user_locale=one.locale,
        )

    def buyer_says(
        self, text: str | None, *attachments: dict[str, Any], chat_id: int = 101, **more: Any
    ) -> dict[str, Any]:
        """A message of a buyer as an update; kept for the address or for whoever asks."""
        one = self.dialogue(chat_id)
        one.is_suspended = False
        message = self._message(one, one.user(), one.recipient(BOT_ID), text, list(attachments))
        message.update(more)
        one.messages.append(message)
        return self.happens("message_created", message=message, user_locale=one.locale)

    def contact(self, phone: str, *, chat_id: int = 101, is_own: bool = True) -> dict[str, Any]:
        """A shared card; signed when it is the number of the account that pressed the button."""
        one = self.dialogue(chat_id)
        card = (
            "BEGIN:VCARD\r\nVERSION:3.0\r\n"
            f"TEL;TYPE=cell:{phone}\r\nFN:{one.first_name}\r\nEND:VCARD\r\n"
        )
        payload: dict[str, Any] = {"vcf_info": card, "max_info": one.user() if is_own else None}
        if is_own:
            payload["hash"] = hmac.new(
                self.token.encode(), card.encode(), hashlib.sha256
            ).hexdigest()
        return {"type": "contact", "payload": payload}

    def media(self, kind: str, content: bytes, **more: Any) -> dict[str, Any]:
        """An attachment of a buyer, kept under an address of this server."""
        key = f"{kind}{next(self._numbers)}"
        self.files[key] = content
        payload: dict[str, Any] = {"url": f"{self.url}/files/{key}", "token": key}
        if kind == "image":
            payload["photo_id"] = next(self._numbers)
        return {"type": kind, "payload": payload, **more}

    def buyer_presses(self, title: str, *, chat_id: int = 101) -> dict[str, Any]:
        """Press a button of the bot's newest message that has it. KeyError when none has."""
        one = self.dialogue(chat_id)
        for message in reversed(one.messages):
            for attachment in message["body"]["attachments"] or []:
                for row in attachment["payload"].get("buttons", ()):
                    for button in row:
                        if button["text"] == title and button["type"] == "callback":
                            callback = {
                                "timestamp": _now(),
                                "callback_id": f"cb_{next(self._numbers):010d}",
                                "payload": button["payload"],
                                "user": one.user(),
                            }
                            return self.happens(
                                "message_callback",
                                callback=callback,
                                message=message,
                                user_locale=one.locale,
                            )
        raise KeyError(title)

    def buyer_stops(self, chat_id: int = 101) -> dict[str, Any]:
        one = self.dialogue(chat_id)
        one.is_suspended = True
        return self.happens("bot_stopped", chat_id=chat_id, user=one.user(), user_locale=one.locale)

    def happens(self, kind: str, **more: Any) -> dict[str, Any]:
        update = {"update_type": kind, "timestamp": _now(), **more}
        self._updates.append((next(self._numbers), update))
        return update

    def deliver(self, *, times: int = 1) -> list[int]:
        """Call every subscribed address with all waiting updates; the answers' statuses."""
        statuses = []
        with httpx.Client(timeout=10, trust_env=False) as client:
            for known in list(self._updates):
                for url, about in self.subscriptions.items():
                    secret = about.get("secret")
                    headers = {"X-Max-Bot-Api-Secret": secret} if secret else {}
                    for _ in range(times):
                        statuses.append(
                            client.post(url, json=known[1], headers=headers).status_code
                        )
                if statuses and statuses[-1] == 200:
                    self._updates.remove(known)
        return statuses

    def texts(self, chat_id: int = 101) -> list[str]:
        """What the bot said in a dialogue."""
        return [
            one["body"]["text"]
            for one in self.dialogue(chat_id).messages
            if one["sender"]["is_bot"] and one["body"]["text"]
        ]

    # ── the bot's side ──
    def is_scripted(self, request: Request) -> bool:
        return request.path not in ("/updates", "/me")

    def not_found(self, request: Request) -> Answer:
        return _error(404, "not.found", f"Path {request.path} is not recognized")

    def _checked(self, handler: Any) -> Any:
        async def checked(request: Request) -> Answer:
            # The bare token in the header; the parameter `access_token` is no longer taken.
            if request.headers.get("authorization") != self.token:
                return _error(401, "verify.token", "Invalid access_token")
            if self.keeps_rates and self._is_too_fast(0, PER_SECOND):
                return too_many()
            found = handler(request)
            return await found if asyncio.iscoroutine(found) else found

        return checked

    def _is_too_fast(self, whom: int, limit: int) -> bool:
        hits = self._hits.setdefault(whom, deque())
        now = time.monotonic()
        while hits and now - hits[0] >= 1:
            hits.popleft()
        if len(hits) >= limit:
            return True
        hits.append(now)
        return False

    def bot(self) -> dict[str, Any]:
        return {
            "user_id": BOT_ID,
            "first_name": "Помощник",
            "username": "pretend_shop_bot",
            "is_bot": True,
            "last_activity_time": _now(),
            "name": "Помощник",
        }

    def _me(self, _request: Request) -> Answer:
        picture = f"{self.url}/files/picture"
        about = {"description": "Отвечает на вопросы", "commands": []}
        return Answer.json(
            {**self.bot(), **about, "avatar_url": picture, "full_avatar_url": picture}
        )

    def _subscriptions(self, _request: Request) -> Answer:
        told = [
            {k: v for k, v in one.items() if k != "secret"} for one in self.subscriptions.values()
        ]
        return Answer.json({"subscriptions": told})

    def _subscribe(self, request: Request) -> Answer:
        asked = request.json()
        url, secret = asked.get("url", ""), asked.get("secret", "")
        if not url.startswith("https://") or re.search(r"https://[^/]*:\d", url):
            return _error(400, "proto.payload", "url: only https on port 443")
        if secret and not re.fullmatch(r"[a-zA-Z0-9-]{5,256}", secret):
            return _error(400, "proto.payload", "secret: not allowed characters")
        self.subscriptions[url] = {
            "url": url,
            "time": _now(),
            "update_types": asked.get("update_types"),
            "secret": secret,
        }
        return Answer.json({"success": True})

    def _unsubscribe(self, request: Request) -> Answer:
        if self.subscriptions.pop(request.query.get("url", ""), None) is None:
            return Answer.json({"success": False, "message": "No subscription found"})
        return Answer.json({"success": True})

    async def _get_updates(self, request: Request) -> Answer:
        if self.subscriptions:
            return _error(405, "method.not.allowed", "Bot is subscribed to webhook")
        marker = int(request.query.get("marker") or 0)
        self._updates = [one for one in self._updates if one[0] >= marker]
        until = time.monotonic() + float(request.query.get("timeout") or 0)
        while not self._updates and time.monotonic() < until:
            await asyncio.sleep(0.02)
        found = self._updates[: int(request.query.get("limit") or 100)]
        after = found[-1][0] + 1 if found else marker or None
        return Answer.json({"updates": [one[1] for one in found], "marker": after})

    def _send(self, request: Request) -> Answer:
        found = self._dialogue_of(request)
        if isinstance(found, Answer):
            return found
        body = request.json()
        if self.keeps_rates and self._is_too_fast(found.chat_id, PER_SECOND_CHAT):
            return too_many()
        if refused := self._refused(body):
            return refused
        link = body.get("link")
        linked = self._known(link["mid"]) if link else None
        if link and linked is None:
            return _error(404, "not.found", f"Message {link['mid']} not found")
        has_file = any(one["type"] != "inline_keyboard" for one in body.get("attachments") or [])
        if has_file and self.not_ready:
            self.not_ready -= 1
            return _error(
                400, "attachment.not.ready", "Key: errors.process.attachment.file.not.processed"
            )
        message = self._message(
            found,
            self.bot(),
            found.recipient(found.user_id),
            _plain(body),
            self._attached(body.get("attachments")),
        )
        if link and linked:
            message["link"] = {"type": link["type"], "message": linked["body"]}
        found.messages.append(message)
        self.sent.append(message)
        return Answer.json({"message": message})

    def _dialogue_of(self, request: Request) -> Dialogue | Answer:
        wanted = int(request.query.get("chat_id") or 0)
        user = int(request.query.get("user_id") or 0)
        for one in self.dialogues.values():
            if wanted == one.chat_id or (user and user == one.user_id):
                if one.is_suspended:
                    return _error(403, "chat.denied", "error.dialog.suspended")
                return one
        return _error(404, "chat.not.found", "Chat not found")

    def _refused(self, body: dict[str, Any]) -> Answer | None:
        text, attachments = body.get("text") or "", body.get("attachments") or []
        if not text.strip() and not attachments:
            return _error(400, "proto.payload", "Message must have text or attachments")
        # A server in Java counts UTF-16 units.
        if len(text.encode("utf-16-le")) // 2 > TEXT_LIMIT:
            return _error(400, "proto.payload", "text: size must be between 0 and 4000")
        if body.get("format") == "html" and (fault := _html_fault(text)):
            return _error(400, "proto.payload", f"format: {fault}")
        for one in attachments:
            if one["type"] == "inline_keyboard":
                if fault := _keyboard_fault(one["payload"]["buttons"]):
                    return _error(400, "proto.payload", fault)
            elif len(attachments) > 1 and one["type"] == "file":
                return _error(400, "proto.payload", "file must be the only attachment")
            elif not self._is_uploaded(one):
                return _error(400, "proto.payload", "attachment: unknown token")
        return None

    def _is_uploaded(self, attachment: dict[str, Any]) -> bool:
        payload = attachment["payload"]
        tokens = [one["token"] for one in (payload.get("photos") or {}).values()]
        tokens += [payload["token"]] if payload.get("token") else []
        return bool(tokens) and all(self._uploads.get(t) == attachment["type"] for t in tokens)

    def _attached(self, attachments: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        shown = []
        for one in attachments or []:
            if one["type"] == "inline_keyboard":
                shown.append({**one, "callback_id": f"kb_{next(self._numbers)}"})
                continue
            photos = (one["payload"].get("photos") or {}).values()
            token = one["payload"].get("token") or next(iter(photos))["token"]
            payload = {"token": token, "url": f"{self.url}/files/{token}"}
            about = {"filename": "file", "size": len(self.files.get(token, b""))}
            if one["type"] == "image":
                payload["photo_id"] = next(self._numbers)
            more = about if one["type"] == "file" else {}
            shown.append({"type": one["type"], "payload": payload, **more})
        return shown or None

    def _message(
        self,
        one: Dialogue,
        sender: dict[str, Any],
        recipient: dict[str, Any],
        text: str | None,
        attachments: list[dict[str, Any]] | None,
    ) -> dict[str, Any]:
        number = next(self._numbers)
        return {
            "sender": sender,
            "recipient": recipient,
            "timestamp": _now(),
            "body": {
                "mid": f"mid.{one.chat_id:016x}{number:016x}",
                "seq": number,
                "text": text,
                "attachments": attachments,
            },
        }

    def _known(self, mid: str) -> dict[str, Any] | None:
        every = (one for d in self.dialogues.values() for one in d.messages)
        return next((one for one in every if one["body"]["mid"] == mid), None)

    def _own(self, request: Request) -> dict[str, Any] | None:
        found = self._known(request.query.get("message_id", ""))
        return found if found and found["sender"]["is_bot"] else None

    def _edit(self, request: Request) -> Answer:
        message, body = self._own(request), request.json()
        if message is None:
            return _error(404, "not.found", "Message not found")
        had_buttons = any(
            one["type"] == "inline_keyboard" for one in message["body"]["attachments"] or []
        )
        if _now() - message["timestamp"] > 7 * 24 * 3600 * 1000 and not had_buttons:
            return Answer.json({"success": False, "message": "Message is too old to be edited"})
        if refused := self._refused(body):
            return refused
        message["body"]["text"] = _plain(body)
        if body.get("attachments") is not None:
            message["body"]["attachments"] = self._attached(body["attachments"])
        return Answer.json({"success": True})

    def _delete(self, request: Request) -> Answer:
        message = self._own(request)
        if message is None:
            return _error(404, "not.found", "Message not found")
        for one in self.dialogues.values():
            if message in one.messages:
                one.messages.remove(message)
        self.sent.remove(message)
        return Answer.json({"success": True})

    def _list(self, request: Request) -> Answer:
        one = self.dialogues.get(int(request.query.get("chat_id") or 0))
        if one is None:
            return _error(404, "chat.not.found", "Chat not found")
        newest = list(reversed(one.messages))[: int(request.query.get("count") or 50)]
        return Answer.json({"messages": newest})

    def _get(self, request: Request) -> Answer:
        message = self._known(request.params["mid"])
        return Answer.json(message) if message else _error(404, "not.found", "Message not found")

    def _answer(self, request: Request) -> Answer:
        self.answered.append(request.query.get("callback_id", ""))
        return Answer.json({"success": True})

    def _action(self, request: Request) -> Answer:
        self.actions.append((int(request.params["chat"]), request.json()["action"]))
        return Answer.json({"success": True})

    def _upload_place(self, request: Request) -> Answer:
        kind = request.query.get("type", "")
        if kind not in ("image", "video", "audio", "file"):
            return _error(400, "proto.payload", f"type: unknown value {kind!r}")
        key = f"{kind}{next(self._numbers)}"
        told = {"url": f"{self.url}/upload/{kind}/{key}"}
        return Answer.json({**told, "token": key} if kind in ("video", "audio") else told)

    def _upload(self, request: Request) -> Answer:
        kind, key = request.params["kind"], request.params["key"]
        (part,) = [one for one in request.parts() if one.name == "data"]
        if kind == "audio" and not (part.filename or "").endswith((".mp3", ".wav", ".m4a", ".ogg")):
            return _error(400, "upload.error", "not an audio file")
        self.files[key] = part.content
        self._uploads[key] = kind
        if kind == "image":
            return Answer.json({"photos": {f"{key}==": {"token": key}}})
        return Answer.json({"token": key} if kind == "file" else {"retval": 1})

    def _video(self, request: Request) -> Answer:
        token = request.params["token"]
        if token not in self.files:
            return _error(404, "not.found", "Video not found")
        url = f"{self.url}/files/{token}"
        about = {"width": 640, "height": 480, "duration": 3, "thumbnail": None}
        return Answer.json({"token": token, "urls": {"mp4_480": url}, **about})

    def _download(self, request: Request) -> Answer:
        if request.params["key"] not in self.files:
            return Answer(404, b"gone")
        kind = {"content-type": "application/octet-stream"}
        return Answer(200, self.files[request.params["key"]], kind)

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"token": TOKEN}


def too_many() -> Answer:
    """429 as MAX says it: without a time to wait."""
    return _error(429, "too.many.requests", "Too many requests")


def _error(status: int, code: str, message: str) -> Answer:
    return Answer.json({"code": code, "message": message}, status)


def _now() -> int:
    return int(time.time() * 1000)


def _plain(body: dict[str, Any]) -> str | None:
    text = body.get("text")
    if text and body.get("format") == "html":
        return html.unescape(re.sub(r"<[^>]*>", "", text))
    return text


def _html_fault(text: str) -> str:
    opened: list[str] = []
    for closes, name in re.findall(r"<(/?)(\w*)[^>]*(?:>|$)", text):
        if name not in _TAGS:
            return f"unknown tag {name!r}"
        if not closes:
            opened.append(name)
        elif not opened or opened.pop() != name:
            return f"unexpected end of {name!r}"
    return f"{opened[-1]!r} is not closed" if opened else ""


def _keyboard_fault(rows: list[list[dict[str, Any]]]) -> str:
    if len(rows) > 30:
        return "more than 30 rows"
    if sum(map(len, rows)) > 210:
        return "more than 210 buttons"
    for row in rows:
        if not row or len(row) > (3 if any(b["type"] != "callback" for b in row) else 7):
            return "too many buttons in a row"
        for button in row:
            if not 1 <= len(button["text"]) <= 128:
                return "text of a button"
            if button["type"] == "callback" and len(button["payload"]) > 1024:
                return "payload of a button"
            if button["type"] == "link" and len(button["url"]) > 2048:
                return "url of a button"
    return ""


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {"secrets": {"token": TOKEN, "hook": "hook-secret-1"}}


def hook_example(config: Config, number: int) -> Inbound:
    """A buyer's message as MAX sends it."""
    chat, at = 100_000 + number % 500, 1_782_038_400_000 + number
    update = {
        "update_type": "message_created",
        "timestamp": at,
        "user_locale": "ru",
        "message": {
            "sender": Dialogue(chat, chat, "Анна").user(),
            "recipient": {"chat_id": chat, "chat_type": "dialog", "user_id": BOT_ID},
            "timestamp": at,
            "body": {
                "mid": f"mid.{number:016x}",
                "seq": number,
                "text": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
                "attachments": None,
            },
        },
    }
    body = json.dumps(update, ensure_ascii=False).encode()
    return Inbound(body, {"x-max-bot-api-secret": config.secrets["hook"]})
