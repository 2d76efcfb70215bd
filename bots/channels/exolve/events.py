"""What Exolve tells, read tolerantly: its event fields are not published (see README.md).

Pure. Numbers go out as 11 digits without a plus and are E.164 with us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from bots.channels.base import CallHappened
from tenants.kernel.phones import phone_normalised

HIDDEN = "hidden"
# Our name of a field → the names it may come by, compared without case and underscores. A merchant
# may add another (setting "names").
NAMES: dict[str, tuple[str, ...]] = {
    "id": ("call_sid", "call_id", "uid", "call_uid", "session_id"),
    "event": ("event_type", "event_name", "event", "call_status", "state", "status"),
    "direction": ("direction", "call_type", "type"),
    "from": ("number_a", "from", "from_number", "caller", "caller_id", "source", "src"),
    "to": ("number_b", "to", "to_number", "callee", "called", "destination", "dst", "redirect"),
    "line": ("sip_id", "virtual_number", "did", "line"),
    "at": ("event_time", "timestamp", "time", "start_time", "date", "created_at"),
    "talk": ("talk_duration", "conversation_duration", "billsec", "bill_duration"),
    "duration": ("duration", "call_duration"),
    "answered_at": ("answer_time", "answered_at", "connect_time"),
    "recording": ("record_url", "recording_url", "record_link", "record", "recording"),
    "answered_by": ("answered_by", "operator", "agent", "connected_number"),
}
_MISSED = ("miss", "noanswer", "unanswer", "notanswer", "busy", "cancel", "fail", "reject")
_ANSWERED = ("answer", "connect", "talk", "establish", "bridge")
_ENDED = ("end", "complet", "hangup", "finish", "disconnect", "terminat", "releas")

State = Literal["ringing", "answered", "missed", "ended"]


@lru_cache(maxsize=256)
def names_of(setting: str) -> dict[str, tuple[str, ...]]:
    """“id=call_sid, from=numberA” beside the usual names; what is no pair is passed over."""
    known = dict(NAMES)
    for pair in setting.split(","):
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if equals and ours in known and theirs:
            known[ours] = (theirs, *known[ours])
    return known


def flat(event: Mapping[str, Any]) -> dict[str, Any]:
    """Names without case and underscores → values, one level of nesting opened."""
    found: dict[str, Any] = {}
    for value in event.values():
        if isinstance(value, Mapping):
            for inner, deep in value.items():
                found.setdefault(_plain(inner), deep)
    return {**found, **{_plain(n): v for n, v in event.items() if not isinstance(v, Mapping)}}


def _plain(name: Any) -> str:
    return _plainly(str(name)[:80])


@lru_cache(maxsize=4096)
def _plainly(name: str) -> str:
    return re.sub(r"[_\-\s]", "", name).casefold()


def first(event: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these fields that holds anything; `event` is flat."""
    for name in names:
        value = event.get(_plain(name))
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value).strip()
    return ""


def phone(text: str) -> str:
    """E.164 of “79991234567”, “+7 999…”, “sip:79991234567@host”; empty where it is none."""
    bare = text.removeprefix("sip:").partition("@")[0]
    if re.fullmatch(r"\+?7[0-9]{10}", bare):  # nearly all of them, and ingest is in a hurry
        return bare if bare[0] == "+" else f"+{bare}"
    return phone_normalised(bare) if re.fullmatch(r"\+?[\d\s().-]{5,30}", bare) else ""


def bare(number: str) -> str:
    """As Exolve wants it: digits alone; a sender's name as it is."""
    return re.sub(r"\D", "", phone(number)) or number.strip()


def moment(text: str) -> datetime | None:
    """ISO 8601, or a Unix time in seconds or milliseconds; without a zone it is UTC."""
    if re.fullmatch(r"\d{9,13}(\.\d+)?", text):
        value = float(text)
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_call(event: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> bool:
    return bool(first(event, names["id"])) and "text" not in event


def call_of(
    event: Mapping[str, Any], names: Mapping[str, tuple[str, ...]], number: str
) -> CallHappened:
    """A call event, `flat`. `number`: our own, which tells a direction nobody names.

    `duration` may count the ringing: it is taken for talk only where an answer is told with it.
    Raises KeyError without an id.
    """
    got = {ours: first(event, theirs) for ours, theirs in names.items()}
    if not got["id"]:
        raise KeyError("id")
    direction = _direction(got, number)
    state = state_of(got["event"])
    talk = _seconds(got["talk"])
    if not talk and (got["answered_at"] or state == "answered"):
        talk = _seconds(got["duration"])
    return CallHappened(
        external_id=f"call:{got['id']}"[:120],
        chat=buyer_of(got, direction),
        direction=direction,
        state="answered" if state == "ringing" and talk else state,
        at=moment(got["at"]) or datetime.now(UTC),
        seconds=talk if state == "ended" else 0,
        line=phone(got["line"] or got["to" if direction == "in" else "from"]),
        recording=got["recording"],
        answered_by=got["answered_by"],
    )


def buyer_of(got: Mapping[str, str], direction: str) -> str:
    return phone(got["from" if direction == "in" else "to"]) or HIDDEN


def chat_of(event: Mapping[str, Any], names: Mapping[str, tuple[str, ...]], number: str) -> str:
    got = {ours: first(event, names[ours]) for ours in ("direction", "event", "from", "to")}
    return buyer_of(got, _direction(got, number))


def _direction(got: Mapping[str, str], number: str) -> Literal["in", "out"]:
    for told in (got["direction"].casefold(), got["event"].casefold()):
        if "out" in told or "callback" in told:
            return "out"
        if told.startswith("in"):
            return "in"
    return "out" if number and phone(got["from"]) == phone(number) else "in"


def state_of(event: str) -> State:
    """What an event's name means; what is not known is a call that still rings."""
    told = _plain(event)
    for words, state in ((_MISSED, "missed"), (_ENDED, "ended"), (_ANSWERED, "answered")):
        if any(word in told for word in words):
            return state  # type: ignore[return-value]
    return "ringing"


def _seconds(text: str) -> int:
    try:
        return max(0, min(round(float(text)), 86_400))
    except (ValueError, OverflowError):
        return 0
