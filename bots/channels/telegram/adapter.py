"""Telegram Bot API through python-telegram-bot.

Source: https://core.telegram.org/bots/api (10.x). Text limits count UTF-16 code units.
"""

from __future__ import annotations

import html
import json
import logging
import re
import threading
import time
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext_noop
from telegram import (
    Bot,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    MenuButtonDefault,
    MenuButtonWebApp,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    WebAppInfo,
)
from telegram.warnings import PTBUserWarning

from bots.channels.base import (
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    File,
    Inbound,
    Occurrence,
    Reply,
    Sent,
    SignatureMismatch,
    Unreachable,
    split_places,
)
from bots.channels.rendering import bold_apart, bold_within
from bots.channels.telegram import keyboards
from bots.channels.telegram.chats import Chat, message_ids
from bots.channels.telegram.client import DEFAULT_BASE, LONG_POLL_EXTRA_S, Migrated, call
from bots.channels.telegram.incoming import (
    ALLOWED_UPDATES,
    Me,
    chat_of,
    is_overheard,
    occurrences,
)
from bots.channels.telegram.manifest import MANIFEST
from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater, VendorError
from tenants.kernel.files import file_bytes

log = logging.getLogger(__name__)

PHOTO_LIMIT = 10 * 1024 * 1024
ALBUM_LIMIT = 10
# Telegram refuses hooks on plain HTTP and on these names: such a bot is polled.
_LOCAL = re.compile(r"^http:|//(localhost|127\.|\[::1\]|[^/:]*\.localhost)", re.I)

NOT_SAFE = gettext_noop("Telegram opens only pages whose address begins with https://.")

