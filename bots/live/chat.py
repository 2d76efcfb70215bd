"""Buyers' chat: one set of frames over a websocket and, where that is shut, over long polling.

`/live/chat/<route_key>/`            websocket; POST = exchange of frames, waiting if asked to
`/live/chat/<route_key>/config/`     GET: what the widget shows before anybody has written
`/live/chat/<route_key>/session/`    POST: a new browser's token
`/live/chat/<route_key>/visit/`      POST: somebody looks around; where the channel shows visitors
`/live/chat/<route_key>/upload/`     POST multipart: a file, answered with a handle for `say`
`/live/chat/<route_key>/contact/`    POST: contact data with its consents
`/live/chat/<route_key>/files/<s>/`  GET: a file, by an address signed for a day

Frames are described in docs/widget.md. No cookie is used: a visitor is a sealed token that the
browser keeps and sends inside the body, so every call is a "simple" one (no preflight) and a page
of another site can do nothing with somebody's browser.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import quote

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from bots.channels.web import identity, wire
from bots.live.hub import SLOW, Line, Told, hub
from bots.live.pace import Meter, Pace
from bots.selectors.threads import thread_before, thread_since, unreported
from bots.services import uploads, visitors, visits
from bots.services.accept import accept
from bots.services.places import Place, config, place_of
from tenants.kernel.context import group_of, merchant_context
from tenants.kernel.files import file_open
from tenants.workspace.models import StoredFile

log = logging.getLogger(__name__)

PREFIX = "/live/chat/"
MAX_FRAME = 24 * 1024
MAX_BODY = 64 * 1024
MAX_FRAMES = 40
LONGEST_WAIT_S = 25.0
LOOK_EVERY_S = 5.0  # a long poll looks by itself, should Redis be away

# Reads and writes of many sockets side by side; each enters its merchant by itself.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="chat")

_per_visitor = Meter(Pace(burst=12, per_s=0.7))
_per_address = Meter(Pace(burst=120, per_s=6))
_sessions = Meter(Pace(burst=30, per_s=0.5))
_uploads = Meter(Pace(burst=8, per_s=0.2))

T = TypeVar("T")


async def _inside(schema: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run `function` in a thread, inside the merchant. The context lives in that thread only."""

    def work() -> T:
        with merchant_context(schema):
            return function(*args, **kwargs)

    return await database_sync_to_async(work, thread_sensitive=False, executor=_threads)()


async def _place(scope: dict[str, Any]) -> tuple[Place | None, str, list[str]]:
    """(place, route key, rest of the path)."""
    key, *rest = scope["path"].removeprefix(PREFIX).strip("/").split("/")
    host = _header(scope, b"host")
    place = await database_sync_to_async(place_of, thread_sensitive=False, executor=_threads)(
        host.rsplit(":", 1)[0].lower(), key
    )
    return place, key, rest


def _header(scope: dict[str, Any], name: bytes) -> str:
    for found, value in scope["headers"]:
        if found == name:
            return value.decode("latin-1")
    return ""


def _address(scope: dict[str, Any]) -> str:
    return (scope.get("client") or ("",))[0] or ""


