"""Where sockets are shut: what a console would be told, by long polling."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from django.conf import settings

from bots.live.hub import Told, hub
from bots.live.scope import BodyFailed, body_of, cookie, header, is_same_origin
from bots.live.sights import events_since, last_seq, note_seen, sight_now, who
from bots.live.tally import counted
from bots.selectors.policy import Sight
from tenants.kernel.context import group_of

LONGEST_WAIT_S = 25.0
LOOK_EVERY_S = 5.0  # a long poll looks by itself, should Redis be away
BODY_AT_MOST = 4096


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
    host = header(scope, b"host")
    if not is_same_origin(scope, host):
        return 403, {"error": {"code": "origin"}}
    asked = await _asked(receive)
    if asked is None:
        return 400, {"error": {"code": "malformed"}}
    found = await who(host, cookie(scope, settings.SESSION_COOKIE_NAME))
    if found is None:
        return 401, {"error": {"code": "not_authenticated"}}
    schema, user_id, _name = found
    sight = await sight_now(schema, user_id)
    if sight.nothing:
        return 401, {"error": {"code": "not_authenticated"}}
    await note_seen(schema, user_id)
    after, wait_s = asked
    if after == 0:
        return 200, {"events": [], "seq": await last_seq(schema)}
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
            sight = await sight_now(schema, sight.user)
    finally:
        await hub().leave(group, seat)


async def _asked(receive: Any) -> tuple[int, float] | None:
    try:
        asked = json.loads(await body_of(receive, BODY_AT_MOST))
        after, wait_s = asked["after"], float(asked.get("wait") or 0)
    except (BodyFailed, ValueError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(after, int) or not 0 <= after < 2**63 or not wait_s >= 0:
        return None
    return after, min(wait_s, LONGEST_WAIT_S)
