"""The shop's own chat: messages wait in our database and browsers are nudged to fetch them.

Sending is a nudge to the buyer's open pages; a page that is closed, or that missed the nudge,
fetches what it lacks by sequence when it looks next. So nothing is lost with a socket, and a
send cannot fail. Buyers come in by `/live/chat/<route_key>/` (bots/live/chat.py), never by a hook.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from bots.channels.base import (
    BuyerMessage,
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    File,
    Inbound,
    Occurrence,
    Receipt,
    Reply,
    Sent,
    SignatureMismatch,
    Unsupported,
)
from bots.channels.web import wire
from tenants.kernel.context import group_of
from tenants.kernel.live import tell


class Web(ChannelAdapter):
    # ── in ──
    def verify(self, request: Inbound) -> None:
        """A hook has no visitor's token and obeys no limits of a site, so it is closed."""
        raise SignatureMismatch("buyers of this channel come by /live/chat/")

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """`{"chat": visitor, "say": {"key", "text", …}}` → one envelope. For tests and demos."""
        body = request.json()
        return [wire.say(str(body["chat"]), body["say"], about=body.get("about"))]

    def parse(self, payload: Any) -> list[Occurrence]:
        """Reads: kind ("say" | "receipts") and what `wire` wrote beside it; `at` is UTC."""
        match payload.get("kind"):
            case "say":
                return [self._said(payload)]
            case "receipts":
                return [
                    Receipt(wire.external_id(int(ident)), payload["chat"], payload["state"])
                    for ident in payload["ids"]
                ]
            case other:
                raise Unsupported(str(other))

    @staticmethod
    def _said(payload: dict[str, Any]) -> BuyerMessage:
        return BuyerMessage(
            external_id=payload["key"],
            chat=payload["chat"],
            text=payload["text"],
            sent_at=datetime.fromisoformat(payload["at"]),
            name=payload.get("name", ""),
            language=payload.get("locale", ""),
            files=tuple(File(**file) for file in payload.get("files", ())),
            reply_to=payload.get("reply_to", ""),
            payload=payload.get("payload", ""),
            identities=tuple((kind, value, proof) for kind, value, proof in payload["identities"]),
            data=payload.get("about", {}),
        )

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """One nudge, whatever the message holds: the browser reads text and buttons from us."""
        return [Call("nudge", {"chat": reply.chat, "message": reply.message_id})]

    def send(self, call: Call) -> Sent:
        self._tell(call.data["chat"], type="chat.nudge", message=call.data["message"])
        return Sent(wire.external_id(call.data["message"]))

    def look_up(self, call: Call) -> Sent | None:
        """A nudge twice is a nudge; nothing can be sent doubly here."""
        return self.send(call)

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        """Nothing to call: pages are nudged by the fact that follows (`tell_buyers_pages`)."""

    def delete(self, chat: str, external_id: str) -> None:
        """As `edit`."""

    def typing(self, chat: str) -> None:
        self._tell(chat, type="chat.typing")

    def stream(self, chat: str, text: str, message_key: str) -> None:
        self._tell(chat, type="chat.stream", key=message_key, text=text)

    def _tell(self, chat: str, **message: Any) -> None:
        tell(group_of(self.config.schema, "chat", chat), message)

    # ── account ──
    def connect(self) -> Check:
        """There is no platform to ask; wrong settings are told in words."""
        secret = self.config.secrets.get("identity_secret", "")
        if secret and len(secret) < 32:
            return Check(
                ok=False,
                detail=_("The secret of the signed sign-in is shorter than 32 characters."),
            )
        return Check(ok=True)


def inbound(chat: str, key: str, text: str, **more: Any) -> Inbound:
    """What a browser's utterance looks like to `envelopes`. For tests and demos."""
    body = {"chat": chat, "say": {"key": key, "text": text, **more}}
    return Inbound(json.dumps(body).encode())
