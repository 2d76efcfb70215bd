"""Whether the shop's models answer at all: consoles are told when they stop, and when they work.

Kept in the cache: losing it costs one more telling, when the next call fails.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from bots.models import ModelCall
from tenants.kernel import outbox
from tenants.kernel.context import current_schema

# Outcomes of a call that say nobody is there; a refusal or a strange answer is an answer.
GONE = frozenset({"too_slow", "retry_later", "needs_merchant", "failed"})
IN_A_ROW = 3
WITHIN = timedelta(minutes=15)
KEPT_S = 3600
LOOK_EVERY_S = 5.0
_KEY = "llm:down"

_looked: dict[str, float] = {}  # when this process last asked, by merchant


def since() -> datetime | None:
    """Since when no model has answered; None while they do."""
    found = cache.get(_KEY)
    return datetime.fromisoformat(found) if found else None


def note(outcome: str) -> None:
    """After each call for a reply."""
    if outcome == "ok":
        _works()
    elif outcome in GONE:
        _fails()


def _fails() -> None:
    newest = (
        ModelCall.objects.filter(purpose="reply", created_at__gte=timezone.now() - WITHIN)
        .order_by("-created_at", "-pk")
        .values_list("outcome", "created_at")
    )
    last = list(newest[:IN_A_ROW])
    if len(last) < IN_A_ROW or not all(outcome in GONE for outcome, _at in last):
        return
    began = last[-1][1].isoformat()
    if cache.add(_KEY, began, KEPT_S):
        _looked.pop(current_schema(), None)
        _tell("model.down", since=began)


def _works() -> None:
    """Costs a look at the cache now and then, not with each answer."""
    schema, now = current_schema(), time.monotonic()
    if now - _looked.get(schema, -LOOK_EVERY_S) < LOOK_EVERY_S:
        return
    if len(_looked) > 5_000:
        _looked.clear()
    _looked[schema] = now
    if cache.delete(_KEY):
        _tell("model.works")


def _tell(name: str, **data: str) -> None:
    with transaction.atomic():
        outbox.emit(name, key="models", data=data)
