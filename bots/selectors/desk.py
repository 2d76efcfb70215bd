"""What agents see: lists by view, one thread with its context, counters. All by one policy."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.dateparse import parse_datetime

from bots.models import Conversation, Draft, Identity, Message
from integrations.models import Order
from tenants.workspace.models import User

VIEWS = ("waiting", "mine", "unassigned", "bot", "snoozed", "resolved", "all")
PAGE = 30
THREAD_PAGE = 40
_OPEN = Conversation.Status.OPEN
_PROVEN = ("code", "shared", "signed", "thread")


def visible_to(user: User) -> QuerySet[Conversation]:
    """The policy: conversations a person of this merchant may see. Default deny."""
    if not user.is_active:
        return Conversation.objects.none()
    return Conversation.objects.all()


def in_view(user: User, view: str) -> QuerySet[Conversation]:
    found = visible_to(user)
    if view == "waiting":
        return found.filter(status=_OPEN, waiting_since__isnull=False).filter(
            Q(speaker=Conversation.Speaker.QUEUE) | Q(agent=user)
        )
    if view == "mine":
        return found.filter(status=_OPEN, agent=user)
    if view == "unassigned":
        return found.filter(status=_OPEN, speaker=Conversation.Speaker.QUEUE)
    if view == "bot":
        return found.filter(status=_OPEN, speaker=Conversation.Speaker.BOT)
    if view == "snoozed":
        return found.filter(status=Conversation.Status.SNOOZED)
    if view == "resolved":
        return found.filter(status=Conversation.Status.RESOLVED)
    return found


def counters(user: User) -> dict[str, int]:
    return {view: in_view(user, view).count() for view in ("waiting", "mine", "unassigned", "bot")}


def page_of(
    user: User, view: str, *, query: str = "", cursor: str = "", limit: int = PAGE
) -> dict[str, Any]:
    """`{"rows", "next"}`: the nearest deadline first where somebody waits, else the newest."""
    found = in_view(user, view).select_related("channel", "contact", "agent")
    found = found.annotate(
        has_draft=Exists(Draft.objects.filter(conversation=OuterRef("pk"), user=user))
    )
    if query := query.strip():
        found = found.filter(_matches(query))
    by_deadline = view == "waiting" and not query
    name = "deadline_at" if by_deadline else "updated_at"
    if place := _read_cursor(cursor):
        moment, pk = place
        if by_deadline and moment is None:
            found = found.filter(deadline_at=None, pk__gt=pk)
        elif moment and not by_deadline:
            found = found.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, pk__lt=pk))
        elif moment:  # those without a deadline come last
            same = Q(deadline_at=moment, pk__gt=pk)
            found = found.filter(Q(deadline_at__gt=moment) | same | Q(deadline_at=None))
    order = (F("deadline_at").asc(nulls_last=True), "pk") if by_deadline else ("-updated_at", "-pk")
    rows = list(found.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    last = rows[-1] if rows else None
    return {
        "rows": [row_of(row) for row in rows],
        "next": _cursor(getattr(last, name), last.pk) if more and last else "",
    }


def _matches(query: str) -> Q:
    words = Q(contact__name__icontains=query)
    if username := query.lstrip("@"):
        words |= Q(contact__username__iexact=username)
    digits = "".join(c for c in query if c.isdigit())
    if len(digits) >= 5:
        words |= Exists(  # type: ignore[assignment]
            Identity.objects.filter(contact=OuterRef("contact"), value__contains=digits[-10:])
        )
    if len(query) >= 3:
        words |= Exists(  # type: ignore[assignment]
            Message.objects.filter(conversation=OuterRef("pk"), text__icontains=query).exclude(
                kind=Message.Kind.SYSTEM
            )
        )
    return words


def _cursor(moment: datetime | None, pk: int) -> str:
    raw = json.dumps([moment.isoformat() if moment else "", pk])
    return base64.urlsafe_b64encode(raw.encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime | None, int] | None:
    """A row's place: its moment, or None where it has none, and its number."""
    try:
        moment, pk = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        found, number = parse_datetime(moment), int(pk)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return None
    if (moment and found is None) or (found and found.tzinfo is None):
        return None
    return found, number


