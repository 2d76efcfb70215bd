"""One search: messages and what was said in voice notes, contacts, orders. All by the policy.

The words of a message are in an expression index that its own insert keeps (bots migration 0010):
no statement is added, nothing runs behind. A word that every second message has cannot make a
search slow: messages are looked through from the newest back in windows that grow, and a window
that fills the page is the last. What is not reached within BUDGET_S is told (`next`), not waited
for.

Each word is looked for as it is, in other forms of it, as a beginning, as typed in the other
layout and as Russian in Latin letters. Where that finds nothing, parts of words (where the server
has pg_trgm) and then words one slip away are looked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any

from bots.models import Conversation
from bots.selectors.policy import Sight, sight_of
from bots.selectors.rows import row_of, rows_ready
from bots.selectors.search.asked import EVERYTHING, Narrow, read
from bots.selectors.search.contacts import contacts_found, orders_found, talks_with
from bots.selectors.search.hits import HITS_A_CONVERSATION, Found, messages_found, ways
from bots.selectors.search.snippets import snippets_of
from tenants.workspace.models import User

PAGE = 20
BUDGET_S = 0.3


def search(
    user: User, text: str, narrow: Narrow = EVERYTHING, *, cursor: str = "", limit: int = PAGE
) -> dict[str, Any]:
    """`{"how", "conversations", "contacts", "orders", "next"}`: newest first.

    `how`: words | inside | slips, what found them. Contacts and orders come with the first page.
    `marks` are places in `text`, in UTF-16 units as browsers count. `next`: a place to go on from,
    empty where everything was looked through.
    """
    asked, sight = read(text), sight_of(user)
    answer: dict[str, Any] = {
        "how": "words", "conversations": [], "contacts": [], "orders": [], "next": "",
    }  # fmt: skip
    if asked.is_empty or sight.nothing:
        return answer
    how, below = _read_cursor(cursor)
    is_first = not below
    with_people = is_first and not narrow.is_of_messages
    if with_people:
        answer["contacts"] = contacts_found(sight, asked, narrow, slipped=False)
        answer["orders"] = orders_found(user, sight, asked)
    found, way = Found(), None
    until = time.perf_counter() + BUDGET_S
    for way in ways(asked):
        if how and way.how != how:
            continue
        found = messages_found(sight, way, narrow, below, limit, until)
        if found.hits or found.upto or how:
            break
        if answer["contacts"] or answer["orders"]:
            break
    if with_people and not (found.hits or answer["contacts"] or answer["orders"]):
        answer["contacts"] = contacts_found(sight, asked, narrow, slipped=True)
        if answer["contacts"]:
            answer["how"] = "slips"
    if way is not None and found.hits:
        answer["how"] = way.how
    if way is not None and found.upto:
        answer["next"] = _cursor(way.how, found.upto)
    if found.hits and way is not None:
        rows = rows_ready(Conversation.objects.filter(pk__in=found.hits), user)
        by_pk = {row.pk: row_of(row) for row in rows}
        shown = {
            pk
            for pks in found.hits.values()
            for pk in pks[:HITS_A_CONVERSATION]
        }  # fmt: skip
        texts = snippets_of(shown, way, asked)
        answer["conversations"] = [
            {
                "row": by_pk[talk],
                "hits": [texts[pk] for pk in pks[:HITS_A_CONVERSATION] if pk in texts],
                "more": len(pks) > HITS_A_CONVERSATION,
            }
            for talk, pks in found.hits.items()
            if talk in by_pk
        ]
    return answer


def conversation_ids(sight: Sight, text: str, limit: int = 300) -> list[int]:
    """The newest conversations a text is found in, by what is said or by whom."""
    asked = read(text)
    if asked.is_empty or sight.nothing:
        return []
    found = talks_with(sight, asked, EVERYTHING, limit, slipped=False)
    until = time.perf_counter() + BUDGET_S
    for way in ways(asked):
        hits = messages_found(sight, way, EVERYTHING, 0, limit, until).hits
        if hits or found:
            return list(dict.fromkeys([*found, *hits]))
    return talks_with(sight, asked, EVERYTHING, limit, slipped=True)


def _cursor(how: str, below: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([how, below]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[str, int]:
    try:
        how, below = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, binascii.Error):
        return "", 0
    if how not in ("words", "inside", "slips") or not isinstance(below, int) or below < 1:
        return "", 0
    return how, min(below, 2**62)
