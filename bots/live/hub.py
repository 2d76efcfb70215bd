"""Rooms of this process: one subscription a room, however many sockets are in it.

Redis brings each message once; it is read once and handed to every socket of the room by a plain
call, so nobody waits for anybody. While Redis is away nothing is told; when it is back every
socket looks for itself what it has missed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import redis.asyncio
from django.conf import settings
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tenants.kernel.live import encoded, topic_of

log = logging.getLogger(__name__)

PAUSE_AT_MOST_S = 3.0
# Who comes in is not kept waiting longer than this for a Redis that is away.
READY_S = 1.0
# A socket that is so far behind asks for the gap when it has its breath back.
FRAMES_BEHIND = 256
BYTES_BEHIND = 1 << 20
SLOW = 4408


class Told:
    """A message of a room as this process has read it, with what its sockets made of it."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.message = message
        self.kept: dict[Any, Any] = {}


class Seat(Protocol):
    """Whoever sits in a room. Neither call may wait."""

    def hear(self, told: Told) -> None: ...

    def lapsed(self) -> None:
        """Something may have been missed: look for yourself."""


class Hub:
    """Everything belongs to one event loop."""

    def __init__(self) -> None:
        self._rooms: dict[str, dict[Seat, None]] = {}
        self._redis: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=None,
            socket_connect_timeout=1,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._ear: PubSub | None = None
        self._listening: asyncio.Task[None] | None = None
        self._something, self._ready = asyncio.Event(), asyncio.Event()
        self._telling: set[asyncio.Task[Any]] = set()

    def seats(self, group: str) -> list[Seat]:
        return list(self._rooms.get(topic_of(group), ()))

    async def join(self, group: str, seat: Seat) -> None:
        """From here on the seat hears. Redis being away is no error: it looks when told to."""
        topic = topic_of(group)
        room = self._rooms.setdefault(topic, {})
        is_first = not room
        room[seat] = None
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen(), name="hub")
        self._something.set()
        if is_first and self._ear is not None:
            try:
                await self._ear.subscribe(topic)
            except (redis.RedisError, OSError):
                log.debug("the hub's ear is gone; it is made anew")
        elif self._ear is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), READY_S)

    async def leave(self, group: str, seat: Seat) -> None:
        topic = topic_of(group)
        room = self._rooms.get(topic)
        if room is None:
            return
        room.pop(seat, None)
        if not room:
            del self._rooms[topic]
            if self._ear is not None:
                try:
                    await self._ear.unsubscribe(topic)
                except (redis.RedisError, OSError):
                    log.debug("the hub's ear is gone; it is made anew")

    def tell(self, group: str, message: dict[str, Any]) -> None:
        """`tenants.kernel.live.tell` for code of the event loop."""
        task = asyncio.create_task(self._tell(group, message))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, group: str, message: dict[str, Any]) -> None:
        try:
            await self._redis.publish(topic_of(group), encoded(message))
        except (redis.RedisError, OSError) as exc:
            log.warning("live sockets of %s were not told: %s", group.split(".")[0], exc)

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                while not self._rooms:
                    self._something.clear()
                    await self._something.wait()
                async with self._redis.pubsub(ignore_subscribe_messages=True) as ear:
                    await ear.subscribe(*self._rooms)
                    self._ear = ear
                    # Who joined while the ear was being made is heard, too.
                    if self._rooms:
                        await ear.subscribe(*self._rooms)
                    pause = 0.1
                    self._ready.set()
                    self._lapsed()
                    async for message in _messages(ear):
                        self._hear(message["channel"].decode(), message["data"])
            except (redis.RedisError, OSError) as exc:
                log.warning("the hub hears nothing (%s); again in %.1f s", exc, pause)
            except Exception:  # it listens for the whole process, so it goes on
                log.exception("the hub stumbled; again in %.1f s", pause)
            finally:
                self._ear = None
                self._ready.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_AT_MOST_S)

    def _hear(self, topic: str, data: bytes) -> None:
        room = self._rooms.get(topic)
        if not room:
            return
        told = Told(json.loads(data))
        for seat in list(room):
            try:
                seat.hear(told)
            except Exception:  # one seat's fault is not its neighbours'
                log.exception("a socket did not understand %s", told.message.get("type"))

    def _lapsed(self) -> None:
        for room in list(self._rooms.values()):
            for seat in list(room):
                seat.lapsed()


async def _messages(ear: PubSub) -> AsyncIterator[dict[str, Any]]:
    while True:
        message = await ear.get_message(ignore_subscribe_messages=True, timeout=None)
        if message is not None:
            yield message
        elif not ear.subscribed:
            await asyncio.sleep(0.05)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


# ── One socket's way out ─────────────────────────────────────────────────────────────────────
Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


class Line:
    """Frames to one socket, in order. Nobody waits for it; one that is too slow is given up."""

    def __init__(self, send: Send, give_up: Callable[[], Awaitable[None]]) -> None:
        self._send, self._give_up = send, give_up
        self._behind: deque[str] = deque()
        self._bytes = 0
        self._draining: asyncio.Task[None] | None = None
        self.is_over = False

    def push(self, text: str) -> None:
        if self.is_over:
            return
        if self._draining is not None:
            self._behind.append(text)
            self._bytes += len(text)
            if len(self._behind) > FRAMES_BEHIND or self._bytes > BYTES_BEHIND:
                self._too_slow()
            return
        # Nearly always the server takes the frame at once: a task for each would cost more than
        # the sending. Where it does not, the rest of the call is finished by a task.
        call = self._send({"type": "websocket.send", "text": text})
        try:
            waits_for = call.send(None)
        except StopIteration:
            return
        except Exception:  # each server has its own way to say that the other side has left
            self.is_over = True
            return
        self._draining = asyncio.create_task(self._drain(call, waits_for))

    async def _drain(self, call: Coroutine[Any, Any, None], waits_for: Any) -> None:
        try:
            await _Rest(call, waits_for)
            while self._behind:
                text = self._behind.popleft()
                self._bytes -= len(text)
                await self._send({"type": "websocket.send", "text": text})
        except Exception:  # as above
            self.is_over = True
        finally:
            self._draining = None

    def _too_slow(self) -> None:
        self.is_over = True
        self._behind.clear()
        self._closing = asyncio.ensure_future(self._give_up())


class _Rest:
    """What is left of a call that was begun by hand and waits for a future."""

    def __init__(self, call: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._call, self._waits_for = call, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        while True:
            thrown: BaseException | None = None
            try:
                yield waits_for
            except BaseException as exc:  # cancelling goes into the call, too
                thrown = exc
            try:
                call = self._call
                waits_for = call.throw(thrown) if thrown is not None else call.send(None)
            except StopIteration:
                return
