"""Clients of `live`, in a process of their own: websockets as cheap as Python gets.

    python -m config.bench.sockets < one JSON line: what to do

`room`: so many sockets in one room; messages are published with a few in flight, the next when all
have the oldest. `consoles`: open consoles that note what they hear and when, some torn off now and
then. Answers with one JSON line; prints "ready" before that when all sockets are open.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

CONNECTING_AT_ONCE = 20


class Socket(asyncio.Protocol):
    """A client's end. Frames of a server are unmasked and, here, never fragmented."""

    def __init__(self, asked: dict[str, Any], hear: Callable[[Any, bytes], None]) -> None:
        self.asked, self.hear = asked, hear
        self.buffer = b""
        self.is_open = False
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        lines = [
            f"GET {self.asked['path']} HTTP/1.1",
            f"Host: {self.asked['host']}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]
        if self.asked.get("cookie"):
            lines.append(f"Cookie: {self.asked['cookie']}")
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        data = self.buffer + data if self.buffer else data
        if not self.is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.transport.close()
                return
            self.is_open = True
            self.opened.set_result(None)
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1] & 127, at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if size < start + length:
                break
            kind = data[at] & 15
            if kind == 1:
                self.hear(self, data[start : start + length])
            elif kind == 9:
                self._send(10, data[start : start + length])
            at = start + length
        self.buffer = data[at:]

    def say(self, frame: dict[str, Any]) -> None:
        self._send(1, json.dumps(frame).encode())

    def _send(self, kind: int, payload: bytes) -> None:
        length = len(payload)
        head = bytes([128 | kind, 128 | length]) if length < 126 else b""
        head = head or bytes([128 | kind, 128 | 126]) + length.to_bytes(2, "big")
        if not self.transport.is_closing():
            self.transport.write(head + b"\0\0\0\0" + payload)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.opened, self.lost):
            if not future.done():
                future.set_result(None)


async def connected(asked: dict[str, Any], hear: Callable[[Any, bytes], None]) -> Socket:
    loop = asyncio.get_running_loop()
    for _ in range(50):
        _, socket = await loop.create_connection(
            lambda: Socket(asked, hear), "127.0.0.1", asked["port"]
        )
        await asyncio.wait_for(socket.opened, 30)
        if socket.is_open:
            return socket
        await asyncio.sleep(0.2)
    raise RuntimeError("the server takes no socket")


async def _many(count: int, open_one: Callable[[int], Awaitable[Any]]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, count, CONNECTING_AT_ONCE):
        numbers = range(start, min(count, start + CONNECTING_AT_ONCE))
        found += await asyncio.gather(*(open_one(number) for number in numbers))
    return found


# ── One room, as fast as it goes ─────────────────────────────────────────────────────────────
async def room(asked: dict[str, Any]) -> dict[str, Any]:
    """Deliveries a second and milliseconds from publishing to each socket."""
    count, window = asked["count"], asked["window"]
    ms: list[float] = []
    missing: dict[int, int] = {}
    done = asyncio.Event()
    greeted = 0
    begun_s = 0.0

    def hear(_socket: Socket, payload: bytes) -> None:
        nonlocal greeted
        at = payload.find(b'"n":')
        if at < 0:
            greeted += payload.find(b'"hello"') > 0
            return
        number = int(payload[at + 4 : payload.find(b"}", at)].partition(b",")[0])
        ms.append((time.monotonic() - sent[number]) * 1000)
        missing[number] -= 1
        if not missing[number]:
            del missing[number]
            done.set()

    sockets = await _many(count, lambda _n: connected(asked, hear))
    publish = await _publisher(asked)
    sent: dict[int, float] = {}
    number = 0
    until = time.monotonic() + 60
    while asked["greets"] and greeted < count and time.monotonic() < until:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    for seconds in (1.0, asked["seconds"]):  # the first is to get warm
        ms.clear()
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + seconds:
            while len(missing) < window:
                number += 1
                missing[number], sent[number] = count, time.monotonic()
                await publish(number)
            done.clear()
            try:
                await asyncio.wait_for(done.wait(), 10)
            except TimeoutError:
                break
        drained = time.monotonic() + 5
        while missing and time.monotonic() < drained:
            await asyncio.sleep(0.01)
    took = time.monotonic() - begun_s
    ordered = sorted(ms)
    for socket in sockets:
        socket.transport.abort()
    return {
        "per_s": round(len(ms) / took),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[int(len(ordered) * 0.99)], 2),
        "lost": sum(missing.values()),
    }


