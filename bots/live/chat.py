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
import json
import logging
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from bots.live import chat_http
from bots.live.hub import SLOW, Line, Told, hub
from bots.live.scope import address_of, header
from bots.live.visit import EXPIRED, Visit, events_of, greet, place_at, visit_of
from tenants.kernel.text import storable

log = logging.getLogger(__name__)

MAX_FRAME = 24 * 1024


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
        self.place, self.key, rest = await place_at(self.scope)
        if self.place is None or rest:
            await self.close(4404)
        elif not self.place.allows(header(self.scope, b"origin")):
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
            frame = storable(json.loads(text_data))
        except ValueError:
            await self.close(1003)
            return
        if self.visit is None:
            await self._hello(frame)
            return
        async with self._one_at_a_time:
            for event in await self.visit.handle(frame):
                self._tell(event)
                if event == EXPIRED:
                    await self.close(4401)

    async def _hello(self, frame: Any) -> None:
        visit = None
        if self.place is not None and isinstance(frame, dict) and frame.get("t") == "hello":
            visit = visit_of(self.place, self.key, frame, address_of(self.scope))
        if visit is None:
            self._tell(EXPIRED)
            await self.close(4401)
            return
        # Into the room before the first look: nothing falls between.
        await hub().join(visit.group, self)
        self.visit = visit
        events = await greet(visit, frame)
        for event in events:
            self._tell(event)
        if events == [EXPIRED]:
            await self.close(4401)
            return
        self._working = asyncio.create_task(self._work(visit))

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

    async def _work(self, visit: Visit) -> None:
        while True:
            message = await self._heard.get()
            try:
                async with self._one_at_a_time:
                    for event in await events_of(visit, message):
                        self._tell(event)
            except Exception:  # the page is not left without ears
                log.exception("a buyer's page looks again at its next heartbeat")

    def _tell(self, event: dict[str, Any]) -> None:
        if self._line is None:
            self._line = Line(self.base_send, lambda: self.close(SLOW))
        self._line.push(json.dumps(event, ensure_ascii=False))


_socket = ChatSocket.as_asgi()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    carrier = _socket if scope["type"] == "websocket" else chat_http.answer
    await carrier(scope, receive, send)
