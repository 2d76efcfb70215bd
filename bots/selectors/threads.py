"""A conversation as its buyer may see it: no notes, no system lines, nothing that waits."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Max, Min, Q

from bots.models import Attachment, Conversation, Message

PAGE = 40

_PENDING = (Message.State.QUEUED,)
_SHOWN = (
    Message.State.RECEIVED,
    Message.State.SENDING,
    Message.State.SENT,
    Message.State.DELIVERED,
    Message.State.READ,
)
_INNER_KINDS = (Message.Kind.NOTE, Message.Kind.SYSTEM)
_AUTHORS = {"buyer": "buyer", "bot": "bot", "automation": "bot", "agent": "agent", "echo": "agent"}


def _visible(conversation_id: int):
    return (
        Message.objects.filter(
            conversation=conversation_id, state__in=_SHOWN, author__in=_AUTHORS, deleted_at=None
        )
        .exclude(kind__in=_INNER_KINDS)
        .select_related("user", "reply_to")
        .prefetch_related("attachments__file")
    )


def thread_since(
    channel_id: int,
    chat: str,
    *,
    after: int,
    also: Collection[int] = (),
    changed: bool = False,
) -> dict[str, Any]:
    """Messages a browser lacks: `{"id", "messages", "cursor", "who", "read", "more"}`.

    `cursor` is where to ask from next time. It stays before a message that is still waiting to be
    sent: that one becomes visible later, with a smaller number than what follows it. `also`: ids
    to tell again whatever their number (edited ones); `changed`: all of the last page that were
    edited, too. `gone`: messages the buyer must no longer see.
    """
    conversation = (
        Conversation.objects.filter(contact__channel=channel_id, contact__external_id=chat)
        .select_related("agent")
        .first()
    )
    if conversation is None:
        who = {"speaker": "bot"}
        return {"id": 0, "messages": [], "cursor": 0, "who": who, "read": 0, "more": False}
    edges = Message.objects.filter(conversation=conversation.pk, seq__gt=after).aggregate(
        first=Min("seq", filter=Q(state__in=_PENDING)), last=Max("seq")
    )
    wanted = Q(seq__gt=after) | Q(pk__in=list(also)) if also else Q(seq__gt=after)
    gone: set[int] = set()
    if changed and after:
        page = Message.objects.filter(
            conversation=conversation.pk, seq__gt=after - PAGE, seq__lte=after, author__in=_AUTHORS
        )
        gone = set(page.exclude(deleted_at=None).values_list("pk", flat=True))
        wanted |= Q(pk__in=page.exclude(edited_at=None).values("pk"))
    # A browser that was away for long gets the newest page and asks for older ones when scrolled.
    rows = list(_visible(conversation.pk).filter(wanted).order_by("-seq")[: PAGE + 1])
    more = len(rows) > PAGE
    if also and not more:
        gone |= set(also) - {row.pk for row in rows}
    cursor = edges["first"] - 1 if edges["first"] else (edges["last"] or after)
    return {
        "id": conversation.pk,
        "messages": [as_seen(row) for row in reversed(rows[:PAGE])],
        **({"gone": sorted(gone)} if gone else {}),
        "cursor": cursor,
        "who": _who(conversation),
        "read": conversation.last_read_seq,
        "more": more,
    }


def thread_before(channel_id: int, chat: str, *, before: int) -> dict[str, Any]:
    """The page of history above a number: `{"messages", "more"}`."""
    conversation = Conversation.objects.filter(
        contact__channel=channel_id, contact__external_id=chat
    ).first()
    if conversation is None:
        return {"messages": [], "more": False}
    rows = list(_visible(conversation.pk).filter(seq__lt=before).order_by("-seq")[: PAGE + 1])
    return {"messages": [as_seen(r) for r in reversed(rows[:PAGE])], "more": len(rows) > PAGE}


def unreported(channel_id: int, chat: str, ids: Collection[int], state: str) -> list[int]:
    """Of these messages, the buyer's own thread's that are not yet known to be in `state`."""
    behind = [Message.State.SENDING, Message.State.SENT]
    if state == Message.State.READ:
        behind.append(Message.State.DELIVERED)
    return list(
        Message.objects.filter(
            pk__in=list(ids),
            state__in=behind,
            conversation__contact__channel=channel_id,
            conversation__contact__external_id=chat,
        )
        .exclude(author=Message.Author.BUYER)
        .values_list("pk", flat=True)
    )


def _who(conversation: Conversation) -> dict[str, str]:
    who = {"speaker": conversation.speaker}
    if conversation.speaker == Conversation.Speaker.AGENT and conversation.agent:
        who["name"] = conversation.agent.get_short_name()
    return who


def as_seen(message: Message) -> dict[str, Any]:
    """One message for the buyer's browser. Checks, claims and reasons stay inside."""
    meta = message.meta or {}
    seen: dict[str, Any] = {
        "id": message.pk,
        "seq": message.seq,
        "author": _AUTHORS[message.author],
        "text": message.text,
        "at": message.sent_at.isoformat(),
    }
    if message.author == Message.Author.BUYER:
        seen["key"] = message.external_id
    elif message.user:
        seen["name"] = message.user.get_short_name()
    if message.edited_at:
        seen["edited"] = True
    if message.reply_to:
        seen["quote"] = message.reply_to.text[:140]
    if buttons := [_button(b) for b in meta.get("buttons", ())]:
        seen["buttons"] = buttons
    if cards := [dict(card) for card in meta.get("cards", ())]:
        seen["cards"] = cards
    if sources := [_source(s) for s in meta.get("sources", ()) if s.get("title")]:
        seen["sources"] = sources
    if files := [_file(a) for a in message.attachments.all()]:
        seen["files"] = files
    return seen


def _button(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        return {"title": value, "payload": value}
    return {k: str(value.get(k, "")) for k in ("title", "payload", "url") if value.get(k)}


def _source(source: dict[str, Any]) -> dict[str, str]:
    return {k: str(source[k]) for k in ("title", "url", "kind") if source.get(k)}


def _file(attachment: Attachment) -> dict[str, Any]:
    """`stored` is for the live role, which turns it into an address that only this buyer has."""
    stored = attachment.file
    return {
        "kind": attachment.kind,
        "name": attachment.name or (stored.name if stored else ""),
        "mime": stored.mime if stored else "",
        "size": stored.size if stored else 0,
        "stored": stored.pk if stored else None,
        "error": attachment.error,
    }
