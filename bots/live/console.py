"""`/live/console/`: what agents see without asking: facts by number, typing, who looks where.

The socket carries ids and numbers only, and of a conversation its person may not see not even
those: such a fact comes as its bare number, so that the log has no gap (bots.selectors.policy).
What decides that travels with each message of the room; a socket asks the database nothing.
After a break the page names the last number it saw and gets what it missed; a heartbeat finds what
was missed while Redis was away. Where sockets are shut, `/live/console/poll/` tells the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Coroutine, Iterable
from dataclasses import astuple, dataclass
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, connection

from bots.live.hub import SLOW, Line, Told, hub
from bots.live.tally import counted, tally_of
from bots.selectors.policy import Facts, Sight, conversations_in, facts_of, sight_of
from bots.services import agents, focus
from tenants.kernel.context import group_of, merchant_context
from tenants.selectors.hosts import site_of
from tenants.workspace.models import Counter, Event

log = logging.getLogger(__name__)

# A longer gap is cheaper to answer with "read everything again".
GAP_AT_MOST = 2000
MESSAGES_A_SECOND = 20
# How far a person sees is read again after these, and after a while by itself.
SIGHT_CHANGES = frozenset({"team.changed", "agent.changed"})
SIGHT_KEPT_S = 30.0
NOTED_EVERY_S = 30.0
# A page says every 15 s what it looks at.
LOOK_KEPT_S = 30.0
LONGEST_WAIT_S = 25.0
LOOK_EVERY_S = 5.0  # a long poll looks by itself, should Redis be away
BODY_AT_MOST = 4096
# A conversation may go from somebody's sight with these.
_HIDING = frozenset({"conversation.assigned", "conversation.taken_over"})


class ConsoleConsumer(AsyncJsonWebsocketConsumer):
    """One socket. `seq` is the last fact it was told: what follows comes without a gap, or is
    read from the log."""

    schema: str = ""
    user_id: int = 0
    user_name: str = ""
    seq: int | None = None  # None until the greeting
    is_catching_up = False
    is_behind = False  # something came before the greeting, or while it was catching up
    looks = 0  # how far its person sees is being read
    counters: dict[str, int] | None = None  # as its page was told last
    noted_at = -NOTED_EVERY_S

    async def connect(self) -> None:
        host = _header(self.scope, b"host")
        if not _same_origin(self.scope, host):
            await self.close(code=4403)
            return
        found = await _who(host, _cookie(self.scope, settings.SESSION_COOKIE_NAME))
        if found is None:
            await self.accept()
            await self.close(code=4401)
            return
        self.schema, self.user_id, self.user_name = found
        self.group = group_of(self.schema, "console")
        await self._look_again()
        await self._seen_here()
        self._tokens, self._refilled = float(MESSAGES_A_SECOND), time.monotonic()
        self.line = Line(self.base_send, lambda: self.close(code=SLOW))
        await self.accept()
        # Into the room before the first look: nothing falls between.
        await hub().join(self.group, self)
        seq = await _last_seq(self.schema)
        self.push({"type": "hello", "seq": seq, "user": self.user_id})
        self.seq = seq
        if self.is_behind:
            self._aside(self._catch_up())
        tally_of(self.schema).wish()
        for look in _looks.get(self.schema, {}).values():
            self._presence(look.told)

    async def disconnect(self, code: int) -> None:
        if self.schema:
            await hub().leave(self.group, self)
            if hasattr(self, "line"):
                self.line.is_over = True
            hub().tell(self.group, {"type": "presence", "user": self.user_id, "conversation": None})

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not isinstance(content, dict) or not self._may_speak():
            return
        match content.get("type"):
            case "ping":
                await self._ping()
            case "since" if isinstance(content.get("seq"), int):
                self.seq = max(0, content["seq"])
                await self._catch_up()
            case "look" | "typing" as kind if isinstance(content.get("conversation"), int | None):
                await self._look(content, kind)
            case "count":  # the page has lists it had not before
                self.counters = None
                tally_of(self.schema).wish()
            case "focus" if isinstance(content.get("conversation"), int | None):
                await _note_focus(self.schema, self.user_id, content.get("conversation"))

    async def _ping(self) -> None:
        """A heartbeat: also finds what was missed, should Redis have been away."""
        await self._seen_here()
        if time.monotonic() - self.sight_at > SIGHT_KEPT_S:
            await self._look_again()
        seq = await _last_seq(self.schema)
        if self.seq is not None and seq > self.seq:
            await self._catch_up()
        if tally_of(self.schema).has_failed:
            tally_of(self.schema).wish()
        self.push({"type": "pong", "seq": seq})

    async def _look(self, content: dict[str, Any], kind: str) -> None:
        """Tell colleagues who see the conversation, too, that this person looks at it or types."""
        conversation = content.get("conversation")
        facts = None
        if conversation is not None:
            facts = await _facts(self.schema, conversation)
            if facts is None or not self.sight.allows(facts):
                return
        hub().tell(
            self.group,
            {
                "type": "presence",
                "user": self.user_id,
                "name": self.user_name,
                "conversation": conversation,
                "typing": kind == "typing" and content.get("mode") != "note",
                "facts": [astuple(facts)] if facts else [],
            },
        )

    async def _seen_here(self) -> None:
        """Whoever has a console open can be offered chats."""
        now = time.monotonic()
        if now - self.noted_at > NOTED_EVERY_S:
            self.noted_at = now
            await _note_seen(self.schema, self.user_id)

    async def _look_again(self) -> None:
        self.sight = await _sight(self.schema, self.user_id)
        self.sight_at = time.monotonic()
        if self.sight.nothing:
            await self.close(code=4401)

    async def _catch_up(self) -> None:
        """Read from the log what follows `seq`, until nothing does."""
        if self.is_catching_up:
            self.is_behind = True
            return
        self.is_catching_up = True
        try:
            while True:
                self.is_behind = False
                after = self.seq or 0
                found = await events_since(self.schema, self.sight, after)
                if "refresh" in found:
                    self.push({"type": "refresh", "seq": found["seq"]})
                elif found["events"]:
                    self.push({"type": "events", "events": found["events"]})
                    tally_of(self.schema).wish()
                self.seq = found["seq"]
                if not self.is_behind:
                    return
        except DatabaseError:
            log.warning("a console of %s reads what it missed at its next heartbeat", self.schema)
        finally:
            self.is_catching_up = False

    def _may_speak(self) -> bool:
        now = time.monotonic()
        refill = (now - self._refilled) * MESSAGES_A_SECOND
        self._tokens, self._refilled = min(float(MESSAGES_A_SECOND), self._tokens + refill), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def push(self, frame: dict[str, Any]) -> None:
        self.line.push(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    # ── from the room: plain calls, so that no socket waits for another ──
    def hear(self, told: Told) -> None:
        match told.message["type"]:
            case "events":
                self._events(told)
                _note_change(self.schema, told)
            case "presence":
                _note_look(self.schema, told)
                self._presence(told)
            case "buyer_typing":
                self._buyer_typing(told)
            case "notice" if told.message["user"] == self.user_id:
                # What this person is told of (bots.services.notices); nobody else's.
                self.push({"type": "notice", "notice": told.message["notice"]})

    def lapsed(self) -> None:
        if self.seq is not None:
            self._aside(self._catch_up())

    def count(self, counters: dict[str, int]) -> None:
        if counters != self.counters:
            self.counters = counters
            self.push({"type": "counters", "counters": counters})

    def _events(self, told: Told) -> None:
        events = told.message["events"]
        first, last = events[0]["seq"], events[-1]["seq"]
        if self.seq is None:
            self.is_behind = True
            return
        if last <= self.seq:
            return
        is_old = time.monotonic() - self.sight_at > SIGHT_KEPT_S * 2
        if is_old or not SIGHT_CHANGES.isdisjoint(event["name"] for event in events):
            self._aside(self._look_and_catch_up())
        elif self.looks or self.is_catching_up:
            self.is_behind = True
        elif first != self.seq + 1:
            self._aside(self._catch_up())
        else:
            self.seq = last
            self.line.push(self._text(told))

    async def _look_and_catch_up(self) -> None:
        self.looks += 1
        try:
            await self._look_again()
        finally:
            self.looks -= 1
        await self._catch_up()

    def _text(self, told: Told) -> str:
        """The frame as this person may see it, written once for all who see the same."""
        events = told.message["events"]
        seen = events if self.sight.everything else None
        key: Any = "all"
        if seen is None:
            seen = [as_seen(self.sight, event, _facts_told(told)) for event in events]
            key = tuple(one["name"] for one in seen)
        text = told.kept.get(key)
        if text is None:
            frame = {"type": "events", "events": seen}
            text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
            told.kept[key] = text
        return text

    def _presence(self, told: Told) -> None:
        message = told.message
        if message["user"] == self.user_id:
            return
        conversation = message["conversation"]
        if conversation is None or self._allows(_facts_told(told), conversation):
            self.push({name: message[name] for name in message if name != "facts"})

    def _buyer_typing(self, told: Told) -> None:
        conversation = told.message["conversation"]
        if _facts_told(told) or self.sight.everything:
            if self._allows(_facts_told(told), conversation):
                self.push({"type": "buyer_typing", "conversation": conversation})
        else:
            self._aside(self._buyer_types(conversation))

    async def _buyer_types(self, conversation: int) -> None:
        found = await _facts(self.schema, conversation)
        if found is not None and self.sight.allows(found):
            self.push({"type": "buyer_typing", "conversation": conversation})

    def _allows(self, facts: dict[int, Facts], conversation: int) -> bool:
        found = facts.get(conversation)
        return self.sight.everything or (found is not None and self.sight.allows(found))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        _aside.add(task)
        task.add_done_callback(_aside.discard)


_aside: set[asyncio.Task[None]] = set()


def _note_change(schema: str, told: Told) -> None:
    """The first console of the process that hears it has the lists counted, for all of them."""
    if told.kept.setdefault("noted", False):
        return
    told.kept["noted"] = True
    if any(
        event["data"].get("conversation") or event["name"] in SIGHT_CHANGES
        for event in told.message["events"]
    ):
        tally_of(schema).wish()


# ── Who looks where ──────────────────────────────────────────────────────────────────────────
@dataclass
class _Look:
    told: Told
    forgets: asyncio.TimerHandle


# What the consoles of this process heard last of each person, and when that is forgotten: a
# process that was killed says no good-bye.
_looks: dict[str, dict[int, _Look]] = {}


def _note_look(schema: str, told: Told) -> None:
    if told.kept.setdefault("noted", False):
        return
    told.kept["noted"] = True
    user = told.message["user"]
    here = _looks.setdefault(schema, {})
    if (before := here.pop(user, None)) is not None:
        before.forgets.cancel()
    if told.message["conversation"] is not None:
        loop = asyncio.get_running_loop()
        here[user] = _Look(told, loop.call_later(LOOK_KEPT_S, _forget_look, schema, user))
    if not here:
        del _looks[schema]


def _forget_look(schema: str, user: int) -> None:
    gone = Told({"type": "presence", "user": user, "conversation": None})
    for seat in hub().seats(group_of(schema, "console")):
        seat.hear(gone)


def unpacked(rows: Iterable[Any]) -> dict[int, Facts]:
    """Facts as they come over Redis."""
    return {row[0]: Facts.unpacked(row) for row in rows}


def _facts_told(told: Told) -> dict[int, Facts]:
    found: dict[int, Facts] | None = told.kept.get("facts")
    if found is None:
        found = told.kept["facts"] = unpacked(told.message.get("facts", []))
    return found


def as_seen(sight: Sight, event: dict[str, Any], facts: dict[int, Facts]) -> dict[str, Any]:
    """A fact as this person may see it: in full, as its number, or as "take it off the screen"."""
    conversation = event["data"].get("conversation")
    if conversation is None:
        return event
    found = facts.get(conversation)
    if found is not None and sight.allows(found):
        return event
    if found is not None and event["name"] in _HIDING:
        before = event["data"].get("from_team", found.team)
        if sight.allowed_before(found, before) or event["data"].get("from") == sight.user:
            gone = {"conversation": conversation}
            return {"seq": event["seq"], "name": "conversation.hidden", "data": gone}
    return {"seq": event["seq"], "name": "hidden", "data": {}}


def _header(scope: dict[str, Any], name: bytes) -> str:
    return dict(scope["headers"]).get(name, b"").decode("latin-1")


def _same_origin(scope: dict[str, Any], host: str) -> bool:
    """Browsers send cookies with sockets of any page; only our own pages may open this one."""
    origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
    return not origin or origin.partition("://")[2] == host


def _cookie(scope: dict[str, Any], name: str) -> str:
    header = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


@database_sync_to_async
def _who(host: str, session_key: str) -> tuple[str, int, str] | None:
    """(schema, user, name) of a live session on the merchant's own host."""
    site = site_of(host)
    if site is None or site.merchant is None or not site.merchant.is_serving or not session_key:
        return None
    try:
        with merchant_context(site.schema):
            session = SessionStore(session_key=session_key)
            user = (
                get_user_model()
                .objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True)
                .first()
            )
            if user is None or session.get(HASH_SESSION_KEY) != user.get_session_auth_hash():
                return None
            return site.schema, user.pk, str(user)
    finally:
        connection.close()


