"""Call events and rows of the history as calls. Pure.

Times are Moscow's without a zone; numbers come as sip: addresses or +7…
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bots.channels.base import CallHappened
from tenants.kernel.phones import phone_normalised

MOSCOW = ZoneInfo("Europe/Moscow")
HIDDEN = "hidden"
STATES: dict[str, Literal["ringing", "answered", "ended"]] = {
    "new": "ringing",
    "calling": "ringing",
    "connected": "answered",
    "disconnected": "ended",
    "end": "ended",
}
# The history file's columns where it has no heading (manual v7.5, 3.14).
COLUMNS = (
    *("session_id", "call_type", "direction", "state", "orig_number", "orig_pin", "dest_number"),
    *("answering_sipuri", "answering_pin", "start_call_date", "duration", "is_voicemail"),
    *("is_record", "is_fax", "status_code", "status_string"),
)
LARGEST = 50 * 1024 * 1024  # of a history file once it is opened


class NotReady(Exception):
    """The history file is still being made: a page in its place."""


def phone(text: Any) -> str:
    """E.164 of “sip:+79991234567@domain”, “89991234567”; empty for people of the PBX."""
    bare = str(text or "").strip().removeprefix("sip:").partition("@")[0]
    if re.fullmatch(r"\+?7[0-9]{10}", bare):  # nearly all of them, and ingest is in a hurry
        return bare if bare[0] == "+" else f"+{bare}"
    return phone_normalised(bare) if re.fullmatch(r"\+?[\d\s().-]{7,30}", bare) else ""


def moment(text: Any) -> datetime | None:
    """“2026-11-20 13:00:00.125” in Moscow, or a Unix time."""
    told = str(text or "").strip()
    if re.fullmatch(r"\d{9,13}(\.\d+)?", told):
        value = float(told)
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=MOSCOW)


def chat_of(event: Mapping[str, Any]) -> str:
    return phone(event.get("from_number" if _is_in(event) else "request_number")) or HIDDEN


def _is_in(event: Mapping[str, Any]) -> bool:
    return str(event.get("type", "")).casefold() != "outbound"


def call_of(event: Mapping[str, Any]) -> CallHappened:
    """A call_events body. Raises KeyError for a state that says nothing of the call."""
    state = STATES[str(event["state"]).casefold()]
    is_in = _is_in(event)
    person = event.get("request_pin" if is_in else "from_pin")
    is_over = str(event["state"]).casefold() == "end"
    return CallHappened(
        external_id=f"call:{event['session_id']}"[:120],
        chat=chat_of(event),
        direction="in" if is_in else "out",
        state=state,
        at=moment(event.get("timestamp")) or datetime.now(UTC),
        line=phone(event.get("request_number" if is_in else "from_number")),
        recording=str(event["session_id"]) if is_over and _is_yes(event.get("is_record")) else "",
        answered_by=str(person or "") if state == "answered" else "",
    )


def chat_of_row(row: Mapping[str, Any]) -> str:
    return phone(row.get("dest_number" if row.get("direction") == "2" else "orig_number")) or HIDDEN


def call_of_row(row: Mapping[str, Any]) -> CallHappened:
    """A row of the history. direction: 1 in, 2 out; state: 1 answered, 2 not."""
    is_in = row.get("direction") != "2"
    was_answered = row.get("state") == "1"
    return CallHappened(
        external_id=f"call:{row['session_id']}"[:120],
        chat=chat_of_row(row),
        direction="in" if is_in else "out",
        state="ended" if was_answered else "missed",
        at=moment(row.get("start_call_date")) or datetime.now(UTC),
        seconds=max(1, seconds(row.get("duration"))) if was_answered else 0,
        line=phone(row.get("dest_number" if is_in else "orig_number")),
        recording=str(row["session_id"]) if _is_yes(row.get("is_record")) else "",
        answered_by=str(row.get("answering_pin") or "") if was_answered else "",
    )


def rows_of(content: bytes) -> list[dict[str, str]]:
    """Rows of a history file: a ZIP with a `;` table, though it is announced as CSV.

    Internal calls are left out. Raises NotReady for the page that stands there before; ValueError
    for what is no such file.
    """
    if content[:2] != b"PK":
        if content.lstrip()[:1] == b"<" or b"not found" in content[:400].lower():
            raise NotReady
        raise ValueError("the history is no archive")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner = next((i for i in archive.infolist() if not i.is_dir()), None)
            if inner is None:
                return []
            if inner.file_size > LARGEST:
                raise ValueError("the history file is too large")
            text = archive.read(inner).decode("utf-8-sig", "replace")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as exc:
        raise ValueError("the history archive is damaged") from exc
    begins = text.lstrip()[:200].casefold()
    lines = csv.reader(io.StringIO(text), delimiter=";")
    names = next(lines, []) if "session_id" in begins else COLUMNS
    known = [name.strip().casefold() for name in names]
    rows = (dict(zip(known, (v.strip() for v in line), strict=False)) for line in lines)
    return [row for row in rows if row.get("session_id") and row.get("direction") != "3"]


def _is_yes(value: Any) -> bool:
    return str(value).casefold() in ("true", "1", "yes")


def seconds(value: Any) -> int:
    try:
        return max(0, min(round(float(str(value))), 86_400))
    except (ValueError, OverflowError):
        return 0
