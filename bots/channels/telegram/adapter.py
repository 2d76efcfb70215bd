"""Telegram Bot API through python-telegram-bot.

Source: https://core.telegram.org/bots/api (10.x). Text limits count UTF-16 code units.
"""

from __future__ import annotations

import html
import json
import logging
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, ReplyParameters
from telegram.warnings import PTBUserWarning

from bots.channels.base import (
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
from bots.channels.telegram.client import LONG_POLL_EXTRA_S, call
from bots.channels.telegram.manifest import MANIFEST
from tenants.kernel.errors import Rejected, VendorError
from tenants.kernel.files import file_bytes

log = logging.getLogger(__name__)

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
CALLBACK_DATA_BYTES = 64
DOWNLOAD_LIMIT = 20 * 1024 * 1024
PHOTO_LIMIT = 10 * 1024 * 1024
# Telegram refuses hooks on plain HTTP and on these names: such a bot is polled.
_LOCAL = re.compile(r"^http:|//(localhost|127\.|\[::1\]|[^/:]*\.localhost)", re.I)

_FILES = (
    ("photo", "image"),
    ("voice", "voice"),
    ("audio", "voice"),
    ("video", "video"),
    ("video_note", "video"),
    ("live_photo", "video"),
    ("animation", "video"),  # comes with a "document" of the same file
    ("document", "file"),
)
# What people send and only Telegram shows. Other kinds are its own notes (pins, changed titles).
_SHOWN_THERE = frozenset(
    {
        *("story", "rich_message", "checklist", "paid_media", "game", "giveaway", "gift"),
        *("unique_gift", "users_shared", "chat_shared", "web_app_data"),
    }
)
_ONLY_THERE = {
    "ru": "Сообщение, которое видно только в Telegram",
    "en": "A message that only Telegram can show",
}


# What every message has, whatever it holds.
_OF_ANY = frozenset({"message_id", "date", "chat", "from", "reply_to_message"})


class Telegram(ChannelAdapter):
    manifest = MANIFEST

    # ── in ──
    def verify(self, request: Inbound) -> None:
        sent = request.headers.get("x-telegram-bot-api-secret-token", "")
        expected = self.config.secrets.get("hook", "")
        if not expected or not compare_digest(sent.encode(), expected.encode()):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """One update a call. `update_id` is the delivery's identity.

        Telegram repeats whatever is not answered 2xx for a day, and what came after waits. So an
        update of another shape than we know is kept (`parse` says why it is of no use), and what
        has no identity at all, from a sender who knows the secret, is passed over.
        """
        try:
            update = request.json()
            known = int(update["update_id"])
        except (ValueError, KeyError, TypeError, OverflowError):
            log.warning("channel %s: no update, passed over", self.config.channel_id)
            return []
        if not -(2**63) < known < 2**63:
            return []
        return [Envelope(str(known), _chat_of(update), update)]

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        return 200, b"{}", "application/json"

    def parse(self, payload: Any) -> list[Occurrence]:
        """Update → at most one occurrence.

        Reads: message, edited_message {message_id, date (Unix seconds, UTC), chat, from, text,
        caption, files, sticker, dice, poll, contact, location, venue, reply_to_message};
        callback_query {id, data, message}; my_chat_member {new_chat_member.status}.
        """
        if message := payload.get("message"):
            return [self._message(message)]
        if edited := payload.get("edited_message"):
            text, data = self._said(edited)
            return [
                BuyerEdit(
                    external_id=str(edited["message_id"]),
                    chat=str(edited["chat"]["id"]),
                    text=text,
                    data={k: v for k, v in data.items() if k == "location"},
                )
            ]
        if query := payload.get("callback_query"):
            return [self._pressed(query)]
        if member := payload.get("my_chat_member"):
            status = member.get("new_chat_member", {}).get("status", "")
            chat = str(member["chat"]["id"])
            return [Reachable(chat, is_reachable=status not in ("kicked", "left"))]
        raise Unsupported(", ".join(sorted(payload.keys() - {"update_id"})))

    def _message(self, message: dict[str, Any]) -> BuyerMessage:
        chat = message["chat"]
        if chat.get("type") != "private":
            raise Unsupported(f"a message in a {chat.get('type')}")
        sender = message.get("from", chat)
        files = tuple(_files(message))
        text, data = self._said(message)
        if not text and not files:
            raise Unsupported(", ".join(sorted(message.keys() - _OF_ANY)) or "an empty message")
        is_start = text.split(" ")[0].split("@")[0] == "/start"
        if is_start and " " in text:
            data["deep_link"] = text.partition(" ")[2][:64]
        return BuyerMessage(
            external_id=str(message["message_id"]),
            chat=str(chat["id"]),
            text=text if not is_start else "/start",
            sent_at=datetime.fromtimestamp(message["date"], UTC),
            name=_name(sender),
            username=sender.get("username", ""),
            language=sender.get("language_code", ""),
            files=files,
            reply_to=str(message.get("reply_to_message", {}).get("message_id", "")),
            is_start=is_start,
            identities=tuple(_shared_contact(message)),
            data=data,
        )

    def _said(self, message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A message as text, and what else it tells. Nothing for a file without a caption.

        A sticker is its emoji; a shared phone, a place and a poll are what one would have written.
        """
        if text := message.get("text") or message.get("caption"):
            return text, {}
        if sticker := message.get("sticker"):
            return sticker.get("emoji") or "🖼️", {}
        if dice := message.get("dice"):
            return dice["emoji"], {}
        if location := message.get("location"):
            found = {"lat": float(location["latitude"]), "lon": float(location["longitude"])}
            venue = message.get("venue", {})
            title = ", ".join(filter(None, [venue.get("title"), venue.get("address")]))
            place = f"📍 {found['lat']:.6f}, {found['lon']:.6f}"
            return "\n".join(filter(None, [title, place])), {
                "location": found,
                "wordless": "place",
            }
        if contact := message.get("contact"):
            phone = _phone(contact)
            if phone and _is_own(message):
                return phone, {"wordless": "phone"}
            return ", ".join(filter(None, [_name(contact), phone])), {}
        if poll := message.get("poll"):
            return "\n".join([poll["question"], *(f"• {o['text']}" for o in poll["options"])]), {}
        if message.keys() & _SHOWN_THERE:
            lang = message.get("from", {}).get("language_code") or self.config.language
            return _ONLY_THERE["en" if lang.startswith("en") else "ru"], {"wordless": "other"}
        return "", {}

    @staticmethod
    def _pressed(query: dict[str, Any]) -> BuyerMessage:
        """A pressed button: its title is what the buyer said, its data the payload."""
        message = query.get("message") or {}
        if message.get("chat", {}).get("type", "private") != "private" or "data" not in query:
            raise Unsupported("a callback without data or outside a private chat")
        data = query["data"]
        title = data
        for row in message.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if button.get("callback_data") == data:
                    title = button.get("text", data)
        sender = query["from"]
        return BuyerMessage(
            external_id=f"callback:{query['id']}",
            chat=str(message.get("chat", {}).get("id", sender["id"])),
            text=title,
            name=_name(sender),
            username=sender.get("username", ""),
            language=sender.get("language_code", ""),
            payload=data,
            callback=query["id"],
        )

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        asked = {
            "offset": cursor.get("offset"),
            "timeout": int(wait_s),
            "allowed_updates": ALLOWED_UPDATES,
        }

        async def fetch(bot: Bot) -> list[dict[str, Any]]:
            # As Telegram says it: the library's own objects stumble over one of another shape,
            # and all that come after it would wait.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PTBUserWarning)
                return await bot.do_api_request(
                    "get_updates",
                    {name: value for name, value in asked.items() if value is not None},
                    read_timeout=wait_s + LONG_POLL_EXTRA_S,
                )

        updates = self._call(fetch, "getUpdates", timeout_s=wait_s + 2 * LONG_POLL_EXTRA_S)
        if not updates:
            return [], cursor
        bodies = [Inbound(body=json.dumps(update).encode()) for update in updates]
        return bodies, {**cursor, "offset": int(updates[-1]["update_id"]) + 1}

    def fetch_file(self, file: File) -> bytes:
        async def fetch(bot: Bot) -> bytes:
            found = await bot.get_file(file.external_id)
            if found.file_size and found.file_size > DOWNLOAD_LIMIT:
                raise ValueError("larger than the 20 MB a bot may fetch")
            return bytes(await found.download_as_bytearray())

        return self._call(fetch, "getFile", timeout_s=60)

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """Files first, then text in parts; buttons hang under the last part."""
        calls = [self._file_call(reply, file) for file in reply.files]
        parts = _parts(reply.text)
        for number, (seen, marked) in enumerate(parts):
            data: dict[str, Any] = {"chat_id": reply.chat, "text": seen}
            if marked:
                data["html"] = marked
            if reply.reply_to and number == 0:
                data["reply_to"] = reply.reply_to
            if reply.buttons and number == len(parts) - 1:
                data["buttons"] = [_button(button) for button in reply.buttons[: MANIFEST.buttons]]
            calls.append(Call("sendMessage", data))
        return calls

    @staticmethod
    def _file_call(reply: Reply, file: File) -> Call:
        method = {
            "image": "sendPhoto",
            "voice": "sendVoice",
            "video": "sendVideo",
        }.get(file.kind, "sendDocument")
        return Call(
            method, {"chat_id": reply.chat}, files={"stored": file.stored_id, "name": file.name}
        )

    def send(self, call: Call) -> Sent:
        if call.method == "sendMessage":
            message = self._send_text(call)
        else:
            message = self._send_file(call)
        return Sent(str(message.message_id))

    def _send_text(self, call: Call):
        data = call.data
        markup = _markup(data.get("buttons", ()))
        quoted = (
            ReplyParameters(int(data["reply_to"]), allow_sending_without_reply=True)
            if data.get("reply_to", "").isdigit()
            else None
        )
        marked = data.get("html", "")

        def send(text: str, parse_mode: str | None):
            return self._call(
                lambda bot: bot.send_message(
                    chat_id=data["chat_id"],
                    text=text,
                    parse_mode=parse_mode,
                    reply_markup=markup,
                    reply_parameters=quoted,
                ),
                "sendMessage",
                write=True,
            )

        try:
            return send(marked or data["text"], "HTML" if marked else None)
        except Rejected as exc:
            # A bad entity rejects the whole message: say it without markup rather than not at all.
            if marked and "parse" in exc.detail.lower():
                return send(data["text"], None)
            raise

    def _send_file(self, call: Call):
        name, content = file_bytes(call.files["stored"])
        file = InputFile(content, filename=call.files["name"] or name)
        is_large = len(content) > PHOTO_LIMIT
        way = "sendDocument" if call.method == "sendPhoto" and is_large else call.method
        try:
            return self._send_as(call, way, file)
        except Rejected as exc:
            # Not of the sides or the kind Telegram calls a photo: as a file it arrives whole.
            detail = exc.detail.lower()
            if way != "sendPhoto" or ("photo" not in detail and "image" not in detail):
                raise
            return self._send_as(call, "sendDocument", file)

    def _send_as(self, call: Call, way: str, file: InputFile):
        kind = way.removeprefix("send").lower()
        return self._call(
            lambda bot: getattr(bot, f"send_{kind}")(chat_id=call.data["chat_id"], **{kind: file}),
            way,
            write=True,
            timeout_s=90,
        )

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        """Texts only. The buttons go along, or Telegram takes them away."""
        if call.method != "sendMessage":
            raise Rejected("only texts can be changed", vendor="telegram", operation="edit")
        marked = call.data.get("html", "")
        markup = _markup(call.data.get("buttons", ()))

        def change(text: str, parse_mode: str | None) -> None:
            self._call(
                lambda bot: bot.edit_message_text(
                    text=text,
                    chat_id=chat,
                    message_id=int(external_id),
                    parse_mode=parse_mode,
                    reply_markup=markup,
                ),
                "editMessageText",
            )

        try:
            change(marked or call.data["text"], "HTML" if marked else None)
        except Rejected as exc:
            if "not modified" in exc.detail.lower():
                return
            if marked and "parse" in exc.detail.lower():
                change(call.data["text"], None)
                return
            raise

    def delete(self, chat: str, external_id: str) -> None:
        try:
            self._call(
                lambda bot: bot.delete_message(chat_id=chat, message_id=int(external_id)),
                "deleteMessage",
            )
        except Rejected as exc:
            if "not found" not in exc.detail.lower():
                raise

    def typing(self, chat: str) -> None:
        self._quietly(lambda bot: bot.send_chat_action(chat, "typing"), "sendChatAction")

    def acknowledge(self, callback: str) -> None:
        # Too late is the usual refusal; the button stops by itself then.
        self._quietly(lambda bot: bot.answer_callback_query(callback), "answerCallbackQuery")

    # ── account ──
    def connect(self) -> Check:
        token = self.config.secrets.get("token", "")
        if not re.fullmatch(r"\d{5,}:[\w-]{20,}", token):
            return Check(ok=False, detail="This does not look like a token of @BotFather.")
        me = self._call(lambda bot: bot.get_me(), "getMe")
        account: dict[str, Any] = {
            "name": me.full_name,
            "username": me.username or "",
            "link": f"https://t.me/{me.username}" if me.username else "",
        }
        if picture := self._picture(me.id):
            account["picture"] = picture
        hook = self.config.hook_url
        if not hook or _LOCAL.search(hook):
            self._call(lambda bot: bot.delete_webhook(), "deleteWebhook")
            return Check(ok=True, account={**account, "mode": "polling"})
        self._set_hook()
        return Check(ok=True, account={**account, "mode": "webhook"})

    def _set_hook(self) -> None:
        self._call(
            lambda bot: bot.set_webhook(
                url=self.config.hook_url,
                secret_token=self.config.secrets["hook"],
                allowed_updates=ALLOWED_UPDATES,
            ),
            "setWebhook",
        )

    def _picture(self, user_id: int) -> str:
        """File id of the bot's smallest picture; empty when it has none."""
        try:
            photos = self._call(
                lambda bot: bot.get_user_profile_photos(user_id, limit=1),
                "getUserProfilePhotos",
            )
        except VendorError:
            return ""
        return photos.photos[0][0].file_id if photos.photos else ""

    def disconnect(self) -> None:
        self._quietly(lambda bot: bot.delete_webhook(), "deleteWebhook")

    def health(self) -> Check:
        info = self._call(lambda bot: bot.get_webhook_info(), "getWebhookInfo")
        hook = self.config.hook_url
        if hook and not _LOCAL.search(hook) and info.url != hook:
            if urlsplit(info.url).path != urlsplit(hook).path:
                return Check(ok=False, detail="another program reads this bot's messages")
            self._set_hook()  # the shop's host is another by now
        if info.url and info.last_error_message and info.pending_update_count:
            return Check(
                ok=False,
                detail="Telegram cannot bring us messages: "
                f"{info.pending_update_count}, {info.last_error_message}",
            )
        return Check(ok=True)

    def _call(self, what, operation: str, *, write: bool = False, timeout_s: float = 20.0):
        return call(
            what,
            token=self.config.secrets.get("token", ""),
            base_url=self.config.base_url,
            proxy=self.config.proxy,
            operation=operation,
            write=write,
            timeout_s=timeout_s,
        )

    def _quietly(self, what, operation: str) -> None:
        try:
            self._call(what, operation, timeout_s=5)
        except (VendorError, Unreachable):  # best effort: a refusal here is nobody's loss
            return


def _chat_of(update: dict[str, Any]) -> str:
    try:
        for key in ("message", "edited_message", "my_chat_member"):
            if inner := update.get(key):
                return str(inner["chat"]["id"])
        if query := update.get("callback_query"):
            chat = (query.get("message") or {}).get("chat") or query["from"]
            return str(chat["id"])
    except (KeyError, TypeError, AttributeError):
        pass  # not the shape we know: kept by itself, nobody waits behind it
    return "other"


def _name(user: dict[str, Any]) -> str:
    return " ".join(filter(None, [user.get("first_name"), user.get("last_name")]))


def _files(message: dict[str, Any]):
    for key, kind in _FILES:
        if not (found := message.get(key)):
            continue
        # A photo comes in sizes; the last is the largest.
        one = found[-1] if isinstance(found, list) else found
        yield File(
            kind=kind,
            name=one.get("file_name", ""),
            mime=one.get("mime_type", ""),
            size=one.get("file_size"),
            external_id=one["file_id"],
        )
        return


def _shared_contact(message: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A phone proves who writes only when Telegram says it is the writer's own."""
    if (contact := message.get("contact")) and _is_own(message) and (phone := _phone(contact)):
        yield "phone", phone, "shared"


def _is_own(message: dict[str, Any]) -> bool:
    """Shared by the person it belongs to; a card somebody else has made may hold any number."""
    owner = message["contact"].get("user_id")
    return (
        owner is not None
        and owner == message.get("from", message["chat"]).get("id")
        and "forward_origin" not in message
        and "via_bot" not in message
    )


def _phone(contact: dict[str, Any]) -> str:
    digits = re.sub(r"\D", "", contact.get("phone_number", ""))
    return f"+{digits}" if digits else ""


def _button(button) -> dict[str, str]:
    if button.url:
        return {"text": button.title, "url": button.url}
    data = button.payload or button.title
    # 64 bytes; Cyrillic takes two each. Cut at a whole character.
    data = data.encode()[:CALLBACK_DATA_BYTES].decode(errors="ignore")
    return {"text": button.title, "callback_data": data}


def _markup(buttons) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(**button)] for button in buttons])


