"""MAX Bot API.

Source: https://dev.max.ru/docs-api (schema 0.0.32 of 2026-07-01, read 2026-11-22). The schema is
loose: fields it requires are missing in what really comes, so everything is read leniently.
Timestamps are milliseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import Iterator
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from bots.channels.base import (
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
)
from bots.channels.max import reading, writing
from bots.channels.max.client import Client, NotReady
from bots.channels.max.manifest import MANIFEST
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
DOWNLOAD_LIMIT = 25 * 1024 * 1024
LONG_POLL_EXTRA_S = 10.0
# What was uploaded may be refused for some seconds: asked again after these pauses.
READY_AFTER_S = (0.5, 1.0, 2.0, 4.0)
# A message of ours no older than this is the one whose answer was lost.
LOOK_BACK_S = 300.0
# What is sent to stop a pressed button's spinner. The schema wants neither field; some servers
# are said to want one, so a mark is shown where nothing at all is refused.
ACKNOWLEDGEMENTS: tuple[dict[str, Any], ...] = ({}, {"notification": "✓"})

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
            return [
                Envelope(reading.identity(kind, update), reading.chat_of(update) or "other", update)
            ]
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
                message = reading.from_buyer(payload["message"])
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
        message = reading.from_buyer(update["message"])
        sender, body = message["sender"], message.get("body") or {}
        files = tuple(reading.files_of(message))
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
            sent_at=reading.moment_of(message.get("timestamp")),
            name=reading.name_of(sender),
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
            sent_at=reading.moment_of(update["timestamp"]),
            name=reading.name_of(user),
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
            external_id=reading.press_of(callback),
            chat=str(recipient["chat_id"]),
            text=title,
            sent_at=reading.moment_of(callback.get("timestamp")),
            name=reading.name_of(user),
            username=user.get("username") or "",
            language=update.get("user_locale") or "",
            payload=payload,
            callback=callback["callback_id"],
        )

    def _said(self, message: dict[str, Any], update: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A message as text, and what else it tells. Nothing for a file without a caption."""
        text = reading.text_of(message)
        data: dict[str, Any] = {}
        told = [text]
        for one in reading.attachments_of(message):
            words, more = self._in_words(one, message)
            # Below a text the page of its link is shown: the text has it already.
            if not text or one.get("type") in ("location", "contact"):
                told.append(words)
            data |= more
        if text:
            data.pop("wordless", None)
        if said := "\n".join(filter(None, told)):
            return said, data
        kinds = {one.get("type") for one in reading.attachments_of(message)}
        if kinds - {None, *reading.FILES, "inline_keyboard", "reply_keyboard"}:
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
                phone = reading.phone_of(payload)
                if phone and any(self._proven(message)):
                    return phone, {"wordless": "phone"}
                name = reading.name_of(payload.get("max_info") or {}) or reading.card_of(
                    payload, "FN"
                )
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
            if phone := reading.phone_of(payload):
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
            attachment = reading.attachments_of(message)[int(number)]
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
        buttons, told = writing.shown_as(reply.buttons)
        parts = writing.parts_of("\n\n".join(filter(None, [reply.text, told])))
        for number, (seen, marked) in enumerate(parts):
            is_last = number == len(parts) - 1
            body: dict[str, Any] = {"text": marked or seen, "attachments": None, "link": None}
            if marked:
                body["format"] = "html"
            if reply.reply_to and number == 0:
                body["link"] = {"type": "reply", "mid": reply.reply_to}
            if buttons and is_last:
                body["attachments"] = [
                    {"type": "inline_keyboard", "payload": {"buttons": writing.rows_of(buttons)}}
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
            other = writing.simpler(call, body, exc)
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
        wanted = writing.squeezed(call.data.get("plain") or call.data["body"]["text"])
        try:
            told = self._client.call("GET", "/messages", chat_id=call.data["chat_id"], count=20)
        except (Rejected, NeedsMerchant):
            return None
        for message in told.get("messages") or []:
            body = message.get("body") or {}
            age_s = time.time() - (message.get("timestamp") or 0) / 1000
            if not (message.get("sender") or {}).get("is_bot") or age_s > LOOK_BACK_S:
                return None
            if writing.squeezed(body.get("text") or "") == wanted:
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
            other = writing.simpler(call, body, exc)
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
