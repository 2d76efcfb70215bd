"""Rostelecom virtual PBX: call events and the history of calls. Nothing can be written.

Source: “Virtual PBX” integration API, administrator's manual v7.5.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

from bots.channels.base import (
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    Inbound,
    Occurrence,
    Recorded,
    Reply,
    Sent,
    SignatureMismatch,
    Unsupported,
)
from bots.channels.rostelecom import events
from bots.channels.rostelecom.client import VENDOR, Client, signature
from bots.channels.rostelecom.manifest import MANIFEST
from tenants.kernel.errors import NeedsMerchant, NotFound, Rejected

# How far back the history is asked for each time, how often, and how long a file is waited for.
# A call is found again by its session, so that looking twice changes nothing.
LOOKED_BACK, EVERY, WAITED_FOR = timedelta(hours=2), timedelta(minutes=30), timedelta(minutes=20)
NOBODYS_SESSION = "00000000-0000-0000-0000-000000000000"


class Rostelecom(ChannelAdapter):
    manifest = MANIFEST

    # ── in ──
    def verify(self, request: Inbound) -> None:
        ident = str(self.config.settings.get("client_id", ""))
        key = self.config.secrets.get("sign_key", "")
        sent = request.headers.get("x-client-sign", "").strip().lower()
        told = request.headers.get("x-client-id", "")
        if not (ident and key) or not compare_digest(told.encode(), ident.encode()):
            raise SignatureMismatch
        if not compare_digest(sent.encode(), signature(ident, request.body, key).encode()):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """Rostelecom repeats events and mixes their order: a state of a session is a delivery."""
        told = request.json()
        if not isinstance(told, dict):
            return []
        # A poll's rows come without headers.
        if not request.headers and isinstance(told.get("rows"), list):
            return [
                Envelope(f"row:{row['session_id']}"[:200], events.chat_of_row(row), {"row": row})
                for row in told["rows"]
            ]
        session, state = str(told.get("session_id") or "")[:120], str(told.get("state") or "")[:40]
        if not session or not state:  # get_number_info: nothing has happened yet
            return []
        return [Envelope(f"{session}:{state}", events.chat_of(told), {"event": told})]

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        """For get_number_info it also means: show the number, route as usual."""
        return 200, b'{"result":0,"resultMessage":""}', "application/json"

    def parse(self, payload: Any) -> list[Occurrence]:
        """call_events: session_id, timestamp, type, state, from_number, from_pin, request_number,
        request_pin, is_record. Rows of the history: events.COLUMNS."""
        if row := payload.get("row"):
            return [events.call_of_row(row)]
        event = payload["event"]
        if str(event.get("type", "")).casefold() == "internal":
            raise Unsupported("a call between colleagues")
        try:
            return [events.call_of(event)]
        except KeyError:
            raise Unsupported(f"state {str(event.get('state'))[:40]}") from None

    def poll(self, cursor: dict[str, Any], wait_s: float) -> tuple[list[Inbound], dict[str, Any]]:
        """Order a file of the last hours, fetch it once it is made, order the next half an hour
        later."""
        if self.config.settings.get("history") == "no":
            return [], cursor
        now = datetime.now(UTC)
        asked_at = events.moment(cursor.get("asked_at")) if cursor.get("asked_at") else None
        if order := cursor.get("order"):
            try:
                content = Client(self.config).fetch("download_call_history", {"order_id": order})
                rows = events.rows_of(content)
            except (events.NotReady, NotFound):
                if asked_at and now - asked_at < WAITED_FOR:
                    return [], cursor
                return [], {**cursor, "order": ""}
            except ValueError:
                rows = []
            done = {**cursor, "order": ""}
            return ([Inbound(json.dumps({"rows": rows}).encode())] if rows else []), done
        if asked_at and now - asked_at < EVERY:
            return [], cursor
        asked = {
            "date_start": _moscow(now - LOOKED_BACK),
            "date_end": _moscow(now),
            "direction": 0,
            "state": 0,
        }
        kept = {**cursor, "asked_at": now.isoformat()}
        try:
            answer = Client(self.config).ask("domain_call_history", asked)
        except Rejected:  # one for these hours is being made already: the next asks for them again
            return [], kept
        return [], {**kept, "order": str(answer.get("order_id") or "")}

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        return []

    def send(self, call: Call) -> Sent:
        raise Rejected("nothing can be written in this channel", vendor=VENDOR)

    # ── calls ──
    def recording(self, reference: str, address: str) -> Recorded:
        """A one-time address that only `address` may open ("ip_adress" is the API's spelling)."""
        try:
            answer = Client(self.config).ask(
                "get_record", {"session_id": reference, "ip_adress": address}
            )
        except Rejected as exc:
            raise NotFound("there is no recording", vendor=VENDOR, operation="get_record") from exc
        return Recorded(url=str(answer.get("url") or ""))

    # ── account ──
    def connect(self) -> Check:
        ident = str(self.config.settings.get("client_id", "")).strip()
        if not ident or not self.config.secrets.get("sign_key"):
            return Check(ok=False, detail="Paste the identification code and the signing key.")
        self._ask_anything()
        return Check(ok=True, account={"name": ident, "mode": "polling"})

    def health(self) -> Check:
        self._ask_anything()
        return Check(ok=True)

    def _ask_anything(self) -> None:
        """A session nobody has: a wrong signature is told apart from "no such session"."""
        try:
            Client(self.config).ask("call_info", {"session_id": NOBODYS_SESSION})
        except NeedsMerchant as exc:
            raise NeedsMerchant(
                "Rostelecom does not know this code and key", vendor=VENDOR
            ) from exc
        except Rejected:
            return


def _moscow(moment: datetime) -> str:
    return moment.astimezone(events.MOSCOW).strftime("%Y-%m-%d %H:%M:%S")