_BOLD = re.compile(r"\*\*(.+?)\*\*")


def _parts(text: str) -> list[tuple[str, str]]:
    """A text in messages: what the buyer sees of each, and its HTML ("" where nothing is bold).

    The limit counts what is left after Telegram has read the markup, so the text is cut as it is
    seen; bold that goes on past a cut ends there and begins again in the next message.
    """
    seen, bold = _seen(text)
    return [
        (seen[start:end], _html(seen, start, end, bold))
        for start, end in split_places(seen, MANIFEST.text_limit, size=MANIFEST.text_unit.size)
    ]


def _seen(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without the marks of our **bold**, and where bold is in it."""
    seen, at, bold = "", 0, []
    for found in _BOLD.finditer(text):
        seen += text[at : found.start()]
        bold.append((len(seen), len(seen) + len(found[1])))
        seen += found[1]
        at = found.end()
    return seen + text[at:], bold


def _html(seen: str, start: int, end: int, bold: list[tuple[int, int]]) -> str:
    """Telegram HTML of seen[start:end]: everything is escaped, only our bold becomes markup."""
    body, at = "", start
    for first, last in bold:
        first, last = max(first, start), min(last, end)
        if seen[first:last].strip():
            body += f"{_escaped(seen[at:first])}<b>{_escaped(seen[first:last])}</b>"
            at = last
    return body + _escaped(seen[at:end]) if body else ""


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