# A server of an older version knows no drafts; a busy one is not asked for them.
DRAFTS_AGAIN_S = 3600.0
DRAFT_EVERY_S = 1.0
_drafts_off: dict[tuple[str, str], float] = {}
_drafted: OrderedDict[tuple[str, str], float] = OrderedDict()
_drafts = threading.Lock()


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
        if not -(2**63) < known < 2**63 or is_overheard(update, self._me):
            return []
        return [Envelope(str(known), chat_of(update), update)]

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        return 200, b"{}", "application/json"

    def parse(self, payload: Any) -> list[Occurrence]:
        return occurrences(payload, self._me)

    @property
    def _me(self) -> Me:
        settings = self.config.settings
        return Me(
            self.config.secrets.get("token", "").partition(":")[0],
            str(settings.get("username") or ""),
            self.config.language,
            groups=settings.get("groups", True) is not False,
        )

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        asked = {
            "offset": cursor.get("offset"),
            "timeout": int(wait_s),
            "allowed_updates": ALLOWED_UPDATES,
        }

        async def fetch(bot: Bot) -> list[dict[str, Any]]:
            return await _plainly(
                bot,
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
        limit = self.manifest.max_file_bytes

        async def fetch(bot: Bot) -> bytes:
            # Not by the library's own way: it reads what it finds under the path on this machine.
            found = await _plainly(bot, "get_file", {"file_id": file.external_id})
            if (found.get("file_size") or 0) > limit:
                raise ValueError(f"larger than a bot may fetch: {limit // 1024 // 1024} MB")
            return await bot.request.retrieve(self._file_url(bot.token, found["file_path"]))

        return self._call(fetch, "getFile", timeout_s=60)

    def _file_url(self, token: str, path: str) -> str:
        """A server of one's own may tell where the file lies on its disk, below a folder named
        by the token; over HTTP it is the same file without what comes before."""
        base = (self.config.base_url or DEFAULT_BASE).rstrip("/")
        path = path.rpartition(f"/{token}/")[2].lstrip("/")
        return f"{base}/file/bot{token}/{quote(path)}"

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """Files first, pictures as albums; then text in parts, buttons under the last of them."""
        at = Chat.of(reply.chat)
        quoted = message_ids(reply.reply_to or str(reply.thread.get("message", "")))
        common: dict[str, Any] = {"chat_id": at.id}
        if at.business:
            common["business"] = at.business
        if at.member:
            common["member"] = at.member
        calls = [
            Call(
                method,
                {**common, **({"kinds": kinds} if kinds else {})},
                files={"stored": stored, "name": name},
            )
            for method, stored, name, kinds in _file_calls(reply.files)
        ]
        parts = _parts(reply.text)
        for number, (seen, marked) in enumerate(parts):
            data: dict[str, Any] = {**common, "text": seen}
            if marked:
                data["html"] = marked
            if quoted and number == 0:
                data["reply_to"] = quoted[0]
            calls.append(Call("sendMessage", data))
        return _with_keyboards(calls, reply, at, self._pages)

    @property
    def _pages(self) -> frozenset[str]:
        """Hosts whose pages open inside Telegram."""
        urls = (str(self.config.settings.get(name) or "") for name in ("catalogue", "chat"))
        return frozenset(filter(None, map(keyboards.host_of, urls)))

    def send(self, call: Call) -> Sent:
        try:
            return self._send(call)
        except Migrated as exc:
            # A group that grew: under its new id it goes on, and what it answered to is no more.
            data = {name: value for name, value in call.data.items() if name != "reply_to"}
            moved = replace(call, data={**data, "chat_id": str(exc.to)})
            return replace(self._send(moved), moved_to=_chat(moved).key)

    def _send(self, call: Call) -> Sent:
        if call.method == "sendMessage":
            sent = [self._send_text(call)]
        elif call.method == "sendMediaGroup":
            sent = self._send_album(call)
        else:
            sent = [self._send_file(call)]
        return Sent(_chat(call).ident(*(one.message_id for one in sent)))

    def _send_text(self, call: Call):
        data = call.data
        more = _via(call)
        if markup := data.get("markup"):
            more["reply_markup"] = _markup(markup)
        if quoted := data.get("reply_to"):
            more["reply_parameters"] = ReplyParameters(quoted, allow_sending_without_reply=True)
        marked = data.get("html", "")

        def send(text: str, parse_mode: str | None):
            return self._call(
                lambda bot: bot.send_message(
                    chat_id=data["chat_id"], text=text, parse_mode=parse_mode, **more
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
            if way != "sendPhoto" or not _is_no_photo(exc):
                raise
            return self._send_as(call, "sendDocument", file)

    def _send_as(self, call: Call, way: str, file: InputFile):
        kind = way.removeprefix("send").lower()
        more: dict[str, Any] = {kind: file, **_via(call)}
        if markup := call.data.get("markup"):
            more["reply_markup"] = _markup(markup)
        return self._call(
            lambda bot: getattr(bot, f"send_{kind}")(chat_id=call.data["chat_id"], **more),
            way,
            write=True,
            timeout_s=90,
        )

    def _send_album(self, call: Call):
        """Pictures and videos of one reply, as one message. What Telegram takes for no photo
        makes them files, for an album holds one or the other."""
        names: list[str] = []
        contents: list[bytes] = []
        for stored, name in zip(call.files["stored"], call.files["name"], strict=True):
            own, content = file_bytes(stored)
            names.append(name or own)
            contents.append(content)

        def send(kinds: Sequence[type]):
            media = [
                kind(content, filename=name)
                for kind, content, name in zip(kinds, contents, names, strict=True)
            ]
            return self._call(
                lambda bot: bot.send_media_group(call.data["chat_id"], media, **_via(call)),
                "sendMediaGroup",
                write=True,
                timeout_s=90,
            )

        as_files = [InputMediaDocument] * len(contents)
        shown = [_MEDIA[kind] for kind in call.data["kinds"]]
        if any(
            k is InputMediaPhoto and len(c) > PHOTO_LIMIT
            for k, c in zip(shown, contents, strict=True)
        ):
            return send(as_files)
        try:
            return send(shown)
        except Rejected as exc:
            if not _is_no_photo(exc):
                raise
            return send(as_files)

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        """Texts only. The buttons go along, or Telegram takes them away."""
        if call.method != "sendMessage":
            raise Rejected("only a text can be changed", vendor="telegram", operation="edit")
        data, markup = call.data, call.data.get("markup") or {}
        (number,) = message_ids(external_id)

        def change(text: str, parse_mode: str | None) -> None:
            self._call(
                lambda bot: bot.edit_message_text(
                    text,
                    chat_id=data["chat_id"],
                    message_id=number,
                    parse_mode=parse_mode,
                    # What stands below the writing field is no part of a message.
                    reply_markup=_markup(markup) if "inline_keyboard" in markup else None,
                    **_via(call),
                ),
                "editMessageText",
            )

        marked = data.get("html", "")
        try:
            try:
                change(marked or data["text"], "HTML" if marked else None)
            except Rejected as exc:
                if not marked or "parse" not in exc.detail.lower():
                    raise
                change(data["text"], None)
        except Rejected as exc:
            if "not modified" not in exc.detail.lower():
                raise

    def delete(self, chat: str, external_id: str) -> None:
        at, ids = Chat.of(chat), message_ids(external_id)
        if at.business:
            self._take_back(
                lambda bot: bot.delete_business_messages(at.business, ids), "deleteBusinessMessages"
            )
            return
        for one in ids:
            self._take_back(
                lambda bot, one=one: bot.delete_message(chat_id=at.id, message_id=one),
                "deleteMessage",
            )

    def _take_back(self, what, operation: str) -> None:
        try:
            self._call(what, operation)
        except Rejected as exc:
            if "not found" not in exc.detail.lower():
                raise

    def typing(self, chat: str) -> None:
        at = Chat.of(chat)
        via = {"business_connection_id": at.business} if at.business else {}
        self._quietly(lambda bot: bot.send_chat_action(at.id, "typing", **via), "sendChatAction")

    def mark_read(self, chat: str, external_id: str) -> None:
        """In an owner's account, where the owner lets the bot; elsewhere bots read unseen."""
        at, ids = Chat.of(chat), message_ids(external_id)
        if at.business and ids:
            self._quietly(
                lambda bot: bot.read_business_message(at.business, int(at.id), ids[0]),
                "readBusinessMessage",
            )

    def stream(self, chat: str, text: str, message_key: str) -> None:
        """A draft: it changes with every call of the same key and is gone when the message comes.

        The buyer is not offered to stop it: what they see has been checked and is sent whole.
        """
        at, server = Chat.of(chat), (self.config.base_url, self._me.id)
        parts = _parts(text)
        if not at.is_own or at.id.startswith("-") or not parts or not _may_draft(server, at):
            return
        seen, marked = parts[0]
        draft = (zlib.crc32(message_key.encode()) & 0x7FFFFFFF) or 1
        try:
            self._call(
                lambda bot: bot.send_message_draft(
                    int(at.id), draft, marked or seen, parse_mode="HTML" if marked else None
                ),
                "sendMessageDraft",
                timeout_s=3,
            )
        except RetryLater as exc:
            _drafts_off[server] = time.monotonic() + (exc.retry_after_s or DRAFT_EVERY_S)
        except (NeedsMerchant, Rejected):  # "Not Found": the server knows no such method
            _drafts_off[server] = time.monotonic() + DRAFTS_AGAIN_S
        except (VendorError, Unreachable, ValueError):
            return

    def acknowledge(self, callback: str) -> None:
        # Too late is the usual refusal; the button stops by itself then.
        self._quietly(lambda bot: bot.answer_callback_query(callback), "answerCallbackQuery")

    # ── account ──
    def connect(self) -> Check:
        token = self.config.secrets.get("token", "")
        if not re.fullmatch(r"\d{5,}:[\w-]{20,}", token):
            return Check(ok=False, detail="This does not look like a token of @BotFather.")
        page = self._menu_page()
        if page is not None and not keyboards.host_of(page[1]):
            return Check(ok=False, detail=NOT_SAFE)
        me = self._call(lambda bot: bot.get_me(), "getMe")
        account: dict[str, Any] = {
            "name": me.full_name,
            "username": me.username or "",
            "link": f"https://t.me/{me.username}" if me.username else "",
        }
        if picture := self._picture(me.id):
            account["picture"] = picture
        known = {"username": me.username or "", "menu": page is not None}
        self._set_menu(page)
        hook = self.config.hook_url
        if not hook or _LOCAL.search(hook):
            self._call(lambda bot: bot.delete_webhook(), "deleteWebhook")
            return Check(ok=True, account={**account, "mode": "polling"}, settings=known)
        self._set_hook()
        return Check(ok=True, account={**account, "mode": "webhook"}, settings=known)

    def _menu_page(self) -> tuple[str, str] | None:
        """What the button beside the writing field opens: its title and address."""
        is_english = self.config.language.startswith("en")
        for name, title in (("catalogue", ("Каталог", "Catalogue")), ("chat", ("Чат", "Chat"))):
            if url := str(self.config.settings.get(name) or ""):
                return title[is_english], url
        return None

    def _set_menu(self, page: tuple[str, str] | None) -> None:
        """Ours, or Telegram's own again where it was ours before; a menu made at @BotFather is
        left alone."""
        if page is not None:
            button = MenuButtonWebApp(page[0], WebAppInfo(page[1]))
            self._call(
                lambda bot: bot.set_chat_menu_button(menu_button=button), "setChatMenuButton"
            )
        elif self.config.settings.get("menu"):
            self._quietly(
                lambda bot: bot.set_chat_menu_button(menu_button=MenuButtonDefault()),
                "setChatMenuButton",
            )

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
        elif info.url and set(info.allowed_updates or ()) != set(ALLOWED_UPDATES):
            self._set_hook()  # connected when fewer kinds were known
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


async def _plainly(bot: Bot, method: str, data: dict[str, Any], **more: Any) -> Any:
    """As Telegram says it: the library's own objects stumble over one of another shape, and all
    that come after it would wait."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PTBUserWarning)
        return await bot.do_api_request(method, data, **more)


_MEDIA = {"image": InputMediaPhoto, "video": InputMediaVideo}
_METHODS = {"image": "sendPhoto", "voice": "sendVoice", "video": "sendVideo"}


def _file_calls(files: Sequence[File]) -> Iterator[tuple[str, Any, Any, list[str]]]:
    """Method, what is stored, names and kinds; pictures and videos that follow each other as
    albums of two to ten."""
    run: list[File] = []
    for file in (*files, None):
        if file is not None and file.kind in _MEDIA and len(run) < ALBUM_LIMIT:
            run.append(file)
            continue
        if len(run) > 1:
            yield (
                "sendMediaGroup",
                [one.stored_id for one in run],
                [one.name for one in run],
                [one.kind for one in run],
            )
        elif run:
            yield _METHODS[run[0].kind], run[0].stored_id, run[0].name, []
        run = []
        if file is not None and file.kind in _MEDIA:
            run = [file]
        elif file is not None:
            yield _METHODS.get(file.kind, "sendDocument"), file.stored_id, file.name, []


def _with_keyboards(calls: list[Call], reply: Reply, at: Chat, pages: frozenset[str]) -> list[Call]:
    """One keyboard a message is all Telegram takes: what asks for a phone stands below the last
    text, or below a line of its own where that one has buttons under it."""
    if not calls or "text" not in calls[-1].data:
        return calls
    last = calls[-1]
    under = keyboards.under(reply.buttons[: MANIFEST.buttons], at, pages)
    below = keyboards.below(reply.buttons, at)
    if under is None and below is None:
        done = at.is_own and keyboards.is_done(reply.thread)
        return [*calls[:-1], _marked(last, keyboards.AWAY)] if done else calls
    if under is None and below is not None:
        return [*calls[:-1], _marked(last, below[1])]
    calls = [*calls[:-1], _marked(last, under)]
    if below is not None:
        base = {k: v for k, v in last.data.items() if k in ("chat_id", "business", "member")}
        calls.append(Call("sendMessage", {**base, "text": below[0], "markup": below[1]}))
    return calls


def _marked(call: Call, markup: Any) -> Call:
    return replace(call, data={**call.data, "markup": markup})


def _markup(markup: dict[str, Any]) -> Any:
    if "inline_keyboard" in markup:
        return InlineKeyboardMarkup.de_json(markup, None)
    if "keyboard" in markup:
        return ReplyKeyboardMarkup.de_json(markup, None)
    return ReplyKeyboardRemove()


def _via(call: Call) -> dict[str, Any]:
    """In an owner's account everything goes through the connection it came by."""
    business = call.data.get("business")
    return {"business_connection_id": business} if business else {}


def _chat(call: Call) -> Chat:
    data = call.data
    return Chat(str(data["chat_id"]), data.get("business", ""), data.get("member", ""))


def _is_no_photo(exc: Rejected) -> bool:
    """Not of the sides or the kind Telegram calls a photo: as a file it arrives whole."""
    detail = exc.detail.lower()
    return "photo" in detail or "image" in detail


def _may_draft(server: tuple[str, str], at: Chat) -> bool:
    now, key = time.monotonic(), (server[1], at.id)
    with _drafts:
        if _drafts_off.get(server, 0.0) > now or _drafted.get(key, 0.0) > now - DRAFT_EVERY_S:
            return False
        _drafted[key] = now
        _drafted.move_to_end(key)
        while len(_drafted) > 10_000:
            _drafted.popitem(last=False)
        return True


def _parts(text: str) -> list[tuple[str, str]]:
    """A text in messages: what the buyer sees of each, and its HTML ("" where nothing is bold).

    The limit counts what is left after Telegram has read the markup, so the text is cut as it is
    seen; bold that goes on past a cut ends there and begins again in the next message.
    """
    seen, bold = bold_apart(text)
    places = split_places(seen, MANIFEST.text_limit, size=MANIFEST.text_unit.size)
    return [
        (
            seen[start:end],
            bold_within(seen, start, end, bold, marks=("<b>", "</b>"), escaped=_escaped),
        )
        for start, end in places
    ]


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