async def _publisher(asked: dict[str, Any]) -> Callable[[int], Awaitable[Any]]:
    def events(number: int) -> list[dict[str, Any]]:
        data = {"conversation": 5, "message": 7, "seq": number, "n": number}
        return [{"seq": asked["seq"] + number, "name": "message.received", "data": data}]

    if asked["plain"]:
        from channels_redis.pubsub import RedisPubSubChannelLayer

        layer = RedisPubSubChannelLayer(hosts=[{"address": asked["redis"], "socket_timeout": None}])
        return lambda number: layer.group_send(
            asked["group"], {"type": "events", "events": events(number)}
        )
    import redis.asyncio

    client = redis.asyncio.Redis.from_url(asked["redis"])

    def publish(number: int) -> Awaitable[Any]:
        message = {"type": "events", "events": events(number), "facts": []}
        return client.publish(asked["topic"], json.dumps(message, separators=(",", ":")))

    return publish


# ── Open consoles ────────────────────────────────────────────────────────────────────────────
class Console:
    def __init__(self, asked: dict[str, Any], cookie: str) -> None:
        self.asked = {**asked, "cookie": cookie}
        self.begin = self.seq = -1
        self.missed = self.doubled = self.hellos = 0
        self.seen: dict[int, float] = {}

    async def open(self) -> None:
        self.socket = await connected(self.asked, self._hear)

    async def tear(self) -> None:
        self.socket.transport.abort()
        await self.open()

    def _hear(self, socket: Socket, payload: bytes) -> None:
        now = time.monotonic()
        frame = json.loads(payload)
        if frame["type"] == "hello":
            self.hellos += 1
            if self.begin < 0:
                self.begin = self.seq = frame["seq"]
            elif frame["seq"] != self.seq:
                socket.say({"type": "since", "seq": self.seq})
        elif frame["type"] == "refresh":
            self.missed += frame["seq"] - self.seq
            self.seq = frame["seq"]
        fresh = []
        for event in frame.get("events", ()):
            if event["seq"] > self.seq:
                fresh.append(event)
            else:
                # After `since` the answer and what is told meanwhile may meet: a page leaves out
                # what it has; within one connection nothing may come twice.
                self.doubled += self.hellos == 1
        if fresh and fresh[0]["seq"] != self.seq + 1:
            # Told before the answer to `since` has come: as a page does, it is asked for again.
            socket.say({"type": "since", "seq": self.seq})
            return
        for event in fresh:
            self.missed += event["seq"] - self.seq - 1
            self.seq = event["seq"]
            if event["name"] == "message.received":
                self.seen.setdefault(event["data"].get("conversation", 0), now)


async def _reopened(all_of_them: list[Console]) -> None:
    for one in all_of_them:
        if one.socket.transport.is_closing():
            await one.open()


async def consoles(asked: dict[str, Any]) -> dict[str, Any]:
    chance = random.Random(3)
    open_ones = [Console(asked, cookie) for cookie in asked["cookies"]]
    await _many(len(open_ones), lambda n: open_ones[n].open())
    until = time.monotonic() + 60
    while any(one.begin < 0 for one in open_ones) and time.monotonic() < until:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    orders: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: orders.put_nowait(sys.stdin.readline()))
    torn, beat = 0, time.monotonic()
    tears_left = 0
    while True:
        try:
            order = await asyncio.wait_for(orders.get(), 0.2)
        except TimeoutError:
            order = ""
        if order.startswith("tear"):
            tears_left = int(order.split()[1])
        elif order.startswith("stop") or (not order and loop.is_closed()):
            last = int(order.split()[1])
            break
        if tears_left:
            tears_left, torn = tears_left - 1, torn + 1
            await chance.choice(open_ones).tear()
        await _reopened(open_ones)
        if time.monotonic() - beat > 15:
            beat = time.monotonic()
            for one in open_ones:
                one.socket.say({"type": "ping"})
    until = time.monotonic() + 20
    while any(one.seq < last for one in open_ones) and time.monotonic() < until:
        await _reopened(open_ones)  # as a page does, also at the end
        await asyncio.sleep(0.1)
    seen: dict[int, list[float]] = {}
    for one in open_ones:
        for conversation, at in one.seen.items():
            seen.setdefault(conversation, []).append(at)
    return {
        "torn": torn,
        "missed": sum(one.missed + max(0, last - one.seq) for one in open_ones),
        "doubled": sum(one.doubled for one in open_ones),
        "seen": seen,
    }


def main() -> None:
    import uvloop

    asked = json.loads(sys.stdin.readline())
    found = uvloop.run({"room": room, "consoles": consoles}[asked["do"]](asked))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
