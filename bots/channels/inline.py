"""Channels whose answer rides inside the platform's own HTTP call: voice assistants.

The call waits in the ingest role while the engine works as for any channel. Who waits is written
in Redis for as long as it waits: `say` hands a reply to the call that is open for a buyer, or says
that nobody listens. What finds nobody stays queued and is said on the next utterance. With Redis
away the call is answered with the holding words, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import cache
from typing import Any

import redis.asyncio as aredis

from bots.channels.base import Button, Call, ChannelAdapter, File, Kept, Reply, Sent, split_text
from tenants.kernel.store import AWAY, store

# A reply that is said in pieces comes in one go: so long is waited for the next piece.
PIECE_S = 0.02
KEPT_S = 60
# Said by two workers at once, or while the call gives up: Redis does one thing at a time.
_SAY = """
local ticket = redis.call('GET', KEYS[1])
if not ticket then return 0 end
redis.call('RPUSH', ticket, ARGV[1])
redis.call('EXPIRE', ticket, ARGV[2])
return 1
"""
_CLOSE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return redis.call('LRANGE', ARGV[1], 0, -1)
"""


def place_of(schema: str, channel_id: int, chat: str) -> str:
    """The key under which a buyer's open call is written."""
    return f"aloud:{schema}:{channel_id}:{chat}"


class InlineAdapter(ChannelAdapter):
    """What adapters of this kind have in common; each turns a Reply into the platform's JSON."""

    def render(self, reply: Reply) -> list[Call]:
        """A call for each part that is not too long: how it sounds is told by `speak`."""
        parts = split_text(reply.text, self.manifest.text_limit) or [""]
        last = len(parts) - 1
        said = [
            replace(reply, text=part, cards=(), buttons=(), more=True) if place < last
            else replace(reply, text=part)
            for place, part in enumerate(parts)
        ]  # fmt: skip
        return [Call("say", {"chat": one.chat, "reply": asdict(one)}) for one in said]

    def send(self, call: Call) -> Sent:
        """Raises Kept where no call is open for this buyer."""
        place = place_of(self.config.schema, self.config.channel_id, call.data["chat"])
        said = json.dumps(call.data["reply"], ensure_ascii=False)
        try:
            heard = _say()(keys=[place], args=[said, KEPT_S])
        except AWAY as exc:
            raise Kept from exc
        if not heard:
            raise Kept
        return Sent()


@cache
def _say() -> Any:
    return store().register_script(_SAY)


class Ear:
    """The ingest's side: one waiting call of a buyer."""

    def __init__(self, place: str, dedupe_key: str) -> None:
        self.place = place
        # A call that comes twice listens twice to the same.
        self.ticket = f"aloud:{hashlib.sha256(f'{place} {dedupe_key}'.encode()).hexdigest()[:32]}"

    async def open(self, client: aredis.Redis, seconds: float) -> None:
        """From now on `say` finds this call. Raises what AWAY names."""
        await client.set(self.place, self.ticket, px=max(1, int(seconds * 1000)))

    async def listen(self, client: aredis.Redis, seconds: float) -> Reply | None:
        """The reply, or None when none came in time: what comes later finds nobody."""
        ends = time.monotonic() + seconds
        command = ("BLMOVE", self.ticket, self.ticket, "LEFT", "RIGHT", seconds)
        got = await client.execute_command(*command)
        pieces = [got] if got else []
        while pieces and json.loads(pieces[-1]).get("more") and time.monotonic() < ends:
            await asyncio.sleep(PIECE_S)
            pieces = await client.lrange(self.ticket, 0, -1)
        pieces = await client.eval(_CLOSE, 1, self.place, self.ticket)
        return joined([reply_from(json.loads(piece)) for piece in pieces])


def reply_from(told: Mapping[str, Any]) -> Reply:
    """What `render` wrote, read again."""
    known = {field.name for field in fields(Reply)}
    values = {name: value for name, value in told.items() if name in known}
    values["buttons"] = tuple(Button(**button) for button in told.get("buttons", ()))
    values["files"] = tuple(File(**file) for file in told.get("files", ()))
    for name in ("cards", "sources"):
        values[name] = tuple(told.get(name, ()))
    return Reply(**values)


def joined(replies: list[Reply]) -> Reply | None:
    """Several replies said in one go: all texts, the last one's choices."""
    if not replies:
        return None
    last = replies[-1]
    texts = [reply.text for reply in replies if reply.text]
    cards = tuple(card for reply in replies for card in reply.cards)
    return Reply(
        chat=last.chat,
        text="\n".join(texts),
        buttons=last.buttons,
        cards=cards,
        sources=last.sources,
        message_id=last.message_id,
        author=last.author,
        author_name=last.author_name,
    )
