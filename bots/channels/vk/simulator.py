"""A pretend VK: one community, dialogues with memory, callback servers, long poll, uploads.

Source: https://dev.vk.com (API 5.199). Composed from the documentation's fields. Errors come inside
HTTP 200, as VK's do.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from bots.channels.base import Config, Inbound
from tenants.kernel.simulate import Answer, Request, Simulator

TOKEN = "vk1.a.simulated-token-of-a-pretend-community"
GROUP_ID = 123456
VERSION = "5.199"
PER_SECOND = 20
SERVERS = 10

Event = dict[str, Any]


class Fault(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Dialogue:
    peer_id: int
    allows: bool = True
    is_banned: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)

    def next_number(self) -> int:
        return (self.messages[-1]["conversation_message_id"] if self.messages else 0) + 1


class VkSimulator(Simulator):
    """`buyer_says` is the other side. `reaches` stands for VK's own calls: (address, event) → what
    was answered; without it an address stays unconfirmed. `keeps_rates`: refuse the 21st call."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.url = ""
        self.dialogues: dict[int, Dialogue] = {}
        self.servers: dict[int, dict[str, Any]] = {}
        self.events: dict[int, set[str]] = {}
        self.code = "c0de1234"
        self.permissions = ["manage", "messages", "photos", "docs", "stories"]
        self.has_bot_abilities = False
        self.long_poll: set[str] = set()
        self.answered: list[str] = []
        self.actions: list[int] = []
        self.read: list[tuple[int, int]] = []
        self.files: dict[str, bytes] = {}
        self.reaches: Callable[[str, Event], str] | None = None
        self.keeps_rates = False
        self.failed = 0
        self._attachments: dict[str, dict[str, Any]] = {}
        self._sent: dict[tuple[int, int], dict[str, Any]] = {}
        self._waiting: list[tuple[int, Event]] = []
        self._numbers = itertools.count(1)
        self._hits: deque[float] = deque()
        self.route("POST", "/method/{name}", self._method)
        self.route("POST", "/upload/{kind}/{key}", self._upload)
        self.route("GET", "/files/{key}", self._download)
        self.route("GET", "/poll", self._poll)

    async def respond(self, request: Request) -> Answer:
        # Addresses it gives away are its own, wherever it is served.
        self.url = self.url or f"http://{request.headers.get('host', '')}"
        return await super().respond(request)

    # ── the buyer's side ──
    def dialogue(self, peer_id: int = 101) -> Dialogue:
        return self.dialogues.setdefault(peer_id, Dialogue(peer_id))

    def buyer_says(self, text: str, *attachments: Any, peer_id: int = 101, **more: Any) -> Event:
        one = self.dialogue(peer_id)
        one.allows = True
        message = self._message(one, peer_id, text, list(attachments))
        message.update(more)
        one.messages.append(message)
        info = {
            "button_actions": ["text", "open_link", "callback", "location"],
            "keyboard": True,
            "inline_keyboard": True,
            "carousel": True,
            "lang_id": 0,
        }
        return self.happens("message_new", {"message": message, "client_info": info})

    def buyer_presses(self, title: str, *, peer_id: int = 101) -> Event:
        """Press a button of the newest message that has it. KeyError when none has."""
        for message in reversed(self.dialogue(peer_id).messages):
            for row in message.get("keyboard", {}).get("buttons", ()):
                for button in row:
                    action = button["action"]
                    if action.get("label") == title and action["type"] == "callback":
                        number = message["conversation_message_id"]
                        return self.happens(
                            "message_event",
                            {
                                "user_id": peer_id,
                                "peer_id": peer_id,
                                "event_id": f"press{next(self._numbers)}",
                                # The JSON value itself, though the schema says a string.
                                "payload": json.loads(action["payload"]),
                                "conversation_message_id": number,
                            },
                        )
        raise KeyError(title)

    def buyer_denies(self, peer_id: int = 101) -> Event:
        self.dialogue(peer_id).allows = False
        return self.happens("message_deny", {"user_id": peer_id})

    def buyer_reads(self, peer_id: int = 101) -> Event:
        last = self.dialogue(peer_id).messages[-1]
        return self.happens(
            "message_read",
            {
                "from_id": peer_id,
                "peer_id": peer_id,
                "read_message_id": last["id"],
                "conversation_message_id": last["conversation_message_id"],
            },
        )

    def manager_says(self, text: str, *, peer_id: int = 101) -> Event:
        """A person writes from VK's own pages in the community's name."""
        one = self.dialogue(peer_id)
        message = self._message(one, -GROUP_ID, text, [])
        message.update(out=1, admin_author_id=77, random_id=1_234_567_890)
        one.messages.append(message)
        return self.happens("message_reply", message)

    def media(self, kind: str, content: bytes, **more: Any) -> dict[str, Any]:
        """An attachment of a buyer, kept under an address of this server."""
        number = next(self._numbers)
        key = f"{kind}{number}"
        self.files[key] = content
        url = f"{self.url}/files/{key}"
        about: dict[str, Any] = {"id": number, "owner_id": 101, "access_key": "k", **more}
        match kind:
            case "photo":
                sizes = [("s", 75, ""), ("z", 1080, url)]
                about |= {"album_id": -3, "date": 1, "has_tags": False, "sizes": [
                    {"type": name, "width": width, "height": width, "url": where or f"{url}-small"}
                    for name, width, where in sizes
                ]}  # fmt: skip
            case "audio_message":
                about |= {"duration": 3, "waveform": [1, 2], "link_ogg": url, "link_mp3": url}
            case "doc":
                about |= {"title": "чек.pdf", "size": len(content), "ext": "pdf", "url": url,
                          "date": 1, "type": 1}  # fmt: skip
        return {"type": kind, kind: about}

    def happens(self, kind: str, about: dict[str, Any]) -> Event:
        number = next(self._numbers)
        event = {
            "type": kind,
            "object": about,
            "group_id": GROUP_ID,
            "event_id": f"{number:040x}",
            "v": VERSION,
        }
        self._waiting.append((number, event))
        return event

    def deliver(self, *, times: int = 1) -> list[bool]:
        """Call every confirmed address with all waiting events; whether each said “ok”."""
        answers = []
        with httpx.Client(timeout=10, trust_env=False) as client:
            for known in list(self._waiting):
                for server in self.servers.values():
                    if (
                        server["status"] != "ok"
                        or known[1]["type"] not in self.events[server["id"]]
                    ):
                        continue
                    body = {**known[1], "secret": server["secret_key"]}
                    for _ in range(times):
                        told = client.post(server["url"], json=body)
                        answers.append((told.status_code, told.text) == (200, "ok"))
                if answers and answers[-1]:
                    self._waiting.remove(known)
        return answers

    def texts(self, peer_id: int = 101) -> list[str]:
        """What the community said in a dialogue."""
        return [
            one["text"] for one in self.dialogue(peer_id).messages if one["out"] and one["text"]
        ]

    # ── the community's side ──
    def is_scripted(self, request: Request) -> bool:
        return request.path not in ("/poll", "/method/groups.getById")

    async def _method(self, request: Request) -> Answer:
        data = request.form()
        name = request.params["name"]
        try:
            if data.get("access_token") != self.token:
                raise Fault(5, "User authorization failed: invalid access_token (4).")
            if not data.get("v"):
                raise Fault(8, "Invalid request: v is required")
            if self.keeps_rates and self._is_too_fast():
                raise Fault(6, "Too many requests per second")
            handler = getattr(self, "_do_" + name.replace(".", "_").lower(), None)
            if handler is None:
                raise Fault(3, "Unknown method passed")
            found = handler(data)
            return Answer.json({"response": await found if asyncio.iscoroutine(found) else found})
        except Fault as fault:
            return error(fault.code, str(fault))

    def _is_too_fast(self) -> bool:
        now = time.monotonic()
        while self._hits and now - self._hits[0] >= 1:
            self._hits.popleft()
        if len(self._hits) >= PER_SECOND:
            return True
        self._hits.append(now)
        return False

    def _do_groups_getbyid(self, _data: dict[str, str]) -> Any:
        group = {
            "id": GROUP_ID,
            "name": "Свитера",
            "screen_name": "sweaters",
            "is_closed": 0,
            "type": "group",
            "photo_200": f"{self.url}/files/picture",
        }
        return {"groups": [group], "profiles": []}

    def _do_groups_gettokenpermissions(self, _data: dict[str, str]) -> Any:
        told = [{"name": name, "setting": 1 << n} for n, name in enumerate(self.permissions)]
        return {"mask": sum(one["setting"] for one in told), "permissions": told}

    def _do_groups_setsettings(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        self.has_bot_abilities = data.get("bots_capabilities") == "1"
        return 1

    def _is_ours(self, data: dict[str, str]) -> None:
        if data.get("group_id") != str(GROUP_ID):
            raise Fault(15, "Access denied: group auth failed")

    def _do_groups_getcallbackconfirmationcode(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        return {"code": self.code}

    def _do_groups_getcallbackservers(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        return {"count": len(self.servers), "items": list(self.servers.values())}

    async def _do_groups_addcallbackserver(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        if len(self.servers) >= SERVERS:
            raise Fault(2000, "Servers number limit is reached")
        number = next(self._numbers)
        self.servers[number] = {"id": number, "creator_id": 0}
        self.events[number] = set()
        await self._set_up(number, data)
        return {"server_id": number}

    async def _do_groups_editcallbackserver(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        await self._set_up(self._server(data), data)
        return 1

    async def _set_up(self, number: int, data: dict[str, str]) -> None:
        if len(data["title"]) > 14 or len(data.get("secret_key", "")) > 50:
            raise Fault(100, "One of the parameters specified was missing or invalid: title")
        about = {name: data.get(name, "") for name in ("url", "title", "secret_key")}
        self.servers[number] |= {**about, "status": "wait"}
        if self.reaches is not None:
            event = {"type": "confirmation", "group_id": GROUP_ID}
            told = await asyncio.to_thread(self.reaches, data["url"], event)
            self.servers[number]["status"] = "ok" if told == self.code else "failed"

    def _server(self, data: dict[str, str]) -> int:
        number = int(data.get("server_id") or 0)
        if number not in self.servers:
            raise Fault(104, "Not found")
        return number

    def _do_groups_deletecallbackserver(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        del self.servers[self._server(data)]
        return 1

    def _do_groups_setcallbacksettings(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        self.events[self._server(data)] = {k for k, v in data.items() if v == "1"}
        return 1

    def _do_groups_setlongpollsettings(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        self.long_poll = {k for k, v in data.items() if v == "1"}
        return 1

    def _do_groups_getlongpollserver(self, data: dict[str, str]) -> Any:
        self._is_ours(data)
        if "enabled" not in self.long_poll:
            raise Fault(100, "One of the parameters specified was missing or invalid: longpoll "
                             "for this group is not enabled")  # fmt: skip
        number = self._waiting[0][0] if self._waiting else next(self._numbers)
        key = f"key{next(self._numbers)}"
        return {"server": f"{self.url}/poll", "key": key, "ts": str(number)}

    async def _poll(self, request: Request) -> Answer:
        if self.failed:
            kind, self.failed = self.failed, 0
            told = {"failed": kind, "ts": request.query["ts"]} if kind == 1 else {"failed": kind}
            return Answer.json(told)
        since = int(request.query["ts"])
        self._waiting = [one for one in self._waiting if one[0] >= since]
        until = time.monotonic() + float(request.query.get("wait") or 0)
        while not self._waiting and time.monotonic() < until:
            await asyncio.sleep(0.02)
        found = self._waiting[:100]
        after = found[-1][0] + 1 if found else since
        return Answer.json({"ts": str(after), "updates": [one[1] for one in found]})

    def _do_messages_send(self, data: dict[str, str]) -> Any:
        if "random_id" not in data:
            raise Fault(100, "One of the parameters specified was missing or invalid: random_id")
        number = int(data["random_id"])
        if not -(2**31) <= number < 2**31:
            raise Fault(100, "random_id should be a 32 bit integer")
        peer = int(data.get("peer_ids") or data.get("peer_id") or 0)
        one = self.dialogues.get(peer)
        # One of several recipients: the refusal is in its own row.
        if one is None or not one.allows or one.is_banned:
            code = 936 if one is None else 900 if one.is_banned else 901
            refused = {"code": code, "description": "Can't send messages to this user"}
            return [{"peer_id": peer, "message_id": 0, "error": refused}]
        if number and (known := self._sent.get((peer, number))):
            return [_row(known)]
        self._check(data)
        attachments = [
            self._attachments[name] for name in data.get("attachment", "").split(",") if name
        ]
        message = self._message(one, -GROUP_ID, data.get("message", ""), attachments)
        message.update(out=1, random_id=number)
        if keyboard := data.get("keyboard"):
            message["keyboard"] = {**json.loads(keyboard), "author_id": -GROUP_ID}
        if forward := json.loads(data.get("forward") or "null"):
            (quoted,) = forward["conversation_message_ids"]
            of = [m for m in one.messages if m["conversation_message_id"] == quoted]
            if not of:
                raise Fault(100, "One of the parameters specified was missing: forward")
            message["reply_message"] = of[0]
        one.messages.append(message)
        self._sent[(peer, number)] = message
        self.happens("message_reply", message)
        return [_row(message)]

    def _check(self, data: dict[str, str]) -> None:
        if not data.get("message", "").strip() and not data.get("attachment"):
            raise Fault(100, "One of the parameters specified was missing: message is empty")
        if len(data.get("message", "")) > 9000:
            raise Fault(914, "Message is too long")
        for name in data.get("attachment", "").split(","):
            if name and name not in self._attachments:
                raise Fault(100, "One of the parameters specified was missing: attachment")
        if keyboard := data.get("keyboard"):
            if not self.has_bot_abilities:
                raise Fault(912, "This is a chat bot feature, change this status in settings")
            if fault := _keyboard_fault(json.loads(keyboard)):
                raise Fault(911, f"Keyboard format is invalid: {fault}")

    def _do_messages_edit(self, data: dict[str, str]) -> Any:
        message = self._own(data, data.get("cmid", ""))
        if time.time() - message["date"] > 24 * 3600:
            raise Fault(909, "Can't edit this message, because it's too old")
        self._check(data)
        message["text"] = data.get("message", "")
        if keyboard := data.get("keyboard"):
            message["keyboard"] = json.loads(keyboard)
        self.happens("message_edit", message)
        return 1

    def _do_messages_delete(self, data: dict[str, str]) -> Any:
        told = []
        for number in data.get("cmids", "").split(","):
            row: dict[str, Any] = {
                "peer_id": int(data["peer_id"]),
                "conversation_message_id": int(number),
            }
            try:
                message = self._own(data, number)
                if time.time() - message["date"] > 24 * 3600:
                    raise Fault(924, "Can't delete this message for everybody")
                self.dialogue(row["peer_id"]).messages.remove(message)
                row["response"] = 1
            except Fault as fault:
                row["error"] = {"code": fault.code, "description": str(fault)}
            told.append(row)
        return told

    def _own(self, data: dict[str, str], number: str) -> dict[str, Any]:
        one = self.dialogues.get(int(data.get("peer_id") or 0))
        for message in one.messages if one else ():
            if str(message["conversation_message_id"]) == number and message["out"]:
                return message
        raise Fault(104, "Not found")

    def _do_messages_getbyconversationmessageid(self, data: dict[str, str]) -> Any:
        wanted = data["conversation_message_ids"].split(",")
        one = self.dialogue(int(data["peer_id"]))
        found = [m for m in one.messages if str(m["conversation_message_id"]) in wanted]
        return {"count": len(found), "items": found}

    def _do_messages_setactivity(self, data: dict[str, str]) -> Any:
        self.actions.append(int(data["peer_id"]))
        return 1

    def _do_messages_markasread(self, data: dict[str, str]) -> Any:
        self.read.append((int(data["peer_id"]), int(data["up_to_cmid"])))
        return 1

    def _do_messages_sendmessageeventanswer(self, data: dict[str, str]) -> Any:
        if not all(data.get(name) for name in ("event_id", "user_id", "peer_id")):
            raise Fault(100, "One of the parameters specified was missing or invalid")
        self.answered.append(data["event_id"])
        return 1

    def _do_users_get(self, data: dict[str, str]) -> Any:
        return [
            {
                "id": int(one),
                "first_name": "Анна",
                "last_name": "Петрова",
                "screen_name": "anna",
                "photo_100": f"{self.url}/files/anna",
                "is_closed": False,
                "can_access_closed": True,
            }
            for one in data.get("user_ids", "").split(",")
            if one
        ]

    def _do_photos_getmessagesuploadserver(self, data: dict[str, str]) -> Any:
        return self._place("photo", data)

    def _do_docs_getmessagesuploadserver(self, data: dict[str, str]) -> Any:
        return self._place(data.get("type", "doc"), data)

    def _place(self, kind: str, data: dict[str, str]) -> Any:
        place = {"upload_url": f"{self.url}/upload/{kind}/{next(self._numbers)}"}
        return {**place, "album_id": -64, "group_id": 0} if kind == "photo" else place

    def _upload(self, request: Request) -> Answer:
        kind, key = request.params["kind"], request.params["key"]
        (part,) = request.parts()
        if part.name != ("photo" if kind == "photo" else "file"):
            return Answer.json({"error": "no_file"})
        self.files[key] = part.content
        if kind == "photo":
            is_picture = (part.filename or "").endswith((".jpg", ".png", ".gif"))
            photo = json.dumps([{"photo": key}]) if is_picture else "[]"
            return Answer.json({"server": 7, "photo": photo, "hash": f"h{key}"})
        if kind == "audio_message" and not (part.filename or "").endswith(".ogg"):
            return Answer.json({"error": "wrong_file_format"})
        return Answer.json({"file": f"{kind}|{key}|{part.filename}"})

    def _do_photos_savemessagesphoto(self, data: dict[str, str]) -> Any:
        if data.get("hash") != f"h{json.loads(data['photo'])[0]['photo']}":
            raise Fault(121, "Invalid hash")
        saved = {"id": next(self._numbers), "owner_id": -GROUP_ID, "access_key": "ak",
                 "album_id": -64, "date": 1, "has_tags": False, "sizes": []}  # fmt: skip
        self._attachments[f"photo{-GROUP_ID}_{saved['id']}_ak"] = {"type": "photo", "photo": saved}
        return [saved]

    def _do_docs_save(self, data: dict[str, str]) -> Any:
        kind, key, _name = data["file"].split("|")
        saved: dict[str, Any] = {"id": next(self._numbers), "owner_id": -GROUP_ID}
        url = f"{self.url}/files/{key}"
        if kind == "doc":
            saved |= {"title": data.get("title", ""), "size": len(self.files[key]), "ext": "bin",
                      "url": url, "date": 1, "type": 8}  # fmt: skip
        else:
            saved |= {"duration": 3, "waveform": [1], "link_ogg": url, "link_mp3": url}
        self._attachments[f"{kind}{-GROUP_ID}_{saved['id']}"] = {"type": kind, kind: saved}
        return {"type": kind, kind: saved}

    def _download(self, request: Request) -> Answer:
        content = self.files.get(request.params["key"])
        return Answer(404, b"gone") if content is None else Answer(200, content)

    def _message(
        self, one: Dialogue, from_id: int, text: str, attachments: list[Any]
    ) -> dict[str, Any]:
        return {
            "id": next(self._numbers) + 5000,
            "conversation_message_id": one.next_number(),
            "date": int(time.time()),
            "peer_id": one.peer_id,
            "from_id": from_id,
            "out": 0,
            "version": 10_000_000 + next(self._numbers),
            "text": text,
            "attachments": attachments,
            "fwd_messages": [],
            "important": False,
            "is_hidden": False,
            "random_id": 0,
        }

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {"token": TOKEN}


def error(code: int, message: str) -> Answer:
    """As VK says it: HTTP 200."""
    return Answer.json({"error": {"error_code": code, "error_msg": message, "request_params": []}})


def _row(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "peer_id": message["peer_id"],
        "message_id": message["id"],
        "conversation_message_id": message["conversation_message_id"],
    }


def _keyboard_fault(keyboard: dict[str, Any]) -> str:
    rows = keyboard["buttons"]
    if keyboard.get("inline") and keyboard.get("one_time"):
        return "inline and one_time exclude each other"
    if keyboard.get("inline") and (len(rows) > 6 or sum(map(len, rows)) > 10):
        return "too many buttons"
    for row in rows:
        if not 0 < len(row) <= 5:
            return "too many buttons in a row"
        for button in row:
            action = button["action"]
            if action["type"] not in ("text", "open_link", "callback", "location"):
                return f"unknown type {action['type']}"
            if action["type"] != "location" and not 0 < len(action.get("label", "")) <= 40:
                return "label"
            if "payload" in action:
                if len(action["payload"]) > 255:
                    return "payload is too long"
                json.loads(action["payload"])
    return ""


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {
        "settings": {"group_id": str(GROUP_ID)},
        "secrets": {"token": TOKEN, "hook": "hooksecret1"},
    }


def hook_example(config: Config, number: int) -> Inbound:
    """A buyer's message as VK sends it."""
    peer = 100_000 + number % 500
    message = {
        "id": number,
        "conversation_message_id": number,
        "date": 1_782_038_400,
        "peer_id": peer,
        "from_id": peer,
        "out": 0,
        "version": 10_000_000 + number,
        "text": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
        "attachments": [],
        "fwd_messages": [],
        "important": False,
        "is_hidden": False,
        "random_id": 0,
    }
    event = {
        "type": "message_new",
        "group_id": GROUP_ID,
        "event_id": f"{number:040x}",
        "v": VERSION,
        "object": {
            "message": message,
            "client_info": {"button_actions": ["text"], "keyboard": True, "lang_id": 0},
        },
        "secret": config.secrets["hook"],
    }
    return Inbound(json.dumps(event, ensure_ascii=False).encode())
