"""A conversation as a row of a list: what it shows, and what has to be read for that."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from bots.models import Conversation, Draft, Mention
from tenants.workspace.models import User


def rows_ready(found: QuerySet[Conversation], user: User) -> QuerySet[Conversation]:
    """With everything `row_of` shows."""
    drafts = Draft.objects.filter(conversation=OuterRef("pk"), user=user)
    called = Mention.objects.filter(conversation=OuterRef("pk"), user=user, seen_at=None)
    return found.select_related("channel", "contact__person__merged_into", "agent").annotate(
        has_draft=Exists(drafts), is_mentioned=Exists(called)
    )


def row_of(row: Conversation) -> dict[str, Any]:
    card = row.contact.person
    card = (card.merged_into or card) if card else None
    return {
        "id": row.pk,
        # As colleagues have named the card, else as the channel tells it.
        "name": (card.name if card else "") or row.contact.name or row.contact.username,
        "person": card.pk if card else None,
        "channel": {"id": row.channel_id, "kind": row.channel.kind, "name": row.channel.name},
        "status": row.status,
        "speaker": row.speaker,
        "agent": {"id": row.agent.pk, "name": str(row.agent)} if row.agent else None,
        "language": row.language,
        "preview": row.preview,
        "preview_author": row.preview_author,
        "unread": row.unread,
        "waiting_since": row.waiting_since,
        "deadline_at": row.deadline_at,
        "sla_due_at": row.sla_due_at,
        "sla_kind": row.sla_kind,
        "snoozed_until": row.snoozed_until,
        "window_expires_at": row.window_expires_at,
        "labels": row.labels or [],
        "team": row.team_id,
        "priority": row.priority,
        "offered_to": row.offered_to_id,
        "offer_until": row.offer_until,
        "reason": row.handover_reason,
        "updated_at": row.updated_at,
        "has_draft": getattr(row, "has_draft", False),
        "is_mentioned": getattr(row, "is_mentioned", False),
        "last_seq": row.last_seq,
    }
