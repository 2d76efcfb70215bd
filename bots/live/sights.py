"""Who has a console open, how far they see, and what of the log they may be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from bots.live.threads import in_merchant
from bots.selectors.policy import Facts, Sight, conversations_in, facts_of, sight_of
from bots.services import agents, focus
from tenants.kernel.context import merchant_context
from tenants.selectors.hosts import site_of
from tenants.workspace.models import Counter, Event, User

# A longer gap is cheaper to answer with "read everything again".
GAP_AT_MOST = 2000
PRESENCE = "agent.presence"
# A conversation may go from somebody's sight with these.
_HIDING = frozenset({"conversation.assigned", "conversation.taken_over"})


def unpacked(rows: Iterable[Any]) -> dict[int, Facts]:
    """Facts as they come over Redis."""
    return {row[0]: Facts.unpacked(row) for row in rows}


def as_seen(sight: Sight, event: dict[str, Any], facts: dict[int, Facts]) -> dict[str, Any]:
    """A fact as this person may see it: in full, as its number, or as "take it off the screen"."""
    if event["name"] == PRESENCE:
        return _presence(sight, event)
    conversation = event["data"].get("conversation")
    if conversation is None:
        return event
    found = facts.get(conversation)
    if found is not None and sight.allows(found):
        return event
    if found is not None and event["name"] in _HIDING:
        before = event["data"].get("from_team", found.team)
        if sight.allowed_before(found, before) or event["data"].get("from") == sight.user:
            gone = {"conversation": conversation}
            return {"seq": event["seq"], "name": "conversation.hidden", "data": gone}
    return {"seq": event["seq"], "name": "hidden", "data": {}}


def _presence(sight: Sight, event: dict[str, Any]) -> dict[str, Any]:
    """Whoever is invisible is away to everybody else, administrators included."""
    data = event["data"]
    if data.get("presence") != User.Presence.INVISIBLE or data.get("agent") == sight.user:
        return event
    return {**event, "data": {**data, "presence": str(User.Presence.AWAY)}}


def are_for_all(events: Iterable[dict[str, Any]]) -> bool:
    """Whether those who see everything are told these facts in the same words."""
    return all(event["name"] != PRESENCE for event in events)


@database_sync_to_async
def who(host: str, session_key: str) -> tuple[str, int, str] | None:
    """(schema, user, name) of a live session on the merchant's own host."""
    site = site_of(host)
    if site is None or site.merchant is None or not site.merchant.is_serving or not session_key:
        return None
    try:
        with merchant_context(site.schema):
            session = SessionStore(session_key=session_key)
            user = (
                get_user_model()
                .objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True)
                .first()
            )
            if user is None or session.get(HASH_SESSION_KEY) != user.get_session_auth_hash():
                return None
            return site.schema, user.pk, str(user)
    finally:
        connection.close()


@in_merchant
def sight_now(user_id: int) -> Sight:
    user = get_user_model().objects.filter(pk=user_id).first()
    return sight_of(user) if user else Sight(user_id, nothing=True)


@in_merchant
def note_seen(user_id: int) -> None:
    if user := get_user_model().objects.filter(pk=user_id, is_active=True).first():
        agents.seen(user)


@in_merchant
def note_focus(user_id: int, conversation: int | None) -> None:
    focus.note(user_id, conversation)


@in_merchant
def facts_now(conversation: int) -> Facts | None:
    return facts_of({conversation}).get(conversation) if 0 < conversation < 2**63 else None


def _last_seq() -> int:
    return Counter.objects.filter(name="events").values_list("value", flat=True).first() or 0


@in_merchant
def looked_at(user_id: int, conversation: int) -> Facts | None:
    """What decides who is told of the look; None where nobody is: who is invisible is not there."""
    if User.objects.filter(pk=user_id, presence=User.Presence.INVISIBLE).exists():
        return None
    return facts_of({conversation}).get(conversation) if 0 < conversation < 2**63 else None


last_seq = in_merchant(_last_seq)


@in_merchant
def events_since(sight: Sight, after: int) -> dict[str, Any]:
    """`{"events", "seq"}` as this person may see them; `{"refresh", "seq"}` for too long a gap."""
    # The number first: what is written after this look comes with the next one.
    last = _last_seq()
    if last == after:
        return {"events": [], "seq": after}
    rows = list(Event.objects.filter(seq__gt=after).order_by("seq").values()[: GAP_AT_MOST + 1])
    if not rows or len(rows) > GAP_AT_MOST or rows[0]["seq"] != after + 1:
        return {"events": [], "seq": last, "refresh": True}
    events = [{"seq": row["seq"], "name": row["name"], "data": row["data"]} for row in rows]
    if not sight.everything or not are_for_all(events):
        facts = facts_of(conversations_in(event["data"] for event in events))
        events = [as_seen(sight, event, facts) for event in events]
    return {"events": events, "seq": events[-1]["seq"]}