# ── one buyer's browser, whatever carries its frames ─────────────────────────────────────────
@dataclass
class Visit:
    place: Place
    key: str
    visitor: str
    address: str
    me: str = ""  # this connection, so that it does not hear its own echo
    cursor: int = 0
    claims: identity.Claims | None = None
    about: dict[str, Any] = field(default_factory=dict)
    conversation: int = 0  # 0 until the buyer has written
    told: tuple[Any, ...] | None = None  # who answers and what was read, as told last

    @property
    def group(self) -> str:
        return group_of(self.place.schema, "chat", self.visitor)

    async def handle(self, frame: Any) -> list[dict[str, Any]]:
        """What to answer to one frame. Unknown frames of newer clients are passed over."""
        if not isinstance(frame, dict):
            return []
        match frame.get("t"):
            case "say":
                return [await self._say(frame)]
            case "got" | "seen" as kind:
                await self._receipts(frame, "delivered" if kind == "got" else "read")
            case "typing":
                self._typing()
            case "about":
                await self._note(frame)
            case "event":
                await self._event(frame)
            case "identify":
                return [await self.identify(frame.get("token"))]
            case "older":
                return [await self._older(frame)]
            case "ping":
                return [{"t": "pong"}, *await self.catch_up()]
        return []

    async def _say(self, frame: dict[str, Any]) -> dict[str, Any]:
        key = frame.get("key")
        wait = _per_address.wait_s(self.address) or _per_visitor.wait_s(self._meter)
        if wait:
            return {"t": "refused", "key": key, "code": "pace", "wait": round(wait, 1)}
        handles = frame.get("files", [])
        sent = []
        for value in handles[: wire.MAX_FILES] if isinstance(handles, list) else []:
            found = uploads.of_handle(self.place.schema, self.visitor, value)
            if found is None:
                return {"t": "refused", "key": key, "code": "files"}
            sent.append(found)
        try:
            seen = await _inside(self.place.schema, self._accept, frame, sent)
        except wire.Malformed as exc:
            return {"t": "refused", "key": key, "code": exc.code}
        hub().tell(self.group, {"type": "chat.echo", "from": self.me, "message": seen})
        return {"t": "ack", "key": key, "files": seen.get("files", [])}

    def _accept(self, frame: dict[str, Any], sent: list[tuple[int, str]]) -> dict[str, Any]:
        """Store the utterance; what comes back is how another page of this buyer shows it."""
        stored = StoredFile.objects.in_bulk([ident for ident, _kind in sent])
        rows = [
            {
                "kind": kind,
                "name": stored[ident].name,
                "mime": stored[ident].mime,
                "size": stored[ident].size,
                "stored_id": ident,
            }
            for ident, kind in sent
            if ident in stored
        ]
        about = {**self.about, **visitors.about_of(frame.get("about"))}
        if self.place.visitors:
            about |= visits.answered(self.place.channel_id, self.visitor)
        claims = self.claims
        envelope = wire.say(
            self.visitor,
            frame,
            files=rows,
            about=about,
            identities=claims.identities() if claims else (),
            name=claims.name if claims else "",
        )
        accept(self.place.channel_id, [envelope])
        payload = envelope.payload
        return {
            "key": payload["key"],
            "author": "buyer",
            "text": payload["text"],
            "at": payload["at"],
            "files": self._with_links(
                [{**row, "stored": row.pop("stored_id"), "error": ""} for row in rows]
            ),
        }

    async def _receipts(self, frame: dict[str, Any], state: str) -> None:
        ids = frame.get("ids")
        ids = [i for i in ids[:200] if isinstance(i, int)] if isinstance(ids, list) else []
        if not ids or _per_address.wait_s(self.address, 0.5):
            return

        def store() -> None:
            fresh = unreported(self.place.channel_id, self.visitor, ids, state)
            if fresh:
                accept(self.place.channel_id, [wire.receipts(self.visitor, state, fresh)])

        await _inside(self.place.schema, store)

    def _typing(self) -> None:
        if self.conversation and not _per_visitor.wait_s(self._meter, 0.1):
            group = group_of(self.place.schema, "console")
            hub().tell(group, {"type": "buyer_typing", "conversation": self.conversation})

    async def _note(self, frame: dict[str, Any]) -> None:
        about = visitors.about_of(frame.get("about"))
        if not about or _per_visitor.wait_s(self._meter, 0.3):
            return
        self.about |= about
        await _inside(
            self.place.schema,
            visitors.visitor_note,
            self.place.channel_id,
            self.visitor,
            about,
        )

    async def _event(self, frame: dict[str, Any]) -> None:
        if _per_visitor.wait_s(self._meter, 0.3):
            return
        await _inside(
            self.place.schema,
            visitors.visitor_event,
            self.place.channel_id,
            self.visitor,
            str(frame.get("name", "")),
            frame.get("data"),
        )

    async def identify(self, token: Any, *, keep: bool = True) -> dict[str, Any]:
        """Believe the shop's signed word; `keep` writes it to a contact that exists."""

        def prove() -> identity.Claims:
            secret = visitors.channel_secret(self.place.channel_id, "identity_secret")
            claims = identity.verify(str(token), secret, time.time())
            if keep:
                visitors.visitor_prove(
                    self.place.channel_id, self.visitor, claims.identities(), claims.name
                )
            return claims

        try:
            self.claims = await _inside(self.place.schema, prove)
        except identity.NotBelieved as exc:
            self.claims = None
            return {"t": "identified", "ok": False, "code": exc.code}
        return {"t": "identified", "ok": True, "name": self.claims.name}

    async def _older(self, frame: dict[str, Any]) -> dict[str, Any]:
        before = frame.get("before")
        if not isinstance(before, int):
            return {"t": "history", "messages": [], "more": False}
        found = await _inside(
            self.place.schema,
            thread_before,
            self.place.channel_id,
            self.visitor,
            before=before,
        )
        return {"t": "history", **found, "messages": self._linked(found["messages"])}

    async def catch_up(
        self, also: tuple[int, ...] = (), *, always: bool = False, quiet: bool = False
    ) -> list[dict[str, Any]]:
        """What this browser lacks by sequence; nothing when it lacks nothing.

        `quiet`: a call without memory takes who answers now as known.
        """
        found = await _inside(
            self.place.schema,
            thread_since,
            self.place.channel_id,
            self.visitor,
            after=self.cursor,
            also=also,
            changed=always,
        )
        after, self.cursor = self.cursor, max(self.cursor, found["cursor"])
        self.conversation = found.pop("id")
        state = (found["who"], found["read"])
        if quiet and self.told is None:
            self.told = state
        if not always and not found["messages"] and "gone" not in found and state == self.told:
            return []
        self.told = state
        return [
            {
                "t": "messages",
                "after": after,
                **found,
                "cursor": self.cursor,
                "messages": self._linked(found["messages"]),
            }
        ]

    def _linked(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for message in messages:
            if "files" in message:
                message["files"] = self._with_links(message["files"])
        return messages

    def _with_links(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                **{k: row[k] for k in ("kind", "name", "mime", "size", "error")},
                "url": uploads.link(self.place.schema, self.key, row["stored"])
                if row["stored"]
                else "",
            }
            for row in rows
        ]

    @property
    def _meter(self) -> str:
        return f"{self.place.schema}:{self.visitor}"


