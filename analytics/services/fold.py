"""Facts of the log → dialogues → what they count for. No query is made here.

Each fact changes one dialogue; a dialogue counts for figures of hours (`counts_of`). What hours
show is always the sum over dialogues, so the export, made of dialogues, can only say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from analytics.models import Dialogue
from analytics.selectors.working import Clock

# A buyer who writes again within this has come back: the closing did not settle it.
BACK_WITHIN = timedelta(hours=72)
GOOD = 4  # and 5: a good score

NAMES = (
    "conversation.opened",
    "conversation.handed_over",
    "conversation.taken_over",
    "conversation.assigned",
    "conversation.offered",
    "conversation.offer_ended",
    "conversation.overdue",
    "conversation.resolved",
    "conversation.reopened",
    "message.received",
    "message.written",
    "rating.given",
    "sla.breached",
)
_SAID_BY = {"agent": "person", "echo": "person", "bot": "bot"}

Count = tuple[str, int, str, str, int]  # day, hour, name, label, agent


@dataclass(frozen=True)
class Said:
    """Of a message: who wrote it, and whether it answers the buyer."""

    author: str
    user: int
    is_answer: bool


@dataclass
class Known:
    """What facts speak of by number, read for a whole batch."""

    zone: ZoneInfo
    working: Clock
    teams: frozenset[int] = frozenset()  # beside the main one
    channels: Mapping[int, int] = field(default_factory=dict)
    said: Mapping[int, Said] = field(default_factory=dict)

    def team(self, found: Any) -> int:
        """The main team goes by 0, however it is written; what a deleted one had is the main's."""
        number = _number(found)
        return number if number in self.teams else 0


def _number(found: Any) -> int:
    return found if isinstance(found, int) else 0


def opened(
    seq: int,
    conversation: int,
    at: datetime,
    known: Known,
    before: Dialogue | None,
    *,
    by_shop: bool = False,
) -> Dialogue:
    """A new dialogue; the one before it learns that the buyer came back, if it was the buyer."""
    is_soon = before is not None and before.closed_at and at - before.closed_at <= BACK_WITHIN
    if before is not None and is_soon and not by_shop:
        before.back_at = at
    return Dialogue(
        seq=seq,
        conversation_id=conversation,
        channel_id=known.channels.get(conversation, 0),
        team_id=before.team_id if before is not None else 0,
        opened_at=at,
    )


def apply(one: Dialogue, name: str, data: Mapping[str, Any], at: datetime, known: Known) -> None:
    """One fact on the dialogue it is about."""
    match name:
        case "message.received":
            if one.closed_at is None:
                one.waits_since = one.waits_since or at
        case "message.written":
            if said := known.said.get(_number(data.get("message"))):
                _written(one, said, at, known)
        case "conversation.handed_over":
            _act(one, known, at, "handed", str(data.get("reason", "")))
            if one.handed_at is None:
                one.handed_at, one.reason = at, str(data.get("reason", ""))[:24]
            if "team" in data:
                one.team_id = known.team(data["team"])
        case "conversation.taken_over":
            agent = _number(data.get("agent"))
            _act(one, known, at, "taken", "", agent)
            one.agent_id = agent or one.agent_id
            one.taken_at = one.taken_at or at
        case "conversation.assigned":
            one.agent_id = _number(data.get("agent")) or one.agent_id
            one.team_id = known.team(data.get("team"))
        case "conversation.offered":
            one.team_id = known.team(data.get("team"))
        case "conversation.offer_ended":
            if data.get("how") == "missed":
                _act(one, known, at, "offer", "missed", _number(data.get("agent")))
        case "conversation.overdue":
            _act(one, known, at, "late", "", one.agent_id)
        case "sla.breached":
            _act(one, known, at, "breach", "", one.agent_id)
        case "conversation.resolved":
            one.closed_at = at
        case "conversation.reopened":
            one.closed_at = None


def _written(one: Dialogue, said: Said, at: datetime, known: Known) -> None:
    who = _SAID_BY[said.author]
    _act(one, known, at, "sent", who, said.user)
    if not said.is_answer:
        return
    if one.answered_at is None or (one.answer_s is None and one.waits_since):
        # The shop may write first: that is no answer, and the one that follows is measured.
        one.answered_at = at
        one.answer_s = seconds(one.waits_since, at) if one.waits_since else None
    start = one.handed_at or one.waits_since
    if who == "person" and (one.reply_at is None or (one.reply_s is None and start)):
        one.reply_at, one.reply_agent_id = at, said.user
        one.reply_s = known.working(one.team_id, start, at) if start else None
    one.waits_since = None


def _act(one: Dialogue, known: Known, at: datetime, name: str, label: str, agent: int = 0) -> None:
    key = f"{at.astimezone(known.zone):%Y-%m-%d %H}|{name}|{label[:24]}|{agent}"
    one.acts[key] = one.acts.get(key, 0) + 1


def seconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds()))


def minutes(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds() // 60))


def ending(one: Dialogue) -> str:
    """How it was closed: `person`, `bot`, or `missed` (a person was wanted and nobody came)."""
    if one.closed_at is None:
        return ""
    if one.taken_at is not None or one.reply_at is not None:
        return "person"
    if one.handed_at is not None or one.answered_at is None:
        return "missed"
    return "bot"


def settled(one: Dialogue) -> str:
    """Of what the bot closed: `back`, `confirmed` by the buyer, or `assumed`."""
    if ending(one) != "bot":
        return ""
    if one.back_at is not None:
        return "back"
    return "confirmed" if one.score is not None and one.score >= GOOD else "assumed"


def acts_of(one: Dialogue) -> list[tuple[Count, int]]:
    found = []
    for key, value in one.acts.items():
        parts = str(key).split("|")
        if len(parts) != 4 or not isinstance(value, int) or not parts[3].isdecimal():
            continue
        day, _space, hour = parts[0].partition(" ")
        found.append(((day, int(hour), parts[1], parts[2], int(parts[3])), value))
    return found


def counts_of(one: Dialogue, zone: ZoneInfo) -> Counter[Count]:
    """Everything a dialogue counts for, by the shop's hour."""
    found: Counter[Count] = Counter()

    def add(at: datetime | None, name: str, label: Any = "", agent: int = 0) -> None:
        if at is not None:
            local = at.astimezone(zone)
            found[local.date().isoformat(), local.hour, name, str(label), agent] += 1

    for key, value in acts_of(one):
        found[key] += value
    add(one.opened_at, "opened")
    if one.answer_s is not None:
        add(one.answered_at, "answer", one.answer_s)
    if one.reply_s is not None:
        add(one.reply_at, "reply", one.reply_s, one.reply_agent_id)
    if one.closed_at is not None:
        how = ending(one)
        agent = one.agent_id if how == "person" else 0
        add(one.closed_at, "closed", how, agent)
        add(one.closed_at, "length", minutes(one.opened_at, one.closed_at), agent)
        if one.back_at is not None:
            add(one.closed_at, "back", how, agent)
        if how == "person" and one.taken_at is not None:
            add(one.closed_at, "handle", seconds(one.taken_at, one.closed_at), agent)
        if how == "bot":
            add(one.closed_at, "bot", settled(one))
    if one.score is not None:
        add(one.rated_at, f"rated_{one.rated_about}", one.score, one.rated_agent_id)
    return found
