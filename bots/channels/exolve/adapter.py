"""MTS Exolve: SMS both ways, their states by asking, call events on the hook.

Source: https://docs.exolve.ru (2025-2026). The fields of callbacks are not published: events.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from bots.channels.base import (
    BuyerMessage,
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    Inbound,
    Occurrence,
    Receipt,
    Recorded,
    Reply,
    Sent,
    SignatureMismatch,
    Unsupported,
    split_text,
)
from bots.channels.exolve import events
from bots.channels.exolve.client import Client
from bots.channels.exolve.manifest import MANIFEST
from tenants.kernel.errors import NeedsMerchant, NotFound, OutcomeUnknown

SEND = "/messaging/v1/SendSMS"
LIST = "/messaging/v1/GetList"
PAGE, PAGES = 500, 4
# States are asked for this long after sending; the short look is the usual one.
STATES_FOR, SHORT, LONG_EVERY = timedelta(hours=24), timedelta(minutes=30), timedelta(minutes=10)
# A text whose sending nobody confirmed is looked for among those of the last minutes.
LOOKED_BACK = timedelta(minutes=5)
# The vendor's words for what became of an SMS; numbers it may use instead are not published.
_FAILED = ("undeliver", "fail", "reject", "expire", "not_deliver")


class Exolve(ChannelAdapter):
    manifest = MANIFEST

    @property
    def number(self) -> str:
        return str(self.config.settings.get("number", ""))

    # ── in ──
    def verify(self, request: Inbound) -> None:
        """Exolve signs nothing. The address cannot be guessed; the word is the merchant's choice,
        in the query or in X-Hook-Word."""
        word = self.config.secrets.get("word", "")
        told = request.query.get("word", "") or request.headers.get("x-hook-word", "")
        if word and not compare_digest(told.encode("utf-8", "replace"), word.encode()):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """One event a call; a poll's answer holds many messages. Equal bytes are one delivery."""
        told = request.json()
        if not isinstance(told, dict):
            return []
        # What a poll has fetched comes without headers; nobody outside can say so.
        if not request.headers and isinstance(told.get("polled"), list):
            return [found for row in told["polled"] if (found := self._polled(row))]
        key = "hook:" + hashlib.sha256(request.body).hexdigest()[:40]
        return [Envelope(key, self._chat(events.flat(told)), {"told": told})]

    def _chat(self, event: Mapping[str, Any]) -> str:
        if self._is_call(event):
            return events.chat_of(event, self._names, self.number)
        return events.phone(events.first(event, ("sender", "from"))) or "other"

    def _polled(self, row: Any) -> Envelope | None:
        """A message of GetList: ours is a state, the buyer's (where they are asked for) a text."""
        if not isinstance(row, dict) or not row.get("message_id"):
            return None
        event = events.flat(row)
        ident = str(row["message_id"])[:100]
        if self._is_ours(event):
            state = _state(event)
            chat = events.phone(events.first(event, ("receiver", "destination", "number")))
            if not state or not chat:
                return None
            return Envelope(f"state:{ident}:{state}", chat, {"state": row})
        if self.config.settings.get("incoming") != "poll":
            return None
        return Envelope(f"sms:{ident}", self._chat(event), {"told": row})

    def _is_ours(self, event: Mapping[str, Any]) -> bool:
        sender = events.first(event, ("sender",))
        return events.bare(sender) == events.bare(self.number) or not events.phone(sender)

    @property
    def _names(self) -> dict[str, tuple[str, ...]]:
        return events.names_of(str(self.config.settings.get("names") or ""))

    def _is_call(self, event: Mapping[str, Any]) -> bool:
        return events.is_call(event, self._names)

    def parse(self, payload: Any) -> list[Occurrence]:
        """SMS: sender, receiver, text, message_id, date. Calls: events.NAMES. States: GetList."""
        if "state" in payload:
            return [self._receipt(events.flat(payload["state"]))]
        event = events.flat(payload["told"])
        if self._is_call(event):
            return [events.call_of(event, self._names, self.number)]
        if "text" in event and "sender" in event:
            return [self._message(event)]
        raise Unsupported(", ".join(sorted(event))[:200])

    def _message(self, event: Mapping[str, Any]) -> BuyerMessage:
        sender = events.phone(events.first(event, ("sender",)))
        if not sender:
            raise Unsupported("an SMS of a sender without a number")
        if self.number and sender == events.phone(self.number):
            raise Unsupported("our own SMS")
        text = str(event["text"] or "")
        ident = events.first(event, ("message_id", "id"))
        if not ident:
            told = json.dumps([sender, text, events.first(event, ("date", "time"))])
            ident = hashlib.sha256(told.encode()).hexdigest()[:32]
        return BuyerMessage(
            external_id=f"sms:{ident}"[:120],
            chat=sender,
            text=text,
            username=sender,
            sent_at=events.moment(events.first(event, ("date", "time", "created_at"))),
            # A sender's number can be made up, so it is what the buyer says of themselves.
            identities=(("phone", sender, "claimed"),),
        )

    @staticmethod
    def _receipt(event: Mapping[str, Any]) -> Receipt:
        return Receipt(
            external_id=events.first(event, ("message_id",)),
            chat=events.phone(events.first(event, ("receiver", "destination", "number"))),
            state="failed" if _state(event) == "failed" else "delivered",
            detail="the SMS was not delivered" if _state(event) == "failed" else "",
        )

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        now = datetime.now(UTC)
        last = events.moment(str(cursor.get("long_at", "")))
        is_long = last is None or now - last >= LONG_EVERY
        rows = self._listed(now - (STATES_FOR if is_long else SHORT))
        if is_long:
            cursor = {**cursor, "long_at": now.isoformat()}
        if not rows:
            return [], cursor
        return [Inbound(json.dumps({"polled": rows}).encode())], cursor

    def _listed(self, since: datetime, pages: int = PAGES) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(pages):
            answer = Client(self.config).post(
                LIST,
                {"date_gte": _told(since), "limit": PAGE, "offset": page * PAGE},
            )
            rows = _rows(answer)
            found += rows
            if len(rows) < PAGE:
                break
        return found

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        parts = split_text(reply.text, MANIFEST.text_limit, size=MANIFEST.text_unit.size)
        return [
            Call(
                "SendSMS",
                {
                    "number": events.bare(self.number),
                    "destination": events.bare(reply.chat),
                    "text": part,
                },
            )
            for part in parts
        ]

    def send(self, call: Call) -> Sent:
        answer = Client(self.config).post(SEND, call.data, write=True)
        ident = answer.get("message_id") if isinstance(answer, dict) else None
        if not ident:
            raise OutcomeUnknown("the answer is not understood", vendor="exolve", operation=SEND)
        return Sent(str(ident))

    def look_up(self, call: Call) -> Sent | None:
        """The newest SMS of the last minutes to this number with this very text."""
        for row in reversed(self._listed(datetime.now(UTC) - LOOKED_BACK, pages=1)):
            event = events.flat(row)
            to = events.first(event, ("receiver", "destination"))
            is_it = events.bare(to) == call.data["destination"]
            if is_it and str(event.get("text")) == call.data["text"] and row.get("message_id"):
                return Sent(str(row["message_id"]))
        return None

    # ── calls ──
    def recording(self, reference: str, address: str) -> Recorded:
        """Exolve's own recordings need the application's key, which goes to Exolve alone."""
        client = Client(self.config)
        where, home = urlsplit(reference), urlsplit(client.base)
        if where.netloc and where.netloc != home.netloc:
            return Recorded(url=reference)
        if not where.path.startswith("/"):
            raise NotFound("there is no recording", vendor="exolve", operation="GET recording")
        content, mime = client.download(where.path + (f"?{where.query}" if where.query else ""))
        return Recorded(content=content, mime=mime or "audio/mpeg")

    # ── account ──
    def connect(self) -> Check:
        if not self.config.secrets.get("api_key"):
            return Check(ok=False, detail="Paste the application's key.")
        if not self.number.strip():
            return Check(ok=False, detail="Say from which number or name SMS go out.")
        try:
            Client(self.config).post(LIST, {"limit": 1})
        except NeedsMerchant as exc:
            raise NeedsMerchant("Exolve does not know this key", vendor="exolve") from exc
        # States are only to be had by asking, so the channel is read whether it is called or not.
        return Check(ok=True, account={"name": self.number.strip(), "mode": "polling"})

    def health(self) -> Check:
        Client(self.config).post(LIST, {"limit": 1})
        return Check(ok=True)


def _rows(answer: Any) -> list[dict[str, Any]]:
    """The messages of an answer: a list, or the first list in it."""
    if isinstance(answer, dict):
        answer = next((value for value in answer.values() if isinstance(value, list)), [])
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


def _state(event: Mapping[str, Any]) -> str:
    """delivered, failed or nothing yet."""
    told = events.first(event, ("delivery_status",)).casefold()
    if any(word in told for word in _FAILED):
        return "failed"
    return "delivered" if "deliver" in told else ""


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
