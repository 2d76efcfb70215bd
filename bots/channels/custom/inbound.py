"""What a merchant's program tells us: checked in words, then understood. docs/custom-channel.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bots.channels.base import (
    BuyerDelete,
    BuyerEdit,
    BuyerMessage,
    File,
    Occurrence,
    OwnerEcho,
    Reachable,
    Reaction,
    Receipt,
    Unsupported,
)
from tenants.kernel.phones import phone_normalised

MOST_EVENTS = 100
MOST_FILES = 10
ID_LENGTH = 100
URL_LENGTH = 2000
STATES = ("delivered", "read", "failed")
_KINDS_OF_FILE = {"image": "image", "audio": "voice", "video": "video"}
_OLDEST, _NEWEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

Event = dict[str, Any]


class Refused(ValueError):
    """`field`: where, as the sender wrote it: `chat`, `[2].files[0].url`, or empty."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def events_of(body: bytes) -> list[Event]:
    """The events of a call, each with what we know of it and nothing else. Raises Refused."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("", "the body is no JSON in UTF-8") from None
    if isinstance(given, dict):
        return [_event(given, "")]
    if not isinstance(given, list):
        raise Refused("", "the body is one event (an object) or a list of them")
    if len(given) > MOST_EVENTS:
        raise Refused("", f"at most {MOST_EVENTS} events go into one call")
    return [_event(one, f"[{place}].") for place, one in enumerate(given)]


def _event(given: Any, at: str) -> Event:
    if not isinstance(given, dict):
        raise Refused(at.rstrip("."), "an event is an object")
    if "event" in given:
        raise Refused(f"{at}event", "this is one of our own calls, sent back to us")
    kind = given.get("kind", "message")
    if not isinstance(kind, str) or kind not in _READS:
        raise Refused(f"{at}kind", f"one of {', '.join(_READS)}")
    event: Event = {
        "kind": kind,
        "id": _id(given, "id", at),
        "chat": _id(given, "chat", at),
    }
    for read in _READS[kind]:
        read(given, event, at)
    return event


# ── one field each ──
def _id(given: Event, name: str, at: str, *, is_needed: bool = True) -> str:
    value = given.get(name)
    if value is None and not is_needed:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if -(2**63) < value < 2**63 else ""
    if not isinstance(value, str) or not 0 < len(value) <= ID_LENGTH or not value.isprintable():
        raise Refused(f"{at}{name}", f"a text of 1 to {ID_LENGTH} characters that can be shown")
    return value


def _text_of(given: Event, name: str, at: str, *, is_needed: bool = False) -> str:
    value = given.get(name)
    if value is None and not is_needed:
        return ""
    if not isinstance(value, str) or (is_needed and not value.strip()):
        raise Refused(f"{at}{name}", "a text" + (" that says something" if is_needed else ""))
    return value


def _words(given: Event, event: Event, at: str) -> None:
    event["text"] = _text_of(given, "text", at, is_needed=True)


def _said(given: Event, event: Event, at: str) -> None:
    _files(given, event, at)
    _location(given, event, at)
    alone = not event.get("files") and not event.get("location")
    event["text"] = _text_of(given, "text", at, is_needed=alone)
    if payload := _text_of(given, "payload", at):
        event["payload"] = payload[:200]
    if reply_to := _id(given, "reply_to", at, is_needed=False):
        event["reply_to"] = reply_to


def _started(given: Event, event: Event, at: str) -> None:
    event["payload"] = _text_of(given, "payload", at)[:64]


def _who(given: Event, event: Event, at: str) -> None:
    for name, length in (("name", 120), ("username", 120), ("language", 8)):
        if value := _text_of(given, name, at):
            event[name] = value[:length]
    buyer = given.get("buyer")
    if buyer is None:
        return
    if not isinstance(buyer, dict):
        raise Refused(f"{at}buyer", "an object with phone, email or customer")
    known = {}
    if phone := _text_of(buyer, "phone", f"{at}buyer."):
        known["phone"] = phone_normalised(phone)
        if not known["phone"]:
            raise Refused(f"{at}buyer.phone", "this is no telephone number; write +79161234567")
    if email := _text_of(buyer, "email", f"{at}buyer.").strip().lower():
        if "@" not in email.strip("@") or len(email) > 120 or not email.isprintable():
            raise Refused(f"{at}buyer.email", "this is no e-mail address")
        known["email"] = email
    if customer := _id(buyer, "customer", f"{at}buyer.", is_needed=False):
        known["customer"] = customer
    event["buyer"] = known


def _when(given: Event, event: Event, at: str) -> None:
    value = given.get("sent_at")
    if value is None:
        return
    try:
        moment = datetime.fromisoformat(value)
        known = moment.tzinfo is not None and _OLDEST < moment < _NEWEST
    except (TypeError, ValueError, OverflowError):
        known = False
    if not known:
        raise Refused(f"{at}sent_at", "a moment with its zone, such as 2026-11-22T15:04:05+03:00")
    event["sent_at"] = moment.astimezone(UTC).isoformat()


def _files(given: Event, event: Event, at: str) -> None:
    files = given.get("files")
    if files is None:
        return
    if not isinstance(files, list) or len(files) > MOST_FILES:
        raise Refused(f"{at}files", f"a list of at most {MOST_FILES} files")
    event["files"] = [_file(one, f"{at}files[{n}]") for n, one in enumerate(files)]


def _file(given: Any, at: str) -> Event:
    if not isinstance(given, dict):
        raise Refused(at, "an object with url, name and mime")
    url = _text_of(given, "url", f"{at}.", is_needed=True)
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or len(url) > URL_LENGTH or not url.isprintable():
        raise Refused(f"{at}.url", f"an http address of at most {URL_LENGTH} characters")
    mime = _text_of(given, "mime", f"{at}.")[:100]
    return {"url": url, "name": _text_of(given, "name", f"{at}.")[:200], "mime": mime}


def _location(given: Event, event: Event, at: str) -> None:
    place = given.get("location")
    if place is None:
        return
    found = [place.get("lat"), place.get("lon")] if isinstance(place, dict) else []
    known = [
        float(value)
        for value, most in zip(found, (90, 180), strict=False)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most
    ]
    if len(known) != 2:
        raise Refused(f"{at}location", 'an object like {"lat": 55.75, "lon": 37.62}')
    event["location"] = {"lat": known[0], "lon": known[1]}


def _about(given: Event, event: Event, at: str) -> None:
    event["message"] = _id(given, "message", at)


def _sign(given: Event, event: Event, at: str) -> None:
    event["emoji"] = _text_of(given, "emoji", at)[:16]


def _state(given: Event, event: Event, at: str) -> None:
    state = given.get("state")
    if not isinstance(state, str) or state not in STATES:
        raise Refused(f"{at}state", f"one of {', '.join(STATES)}")
    event["state"], event["detail"] = state, _text_of(given, "detail", at)[:300]


_READS: dict[str, tuple[Callable[[Event, Event, str], None], ...]] = {
    "message": (_said, _who, _when),
    "start": (_started, _who, _when),
    "edit": (_about, _words),
    "delete": (_about,),
    "reaction": (_about, _sign),
    "receipt": (_about, _state),
    "echo": (_words, _when),
    "blocked": (),
    "unblocked": (),
}


# ── understood ──
def occurrence_of(event: Event, *, is_vouched: bool) -> Occurrence:
    """An event as `events_of` gave it. `is_vouched`: who the buyer is has been proven there."""
    chat, about = event["chat"], event.get("message", "")
    match event["kind"]:
        case "message" | "start":
            return _message(event, is_vouched)
        case "edit":
            return BuyerEdit(about, chat, event["text"])
        case "delete":
            return BuyerDelete(about, chat)
        case "reaction":
            return Reaction(about, chat, event["emoji"])
        case "receipt":
            return Receipt(about, chat, event["state"], event["detail"])
        case "echo":
            return OwnerEcho(event["id"], chat, event["text"], _moment(event))
        case "blocked" | "unblocked" as kind:
            return Reachable(chat, is_reachable=kind == "unblocked")
        case other:
            raise Unsupported(str(other))


def _message(event: Event, is_vouched: bool) -> BuyerMessage:
    data: dict[str, Any] = {}
    text, payload = event.get("text", ""), event.get("payload", "")
    is_start = event["kind"] == "start"
    if is_start:
        text = "/start"
        if payload:
            data["deep_link"], payload = payload, ""
    if place := event.get("location"):
        data["location"] = place
        if not text.strip():
            data["wordless"] = "place"
            text = f"📍 {place['lat']:.6f}, {place['lon']:.6f}"
    proof = "signed" if is_vouched else "claimed"
    return BuyerMessage(
        external_id=event["id"],
        chat=event["chat"],
        text=text,
        sent_at=_moment(event),
        name=event.get("name", ""),
        username=event.get("username", ""),
        language=event.get("language", ""),
        files=tuple(
            File(
                kind=_KINDS_OF_FILE.get(one["mime"].partition("/")[0], "file"),
                name=one["name"],
                mime=one["mime"],
                external_id=one["url"],
            )
            for one in event.get("files", ())
        ),
        reply_to=event.get("reply_to", ""),
        payload=payload,
        is_start=is_start,
        identities=tuple(
            (kind, value, proof) for kind, value in event.get("buyer", {}).items() if value
        ),
        data=data,
    )


def _moment(event: Event) -> datetime | None:
    return datetime.fromisoformat(event["sent_at"]) if "sent_at" in event else None