def _visit(place: Place, key: str, body: dict[str, Any], address: str) -> Visit | None:
    visitor = visitors.visitor_of(place.schema, place.channel_id, body.get("token"))
    if visitor is None:
        return None
    visit = Visit(place, key, visitor, address, me=str(body.get("me", ""))[:40])
    after = body.get("after")
    visit.cursor = after if isinstance(after, int) and after >= 0 else 0
    return visit


async def _greet(visit: Visit, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The first frames of a connection: who it is, where, and what it missed."""
    events: list[dict[str, Any]] = []
    if body.get("identity"):
        events.append(await visit.identify(body["identity"]))
    if body.get("about"):
        await visit._note({"about": body["about"]})
    return events + await visit.catch_up(always=True)


# ── websocket ────────────────────────────────────────────────────────────────────────────────
class ChatSocket(AsyncWebsocketConsumer):
    """First frame: `{"t": "hello", "token", "me", "after", "about"?, "identity"?}`."""

    visit: Visit | None = None
    is_over = False
    _line: Line | None = None
    _working: asyncio.Task[None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue(64)
        self._one_at_a_time = asyncio.Lock()  # two looks at once would show a message twice

    async def connect(self) -> None:
        self.place, self.key, rest = await _place(self.scope)
        if self.place is None or rest:
            await self.close(4404)
        elif not self.place.allows(_header(self.scope, b"origin")):
            await self.close(4403)
        else:
            await self.accept()

    async def close(self, code: Any = None, reason: Any = None) -> None:
        self.is_over = True
        await super().close(code, reason)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.is_over:  # sent before the other side knew
            return
        if text_data is None or len(text_data) > MAX_FRAME:
            await self.close(1009)
            return
        try:
            frame = json.loads(text_data)
        except ValueError:
            await self.close(1003)
            return
        if self.visit is None:
            await self._hello(frame)
            return
        async with self._one_at_a_time:
            for event in await self.visit.handle(frame):
                self._tell(event)

    async def _hello(self, frame: Any) -> None:
        visit = None
        if isinstance(frame, dict) and frame.get("t") == "hello":
            visit = _visit(self.place, self.key, frame, _address(self.scope))  # type: ignore[arg-type]
        if visit is None:
            self._tell({"t": "expired"})
            await self.close(4401)
            return
        # Into the room before the first look: nothing falls between.
        await hub().join(visit.group, self)
        self.visit = visit
        for event in await _greet(visit, frame):
            self._tell(event)
        self._working = asyncio.create_task(self._work())

    async def disconnect(self, code: int) -> None:
        self.is_over = True
        if self._working is not None:
            self._working.cancel()
        if self.visit is not None:
            await hub().leave(self.visit.group, self)

    # What the room is told (bots/channels/web/adapter.py and `Visit._say`): in its order, some of
    # it only after a look into the thread.
    def hear(self, told: Told) -> None:
        if self._heard.full():
            self._heard.get_nowait()  # a later look finds it
        self._heard.put_nowait(told.message)

    def lapsed(self) -> None:
        self.hear(Told({"type": "chat.nudge"}))

    async def _work(self) -> None:
        while True:
            message = await self._heard.get()
            try:
                async with self._one_at_a_time:
                    for event in await _events_of(self.visit, message):  # type: ignore[arg-type]
                        self._tell(event)
            except Exception:  # the page is not left without ears
                log.exception("a buyer's page looks again at its next heartbeat")

    def _tell(self, event: dict[str, Any]) -> None:
        if self._line is None:
            self._line = Line(self.base_send, lambda: self.close(SLOW))
        self._line.push(json.dumps(event, ensure_ascii=False))


def _also(message: dict[str, Any]) -> tuple[int, ...]:
    return (message["message"],) if message.get("message") else ()


_socket = ChatSocket.as_asgi()


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────
class Answer(Exception):
    """An HTTP answer on its way out."""

    def __init__(
        self,
        status: int,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> None:
        super().__init__(status)
        self.status, self.headers = status, dict(headers or {})
        if raw is not None:
            self.body = raw
        else:
            self.headers["content-type"] = "application/json"
            self.body = json.dumps(body, ensure_ascii=False).encode()


def _error(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, {"error": {"code": code, **more}})


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await _socket(scope, receive, send)
        return
    origin = _header(scope, b"origin")
    try:
        await _route(scope, receive)
        answer = _error(404, "not_found")
    except Answer as found:
        answer = found
    headers = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "vary": "Origin, Accept-Encoding",
        **answer.headers,
    }
    if origin:
        # No cookie and no credential goes with these calls, so any origin may read the answer;
        # sites a merchant did not allow have been refused above.
        headers["access-control-allow-origin"] = origin
        headers["access-control-max-age"] = "86400"
    body = answer.body
    if len(body) > 1000 and "gzip" in _header(scope, b"accept-encoding") and _packs(headers):
        body, headers["content-encoding"] = gzip.compress(body, 5), "gzip"
    headers["content-length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _packs(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").startswith("application/json")


async def _route(scope: dict[str, Any], receive: Any) -> None:
    """Always leaves by an Answer, unless there is nothing under this path."""
    place, key, rest = await _place(scope)
    if place is None:
        return
    if not place.allows(_header(scope, b"origin")):
        raise _error(403, "origin")
    match (scope["method"], rest):
        case ("OPTIONS", _):
            raise Answer(204, raw=b"", headers={"access-control-allow-methods": "GET, POST"})
        case ("GET", ["config"]):
            found = await _inside(place.schema, config, place, key)
            raise Answer(200, found, headers={"cache-control": "public, max-age=60"})
        case ("GET", ["files", signed]):
            await _file(place, signed)
        case ("POST", ["session"]):
            await _session(place, scope)
        case ("POST", ["upload"]):
            await _upload(place, key, scope, receive)
        case ("POST", ["visit"]):
            await _beat(place, key, scope, receive)
        case ("POST", ["contact"]):
            await _contact(place, key, scope, receive)
        case ("POST", []):
            await _exchange(place, key, scope, receive)


async def _session(place: Place, scope: dict[str, Any]) -> None:
    if wait := _sessions.wait_s(_address(scope)):
        raise _error(429, "pace", wait=round(wait, 1))
    _visitor, token = visitors.visitor_token(place.schema, place.channel_id)
    raise Answer(200, {"token": token})


async def _json(scope: dict[str, Any], receive: Any) -> dict[str, Any]:
    body = await _read(receive, MAX_BODY)
    try:
        found = json.loads(body)
    except ValueError:
        raise _error(400, "malformed") from None
    if not isinstance(found, dict):
        raise _error(400, "malformed")
    return found


async def _read(receive: Any, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _error(400, "gone")
        size += len(message.get("body", b""))
        if size > limit:
            raise _error(413, "size")
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _exchange(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    """`{"token", "me", "after", "frames": […], "wait"?: seconds, "hello"?}` → `{"events": […]}`."""
    body = await _json(scope, receive)
    visit = _visit(place, key, body, _address(scope))
    if visit is None:
        raise _error(401, "expired")
    events: list[dict[str, Any]] = []
    if body.get("identity"):
        told = await visit.identify(body["identity"], keep=bool(body.get("hello")))
        if body.get("hello"):
            events.append(told)
    if isinstance(body.get("about"), dict):
        visit.about = visitors.about_of(body["about"])
        if body.get("hello"):
            await visit._note({"about": body["about"]})
    frames = body.get("frames")
    for frame in frames[:MAX_FRAMES] if isinstance(frames, list) else []:
        events += await visit.handle(frame)
    wait = body.get("wait")
    wait_s = min(float(wait), LONGEST_WAIT_S) if isinstance(wait, int | float) else 0.0
    events += await visit.catch_up(always=bool(body.get("hello")), quiet=True)
    if not events and wait_s > 0:
        events = await _wait(visit, wait_s)
    raise Answer(200, {"events": events})


class _Waiting:
    """A long poll's seat."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def hear(self, told: Told) -> None:
        self.heard.put_nowait(told.message)

    def lapsed(self) -> None:
        self.heard.put_nowait({"type": "chat.nudge"})


async def _wait(visit: Visit, wait_s: float) -> list[dict[str, Any]]:
    """Until something happens or the time is over. Redis only makes it quicker."""
    seat = _Waiting()
    deadline = time.monotonic() + wait_s
    await hub().join(visit.group, seat)
    try:
        # Once more, now that the room is heard: nothing falls between.
        if events := await visit.catch_up():
            return events
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(seat.heard.get(), min(left, LOOK_EVERY_S))
            except TimeoutError:
                events = await visit.catch_up()
            else:
                events = await _events_of(visit, message)
            if events:
                return events
        return []
    finally:
        await hub().leave(visit.group, seat)


async def _events_of(visit: Visit, message: dict[str, Any]) -> list[dict[str, Any]]:
    match message["type"]:
        case "chat.nudge":
            return await visit.catch_up(_also(message))
        case "chat.typing":
            return [{"t": "typing"}]
        case "chat.stream":
            return [{"t": "stream", "key": message["key"], "text": message["text"]}]
        case "chat.echo" if message["from"] != visit.me:
            return [{"t": "echo", "message": message["message"]}]
    return []


async def _upload(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    if wait := _uploads.wait_s(_address(scope)):
        raise _error(429, "pace", wait=round(wait, 1))
    body = await _read(receive, uploads.MAX_BYTES + 16 * 1024)
    meta = {"CONTENT_TYPE": _header(scope, b"content-type"), "CONTENT_LENGTH": len(body)}
    token, name, content = await asyncio.to_thread(_parts, meta, body)
    visitor = visitors.visitor_of(place.schema, place.channel_id, token)
    if visitor is None:
        raise _error(401, "expired")
    try:
        stored, kind = await _inside(place.schema, uploads.upload_keep, content, name)
    except uploads.Refused as exc:
        raise _error(400, exc.code, limit=uploads.MAX_BYTES) from None
    raise Answer(
        200,
        {
            "handle": uploads.handle(place.schema, visitor, stored.pk, kind),
            "name": stored.name,
            "mime": stored.mime,
            "size": stored.size,
            "kind": kind,
            "url": uploads.link(place.schema, key, stored.pk),
        },
    )


def _parts(meta: dict[str, Any], body: bytes) -> tuple[str, str, bytes]:
    """(token, name, content) of an upload."""
    handler = MemoryFileUploadHandler()
    handler.handle_raw_input(BytesIO(body), meta, len(body), b"", None)  # type: ignore[arg-type]
    handler.activated = True
    try:
        data, sent = MultiPartParser(meta, BytesIO(body), [handler]).parse()
    except (MultiPartParserError, ValueError):
        raise _error(400, "malformed") from None
    upload = sent.get("file")
    if upload is None:
        raise _error(400, "empty")
    return data.get("token", ""), upload.name or "file", upload.read()


async def _file(place: Place, signed: str) -> None:
    file_id = uploads.of_link(place.schema, signed)
    if file_id is None:
        raise _error(404, "not_found")

    def read() -> tuple[StoredFile, bytes] | None:
        stored = StoredFile.objects.filter(pk=file_id).first()
        if stored is None:
            return None
        with file_open(stored) as source:
            return stored, source.read()

    found = await _inside(place.schema, read)
    if found is None:
        raise _error(404, "not_found")
    stored, content = found
    inline = stored.mime in uploads.INLINE
    raise Answer(
        200,
        raw=content,
        headers={
            "content-type": stored.mime if inline else "application/octet-stream",
            "content-disposition": f"{'inline' if inline else 'attachment'}; "
            f"filename*=UTF-8''{quote(stored.name)}",
            "content-security-policy": "default-src 'none'; sandbox",
            "cross-origin-resource-policy": "cross-origin",
            "cache-control": "private, max-age=86400",
        },
    )


async def _beat(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    """`{"token", "about", "returning", "open", "opened", "locale"}`: somebody is on the site."""
    if not place.visitors:
        raise Answer(200, {"again": 0})
    body = await _json(scope, receive)
    visit = _visit(place, key, body, _address(scope))
    if visit is None:
        raise _error(401, "expired")
    if wait := _per_visitor.wait_s(f"beat:{visit._meter}") or _per_address.wait_s(visit.address):
        raise _error(429, "pace", wait=round(wait, 1))
    opened = body.get("opened")
    found = await _inside(
        place.schema,
        visits.beat,
        place.channel_id,
        visit.visitor,
        visitors.about_of(body.get("about")),
        returning=body.get("returning") is True,
        is_open=body.get("open") is True,
        opened=opened if isinstance(opened, int) else 0,
        locale=str(body.get("locale", ""))[:2],
    )
    raise Answer(200, found)


async def _contact(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    """`{"token", "name", "phone", "email", "given": {"processing": true, …}, "locale"}`."""
    body = await _json(scope, receive)
    visit = _visit(place, key, body, _address(scope))
    if visit is None:
        raise _error(401, "expired")
    if wait := _per_visitor.wait_s(visit._meter, 3):
        raise _error(429, "pace", wait=round(wait, 1))
    given = body.get("given")
    try:
        await _inside(
            place.schema,
            visitors.visitor_leave_contact,
            place.channel_id,
            visit.visitor,
            name=str(body.get("name", "")),
            phone=str(body.get("phone", "")),
            email=str(body.get("email", "")),
            given=given if isinstance(given, dict) else {},
            lang=str(body.get("locale", ""))[:2],
            who=place.who,
            address=visit.address or None,
        )
    except (visitors.ConsentMissing, visitors.ContactInvalid) as exc:
        raise _error(exc.status, exc.code, **exc.data) from None
    raise Answer(200, {"ok": True})
