"""Questions the bot could not answer, the same ones together: what to write an article about."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from bots.engine.base import Decision, Reason
from bots.retrieval.morphology import lemma
from bots.retrieval.text import tokens
from bots.selectors.policy import visible
from tenants.workspace.models import Event, User

# Of the log, newest first: enough for a busy month, bounded for a huge one.
MOST = 2000


@dataclass(frozen=True)
class Gap:
    """`question`: the newest wording. `count`: how often in the period."""

    question: str
    count: int
    last_at: datetime
    conversation_id: int


def gaps(
    *, user: User, since: datetime, until: datetime | None = None, limit: int = 50
) -> list[Gap]:
    """Most asked first, of conversations `user` may see. Read from the event log, whose index is
    (name, at)."""
    found: dict[frozenset[str], list[tuple[datetime, str, int]]] = defaultdict(list)
    for at, conversation_id, question in _unanswered(user, since, until or timezone.now()):
        if key := _key(question):
            found[key].append((at, question, conversation_id))
    result = [
        Gap(question=newest[1], count=len(rows), last_at=newest[0], conversation_id=newest[2])
        for rows in found.values()
        if (newest := max(rows))
    ]
    return sorted(result, key=lambda gap: (-gap.count, -gap.last_at.timestamp()))[:limit]


def _key(question: str) -> frozenset[str]:
    """Questions with the same lemmas are the same question; “?” and a lone number are none."""
    read = [token.text for token in tokens(question) if len(token.text) > 2]
    if not any(text.isalpha() for text in read):
        return frozenset()
    return frozenset(lemma(text) for text in read)


def _unanswered(user: User, since: datetime, until: datetime) -> list[tuple[datetime, int, str]]:
    """(when, conversation, what the buyer had written last) of honest refusals and calls."""
    events = (
        Event.objects.filter(name="turn.answered", at__gte=since, at__lt=until)
        .filter(data__decision__in=[Decision.REFUSE.value, Decision.HANDOVER.value])
        .order_by("-seq")
        .values_list("at", "data")[:MOST]
    )
    asked = [
        (at, int(data["conversation"]))
        for at, data in events
        if data["decision"] == Decision.REFUSE
        or data.get("reason") in (Reason.NO_KNOWLEDGE, Reason.CHECK)
    ]
    ids = {conversation for _, conversation in asked}
    seen = set(visible(user).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    asked = [(at, conversation) for at, conversation in asked if conversation in seen]
    if not asked:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.at, asked.conversation, said.text
            FROM unnest(%s::timestamptz[], %s::bigint[]) AS asked(at, conversation)
            CROSS JOIN LATERAL (
                SELECT text FROM bots_message
                WHERE conversation_id = asked.conversation AND author = 'buyer'
                  AND created_at <= asked.at AND text <> ''
                ORDER BY seq DESC LIMIT 1
            ) AS said
            """,
            ([at for at, _ in asked], [conversation for _, conversation in asked]),
        )
        return cursor.fetchall()