def row_of(row: Conversation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.contact.name or row.contact.username,
        "channel": {"kind": row.channel.kind, "name": row.channel.name},
        "status": row.status,
        "speaker": row.speaker,
        "agent": {"id": row.agent.pk, "name": str(row.agent)} if row.agent else None,
        "language": row.language,
        "preview": row.preview,
        "preview_author": row.preview_author,
        "unread": row.unread,
        "waiting_since": row.waiting_since,
        "deadline_at": row.deadline_at,
        "reason": row.handover_reason,
        "updated_at": row.updated_at,
        "has_draft": getattr(row, "has_draft", False),
        "last_seq": row.last_seq,
    }


def thread_of(user: User, pk: int, *, before: int = 0, after: int = 0) -> dict[str, Any]:
    """`{"conversation", "messages", "more", "context", "drafts"}`; messages oldest first.

    Raises Conversation.DoesNotExist for what the policy hides as for what is not there.
    """
    conversation = visible_to(user).select_related("channel", "contact__person", "agent").get(pk=pk)
    messages = (
        Message.objects.filter(conversation=conversation)
        .select_related("user")
        .prefetch_related("attachments__file")
    )
    if after:
        rows = list(messages.filter(seq__gt=after).order_by("seq")[:200])
        more = False
    else:
        if before:
            messages = messages.filter(seq__lt=before)
        rows = list(messages.order_by("-seq")[: THREAD_PAGE + 1])
        more = len(rows) > THREAD_PAGE
        rows = rows[:THREAD_PAGE][::-1]
    return {
        "conversation": row_of(conversation),
        "messages": [message_of(m) for m in rows],
        "more": more,
        "context": context_of(conversation) if not (before or after) else None,
        "drafts": {
            d.mode: {"text": d.text, "base_seq": d.base_seq}
            for d in Draft.objects.filter(conversation=conversation, user=user)
        },
    }


def message_of(message: Message) -> dict[str, Any]:
    meta = message.meta
    return {
        "id": message.pk,
        "seq": message.seq,
        "author": message.author,
        "kind": message.kind,
        "name": str(message.user) if message.user else "",
        "user": message.user_id,
        "text": message.text,
        "state": message.state,
        "failure": message.failure,
        "client_key": message.client_key,
        "at": message.sent_at,
        "edited": bool(message.edited_at),
        "deleted": bool(message.deleted_at),
        "episode": message.episode_id,
        "meta": {
            k: meta[k]
            for k in (
                *("code", "name", "decision", "reason", "sources", "claims", "buttons"),
                *("cards", "provider", "ms", "before", "location"),
            )
            if k in meta
        },
        "files": [
            {
                "id": a.file_id,
                "kind": a.kind,
                "name": a.name or (a.file.name if a.file else ""),
                "mime": a.file.mime if a.file else "",
                "size": a.file.size if a.file else 0,
                "error": a.error,
            }
            for a in message.attachments.all()
        ],
    }


def context_of(conversation: Conversation) -> dict[str, Any]:
    """Who the buyer is and what they have: orders only where their identity is proven."""
    contact = conversation.contact
    identities = list(contact.identities.all())
    proven = [i for i in identities if i.proof in _PROVEN]
    phones = [i.value for i in proven if i.kind == "phone"]
    emails = [i.value.lower() for i in proven if i.kind == "email"]
    orders = (
        Order.objects.filter(Q(phone__in=phones) | Q(email__in=emails)).prefetch_related("lines")[
            :5
        ]
        if phones or emails
        else []
    )
    data = contact.data or {}
    return {
        "name": contact.name,
        "username": contact.username,
        "language": contact.language,
        "is_reachable": contact.is_reachable,
        "since": contact.created_at,
        "identities": [{"kind": i.kind, "value": i.value, "proof": i.proof} for i in identities],
        "page": str(data.get("page") or "")[:400],
        "referrer": str(data.get("referrer") or "")[:400],
        "utm": data.get("utm") if isinstance(data.get("utm"), dict) else {},
        "orders": [
            {
                "number": o.number,
                "status": o.status,
                "sum": str(o.sum),
                "currency": o.currency,
                "placed_at": o.placed_at,
                "lines": [line.name for line in o.lines.all()][:4],
            }
            for o in orders
        ],
        "episodes": [
            {
                "started_at": e.started_at,
                "resolved_at": e.resolved_at,
                "by": e.resolved_by,
                "reason": e.handover_reason,
            }
            for e in conversation.episodes.order_by("-pk")[:6]
        ],
    }
