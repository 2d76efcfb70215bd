"""`/live/console/`: what agents see without asking: facts by number, typing, who looks where.

The socket carries ids and numbers only; the page reads rows through the API, where the access
policy is. After a break the page names the last number it saw and gets what it missed.
"""

from __future__ import annotations

import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from tenants.kernel import outbox
from tenants.kernel.context import group_of, merchant_context
from tenants.selectors.hosts import site_of
from tenants.workspace.models import Counter, Event

# A longer gap is cheaper to answer with "read everything again".
GAP_AT_MOST = 2000
MESSAGES_A_SECOND = 20


class ConsoleConsumer(AsyncJsonWebsocketConsumer):
    schema: str = ""
    user_id: int = 0
    user_name: str = ""

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
                await self.send_json({"type": "pong"})
            case "since" if isinstance(content.get("seq"), int):
                await self._since(content["seq"])
            case "look" | "typing" as kind if isinstance(content.get("conversation"), int | None):
                await self.channel_layer.group_send(
                    group_of(self.schema, "console"),
                    {
                        "type": "presence",
                        "user": self.user_id,
                        "name": self.user_name,
                        "conversation": content.get("conversation"),
                        "typing": kind == "typing" and content.get("mode") != "note",
                    },
                )

    async def _since(self, seq: int) -> None:
        events = await _events_after(self.schema, seq)
        if events is None:
            await self.send_json({"type": "refresh", "seq": await _last_seq(self.schema)})
            return
        await self.send_json({"type": "events", "events": events})

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
        await self.send_json({"type": "events", "events": message["events"]})

    async def presence(self, message: dict[str, Any]) -> None:
        if message["user"] != self.user_id:
            await self.send_json({**message, "type": "presence"})

    async def buyer_typing(self, message: dict[str, Any]) -> None:
        await self.send_json({"type": "buyer_typing", "conversation": message["conversation"]})


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


@outbox.listener
def tell_consoles(schema: str, events: list[outbox.Event]) -> None:
    """Hand numbered facts to the open consoles of a merchant."""
    layer = get_channel_layer()
    body = [{"seq": event.seq, "name": event.name, "data": event.data} for event in events]
    for start in range(0, len(body), 100):
        async_to_sync(layer.group_send)(
            group_of(schema, "console"),
            {"type": "events", "events": body[start : start + 100]},
        )
