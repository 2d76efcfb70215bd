"""Reference of `live`: a consumer and `group_send`, as the Channels tutorial has them."""

from __future__ import annotations

import os
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

# redis-py 8 gives up after 5 s by default; a subscription waits for longer.
_HOST = {"address": os.environ.get("REDIS_URL", ""), "socket_timeout": None}
_LAYER = {
    "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
    "CONFIG": {"hosts": [_HOST]},
}
if not settings.configured:  # as a server of its own; listing the benches imports it, too
    settings.configure(CHANNEL_LAYERS={"default": _LAYER})


class Room(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()
        await self.send_json({"type": "hello", "seq": 0})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("room", self.channel_name)

    async def events(self, message: dict[str, Any]) -> None:
        await self.send_json({"type": "events", "events": message["events"]})


_room = Room.as_asgi()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await _room(scope, receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
