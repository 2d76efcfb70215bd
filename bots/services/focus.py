"""Which conversation somebody has before their eyes. The page says so again and again."""

from __future__ import annotations

from django.core.cache import cache

from tenants.kernel.store import AWAY

KEPT_S = 40


def note(user_id: int, conversation: int | None) -> None:
    """None: the page was left, or lies behind another window."""
    if conversation is None:
        cache.delete(f"focus:{user_id}")
    else:
        cache.set(f"focus:{user_id}", conversation, KEPT_S)


def of(user_id: int) -> int | None:
    """Redis away: nobody is taken to look, and everybody is told."""
    try:
        return cache.get(f"focus:{user_id}")
    except AWAY:
        return None