@database_sync_to_async
def _sight(schema: str, user_id: int) -> Sight:
    try:
        with merchant_context(schema):
            user = get_user_model().objects.filter(pk=user_id).first()
            return sight_of(user) if user else Sight(user_id, nothing=True)
    finally:
        connection.close()


@database_sync_to_async
def _note_seen(schema: str, user_id: int) -> None:
    try:
        with merchant_context(schema):
            if user := get_user_model().objects.filter(pk=user_id, is_active=True).first():
                agents.seen(user)
    finally:
        connection.close()


@database_sync_to_async
def _note_focus(schema: str, user_id: int, conversation: int | None) -> None:
    try:
        with merchant_context(schema):
            focus.note(user_id, conversation)
    finally:
        connection.close()


@database_sync_to_async
def _facts_of(schema: str, ids: set[int]) -> dict[int, Facts]:
    if not ids:
        return {}
    try:
        with merchant_context(schema):
            return facts_of(ids)
    finally:
        connection.close()


async def _facts(schema: str, conversation: int) -> Facts | None:
    if not 0 < conversation < 2**63:
        return None
    return (await _facts_of(schema, {conversation})).get(conversation)


@database_sync_to_async
def _last_seq(schema: str) -> int:
    try:
        with merchant_context(schema):
            row = Counter.objects.filter(name="events").values_list("value", flat=True).first()
            return row or 0
    finally:
        connection.close()


