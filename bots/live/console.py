"""`/live/console/`: what agents see without asking: facts by number, typing, who looks where.

The socket carries ids and numbers only, and of a conversation its person may not see not even
those: such a fact comes as its bare number, so that the log has no gap (bots.selectors.policy).
What decides that travels with each message of the group; a socket asks the database nothing.
After a break the page names the last number it saw and gets what it missed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from bots.selectors.policy import Facts, Sight, conversations_in, facts_of, sight_of
from bots.services import agents
from tenants.kernel.context import group_of, merchant_context
from tenants.selectors.hosts import site_of
from tenants.workspace.models import Counter, Event

# A longer gap is cheaper to answer with "read everything again".
GAP_AT_MOST = 2000
MESSAGES_A_SECOND = 20
# How far a person sees is read again after these, and after a while by itself.
SIGHT_CHANGES = frozenset({"team.changed", "agent.changed"})
SIGHT_KEPT_S = 30.0
NOTED_EVERY_S = 30.0
# A conversation may go from somebody's sight with these.
_HIDING = frozenset({"conversation.assigned", "conversation.taken_over"})


class ConsoleConsumer(AsyncJsonWebsocketConsumer):
    schema: str = ""
    user_id: int = 0
    user_name: str = ""
    noted_at: float = float("-inf")

    async def connect(self) -> None:
        host = dict(self.scope["headers"]).get(b"host", b"").decode("latin-1")
        if not _same_origin(self.scope, host):
            await self.close(code=4403)
            return
        found = await _who(host, _cookie(self.scope, settings.SESSION_COOKIE_NAME))
        if found is None:
            await self.accept()
            await self.close(code=4401)
            return
        self.schema, self.user_id, self.user_name = found
        await self._look_again()
        await self._seen_here()
        self._tokens, self._refilled = float(MESSAGES_A_SECOND), time.monotonic()
        await self.channel_layer.group_add(group_of(self.schema, "console"), self.channel_name)
        await self.accept()
        await self.send_json(
            {"type": "hello", "seq": await _last_seq(self.schema), "user": self.user_id}
        )

    async def disconnect(self, code: int) -> None:
        if self.schema:
            group = group_of(self.schema, "console")
            await self.channel_layer.group_discard(group, self.channel_name)
            await self.channel_layer.group_send(
                group, {"type": "presence", "user": self.user_id, "conversation": None}
            )

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if not isinstance(content, dict) or not self._may_speak():
            return
        match content.get("type"):
            case "ping":
                await self._seen_here()
                await self.send_json({"type": "pong"})
            case "since" if isinstance(content.get("seq"), int):
                await self._since(content["seq"])
            case "look" | "typing" as kind if isinstance(content.get("conversation"), int | None):
                await self._presence(content, kind)

    async def _presence(self, content: dict[str, Any], kind: str) -> None:
        """Tell colleagues who see the conversation, too, that this person looks at it or types."""
        conversation = content.get("conversation")
        facts = None
        if conversation is not None:
            facts = await _facts(self.schema, conversation)
            if facts is None or not self.sight.allows(facts):
                return
        await self.channel_layer.group_send(
            group_of(self.schema, "console"),
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

    async def _since(self, seq: int) -> None:
        events = await _events_after(self.schema, seq)
        if events is None:
            await self.send_json({"type": "refresh", "seq": await _last_seq(self.schema)})
            return
        facts = await _facts_of(self.schema, conversations_in(event["data"] for event in events))
        await self.send_json({"type": "events", "events": self._seen(events, facts)})

    def _may_speak(self) -> bool:
        now = time.monotonic()
        refill = (now - self._refilled) * MESSAGES_A_SECOND
        self._tokens, self._refilled = min(float(MESSAGES_A_SECOND), self._tokens + refill), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    # ── from the group ──
    async def events(self, message: dict[str, Any]) -> None:
        events = message["events"]
        is_old = time.monotonic() - self.sight_at > SIGHT_KEPT_S
        if is_old or any(event["name"] in SIGHT_CHANGES for event in events):
            await self._look_again()
            if self.sight.nothing:
                await self.close(code=4401)
                return
        seen = self._seen(events, unpacked(message["facts"]))
        await self.send_json({"type": "events", "events": seen})

    def _seen(self, events: list[dict[str, Any]], facts: dict[int, Facts]) -> list[dict[str, Any]]:
        if self.sight.everything:
            return events
        return [as_seen(self.sight, event, facts) for event in events]

    async def presence(self, message: dict[str, Any]) -> None:
        # Other consoles of this process may be handed the same message: it stays as it is.
        facts = unpacked(message.get("facts", []))
        if message["user"] == self.user_id:
            return
        if message["conversation"] is None or self._allows(facts, message["conversation"]):
            await self.send_json({name: message[name] for name in message if name != "facts"})

    async def buyer_typing(self, message: dict[str, Any]) -> None:
        conversation = message["conversation"]
        facts = unpacked(message.get("facts", []))
        if not facts and not self.sight.everything:
            found = await _facts(self.schema, conversation)
            facts = {conversation: found} if found else {}
        if self._allows(facts, conversation):
            await self.send_json({"type": "buyer_typing", "conversation": conversation})

    def _allows(self, facts: dict[int, Facts], conversation: int) -> bool:
        found = facts.get(conversation)
        return self.sight.everything or (found is not None and self.sight.allows(found))


def unpacked(rows: Iterable[Any]) -> dict[int, Facts]:
    """Facts as they come over the channel layer."""
    return {row[0]: Facts.unpacked(row) for row in rows}


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
def _events_after(schema: str, seq: int) -> list[dict[str, Any]] | None:
    try:
        with merchant_context(schema):
            rows = list(
                Event.objects.filter(seq__gt=seq).order_by("seq").values()[: GAP_AT_MOST + 1]
            )
    finally:
        connection.close()
    if len(rows) > GAP_AT_MOST or (rows and rows[0]["seq"] != seq + 1):
        return None
    return [{"seq": row["seq"], "name": row["name"], "data": row["data"]} for row in rows]
