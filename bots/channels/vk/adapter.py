"""VK communities through the Callback API and messages.send.

Source: https://dev.vk.com (API 5.199, schema of 2025-01-21, read 2026-11-22). A message's identity
in a dialogue is its `conversation_message_id`: every event names it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

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
    OwnerEcho,
    Profile,
    Reachable,
    Reaction,
    Receipt,
    Reply,
    Sent,
    SignatureMismatch,
    Unreachable,
    Unsupported,
    split_text,
)
from bots.channels.rendering import bold_apart
from bots.channels.vk import reading, writing
from bots.channels.vk.client import VERSION, Client, Refused, error_of
from bots.channels.vk.manifest import MANIFEST
from tenants.kernel.errors import OutcomeUnknown, Rejected, RetryLater, VendorError
from tenants.kernel.files import file_bytes

log = logging.getLogger(__name__)

EVENTS = (
    "message_new",
    "message_reply",
    "message_edit",
    "message_allow",
    "message_deny",
    "message_read",
    "message_event",
    "message_reaction_event",
)
_WANTED: dict[str, Any] = dict.fromkeys(EVENTS, 1)
_LOCAL = re.compile(r"^http:|//(localhost|127\.|\[::1\]|[^/:]*\.localhost)", re.I)
KEY_LENGTH = 110
SECRET_LENGTH = 50
SERVER_TITLE = "Shop assistant"  # 14 characters at most
DOWNLOAD_LIMIT = 25 * 1024 * 1024
TOO_MANY_SERVERS = 2000
TOO_OLD_TO_DELETE = 924
LONG_POLL_EXTRA_S = 10.0
CONFIRMATION_KEPT_S = 5.0
# What a community's token has to be allowed. Names as VK shows them [not in the schema].
RIGHTS = ("messages", "manage", "photos", "docs")
# Signs of reactions by number, from memory: the schema numbers them without showing them.
REACTIONS = dict(enumerate("❤🔥😂👍💩❓😭😡👎👌😄🤔🙏😘😍🎉", start=1))

_ONLY_THERE = {
    "ru": "Сообщение, которое видно только во ВКонтакте",
    "en": "A message that only VK can show",
}
_MENTION = re.compile(r"\[(?:id|club|public|event)\d+\|([^\]]*)\]")
# When a code was asked for, and the code: between `prepare` and `hook_answer` of one call.
_codes: dict[tuple[str, int], tuple[float, str]] = {}


class Vk(ChannelAdapter):
    manifest = MANIFEST

    @property
    def _client(self) -> Client:
        return Client(self.config)

    @property
    def _secret(self) -> str:
        """Letters and figures only: what else VK allows in a secret is not documented."""
        return re.sub(r"[^A-Za-z0-9]", "", self.config.secrets.get("hook", ""))[:SECRET_LENGTH]

    # ── in ──
    async def prepare(self, request: Inbound) -> None:
        """VK asks whether the address is the community's; the word to answer changes, so it is
        asked for each time. Only the community's own token is told it."""
        group_id = reading.asked_by(request)
        if not group_id:
            return
        key = (self.config.schema, self.config.channel_id)
        if key in _codes and _codes[key][0] > time.monotonic():
            return
        try:
            code = await self._client.confirmation_code(group_id)
        except (VendorError, Unreachable, KeyError, TypeError) as exc:
            log.warning("channel %s: no confirmation code: %s", self.config.channel_id, exc)
            return
        if len(_codes) > 1000:
            _codes.clear()
        _codes[key] = (time.monotonic() + CONFIRMATION_KEPT_S, code)

    def verify(self, request: Inbound) -> None:
        """The secret is in the body. The question for the confirmation may come without it: it
        says nothing, and nobody but VK can use the answer."""
        try:
            event = request.json()
            sent, group_id = str(event.get("secret") or ""), event.get("group_id")
            kind = event.get("type")
        except (ValueError, AttributeError, RecursionError) as exc:
            raise SignatureMismatch from exc
        is_secret = bool(self._secret) and compare_digest(
            sent.encode("utf-8", "replace"), self._secret.encode()
        )
        if kind == "confirmation":
            # The token decides which community has an answer.
            if sent and not is_secret:
                raise SignatureMismatch
            return
        known = str(self.config.settings.get("group_id") or "")  # since the first connecting
        if not is_secret or (known and str(group_id) != known):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """One event a call, with an id. VK repeats what is not answered “ok”."""
        try:
            event = request.json()
            if event["type"] == "confirmation":
                return []
            known = event.get("event_id")
            if not isinstance(known, str) or not 0 < len(known) <= KEY_LENGTH:
                whole = json.dumps(event, sort_keys=True).encode()
                known = hashlib.sha256(whole).hexdigest()
            kept = {name: value for name, value in event.items() if name != "secret"}
            return [Envelope(known, reading.chat_of(event), kept)]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("channel %s: no event, passed over", self.config.channel_id)
            return []

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        if not reading.asked_by(request):
            return 200, b"ok", "text/plain"
        kept = _codes.get((self.config.schema, self.config.channel_id))
        if kept is None or kept[0] < time.monotonic():
            return 503, b"try again", "text/plain"
        return 200, kept[1].encode(), "text/plain"

    def parse(self, payload: Any) -> list[Occurrence]:
        """Event → at most one occurrence.

        Reads: message_new {message {conversation_message_id, date (Unix seconds, UTC), peer_id,
        from_id, text, payload, ref, attachments, geo, fwd_messages, reply_message}}; message_reply,
        message_edit (the message itself); message_event {user_id, peer_id, event_id, payload};
        message_read {peer_id, conversation_message_id}; message_allow, message_deny {user_id};
        message_reaction_event {peer_id, cmid, reaction_id}.
        """
        kind, about = payload["type"], payload["object"]
        match kind:
            case "message_new":
                message = about.get("message") or about
                return [self._message(message, about.get("client_info") or {})]
            case "message_reply":
                return [self._reply(about.get("message") or about)]
            case "message_edit":
                message = reading.in_dialogue(about.get("message") or about)
                if message.get("out") or message["from_id"] < 0:
                    raise Unsupported("an edit of the community's own")
                text, data = self._said(message)
                return [
                    BuyerEdit(
                        external_id=reading.ident(message),
                        chat=str(message["peer_id"]),
                        text=text,
                        data={k: v for k, v in data.items() if k == "location"},
                    )
                ]
            case "message_event":
                return [reading.pressed(reading.in_dialogue(about))]
            case "message_allow" | "message_deny":
                return [Reachable(str(about["user_id"]), is_reachable=kind == "message_allow")]
            case "message_read":
                message = reading.in_dialogue(about)
                chat = str(message["peer_id"])
                return [Receipt(reading.ident(message), chat, "read", is_up_to=True)]
            case "message_reaction_event":
                message = reading.in_dialogue(about)
                number = about.get("reaction_id")
                if about.get("reacted_id", 0) < 0:
                    raise Unsupported("a reaction of the community's own")
                if number and number not in REACTIONS:
                    raise Unsupported(f"reaction {number}")
                sign = REACTIONS[number] if number else ""
                return [Reaction(str(about["cmid"]), str(about["peer_id"]), sign)]
        raise Unsupported(str(kind))

    def _message(self, message: dict[str, Any], client: dict[str, Any]) -> Occurrence:
        reading.in_dialogue(message)
        if message.get("out"):
            return self._reply(message)
        if message["from_id"] < 0:
            raise Unsupported("a community's message")
        files = tuple(reading.files_of(message))
        text, data = self._said(message)
        if not text and not files:
            raise Unsupported("an empty message")
        pressed = reading.payload_of(message.get("payload"))
        is_start = pressed.get("command") == "start" or text == "/start"
        if ref := message.get("ref"):
            data["deep_link"] = str(ref)[:512]
        quoted = message.get("reply_message") or {}
        return BuyerMessage(
            external_id=reading.ident(message),
            chat=str(message["peer_id"]),
            text="/start" if is_start else text,
            sent_at=datetime.fromtimestamp(message["date"], UTC),
            language={0: "ru", 3: "en"}.get(client.get("lang_id", -1), ""),
            files=files,
            reply_to=reading.ident(quoted) if quoted else "",
            payload=str(pressed.get("p") or ""),
            is_start=is_start,
            data=data,
        )

    @staticmethod
    def _reply(message: dict[str, Any]) -> OwnerEcho:
        """The community has written: we, told back, or a person (named), or another program."""
        reading.in_dialogue(message)
        is_persons = bool(message.get("admin_author_id"))
        number = message.get("random_id") or 0
        return OwnerEcho(
            external_id=reading.ident(message),
            chat=str(message["peer_id"]),
            text=_MENTION.sub(r"\1", message.get("text") or ""),
            sent_at=datetime.fromtimestamp(message["date"], UTC),
            own_id=0 if is_persons or number < writing.PARTS else number // writing.PARTS,
        )

    def _said(self, message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A message as text, and what else it tells. Nothing for a file without a caption."""
        texts = [message.get("text") or ""]
        texts += [one.get("text") or "" for one in message.get("fwd_messages") or []]
        data: dict[str, Any] = {}
        if place := (message.get("geo") or {}).get("coordinates"):
            found = {"lat": float(place["latitude"]), "lon": float(place["longitude"])}
            texts.append(f"📍 {found['lat']:.6f}, {found['lon']:.6f}")
            data = {"location": found, "wordless": "place"}
        text = _MENTION.sub(r"\1", "\n\n".join(filter(None, texts)))
        if message.get("text"):
            data.pop("wordless", None)
        attachments = reading.attachments_of(message)
        told = [reading.in_words(one) for one in attachments]
        told += [
            reading.page_of(one) for one in attachments if one.get("type") not in reading.FILES
        ]
        is_strange = any(one.get("type") not in reading.FILES for one in attachments)
        if is_strange and not text and not any(told[: len(attachments)]):
            lang = self.config.language
            told.insert(0, _ONLY_THERE["en" if lang.startswith("en") else "ru"])
            data = {"wordless": "other"}
        # A link's page is shown below a text that has the link already.
        return "\n".join(filter(None, [text, *(one for one in told if one not in text)])), data

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        """`failed` 1: some events are lost, go on from the new place; 2: a new key; 3: anew."""
        if not cursor.get("key"):
            cursor = {**cursor, **self._reading_place()}
        told = self._client.fetch(
            str(cursor["server"]),
            wait_s + LONG_POLL_EXTRA_S,
            act="a_check",
            key=cursor["key"],
            ts=cursor["ts"],
            wait=int(wait_s),
        )
        match told.get("failed"):
            case 2:
                return [], {**cursor, **self._reading_place(), "ts": cursor["ts"]}
            case 3:
                return [], {**cursor, **self._reading_place()}
        updates = told.get("updates") or []
        bodies = [Inbound(body=json.dumps(update).encode()) for update in updates]
        return bodies, {**cursor, "ts": str(told.get("ts", cursor["ts"]))}

    def _reading_place(self) -> dict[str, str]:
        group_id = self.config.settings.get("group_id") or self._group()["id"]
        found = self._client.call("groups.getLongPollServer", group_id=group_id)
        return {name: str(found[name]) for name in ("server", "key", "ts")}

    def fetch_file(self, file: File) -> bytes:
        """`external_id` is “<peer>/<message>/<n>”: the address is asked for anew."""
        try:
            peer, ident, number = file.external_id.split("/")
            found = self._client.call(
                "messages.getByConversationMessageId",
                peer_id=peer,
                conversation_message_ids=ident,
            )
            url = reading.address_of(reading.attachments_of(found["items"][0])[int(number)])
        except (KeyError, IndexError, ValueError, TypeError) as exc:
            raise ValueError("VK does not have this file any more") from exc
        if not url:
            raise ValueError("VK does not have this file any more")
        return self._client.download(url, DOWNLOAD_LIMIT)

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """Files first, then text in parts; buttons hang under the last part.

        `random_id` is made of the message and the part: sent again, VK shows it once.
        """
        calls = [
            Call(
                "sendFile",
                {"peer_id": reply.chat, "kind": file.kind},
                files={"stored": file.stored_id, "name": file.name},
            )
            for file in reply.files
        ]
        # Bold has no mark in VK's texts.
        parts = split_text(
            bold_apart(reply.text)[0], MANIFEST.text_limit, size=MANIFEST.text_unit.size
        )
        for number, part in enumerate(parts):
            data: dict[str, Any] = {"peer_id": reply.chat, "message": part}
            if reply.reply_to.isdigit() and number == 0:
                data["forward"] = {
                    "peer_id": int(reply.chat),
                    "conversation_message_ids": [int(reply.reply_to)],
                    "is_reply": True,
                }
            if reply.buttons and number == len(parts) - 1:
                data["keyboard"] = writing.keyboard_of(reply.buttons[: MANIFEST.buttons])
            calls.append(Call("sendMessage", data))
        return [
            Call(
                call.method,
                {**call.data, "random_id": writing.random_id(reply.message_id, number)},
                files=call.files,
            )
            for number, call in enumerate(calls)
        ]

    def send(self, call: Call) -> Sent:
        if call.method == "sendFile":
            return self._send_file(call)
        try:
            return self._post(call.data)
        except Rejected:
            # The quoted message may be gone: the answer is worth more than the quotation.
            if "forward" not in call.data:
                raise
        return self._post({k: v for k, v in call.data.items() if k != "forward"})

    def _post(self, data: Any) -> Sent:
        told = self._client.call(
            "messages.send",
            # Without a number of its own a repetition would be shown twice.
            write=not data["random_id"],
            peer_ids=data["peer_id"],
            random_id=data["random_id"],
            message=data.get("message"),
            attachment=data.get("attachment"),
            forward=writing.json_of(data.get("forward")),
            keyboard=writing.json_of(data.get("keyboard")),
            disable_mentions=1,
        )
        one = told[0] if isinstance(told, list) and told else {}
        if isinstance(one, dict) and (refused := one.get("error")):
            raise error_of(refused.get("code"), str(refused.get("description") or ""),
                           "messages.send")  # fmt: skip
        ident = reading.ident(one) if isinstance(one, dict) else ""
        if not ident:
            kind = RetryLater if data["random_id"] else OutcomeUnknown
            raise kind("the answer is not understood", vendor="vk", operation="messages.send")
        return Sent(ident)

    def _send_file(self, call: Call) -> Sent:
        name, content = file_bytes(call.files["stored"])
        name, peer = call.files["name"] or name, call.data["peer_id"]
        kind = call.data["kind"]
        try:
            attachment = self._uploaded(kind, peer, name, content)
        except Rejected:
            # No picture or no speech in VK's eyes: as a file it arrives whole.
            if kind not in ("image", "voice"):
                raise
            attachment = self._uploaded("file", peer, name, content)
        return self._post({**call.data, "attachment": attachment})

    def _uploaded(self, kind: str, peer: str, name: str, content: bytes) -> str:
        """“photo-1_2_key”: how an attachment is named in messages.send."""
        call, upload = self._client.call, self._client.upload
        if kind == "image":
            place = call("photos.getMessagesUploadServer", peer_id=peer)
            told = upload(place["upload_url"], "photo", name, content, "image/jpeg")
            if told.get("photo") in (None, "", "[]"):
                raise Rejected("the file was not accepted", vendor="vk", operation="upload")
            saved = call(
                "photos.saveMessagesPhoto", **writing.only(told, "photo", "server", "hash")
            )
            return writing.named("photo", saved[0])
        what = "audio_message" if kind == "voice" else "doc"
        place = call("docs.getMessagesUploadServer", peer_id=peer, type=what)
        mime = "audio/ogg" if kind == "voice" else "application/octet-stream"
        told = upload(place["upload_url"], "file", name, content, mime)
        saved = call("docs.save", file=told.get("file"), title=name[:128])
        return writing.named(what, saved[saved["type"]])

    def look_up(self, call: Call) -> Sent | None:
        """Never found: sent again with its number it is the same message."""
        return None

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        """Texts only. The buttons go along, or they are taken away."""
        if call.method != "sendMessage":
            raise Rejected("only texts can be changed", vendor="vk", operation="edit")
        keyboard = call.data.get("keyboard") or {"one_time": False, "inline": True, "buttons": []}
        self._client.call(
            "messages.edit",
            peer_id=chat,
            message=call.data["message"],
            keyboard=writing.json_of(keyboard),
            keep_forward_messages=1,
            disable_mentions=1,
            **reading.number_of(external_id, "cmid", "message_id"),
        )

    def delete(self, chat: str, external_id: str) -> None:
        told = self._client.call(
            "messages.delete",
            peer_id=chat,
            delete_for_all=1,
            **reading.number_of(external_id, "cmids", "message_ids"),
        )
        for one in told if isinstance(told, list) else []:
            refused = one.get("error") or {}
            if refused.get("code") == TOO_OLD_TO_DELETE:
                raise error_of(
                    TOO_OLD_TO_DELETE, str(refused.get("description")), "messages.delete"
                )

    def who(self, chat: str) -> Profile:
        told = self._client.call("users.get", user_ids=chat, fields="photo_100,screen_name")
        user = told[0] if isinstance(told, list) and told else {}
        return Profile(
            name=" ".join(filter(None, [user.get("first_name"), user.get("last_name")])),
            username=user.get("screen_name") or "",
            picture=user.get("photo_100") or "",
        )

    def typing(self, chat: str) -> None:
        self._quietly("messages.setActivity", peer_id=chat, type="typing")

    def mark_read(self, chat: str, external_id: str) -> None:
        if external_id.isdigit():
            self._quietly("messages.markAsRead", peer_id=chat, up_to_cmid=external_id)

    def acknowledge(self, callback: str) -> None:
        event_id, user_id, peer_id = callback.rsplit("|", 2)
        self._quietly(
            "messages.sendMessageEventAnswer", event_id=event_id, user_id=user_id, peer_id=peer_id
        )

    # ── account ──
    def connect(self) -> Check:
        if not self.config.secrets.get("token", "").isascii():
            return Check(ok=False, detail="This does not look like a community's token.")
        group = self._group()
        if not group:
            return Check(ok=False, detail="This does not look like a community's token.")
        if missing := self._missing_rights():
            return Check(ok=False, detail=f"the token lacks rights: {', '.join(missing)}")
        name = group.get("screen_name") or f"club{group['id']}"
        account: dict[str, Any] = {
            "name": group.get("name") or "",
            "username": name,
            "link": f"https://vk.me/{name}",
            "notice": "",
        }
        if picture := group.get("photo_200") or group.get("photo_100"):
            account["picture"] = picture
        # Buttons that answer want the bot's abilities on; where this is not allowed, the first
        # message with buttons says so (912).
        self._quietly("groups.setSettings", group_id=group["id"], messages=1, bots_capabilities=1)
        settings = {"group_id": str(group["id"])}
        if self._is_called():
            try:
                others = self._subscribe(group["id"], anew=True)
            except Refused as exc:
                if exc.code != TOO_MANY_SERVERS:
                    raise
                return Check(ok=False, detail="The community has ten servers already",
                             settings=settings)  # fmt: skip
            if self._is_off(group["id"]):
                return Check(ok=False, detail="VK cannot bring us messages", settings=settings)
            if others:
                account["notice"] = f"other services receive these messages, too: {others}"
            return Check(ok=True, account={**account, "mode": "webhook"}, settings=settings)
        self._forget(group["id"])
        self._client.call(
            "groups.setLongPollSettings",
            group_id=group["id"],
            enabled=1,
            api_version=VERSION,
            **_WANTED,
        )
        return Check(ok=True, account={**account, "mode": "polling"}, settings=settings)

    def _group(self) -> dict[str, Any]:
        """Asked with a community's token, VK names that community."""
        told = self._client.call("groups.getById")
        groups = told.get("groups") if isinstance(told, dict) else told
        return dict(groups[0]) if groups else {}

    def _missing_rights(self) -> list[str]:
        try:
            told = self._client.call("groups.getTokenPermissions")
        except Rejected:
            return []  # what is missing will be refused by itself
        given = {one.get("name") for one in told.get("permissions") or []}
        # None of the names we know: VK calls them otherwise by now.
        return [name for name in RIGHTS if name not in given] if given & set(RIGHTS) else []

    def _is_called(self) -> bool:
        return bool(self.config.hook_url) and not _LOCAL.search(self.config.hook_url)

    def _subscribe(self, group_id: Any, *, anew: bool) -> str:
        """Our server with our secret and events, and no old one of ours. Hosts of the others.

        `anew`: VK asks for the confirmation again. The answer is given by the ingest while this
        call is still under way.
        """
        call, hook = self._client.call, self.config.hook_url
        ours, others = None, []
        for one in call("groups.getCallbackServers", group_id=group_id)["items"]:
            url = str(one.get("url") or "")
            if url == hook and ours is None:
                ours = one
            elif urlsplit(url).path == urlsplit(hook).path:
                call("groups.deleteCallbackServer", group_id=group_id, server_id=one["id"])
            elif one.get("status") == "ok":
                others.append(urlsplit(url).hostname or url)
        about: dict[str, Any] = {"url": hook, "title": SERVER_TITLE, "secret_key": self._secret}
        if ours is None:
            server_id = call("groups.addCallbackServer", group_id=group_id, **about)["server_id"]
        else:
            server_id = ours["id"]
            if anew or ours.get("status") == "failed":
                call("groups.editCallbackServer", group_id=group_id, server_id=server_id, **about)
        if anew or ours is None:
            call(
                "groups.setCallbackSettings",
                group_id=group_id,
                server_id=server_id,
                api_version=VERSION,
                **_WANTED,
            )
        return ", ".join(sorted(set(others)))

    def disconnect(self) -> None:
        """Our server is taken away; others stay."""
        if group_id := self.config.settings.get("group_id"):
            self._forget(group_id)

    def _forget(self, group_id: Any) -> None:
        path = urlsplit(self.config.hook_url).path
        if not path:
            return
        try:
            for one in self._client.call("groups.getCallbackServers", group_id=group_id)["items"]:
                if urlsplit(str(one.get("url"))).path == path:
                    self._quietly(
                        "groups.deleteCallbackServer", group_id=group_id, server_id=one["id"]
                    )
        except (VendorError, Unreachable, KeyError, TypeError):  # best effort
            return

    def health(self) -> Check:
        """VK switches a server off that has not answered for long: it is set up again."""
        group_id = self.config.settings.get("group_id") or self._group().get("id")
        if not self._is_called():
            return Check(ok=True)
        self._subscribe(group_id, anew=False)
        if self._is_off(group_id):
            return Check(ok=False, detail="VK cannot bring us messages")
        return Check(ok=True)

    def _is_off(self, group_id: Any) -> bool:
        """Whether our address has given VK no confirmation, or no answer for long."""
        servers = self._client.call("groups.getCallbackServers", group_id=group_id)["items"]
        return any(
            one.get("status") == "failed"
            for one in servers
            if one.get("url") == self.config.hook_url
        )

    def _quietly(self, method: str, **asked: Any) -> None:
        try:
            self._client.call(method, timeout_s=5, **asked)
        except (VendorError, Unreachable):  # best effort: a refusal here is nobody's loss
            return
