"""One conversation as agents read it: messages around a place, episodes, context, drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from bots.models import Conversation, Draft, Mention, Message, Verdict
from bots.selectors.elsewhere import can_write, ways
from bots.selectors.failures import failure_in_words
from bots.selectors.policy import visible
from bots.selectors.rows import row_of, rows_ready
from bots.selectors.sendable import limits_of
from bots.selectors.whispers import heard_by
from tenants.workspace.models import User

THREAD_PAGE = 30


def thread_of(
    user: User,
    pk: int,
    *,
    before: int = 0,
    after: int = 0,
    around: int = 0,
    since: datetime | None = None,
) -> dict[str, Any]:
    """A page of messages, oldest first, with `more` before and `newer` after it.

    Without a place it is the newest page and comes with the context. `around` a number (a quoted
    message, the first unread one); `since` a moment (the first message from then on).
    Raises Conversation.DoesNotExist for what the policy hides as for what is not there.
    """
    conversation = rows_ready(visible(user), user).select_related("episode").get(pk=pk)
    everything = Message.objects.filter(heard_by(user.pk), conversation=conversation)
    if since is not None:
        around = (
            everything.filter(sent_at__gte=since).order_by("seq").values_list("seq", flat=True)
        ).first() or conversation.last_seq
    rows, more, newer = _page(everything, before=before, after=after, around=around)
    is_start = not (before or after or around)
    return {
        "conversation": row_of(conversation),
        "messages": _told(rows, user),
        "more": more,
        "newer": newer,
        "episodes": _episodes(conversation, rows),
        "context": context_of(conversation) if is_start else None,
        "channel": channel_of(conversation) if is_start else None,
        "elsewhere": _elsewhere(conversation, user) if is_start else None,
        "read_seq": conversation.last_read_seq,
        "drafts": {
            d.mode: {
                "text": d.text,
                "base_seq": d.base_seq,
                "files": d.meta.get("files", []),
                "more": d.meta.get("more", {}),
                "at": d.updated_at,
            }
            for d in Draft.objects.filter(conversation=conversation, user=user)
        },
    }


def _page(
    everything: QuerySet[Message], *, before: int, after: int, around: int
) -> tuple[list[Message], bool, bool]:
    """(messages oldest first, whether older ones exist, whether newer ones exist)."""
    ready = everything.select_related("user", "reply_to__user").prefetch_related(
        "attachments__file"
    )
    if after:
        rows = list(ready.filter(seq__gt=after).order_by("seq")[: THREAD_PAGE + 1])
        return rows[:THREAD_PAGE], False, len(rows) > THREAD_PAGE
    if around:
        half = THREAD_PAGE // 2
        older = list(ready.filter(seq__lt=around).order_by("-seq")[: half + 1])
        later = list(ready.filter(seq__gte=around).order_by("seq")[: half + 1])
        return older[:half][::-1] + later[:half], len(older) > half, len(later) > half
    if before:
        ready = ready.filter(seq__lt=before)
    rows = list(ready.order_by("-seq")[: THREAD_PAGE + 1])
    return rows[:THREAD_PAGE][::-1], len(rows) > THREAD_PAGE, bool(before)


def _told(rows: list[Message], user: User) -> list[dict[str, Any]]:
    pks = [m.pk for m in rows]
    verdicts = {v.message_id: v for v in Verdict.objects.filter(message__in=pks, user=user)}
    called: dict[int, list[int]] = {}
    for message, who in Mention.objects.filter(
        conversation__in={m.conversation_id for m in rows}, message__in=pks
    ).values_list("message_id", "user_id"):
        called.setdefault(message, []).append(who)
    return [
        {
            **message_of(m),
            "verdict": _verdict(verdicts.get(m.pk)),
            "mentions": called.get(m.pk, []),
        }
        for m in rows
    ]


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {"good": verdict.is_good, "about": verdict.about, "comment": verdict.comment}


def _episodes(conversation: Conversation, rows: list[Message]) -> dict[int, dict[str, Any]]:
    """The episodes of these messages, for the lines between them."""
    return {
        e.pk: {
            "started_at": e.started_at,
            "resolved_at": e.resolved_at,
            "by": e.resolved_by,
            "outcome": e.outcome,
            "reason": e.handover_reason,
        }
        for e in conversation.episodes.filter(pk__in={m.episode_id for m in rows})
    }


def channel_of(conversation: Conversation) -> dict[str, Any]:
    """What may be sent here: the page checks before it uploads, the server refuses anyway."""
    return limits_of(conversation)


def _elsewhere(conversation: Conversation, user: User) -> list[dict[str, Any]] | None:
    """Where the buyer can be written to instead, in a channel that nothing can be sent through."""
    if can_write(conversation.channel):
        return None
    return [
        {
            "channel": {"id": way.channel.pk, "kind": way.channel.kind, "name": way.channel.name},
            "conversation": way.conversation.pk if way.conversation else None,
        }
        for way in ways(conversation, seen_by=user)
    ]


def message_of(message: Message) -> dict[str, Any]:
    meta = message.meta
    return {
        "id": message.pk,
        "seq": message.seq,
        "author": message.author,
        "kind": message.kind,
        # Of a colleague elsewhere (bots.services.moving) the name alone is known.
        "name": str(message.user) if message.user else str(meta.get("imported", "")),
        "user": message.user_id,
        "text": message.text,
        "state": message.state,
        "failure": failure_in_words(message.failure),
        "client_key": message.client_key,
        "at": message.sent_at,
        "edited": bool(message.edited_at),
        "deleted": bool(message.deleted_at),
        "episode": message.episode_id,
        "meta": {
            k: meta[k]
            for k in (
                *("code", "name", "decision", "reason", "sources", "claims", "buttons"),
                *("cards", "provider", "ms", "before", "location", "checks", "template", "until"),
                *("change", "deleted_by", "original", "translations", "later", "rating", "score"),
                *("request", "reaction", "quoted"),
            )
            if k in meta
        }
        | ({"call": call_shown(meta["call"])} if "call" in meta else {}),
        "quote": _quote(message.reply_to),
        "files": [
            {
                "id": a.file_id,
                "kind": a.kind,
                "name": a.name or (a.file.name if a.file else ""),
                "mime": a.file.mime if a.file else "",
                "size": a.file.size if a.file else 0,
                "error": failure_in_words(a.error),
                "transcript": a.transcript,
                "speech": a.speech,
            }
            for a in message.attachments.all()
        ],
    }


def call_shown(call: dict[str, Any]) -> dict[str, Any]:
    """A call without the telephone company's own name of its recording: ours leads there."""
    kept = ("direction", "state", "at", "seconds", "line", "answered_by")
    return {**{k: call[k] for k in kept}, "recording": bool(call["recording"])}


def _quote(message: Message | None) -> dict[str, Any] | None:
    if message is None:
        return None
    return {
        "seq": message.seq,
        "author": message.author,
        "name": str(message.user) if message.user else "",
        "text": "" if message.deleted_at else message.text[:200],
    }


def context_of(conversation: Conversation) -> dict[str, Any]:
    """What this thread says of its buyer; who they are is their card (bots.selectors.people)."""
    contact = conversation.contact
    data = contact.data or {}
    episode = conversation.episode
    return {
        "name": contact.name,
        "username": contact.username,
        "language": contact.language,
        "is_reachable": contact.is_reachable,
        "since": contact.created_at,
        "now": timezone.now(),
        "identities": [
            {"kind": i.kind, "value": i.value, "proof": i.proof} for i in contact.identities.all()
        ],
        "page": str(data.get("page") or "")[:400],
        "referrer": str(data.get("referrer") or "")[:400],
        "utm": data.get("utm") if isinstance(data.get("utm"), dict) else {},
        "summary": episode.summary if episode else "",
        "reason": episode.handover_reason if episode else "",
    }
