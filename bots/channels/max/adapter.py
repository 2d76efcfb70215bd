"""MAX Bot API.

Source: https://dev.max.ru/docs-api (schema 0.0.32 of 2026-07-01, read 2026-11-22). The schema is
loose: fields it requires are missing in what really comes, so everything is read leniently.
Timestamps are milliseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from bots.channels.base import (
    Button,
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    File,
    Inbound,
    Occurrence,
    Reachable,
    Reply,
    Sent,
    SignatureMismatch,
    Unreachable,
    Unsupported,
    split_places,
)
from bots.channels.max.client import Client, NotReady
from bots.channels.max.manifest import MANIFEST
from bots.channels.rendering import bold_apart, bold_within
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, Rejected, VendorError
from tenants.kernel.files import file_bytes

log = logging.getLogger(__name__)

UPDATE_TYPES = [
    "message_created",
    "message_edited",
    "message_removed",
    "message_callback",
    "bot_started",
    "bot_stopped",
    "dialog_removed",
]
# MAX calls https on port 443 only: elsewhere such a bot is asked instead.
_LOCAL = re.compile(r"^http:|//(localhost|127\.|\[::1\]|[^/:]*\.localhost)", re.I)
KEY_LENGTH = 110
DOWNLOAD_LIMIT = 25 * 1024 * 1024
ROWS = 30
# How many buttons fit beside each other, by the longest title among them: what MAX advises, so
# that titles are read whole. Links and requests: three at most.
ABREAST = ((3, 4), (5, 3), (10, 2))
PAYLOAD_LENGTH = 1024
URL_LENGTH = 2048
LONG_POLL_EXTRA_S = 10.0
# What was uploaded may be refused for some seconds: asked again after these pauses.
READY_AFTER_S = (0.5, 1.0, 2.0, 4.0)
# A message of ours no older than this is the one whose answer was lost.
LOOK_BACK_S = 300.0
# What is sent to stop a pressed button's spinner. The schema wants neither field; some servers
# are said to want one, so a mark is shown where nothing at all is refused.
ACKNOWLEDGEMENTS: tuple[dict[str, Any], ...] = ({}, {"notification": "✓"})

_FILES = {"image": "image", "video": "video", "audio": "voice", "file": "file"}
_UPLOADS = {"image": "image", "video": "video", "voice": "audio"}
_MIMES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg"}
_ONLY_THERE = {
    "ru": "Сообщение, которое видно только в MAX",
    "en": "A message that only MAX can show",
}


class Max(ChannelAdapter):
    manifest = MANIFEST

    @property
    def _client(self) -> Client:
        return Client(self.config)

    @property
    def _secret(self) -> str:
        """Ours, sent back with each call. The text of the description allows no underscore."""
        return self.config.secrets.get("hook", "").replace("_", "-")

    # ── in ──
    def verify(self, request: Inbound) -> None:
        sent = request.headers.get("x-max-bot-api-secret", "")
        expected = self._secret
        if not expected or not compare_digest(sent.encode(), expected.encode()):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """One update a call; MAX gives updates no id, so what happened is the identity.

        Eight hours of refusals end the subscription: what is no update, from a sender who knows
        the secret, is passed over.
        """
        try:
            update = request.json()
            kind = update["update_type"]
            if not isinstance(kind, str) or not kind:
                raise TypeError
            return [Envelope(_identity(kind, update), _chat_of(update) or "other", update)]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("channel %s: no update, passed over", self.config.channel_id)
            return []

    def parse(self, payload: Any) -> list[Occurrence]:
        """Update → at most one occurrence.

        Reads: message_created, message_edited {message {sender, recipient {chat_id, chat_type},
        timestamp (ms, UTC), link, body {mid, text, attachments}}, user_locale}; message_callback
        {callback {callback_id, payload, timestamp, user}, message}; message_removed {message_id,
        chat_id}; bot_started {chat_id, user, payload}; bot_stopped, dialog_removed {chat_id}.
        """
        kind = payload["update_type"]
        match kind:
            case "message_created":
                return [self._message(payload)]
            case "message_edited":
                message = _from_buyer(payload["message"])
                text, data = self._said(message, payload)
                return [
                    BuyerEdit(
                        external_id=str(message["body"]["mid"]),
                        chat=str(message["recipient"]["chat_id"]),
                        text=text,
                        data={k: v for k, v in data.items() if k == "location"},
                    )
                ]
            case "message_removed":
                return [BuyerDelete(str(payload["message_id"]), str(payload["chat_id"]))]
            case "message_callback":
                return [self._pressed(payload)]
            case "bot_started":
                return [self._started(payload)]
            case "bot_stopped" | "dialog_removed":
                return [Reachable(str(payload["chat_id"]), is_reachable=False)]
        raise Unsupported(kind)

    def _message(self, update: dict[str, Any]) -> BuyerMessage:
        message = _from_buyer(update["message"])
        sender, body = message["sender"], message.get("body") or {}
        files = tuple(_files(message))
        text, data = self._said(message, update)
        if not text and not files:
            raise Unsupported("an empty message")
        link = message.get("link") or {}
        is_start = text.split(" ")[0] == "/start"
        if is_start and " " in text:
            data["deep_link"] = text.partition(" ")[2][:512]
        return BuyerMessage(
            external_id=str(body["mid"]),
            chat=str(message["recipient"]["chat_id"]),
            text="/start" if is_start else text,
            sent_at=_moment(message.get("timestamp")),
            name=_name(sender),
            username=sender.get("username") or "",
            language=update.get("user_locale") or "",
            files=files,
            reply_to=str((link.get("message") or {}).get("mid") or "")
            if link.get("type") == "reply"
            else "",
            is_start=is_start,
            identities=tuple(self._proven(message)),
            data=data,
        )

    def _started(self, update: dict[str, Any]) -> BuyerMessage:
        """“Start” was pressed, for the first time or again; a link may have brought a word."""
        user = update["user"]
        payload = update.get("payload")
        return BuyerMessage(
            external_id=f"start:{update['timestamp']}",
            chat=str(update["chat_id"]),
            text="/start",
            sent_at=_moment(update["timestamp"]),
            name=_name(user),
            username=user.get("username") or "",
            language=update.get("user_locale") or "",
            is_start=True,
            data={"deep_link": str(payload)[:512]} if payload else {},
        )

    @staticmethod
    def _pressed(update: dict[str, Any]) -> BuyerMessage:
        """A pressed button: its title is what the buyer said, its payload the payload."""
        callback, message = update["callback"], update.get("message") or {}
        recipient = message.get("recipient") or {}
        if not recipient.get("chat_id") or recipient.get("chat_type", "dialog") != "dialog":
            raise Unsupported("a button outside a dialogue, or of a message that is gone")
        payload = callback.get("payload") or ""
        title = payload
        for one in (message.get("body") or {}).get("attachments") or []:
            for row in (one.get("payload") or {}).get("buttons") or []:
                for button in row:
                    if button.get("payload") == payload and button.get("type") == "callback":
                        title = button.get("text") or payload
        user = callback["user"]
        return BuyerMessage(
            external_id=_press_of(callback),
            chat=str(recipient["chat_id"]),
            text=title,
            sent_at=_moment(callback.get("timestamp")),
            name=_name(user),
            username=user.get("username") or "",
            language=update.get("user_locale") or "",
            payload=payload,
            callback=callback["callback_id"],
        )

    def _said(self, message: dict[str, Any], update: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A message as text, and what else it tells. Nothing for a file without a caption."""
        text = _text(message)
        data: dict[str, Any] = {}
        told = [text]
        for one in _attachments(message):
            words, more = self._in_words(one, message)
            # Below a text the page of its link is shown: the text has it already.
            if not text or one.get("type") in ("location", "contact"):
                told.append(words)
            data |= more
        if text:
            data.pop("wordless", None)
        if said := "\n".join(filter(None, told)):
            return said, data
        kinds = {one.get("type") for one in _attachments(message)}
        if kinds - {None, *_FILES, "inline_keyboard", "reply_keyboard"}:
            lang = update.get("user_locale") or self.config.language
            return _ONLY_THERE["en" if lang.startswith("en") else "ru"], {"wordless": "other"}
        return "", {}

    def _in_words(
        self, attachment: dict[str, Any], message: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """What is no file, as one would have written it."""
        payload = attachment.get("payload") or {}
        match attachment.get("type"):
            case "sticker":
                return "🖼️", {}
            case "location":
                found = {
                    "lat": float(attachment["latitude"]),
                    "lon": float(attachment["longitude"]),
                }
                place = f"📍 {found['lat']:.6f}, {found['lon']:.6f}"
                return place, {"location": found, "wordless": "place"}
            case "contact":
                phone = _phone(payload)
                if phone and any(self._proven(message)):
                    return phone, {"wordless": "phone"}
                name = _name(payload.get("max_info") or {}) or _card(payload, "FN")
                return ", ".join(filter(None, [name, phone])), {}
            case "share":
                return str(payload.get("url") or attachment.get("title") or ""), {}
        return "", {}

    def _proven(self, message: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        """A phone proves who writes only where MAX has signed the card and it is the writer's.

        The signature says that the number belongs to the account that pressed the button, for
        this bot; a card passed on may be another's.
        """
        if (message.get("link") or {}).get("type") == "forward":
            return
        for one in (message.get("body") or {}).get("attachments") or []:
            payload = one.get("payload") or {}
            if one.get("type") != "contact" or not self._is_signed(payload):
                continue
            owner = (payload.get("max_info") or {}).get("user_id")
            if owner is not None and owner != message["sender"].get("user_id"):
                continue
            if phone := _phone(payload):
                yield "phone", phone, "shared"

    def _is_signed(self, payload: dict[str, Any]) -> bool:
        """`hash`: HMAC-SHA256 of the card, the key is the bot's token."""
        card, told = str(payload.get("vcf_info") or ""), str(payload.get("hash") or "")
        token = self.config.secrets.get("token", "")
        if not card or not told or not token:
            return False
        # Line ends are said to come escaped a second time.
        return any(
            compare_digest(
                hmac.new(token.encode(), one.encode(), hashlib.sha256).hexdigest().encode(),
                told.strip().lower().encode(),
            )
            for one in {card, card.replace("\\r\\n", "\r\n")}
        )

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        told = self._client.call(
            "GET",
            "/updates",
            marker=cursor.get("marker"),
            timeout=int(wait_s),
            limit=100,
            types=",".join(UPDATE_TYPES),
            timeout_s=wait_s + LONG_POLL_EXTRA_S,
        )
        updates, marker = told.get("updates") or [], told.get("marker")
        bodies = [Inbound(body=json.dumps(update).encode()) for update in updates]
        return bodies, cursor if marker is None else {**cursor, "marker": marker}

    def fetch_file(self, file: File) -> bytes:
        """`external_id` is “<mid>/<n>”: the address is asked for anew, for addresses run out."""
        mid, _, number = file.external_id.rpartition("/")
        message = self._client.call("GET", f"/messages/{mid}")
        try:
            attachment = _attachments(message)[int(number)]
            payload = attachment["payload"]
            url = str(payload.get("url") or "")
            if attachment["type"] == "video" and payload.get("token"):
                url = self._video(str(payload["token"])) or url
        except (KeyError, IndexError, ValueError, TypeError) as exc:
            raise ValueError("MAX does not have this file any more") from exc
        if not url:
            raise ValueError("MAX does not have this file any more")
        return self._client.download(url, DOWNLOAD_LIMIT)

    def _video(self, token: str) -> str:
        """The best picture that is not too large: a film for a question need not be Full HD."""
        try:
            urls = self._client.call("GET", f"/videos/{token}").get("urls") or {}
        except VendorError:
            return ""
        names = ("mp4_480", "mp4_360", "mp4_720", "mp4_240", "mp4_144", "mp4_1080")
        return next((str(urls[name]) for name in names if urls.get(name)), "")

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """Files first, then text in parts; buttons hang under the last part."""
        calls = [
            Call(
                "sendFile",
                {"chat_id": reply.chat, "type": _UPLOADS.get(file.kind, "file")},
                files={"stored": file.stored_id, "name": file.name},
            )
            for file in reply.files
        ]
        buttons, told = _shown(reply.buttons)
        parts = _parts("\n\n".join(filter(None, [reply.text, told])))
        for number, (seen, marked) in enumerate(parts):
            is_last = number == len(parts) - 1
            body: dict[str, Any] = {"text": marked or seen, "attachments": None, "link": None}
            if marked:
                body["format"] = "html"
            if reply.reply_to and number == 0:
                body["link"] = {"type": "reply", "mid": reply.reply_to}
            if buttons and is_last:
                body["attachments"] = [
                    {"type": "inline_keyboard", "payload": {"buttons": _rows(buttons)}}
                ]
            data: dict[str, Any] = {"chat_id": reply.chat, "body": body}
            if marked:
                data["plain"] = seen
            calls.append(Call("sendMessage", data))
        return calls

    def send(self, call: Call) -> Sent:
        if call.method == "sendFile":
            return self._send_file(call)
        body = dict(call.data["body"])
        try:
            return self._post(call.data["chat_id"], body)
        except Rejected as exc:
            other = _simpler(call, body, exc)
            if other is None:
                raise
        return self._post(call.data["chat_id"], other)

    def _post(self, chat: str, body: dict[str, Any]) -> Sent:
        told = self._client.call(
            "POST", "/messages", chat_id=chat, json=body, write=True, to_chat=True
        )
        try:
            return Sent(str(told["message"]["body"]["mid"]))
        except (KeyError, TypeError) as exc:
            raise OutcomeUnknown(
                "the answer is not understood", vendor="max", operation="POST /messages"
            ) from exc

    def _send_file(self, call: Call) -> Sent:
        name, content = file_bytes(call.files["stored"])
        name, kind = call.files["name"] or name, str(call.data["type"])
        try:
            return self._attach(call.data["chat_id"], kind, name, content)
        except Rejected:
            # Not of a kind MAX plays or shows: as a file it arrives whole.
            if kind == "file":
                raise
            return self._attach(call.data["chat_id"], "file", name, content)

    def _attach(self, chat: str, kind: str, name: str, content: bytes) -> Sent:
        payload = self._uploaded(kind, name, content)
        body = {"text": None, "attachments": [{"type": kind, "payload": payload}], "link": None}
        for pause in READY_AFTER_S:
            try:
                return self._post(chat, body)
            except NotReady:
                time.sleep(pause)
        return self._post(chat, body)

    def _uploaded(self, kind: str, name: str, content: bytes) -> dict[str, Any]:
        """What is put into the attachment. Of videos and sound the first answer has the token."""
        place = self._client.call("POST", "/uploads", type=kind)
        mime = _MIMES.get(kind, "application/octet-stream")
        told = self._client.upload(str(place.get("url") or ""), name, content, mime)
        if told.get("photos"):
            return {"photos": told["photos"]}
        token = told.get("token") or place.get("token")
        if not token:
            raise Rejected("the file was not accepted", vendor="max", operation="upload")
        return {"token": token}

    def look_up(self, call: Call) -> Sent | None:
        """The newest message of ours with this text, if it is from just now and the buyer has not
        written since: the same text may have been right before. Files: not told."""
        if call.method != "sendMessage":
            return None
        wanted = _squeezed(call.data.get("plain") or call.data["body"]["text"])
        try:
            told = self._client.call("GET", "/messages", chat_id=call.data["chat_id"], count=20)
        except (Rejected, NeedsMerchant):
            return None
        for message in told.get("messages") or []:
            body = message.get("body") or {}
            age_s = time.time() - (message.get("timestamp") or 0) / 1000
            if not (message.get("sender") or {}).get("is_bot") or age_s > LOOK_BACK_S:
                return None
            if _squeezed(body.get("text") or "") == wanted:
                return Sent(str(body.get("mid") or ""))
        return None

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        """Texts only. The buttons go along, or they are taken away."""
        if call.method != "sendMessage":
            raise Rejected("only texts can be changed", vendor="max", operation="edit")
        body = {**call.data["body"], "link": None}
        body["attachments"] = body["attachments"] or []

        def change(body: dict[str, Any]) -> None:
            self._client.call("PUT", "/messages", message_id=external_id, json=body, to_chat=True)

        try:
            change(body)
        except Rejected as exc:
            other = _simpler(call, body, exc)
            if other is None:
                raise
            change(other)

    def delete(self, chat: str, external_id: str) -> None:
        try:
            self._client.call("DELETE", "/messages", message_id=external_id, to_chat=True)
        except Rejected as exc:
            if exc.status != 404 and "not found" not in exc.detail.lower():
                raise

    def typing(self, chat: str) -> None:
        self._quietly("POST", f"/chats/{chat}/actions", json={"action": "typing_on"})

    def acknowledge(self, callback: str) -> None:
        for body in ACKNOWLEDGEMENTS:
            if self._quietly("POST", "/answers", callback_id=callback, json=body):
                return

    # ── account ──
    def connect(self) -> Check:
        if not re.fullmatch(r"[\x21-\x7e]{10,500}", self.config.secrets.get("token", "")):
            return Check(ok=False, detail="This does not look like a token of a MAX bot.")
        try:
            me = self._client.call("GET", "/me")
        except NeedsMerchant as exc:
            if exc.status != 403:
                raise
            return Check(ok=False, detail="MAX has not let this bot work yet")
        username = me.get("username") or ""
        account: dict[str, Any] = {
            "name": me.get("first_name") or me.get("name") or "",
            "username": username,
            "link": f"https://max.ru/{username}" if username else "",
            "notice": "" if username else "the bot has no address yet",
        }
        if picture := me.get("avatar_url"):
            account["picture"] = picture
        is_called = self._is_called()
        self._subscribe(everything=True, ours=is_called)
        return Check(ok=True, account={**account, "mode": "webhook" if is_called else "polling"})

    def _is_called(self) -> bool:
        hook = self.config.hook_url
        return bool(hook) and not _LOCAL.search(hook) and urlsplit(hook).port in (None, 443)

    def _subscribe(self, *, everything: bool, ours: bool = True) -> None:
        """Our address and no old one of ours; `everything`: nobody else's either.

        A new address is added to the old ones, and each is told everything: the buyer would be
        answered twice.
        """
        hook = self.config.hook_url
        place = urlsplit(hook).path
        is_there = False
        for one in self._client.call("GET", "/subscriptions").get("subscriptions") or []:
            url = str(one.get("url") or "")
            types = set(one.get("update_types") or [])
            if ours and url == hook and not everything and types >= set(UPDATE_TYPES):
                is_there = True
            elif url and (everything or (hook and urlsplit(url).path == place)):
                self._client.call("DELETE", "/subscriptions", url=url)
        if ours and not is_there:
            self._client.call(
                "POST",
                "/subscriptions",
                json={"url": hook, "update_types": UPDATE_TYPES, "secret": self._secret},
            )

    def disconnect(self) -> None:
        if hook := self.config.hook_url:
            self._quietly("DELETE", "/subscriptions", url=hook)

    def health(self) -> Check:
        """Eight hours of silence on our side end a subscription without a word: it is renewed."""
        if self._is_called():
            self._subscribe(everything=False)
        else:
            self._client.call("GET", "/me")
        return Check(ok=True)

    def _quietly(self, method: str, path: str, **more: Any) -> bool:
        try:
            self._client.call(method, path, timeout_s=5, **more)
        except (VendorError, Unreachable):  # best effort: a refusal here is nobody's loss
            return False
        return True


# ── what comes ──
def _identity(kind: str, update: dict[str, Any]) -> str:
    message = update.get("message") or {}
    mid = (message.get("body") or {}).get("mid")
    match kind:
        case "message_created" if mid:
            return _key(kind, mid)
        case "message_edited" if mid:
            # Of the update, not of the message: that one says when it was written.
            return _key(kind, mid, update.get("timestamp"))
        case "message_removed" if update.get("message_id"):
            return _key(kind, update["message_id"])
        case "message_callback":
            return _key(_press_of(update["callback"]))
    user = (update.get("user") or {}).get("user_id", update.get("user_id"))
    return _key(kind, update.get("timestamp"), update.get("chat_id"), user)


def _press_of(callback: dict[str, Any]) -> str:
    """The id is that of the keyboard in one sentence of the documents and of the press in the
    next: with the moment it is the press."""
    about = f"{callback['callback_id']} {callback.get('timestamp')}"
    return f"callback:{hashlib.sha256(about.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _key(*parts: Any) -> str:
    key = ":".join(str(part) for part in parts)
    if len(key) <= KEY_LENGTH:
        return key
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _chat_of(update: dict[str, Any]) -> str:
    recipient = (update.get("message") or {}).get("recipient") or {}
    chat = recipient.get("chat_id") or update.get("chat_id")
    return str(chat) if chat else ""


def _from_buyer(message: dict[str, Any]) -> dict[str, Any]:
    """Raises Unsupported for what was written in a group, or by a bot (ourselves, too)."""
    if message["recipient"].get("chat_type", "dialog") != "dialog":
        raise Unsupported(f"a message in a {message['recipient'].get('chat_type')}")
    if (message.get("sender") or {}).get("is_bot") or not message.get("sender"):
        raise Unsupported("a bot's message")
    return message


def _text(message: dict[str, Any]) -> str:
    """Its own words; of a passed on message, those."""
    text = (message.get("body") or {}).get("text") or ""
    link = message.get("link") or {}
    if link.get("type") == "forward":
        passed_on = (link.get("message") or {}).get("text") or ""
        return "\n\n".join(filter(None, [text, passed_on]))
    return str(text)


def _attachments(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = list((message.get("body") or {}).get("attachments") or [])
    link = message.get("link") or {}
    if link.get("type") == "forward":
        found += (link.get("message") or {}).get("attachments") or []
    return found


def _files(message: dict[str, Any]) -> Iterator[File]:
    mid = (message.get("body") or {}).get("mid")
    for number, one in enumerate(_attachments(message)):
        if kind := _FILES.get(one.get("type", "")):
            yield File(
                kind=kind,
                name=one.get("filename") or "",
                size=one.get("size"),
                external_id=f"{mid}/{number}",
            )


def _name(user: dict[str, Any]) -> str:
    full = " ".join(filter(None, [user.get("first_name"), user.get("last_name")]))
    return full or user.get("name") or ""


def _card(payload: dict[str, Any], field: str) -> str:
    """A field of a vCard: `TEL;TYPE=cell:79990000000`."""
    card = str(payload.get("vcf_info") or "").replace("\\r\\n", "\n")
    found = re.search(rf"^{field}(?:;[^:\r\n]*)?:([^\r\n]*)", card, re.I | re.M)
    return found[1].strip() if found else ""


def _phone(payload: dict[str, Any]) -> str:
    digits = re.sub(r"\D", "", _card(payload, "TEL"))
    return f"+{digits}" if digits else ""


def _moment(stamp: Any) -> datetime | None:
    return datetime.fromtimestamp(stamp / 1000, UTC) if stamp else None


# ── what goes ──
def _shown(buttons: tuple[Button, ...]) -> tuple[list[dict[str, Any]], str]:
    """Buttons as MAX takes them, and in words those whose address is too long for one."""
    shown, told = [], []
    for button in buttons[: MANIFEST.buttons]:
        if len(button.url) > URL_LENGTH:
            told.append(f"{button.title}: {button.url}")
        else:
            shown.append(_button(button))
    return shown, "\n".join(told)


def _button(button: Button) -> dict[str, Any]:
    title = button.title[: MANIFEST.button_title]
    if button.url:
        return {"type": "link", "text": title, "url": button.url}
    match button.kind:
        case "phone":
            return {"type": "request_contact", "text": title}
        case "location":
            return {"type": "request_geo_location", "text": title}
    payload = (button.payload or button.title)[:PAYLOAD_LENGTH]
    return {"type": "callback", "text": title, "payload": payload}


def _rows(buttons: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Short titles beside each other, in the order given; at most thirty rows."""
    rows: list[list[dict[str, Any]]] = []
    for button in buttons:
        row = [*rows[-1], button] if rows else [button]
        if rows and len(row) <= _abreast(row):
            rows[-1] = row
        else:
            rows.append([button])
    return rows[:ROWS]


def _abreast(row: list[dict[str, Any]]) -> int:
    longest = max(len(one["text"]) for one in row)
    most = next((count for length, count in ABREAST if longest <= length), 1)
    return most if all(one["type"] == "callback" for one in row) else min(most, 3)


def _simpler(call: Call, body: dict[str, Any], exc: Rejected) -> dict[str, Any] | None:
    """The same once more without what may have been refused: the quoted message is gone, the
    markup is not understood. None: it was refused for another reason."""
    told = exc.detail.lower()
    if body.get("link") and (exc.status == 404 or "link" in told or "message" in told):
        return {**body, "link": None}
    if "plain" in call.data and ("format" in told or "markup" in told or "pars" in told):
        return {k: v for k, v in body.items() if k != "format"} | {"text": call.data["plain"]}
    return None


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _parts(text: str) -> list[tuple[str, str]]:
    """A text in messages: what the buyer sees of each, and its HTML ("" where nothing is bold).

    HTML and not Markdown: how a star of a text is written in MAX's Markdown is not documented.
    The limit counts the marks, too; where they do not fit, the part goes without.
    """
    seen, bold = bold_apart(text)
    parts = []
    for start, end in split_places(seen, MANIFEST.text_limit, size=MANIFEST.text_unit.size):
        marked = bold_within(seen, start, end, bold, marks=("<b>", "</b>"), escaped=_escaped)
        fits = MANIFEST.text_unit.size(marked) <= MANIFEST.text_limit
        parts.append((seen[start:end], marked if fits else ""))
    return parts


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
