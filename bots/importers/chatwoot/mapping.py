"""Chatwoot's JSON → our values. Pure; everything of theirs is believed only after a look.

Times are Unix seconds, UTC, except where an ISO text is told apart. Ids are integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext as _

from bots.importers.base import (
    AgentIn,
    Author,
    ContactIn,
    ConversationIn,
    FileIn,
    InboxIn,
    LabelIn,
    MessageIn,
    Refused,
    RowRefused,
    State,
    TeamIn,
    TemplateIn,
)

Row = TypeVar("Row")
TEXT_LIMIT = 20_000
INCOMING, OUTGOING, ACTIVITY, BY_TEMPLATE = range(4)
_FILES = {"image": "image", "audio": "voice", "video": "video", "file": "file"}
_STATES: dict[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def each(rows: Any, read: Callable[[dict[str, Any]], Row]) -> list[Row | Refused]:
    """Every row read; one that does not fit is refused with its id and the field."""
    if not isinstance(rows, list):
        return [Refused("", "", _("Instead of a list something else came."))]
    found: list[Row | Refused] = []
    for place, raw in enumerate(rows, 1):
        name: int | str = place
        try:
            if not isinstance(raw, dict):
                raise RowRefused("", _("Instead of a record something else came."))
            if isinstance(raw.get("id"), int):
                name = raw["id"]
            found.append(read(raw))
        except RowRefused as exc:
            found.append(Refused(name, exc.field, exc.message))
    return found


def to_agent(raw: dict[str, Any]) -> AgentIn:
    """Reads: id, email, name | available_name, role ("agent" | "administrator")."""
    return AgentIn(
        external_id=ident(raw, "id"),
        email=line(raw, "email", 254).lower(),
        name=line(raw, "name", 80) or line(raw, "available_name", 80),
        is_admin=raw.get("role") == "administrator",
    )


def to_team(raw: dict[str, Any], members: Iterable[str] = ()) -> TeamIn:
    """Reads: id, name."""
    name = line(raw, "name", 80)
    if not name:
        raise RowRefused("name", _("It has no name."))
    return TeamIn(ident(raw, "id"), name, tuple(members))


def to_label(raw: dict[str, Any]) -> LabelIn:
    """Reads: id, title, color ("#1f93ff")."""
    name = line(raw, "title", 40)
    if not name:
        raise RowRefused("title", _("It has no name."))
    return LabelIn(ident(raw, "id"), name, colour(raw.get("color")))


_COLOURS = {
    "red": (229, 57, 53), "orange": (251, 140, 0), "yellow": (253, 216, 53),
    "green": (67, 160, 71), "blue": (30, 136, 229), "purple": (142, 36, 170),
    "pink": (236, 64, 122),
}  # fmt: skip


def colour(value: Any) -> str:
    """The nearest of our eight; what is hardly coloured is grey."""
    found = re.fullmatch(r"#?([0-9a-fA-F]{6})", value) if isinstance(value, str) else None
    if found is None:
        return "grey"
    seen = tuple(bytes.fromhex(found[1]))
    if max(seen) - min(seen) < 32:
        return "grey"

    def away(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(seen, _COLOURS[name], strict=True))

    return min(_COLOURS, key=away)


_VARIABLE = re.compile(
    r"\{\{\s*([a-z_.]+)\s*(?:\|\s*default\s*:\s*(?:\"([^\"{}|]*)\"|'([^'{}|]*)'))?\s*\}\}"
)
_VARIABLES = {
    "contact.phone_number": "contact.phone",
    "agent.first_name": "agent.name",
    "inbox.name": "conversation.channel",
    "account.name": "shop.name",
}


def to_template(raw: dict[str, Any]) -> TemplateIn:
    """Reads: id, short_code, content; their variables become ours where we have the same."""
    code = re.sub(r"[^\w-]+", "-", line(raw, "short_code", 80)).strip("-")[:40]
    if not code:
        raise RowRefused("short_code", _("It has no short code."))

    def ours(found: re.Match[str]) -> str:
        name = _VARIABLES.get(found[1], found[1])
        default = found[2] or found[3] or ""
        return "{{" + name + (f"|{default}" if default else "") + "}}"

    return TemplateIn(ident(raw, "id"), code, _VARIABLE.sub(ours, text(raw, "content")))


def to_inbox(raw: Any) -> InboxIn | None:
    """Reads: id, name of an inbox inside another record."""
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), int):
        return None
    return InboxIn(str(raw["id"]), line(raw, "name", 60))


def to_contact(raw: dict[str, Any]) -> ContactIn:
    """Reads: id, name, email, phone_number, identifier, custom_attributes, created_at,
    contact_inboxes[].inbox."""
    identities = [
        (kind, line(raw, name, 120))
        for kind, name in (
            ("phone", "phone_number"), ("email", "email"), ("customer", "identifier")
        )
    ]  # fmt: skip
    inboxes = raw.get("contact_inboxes")
    pairs = [one.get("inbox") for one in inboxes if isinstance(one, dict)] if isinstance(
        inboxes, list) else []  # fmt: skip
    custom = raw.get("custom_attributes")
    data = {
        line({"v": key}, "v", 60): line({"v": value}, "v", 300)
        for key, value in (list(custom.items())[:50] if isinstance(custom, dict) else ())
        if isinstance(value, str | int | float | bool)
    }
    return ContactIn(
        external_id=ident(raw, "id"),
        name=line(raw, "name", 120),
        identities=tuple((kind, value) for kind, value in identities if value),
        inboxes=tuple({one.external_id: one for raw in pairs if (one := to_inbox(raw))}.values()),
        data=data,
        created_at=moment(raw.get("created_at")),
    )


def to_conversation(raw: dict[str, Any], inboxes: dict[str, str]) -> ConversationIn:
    """Reads: id (the number people see), inbox_id, status, labels, created_at, last_activity_at,
    meta.{sender, assignee.id, team.id}."""
    meta = _inside(raw, "meta")
    sender = meta.get("sender")
    if not isinstance(sender, dict):
        raise RowRefused("meta.sender", _("Nobody knows whose conversation it is."))
    inbox = ident(raw, "inbox_id")
    labels = raw.get("labels")
    started_at = moment(raw.get("created_at")) or moment(raw.get("last_activity_at"))
    if started_at is None:
        raise RowRefused("created_at", _("There is no time of its beginning."))
    return ConversationIn(
        external_id=ident(raw, "id"),
        contact=to_contact(sender),
        inbox=InboxIn(inbox, inboxes.get(inbox, "")),
        started_at=started_at,
        was_open=raw.get("status") in ("open", "pending", "snoozed"),
        labels=tuple(
            name for one in (labels if isinstance(labels, list) else ())[:40]
            if isinstance(one, str) and (name := line({"v": one}, "v", 40))
        ),
        agent=_inner(meta, "assignee"),
        team=_inner(meta, "team"),
    )  # fmt: skip


def to_message(raw: dict[str, Any]) -> MessageIn:
    """Reads: id, content, message_type (0 buyer, 1 colleague or bot, 2 activity, 3 template),
    private, status, created_at, sender.{id, type, name}, attachments, content_attributes.deleted.
    """
    kind = raw.get("message_type")
    if kind not in (INCOMING, OUTGOING, ACTIVITY, BY_TEMPLATE) or isinstance(kind, bool):
        raise RowRefused("message_type", _("This kind of message is not known."))
    sent_at = moment(raw.get("created_at"))
    if sent_at is None:
        raise RowRefused("created_at", _("There is no time of sending."))
    sender = _inside(raw, "sender")
    by_person = sender.get("type") == "user"
    is_note = raw.get("private") is True
    author: Author
    state: State
    if kind == INCOMING:
        author, state = "buyer", "received"
    elif kind == ACTIVITY:
        author, state = "system", "kept"
    else:
        is_bot = sender.get("type") == "agent_bot"
        author = "agent" if by_person else "bot" if is_bot else "automation"
        state = "kept" if is_note else _STATES.get(str(raw.get("status")), "sent")
    attributes = raw.get("content_attributes")
    files, lines = attachments(raw.get("attachments"))
    return MessageIn(
        external_id=ident(raw, "id"),
        author=author,
        sent_at=sent_at,
        text="\n".join(filter(None, [text(raw, "content"), *lines]))[:TEXT_LIMIT],
        is_note=is_note and kind != ACTIVITY,
        state=state,
        agent=ident(sender, "id") if by_person and isinstance(sender.get("id"), int) else "",
        agent_name=line(sender, "name", 80) if author != "buyer" else "",
        files=files,
        is_deleted=isinstance(attributes, dict) and attributes.get("deleted") is True,
    )


def attachments(raw: Any) -> tuple[tuple[FileIn, ...], list[str]]:
    """Files, and what is no file (a place, a contact, a shared link) as lines of text.

    Reads: id, file_type, data_url, file_size, extension, fallback_title, coordinates_lat/long.
    """
    files: list[FileIn] = []
    lines: list[str] = []
    for one in (raw if isinstance(raw, list) else ())[:50]:
        if not isinstance(one, dict) or not isinstance(one.get("id"), int):
            continue
        url = line(one, "data_url", 4_000)
        kind = _FILES.get(str(one.get("file_type")))
        if kind and url:
            size = one.get("file_size")
            name = unquote(PurePosixPath(urlsplit(url).path).name)[:200] if _is_url(url) else ""
            files.append(
                FileIn(str(one["id"]), kind, url, name, size if type(size) is int else None)
            )
            continue
        parts = [line(one, "fallback_title", 300), url]
        if one.get("file_type") == "location":
            parts.append(f"{one.get('coordinates_lat')}, {one.get('coordinates_long')}"[:60])
        lines.append(" ".join(filter(None, parts)))
    return tuple(files), [one for one in lines if one]


def _is_url(url: str) -> bool:
    try:
        return bool(urlsplit(url).path)
    except ValueError:
        return False


def _inside(raw: dict[str, Any], name: str) -> dict[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def _inner(meta: dict[str, Any], name: str) -> str:
    found = meta.get(name)
    return str(found["id"]) if isinstance(found, dict) and isinstance(found.get("id"), int) else ""


def ident(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise RowRefused(name, _("There is no usable number."))
    return str(value)


def line(raw: dict[str, Any], name: str, limit: int) -> str:
    """One line of text; what is no text counts as none."""
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(_CONTROL.sub("", str(value)).split())[:limit].rstrip()


def text(raw: dict[str, Any], name: str) -> str:
    """Text as it was written; tags stay letters, pages escape them."""
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowRefused(name, _("There is no text in it."))
    return _CONTROL.sub("", value)[:TEXT_LIMIT]


def moment(value: Any) -> datetime | None:
    """Unix seconds or an ISO text; None for anything else and for what is no time of people."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            found = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return found if 1990 <= found.year <= 2100 else None
