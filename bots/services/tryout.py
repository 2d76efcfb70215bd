"""What a rule would have done: the last episodes are gone over, nothing is changed.

Moments come from what is kept: messages, episodes and the event log. Text, hours and language are
those of the moment; labels, priority, team, speaker and the buyer's data are today's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.utils import timezone

from bots.models import Episode, Message, Rule
from bots.selectors.calendars import Times, add_working, times_of
from bots.selectors.conditions import FIELDS, Case, TooSlow, holds, rows_of
from bots.services import sla
from bots.services.rules import EVENTS, is_meant
from tenants.workspace.models import Event

LAST, MOST = 100, 500
MESSAGES_READ = 400
TODAYS = ("label", "priority", "team", "speaker", "contact", "tag", "order_status", "segment")


TimesOf = Callable[[int | None], Times]


@dataclass(frozen=True)
class Hit:
    """It would have fired: once an episode is shown, `times` says how often."""

    conversation: int
    name: str
    at: datetime
    text: str
    times: int


@dataclass
class Tried:
    episodes: int = 0
    hits: list[Hit] = field(default_factory=list)
    fault: str = ""
    # Fields whose value is today's, not of the moment.
    todays: list[str] = field(default_factory=list)


def try_rule(rule: Rule, last: int = LAST) -> Tried:
    """`rule` may be unsaved. Reads only."""
    tried = Tried(
        todays=[str(FIELDS[row["field"]].title) for row in rows_of(rule.when)
                if row["field"] in TODAYS]
    )  # fmt: skip
    rule_times = cache(lambda team: times_of(sla.calendar_of(team)))  # each team's once
    episodes = Episode.objects.select_related(
        "conversation__channel", "conversation__contact", "conversation__team"
    ).order_by("-pk")[: max(1, min(last, MOST))]
    try:
        for episode in episodes:
            tried.episodes += 1
            hits = [
                (at, text)
                for at, text in _moments(rule, episode, rule_times)
                if holds(rule.when, Case(episode.conversation, text, at))
            ]
            if hits:
                at, text = hits[0]
                contact = episode.conversation.contact
                tried.hits.append(
                    Hit(episode.conversation_id, str(contact), at, text[:160], len(hits))
                )
    except TooSlow as exc:
        tried.fault = str(exc)
    return tried


def _moments(rule: Rule, episode: Episode, rule_times: TimesOf) -> Iterator[tuple[datetime, str]]:
    """When it would have been asked in this episode, with the text it is about."""
    messages = _messages(episode)
    match rule.event:
        case "opened":
            yield episode.started_at, _words(messages, episode.started_at + timedelta(minutes=1))
        case "buyer_wrote" | "agent_replied":
            author = "buyer" if rule.event == "buyer_wrote" else "agent"
            yield from ((m.created_at, m.text) for m in messages if m.author == author)
        case "handed_over" if episode.handed_over_at:
            yield episode.handed_over_at, _words(messages, episode.handed_over_at)
        case "resolved" if episode.resolved_at:
            yield episode.resolved_at, _words(messages, episode.resolved_at)
        case "buyer_silent":
            yield from _silences(rule, messages, episode)
        case "agent_silent":
            yield from _unanswered(rule, messages, episode, rule_times)
        case "handed_over" | "resolved":
            return
        case _:
            yield from _noted(rule, episode, messages)


def _messages(episode: Episode) -> list[Message]:
    found = Message.objects.filter(
        conversation=episode.conversation_id, episode=episode, seq__gte=episode.start_seq
    ).exclude(kind__in=(Message.Kind.NOTE, Message.Kind.SYSTEM))
    return list(found.exclude(author="automation").order_by("seq")[:MESSAGES_READ])


def _words(messages: Sequence[Message], upto: datetime) -> str:
    """The buyer's last words before a moment; the first ones where there are none."""
    own = [m for m in messages if m.author == "buyer"]
    before = [m for m in own if m.created_at <= upto]
    return before[-1].text if before else own[0].text if own else ""


def _silences(
    rule: Rule, messages: Sequence[Message], episode: Episode
) -> Iterator[tuple[datetime, str]]:
    """Gaps after what the shop said last, unless the buyer waits for a person meanwhile."""
    end = episode.resolved_at or timezone.now()
    for place, message in enumerate(messages):
        if message.author == "buyer" or _calls(message):
            continue
        after = messages[place + 1] if place + 1 < len(messages) else None
        full = message.created_at + timedelta(seconds=rule.silence_s)
        if full <= (after.created_at if after else end):
            yield full, _words(messages, full)


def _calls(message: Message) -> bool:
    """The bot's words that call a person: the buyer still waits."""
    return message.author == "bot" and message.meta.get("decision") == "handover"


def _unanswered(
    rule: Rule, messages: Sequence[Message], episode: Episode, rule_times: TimesOf
) -> Iterator[tuple[datetime, str]]:
    """Buyers who waited for a person longer than this in the team's working time, each once."""
    times = rule_times(episode.conversation.team_id)
    waits: datetime | None = None
    is_persons = False
    for message in messages:
        if message.author != "buyer" and not _calls(message):
            yield from _late(
                rule, messages, waits if is_persons else None, message.created_at, times
            )
            waits, is_persons = None, message.author != "bot"
        else:
            waits = waits or message.created_at
            is_persons = is_persons or _calls(message)
    end = episode.resolved_at or timezone.now()
    handed = episode.handed_over_at  # the buyer may not have been told
    is_persons = is_persons or (waits is not None and handed is not None and handed >= waits)
    yield from _late(rule, messages, waits if is_persons else None, end, times)


def _late(
    rule: Rule, messages: Sequence[Message], waits: datetime | None, end: datetime, times: Times
) -> Iterator[tuple[datetime, str]]:
    if waits is not None and (full := add_working(waits, rule.silence_s, times)) <= end:
        yield full, _words(messages, full)


def _noted(
    rule: Rule, episode: Episode, messages: Sequence[Message]
) -> Iterator[tuple[datetime, str]]:
    events = Event.objects.filter(
        key=f"conversation:{episode.conversation_id}",
        name=EVENTS[rule.event].fact,
        at__gte=episode.started_at,
        at__lte=episode.resolved_at or timezone.now(),
    ).order_by("seq")
    for event in events[:50]:
        if is_meant(event.name, event.data):
            yield event.at, _words(messages, event.at)


def told(tried: Tried, then: Sequence[Any]) -> dict[str, Any]:
    """As the API gives it."""
    acts = [row["act"] for row in then if isinstance(row, dict) and "act" in row]
    return {
        "episodes": tried.episodes,
        "fault": tried.fault,
        "todays": tried.todays,
        "would": acts,
        "hits": [vars(hit) for hit in tried.hits],
    }
