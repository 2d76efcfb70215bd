"""Messages that have the words, from the newest back in windows that grow."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Q

from bots.models import Attachment, Message
from bots.selectors.policy import Sight
from bots.selectors.search.asked import Asked, Narrow
from bots.selectors.search.words import (
    OF_MESSAGE,
    OF_TRANSCRIPT,
    has_inside,
    inside,
    matches,
    query_of,
    slipped_query,
)
from bots.selectors.whispers import heard_by

HITS_A_CONVERSATION = 3
# How many of the newest messages are looked through first, and then.
WINDOWS = (20_000, 100_000, 500_000)


@dataclass
class Found:
    """Newest matches by conversation, in the order of their newest."""

    hits: dict[int, list[int]] = field(default_factory=dict)
    upto: int = 0  # the next page looks below this message; 0: there is no more


@dataclass(frozen=True)
class Way:
    """How messages are matched: `condition` on messages, `spoken` on transcripts."""

    how: str
    condition: Any
    spoken: Any
    query: str = ""


def ways(asked: Asked) -> Iterable[Way]:
    query = query_of(asked)
    if query:
        yield Way("words", matches(OF_MESSAGE, query), matches(OF_TRANSCRIPT, query), query)
    if asked.plain and min(map(len, asked.plain)) >= 3 and has_inside():
        yield Way("inside", inside(asked, "text"), inside(asked, "transcript"))
    if near := slipped_query(asked, OF_MESSAGE):
        yield Way("slips", matches(OF_MESSAGE, near), matches(OF_TRANSCRIPT, near), near)


def messages_found(
    sight: Sight, way: Way, narrow: Narrow, below: int, limit: int, until: float
) -> Found:
    """Look from the newest message back, window by window."""
    top = below or (Message.objects.aggregate(top=Max("pk"))["top"] or 0) + 1
    base = (
        Message.objects.filter(
            sight.where("conversation__"), narrow.of_message(), deleted_at__isnull=True
        )
        .filter(~Q(kind=Message.Kind.SYSTEM) | Q(meta__code="call"))
        .filter(way.condition)
        .filter(heard_by(sight.user))
    )
    spoken = list(
        Attachment.objects.exclude(transcript="")
        .filter(
            sight.where("message__conversation__"), narrow.of_message("message__"),
            message__lt=top, message__deleted_at__isnull=True,
        )
        .filter(way.spoken)
        .order_by("-message")
        .values_list("message_id", "message__conversation_id")[: limit * 3]
    )  # fmt: skip
    found, upper = Found(), top
    before = _Before(way, below)
    enough = limit * HITS_A_CONVERSATION * 2
    for size in (*WINDOWS, 0):
        lower = max(top - size, 0) if size else 0
        while upper > lower:
            rows = list(
                base.filter(pk__lt=upper, pk__gte=lower)
                .order_by("-pk")
                .values_list("pk", "conversation_id")[:enough]
            )
            reached = rows[-1][0] if len(rows) == enough else lower
            rows = sorted(
                {*rows, *(one for one in spoken if reached <= one[0] < upper)}, reverse=True
            )
            before.look({talk for _pk, talk in rows} - found.hits.keys())
            for pk, talk in rows:
                if talk in before.shown:
                    continue
                if talk not in found.hits and len(found.hits) == limit:
                    found.upto = pk + 1
                    return found
                found.hits.setdefault(talk, []).append(pk)
            upper = reached
            if time.perf_counter() > until and upper > 0:
                found.upto = upper
                return found
    return found


class _Before:
    """Conversations that an earlier page has shown: they have a match that is newer."""

    def __init__(self, way: Way, below: int) -> None:
        self.way, self.below, self.shown = way, below, set[int]()

    def look(self, talks: set[int]) -> None:
        if self.below and talks:
            self.shown |= set(
                Message.objects.filter(conversation__in=talks, pk__gte=self.below)
                .filter(self.way.condition)
                .values_list("conversation_id", flat=True)
            )
