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
from collections.abc import Coroutine
from dataclasses import astuple, dataclass
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from bots.live.hub import SLOW, Line, Told, hub
from bots.live.scope import cookie, header, is_same_origin
from bots.live.sights import (
    are_for_all,
    as_seen,
    events_since,
    facts_now,
    last_seq,
    looked_at,
    note_focus,
    note_seen,
    sight_now,
    unpacked,
    who,
)
from bots.live.tally import tally_of
from bots.selectors.policy import Facts
from tenants.kernel.context import group_of

log = logging.getLogger(__name__)

MESSAGES_A_SECOND = 20
# How far a person sees is read again after these, and after a while by itself.
SIGHT_CHANGES = frozenset({"team.changed", "agent.changed"})
SIGHT_KEPT_S = 30.0
NOTED_EVERY_S = 30.0
# A page says every 15 s what it looks at.
LOOK_KEPT_S = 30.0


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
        if not is_same_origin(self.scope, header(self.scope, b"host")):
            await self.close(code=4403)
            return
        found = await self._who()
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
        seq = await last_seq(self.schema)
        self.push({"type": "hello", "seq": seq, "user": self.user_id})
        self.seq = seq
        if self.is_behind:
            self.lapsed()
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
                await note_focus(self.schema, self.user_id, content.get("conversation"))

    async def _ping(self) -> None:
        """A heartbeat: also finds what was missed, should Redis have been away."""
        await self._seen_here()
        if time.monotonic() - self.sight_at > SIGHT_KEPT_S:
            if await self._who() is None:  # logged out elsewhere, or the password was changed
                await self.close(code=4401)
                return
            await self._look_again()
        seq = await last_seq(self.schema)
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
            facts = await looked_at(self.schema, self.user_id, conversation)
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
            await note_seen(self.schema, self.user_id)

    async def _who(self) -> tuple[str, int, str] | None:
        key = cookie(self.scope, settings.SESSION_COOKIE_NAME)
        return await who(header(self.scope, b"host"), key)

    async def _look_again(self) -> None:
        self.sight = await sight_now(self.schema, self.user_id)
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
        seen = events if self.sight.everything and are_for_all(events) else None
        key: Any = "all"
        if seen is None:
            seen = [as_seen(self.sight, event, _facts_told(told)) for event in events]
            key = tuple((one["name"], one["data"].get("presence")) for one in seen)
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
        found = await facts_now(self.schema, conversation)
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


def _facts_told(told: Told) -> dict[int, Facts]:
    found: dict[int, Facts] | None = told.kept.get("facts")
    if found is None:
        found = told.kept["facts"] = unpacked(told.message.get("facts", []))
    return found
