"""One buyer's browser, whatever carries its frames: who it is, what it says, what it lacks."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from channels.db import database_sync_to_async

from bots.channels.web import identity, wire
from bots.live.hub import hub
from bots.live.pace import Meter, Pace
from bots.live.scope import header
from bots.selectors.threads import thread_before, thread_since, unreported
from bots.services import uploads, visitors, visits
from bots.services.accept import accept
from bots.services.places import Place, place_of
from tenants.kernel.context import group_of, merchant_context
from tenants.workspace.models import StoredFile

PREFIX = "/live/chat/"
# The token is nobody's any more: the page asks for a new one and forgets what it shows.
EXPIRED = {"t": "expired"}

# Reads and writes of many sockets side by side; each enters its merchant by itself.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="chat")

per_visitor = Meter(Pace(burst=12, per_s=0.7))
per_address = Meter(Pace(burst=120, per_s=6))

T = TypeVar("T")


async def inside(schema: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run `function` in a thread, inside the merchant. The context lives in that thread only."""

    def work() -> T:
        with merchant_context(schema):
            return function(*args, **kwargs)

    return await database_sync_to_async(work, thread_sensitive=False, executor=_threads)()


async def place_at(scope: dict[str, Any]) -> tuple[Place | None, str, list[str]]:
    """(place, route key, rest of the path)."""
    key, *rest = scope["path"].removeprefix(PREFIX).strip("/").split("/")
    host = header(scope, b"host")
    place = await database_sync_to_async(place_of, thread_sensitive=False, executor=_threads)(
        host.rsplit(":", 1)[0].lower(), key
    )
    return place, key, rest


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
                await self.note(frame)
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
        wait = per_address.wait_s(self.address) or per_visitor.wait_s(self.meter)
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
            seen = await inside(self.place.schema, self._accept, frame, sent)
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
        if not ids or per_address.wait_s(self.address, 0.5):
            return

        def store() -> None:
            fresh = unreported(self.place.channel_id, self.visitor, ids, state)
            if fresh:
                accept(self.place.channel_id, [wire.receipts(self.visitor, state, fresh)])

        await inside(self.place.schema, store)

    def _typing(self) -> None:
        if self.conversation and not per_visitor.wait_s(self.meter, 0.1):
            group = group_of(self.place.schema, "console")
            hub().tell(group, {"type": "buyer_typing", "conversation": self.conversation})

    async def note(self, frame: dict[str, Any]) -> None:
        about = visitors.about_of(frame.get("about"))
        if not about or per_visitor.wait_s(self.meter, 0.3):
            return
        self.about |= about
        await inside(
            self.place.schema,
            visitors.visitor_note,
            self.place.channel_id,
            self.visitor,
            about,
        )

    async def _event(self, frame: dict[str, Any]) -> None:
        if per_visitor.wait_s(self.meter, 0.3):
            return
        await inside(
            self.place.schema,
            visitors.visitor_event,
            self.place.channel_id,
            self.visitor,
            str(frame.get("name", "")),
            frame.get("data"),
        )

    async def identify(self, token: Any, *, keep: bool = True) -> dict[str, Any]:
        """Believe the shop's signed word; `keep` writes it to a contact that exists.

        Another customer than this browser was before is another visitor: the page begins anew, so
        that nobody reads, or is taken for, whoever sat here last.
        """

        def prove() -> identity.Claims | None:
            secret = visitors.channel_secret(self.place.channel_id, "identity_secret")
            claims = identity.verify(str(token), secret, time.time())
            if visitors.is_another(self.place.channel_id, self.visitor, claims.customer):
                return None
            if keep:
                visitors.visitor_prove(
                    self.place.channel_id, self.visitor, claims.identities(), claims.name
                )
            return claims

        try:
            self.claims = await inside(self.place.schema, prove)
        except identity.NotBelieved as exc:
            self.claims = None
            return {"t": "identified", "ok": False, "code": exc.code}
        if self.claims is None:
            return dict(EXPIRED)
        return {"t": "identified", "ok": True, "name": self.claims.name}

    async def _older(self, frame: dict[str, Any]) -> dict[str, Any]:
        before = frame.get("before")
        if not isinstance(before, int):
            return {"t": "history", "messages": [], "more": False}
        found = await inside(
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
        found = await inside(
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
    def meter(self) -> str:
        return f"{self.place.schema}:{self.visitor}"


def visit_of(place: Place, key: str, body: dict[str, Any], address: str) -> Visit | None:
    visitor = visitors.visitor_of(place.schema, place.channel_id, body.get("token"))
    if visitor is None:
        return None
    visit = Visit(place, key, visitor, address, me=str(body.get("me", ""))[:40])
    after = body.get("after")
    visit.cursor = after if isinstance(after, int) and after >= 0 else 0
    return visit


async def greet(visit: Visit, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The first frames of a connection: who it is, where, and what it missed."""
    events: list[dict[str, Any]] = []
    if body.get("identity"):
        events.append(await visit.identify(body["identity"]))
        if events == [EXPIRED]:
            return events
    if body.get("about"):
        await visit.note({"about": body["about"]})
    return events + await visit.catch_up(always=True)


def _also(message: dict[str, Any]) -> tuple[int, ...]:
    return (message["message"],) if message.get("message") else ()


async def events_of(visit: Visit, message: dict[str, Any]) -> list[dict[str, Any]]:
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
