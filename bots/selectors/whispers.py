"""Whispers: notes for one colleague. Every list of messages for agents is narrowed by this."""

from __future__ import annotations

from django.db.models import Q

from bots.models import Message

CODE = "whisper"


def heard_by(user_id: int | None) -> Q:
    """Messages a colleague may read: what is whispered to others, or by others, is not theirs."""
    return (
        ~Q(kind=Message.Kind.NOTE)
        | Q(meta__code__isnull=True)
        | ~Q(meta__code=CODE)
        | Q(user=user_id)
        | Q(meta__to=user_id)
    )