@database_sync_to_async
def events_since(schema: str, sight: Sight, after: int) -> dict[str, Any]:
    """`{"events", "seq"}` as this person may see them; `{"refresh", "seq"}` for too long a gap."""
    try:
        with merchant_context(schema):
            # The number first: what is written after this look comes with the next one.
            last = Counter.objects.filter(name="events").values_list("value", flat=True).first()
            last = last or 0
            if last == after:
                return {"events": [], "seq": after}
            rows = list(
                Event.objects.filter(seq__gt=after).order_by("seq").values()[: GAP_AT_MOST + 1]
            )
            if not rows or len(rows) > GAP_AT_MOST or rows[0]["seq"] != after + 1:
                return {"events": [], "seq": last, "refresh": True}
            events = [{"seq": row["seq"], "name": row["name"], "data": row["data"]} for row in rows]
            if not sight.everything:
                facts = facts_of(conversations_in(event["data"] for event in events))
                events = [as_seen(sight, event, facts) for event in events]
            return {"events": events, "seq": events[-1]["seq"]}
    finally:
        connection.close()


# ── Where sockets are shut ───────────────────────────────────────────────────────────────────
class _Waiting:
    """A long poll's seat: wakes when a fact has come."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()

    def hear(self, told: Told) -> None:
        if told.message["type"] == "events":
            self.woken.set()

    def lapsed(self) -> None:
        self.woken.set()


async def poll(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """`POST {"after": seq, "wait": seconds}` → `{"events", "seq"}` or `{"refresh": true, "seq"}`,
    with `counters` of the lists.

    `after` 0 asks where the log is. The same session, origin and policy as a socket's.
    """
    status, body = await _polled(scope, receive)
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-length": str(len(content)),
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def _polled(scope: dict[str, Any], receive: Any) -> tuple[int, dict[str, Any]]:
    if scope["method"] != "POST":
        return 405, {"error": {"code": "method_not_allowed"}}
    host = _header(scope, b"host")
    if not _same_origin(scope, host):
        return 403, {"error": {"code": "origin"}}
    asked = await _asked(receive)
    if asked is None:
        return 400, {"error": {"code": "malformed"}}
    found = await _who(host, _cookie(scope, settings.SESSION_COOKIE_NAME))
    if found is None:
        return 401, {"error": {"code": "not_authenticated"}}
    schema, user_id, _name = found
    sight = await _sight(schema, user_id)
    if sight.nothing:
        return 401, {"error": {"code": "not_authenticated"}}
    await _note_seen(schema, user_id)
    after, wait_s = asked
    if after == 0:
        return 200, {"events": [], "seq": await _last_seq(schema)}
    found = await _since_or_later(schema, sight, after, wait_s)
    counters = (await counted(schema, [user_id])).get(user_id, {})
    return 200, {**found, "counters": counters}


async def _since_or_later(schema: str, sight: Sight, after: int, wait_s: float) -> dict[str, Any]:
    found = await events_since(schema, sight, after)
    until = time.monotonic() + wait_s
    if found["events"] or "refresh" in found or wait_s <= 0:
        return found
    seat, group = _Waiting(), group_of(schema, "console")
    await hub().join(group, seat)
    try:
        while True:
            # Once more, now that the room is heard: nothing falls between.
            found = await events_since(schema, sight, after)
            left = until - time.monotonic()
            if found["events"] or "refresh" in found or left <= 0:
                return found
            seat.woken.clear()
            try:
                await asyncio.wait_for(seat.woken.wait(), min(left, LOOK_EVERY_S))
            except TimeoutError:
                continue
            sight = await _sight(schema, sight.user)
    finally:
        await hub().leave(group, seat)


async def _asked(receive: Any) -> tuple[int, float] | None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > BODY_AT_MOST:
            return None
        if not message.get("more_body"):
            break
    try:
        asked = json.loads(body)
        after, wait_s = asked["after"], float(asked.get("wait") or 0)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(after, int) or not 0 <= after < 2**63 or not wait_s >= 0:
        return None
    return after, min(wait_s, LONGEST_WAIT_S)
