"""How soon a buyer is answered: clocks in working time, stored on the conversation.

A reply clock runs while a buyer waits for a person, a resolution clock from the first moment a
person had the episode until it is resolved. Both stand still while the conversation is snoozed or
the bot speaks, and go on with what was left. `settle` makes the stored promise true to the
conversation; whoever changes the speaker, the status or the waiting calls it, holding the row.
The bot's own answers never come here.

The first policy that fits holds. Where none does, a reply is due in the time the engine itself
waits (bots.engine.timing), so a waiting buyer always has a deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils import timezone

from bots.engine.timing import AGENT_WAIT, QUEUE_WAIT
from bots.models import Conversation, Rule, SlaPolicy, Team
from bots.selectors.calendars import Times, add_working, times_of, working_s
from bots.selectors.conditions import Case, TooSlow, holds
from tenants.kernel import due, outbox

Speaker, Status = Conversation.Speaker, Conversation.Status
_PERSONS = (Speaker.QUEUE, Speaker.AGENT)
FIRST, NEXT, RESOLVE = "first_reply", "next_reply", "resolve"
WARN_PERCENT = 70


@dataclass(frozen=True)
class Promise:
    """A policy as the clocks need it; policy 0 is the default."""

    policy: int = 0
    calendar: int | None = None
    first_reply_s: int | None = int(QUEUE_WAIT.total_seconds())
    next_reply_s: int | None = int(AGENT_WAIT.total_seconds())
    resolve_s: int | None = None
    warn_percent: int = WARN_PERCENT


def promise_for(conversation: Conversation) -> Promise:
    """The first policy in use whose conditions hold."""
    case = Case(conversation)
    for policy in SlaPolicy.objects.filter(is_on=True):
        try:
            fits = holds(policy.when, case)
        except TooSlow:
            continue
        if fits:
            return Promise(
                policy.pk, _calendar(policy, case), policy.first_reply_s, policy.next_reply_s,
                policy.resolve_s, policy.warn_percent,
            )  # fmt: skip
    return Promise(calendar=_calendar(None, case))


def _calendar(policy: SlaPolicy | None, case: Case) -> int | None:
    """The policy's own, else the team's; None: the shop's hours."""
    own = policy.calendar_id if policy else None
    return own or (case.team.calendar_id if case.team else None)


# ── Clocks ───────────────────────────────────────────────────────────────────────────────────
class Clock:
    """`{"target", "used", "since", "warned", "breached"}` as it is kept; `since` empty: stopped."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept

    @classmethod
    def started(cls, kind: str, target_s: int) -> Clock:
        return cls({"kind": kind, "target": target_s, "used": 0, "since": "", "warned": "",
                    "breached": ""})  # fmt: skip

    def run(self, now: datetime) -> None:
        if not self.kept["since"]:
            self.kept["since"] = now.isoformat()

    def stop(self, now: datetime, times: Times) -> None:
        if self.kept["since"]:
            since = datetime.fromisoformat(self.kept["since"])
            self.kept |= {"used": self.kept["used"] + working_s(since, now, times), "since": ""}

    def _at(self, share: float, times: Times) -> datetime:
        since = datetime.fromisoformat(self.kept["since"])
        left = self.kept["target"] * share - self.kept["used"]
        return add_working(since, max(0.0, left), times)

    def due(self, times: Times) -> datetime:
        return self._at(1.0, times)

    def warns(self, percent: int, times: Times) -> datetime:
        return self._at(percent / 100, times)


def settle(
    conversation: Conversation,
    now: datetime | None = None,
    *,
    replied: bool = False,
    again: bool = False,
    anew: bool = False,
) -> None:
    """Make the stored promise true to the conversation, whose row the caller has locked.

    `replied`: a person has just answered. `again`: what decides the policy has changed. `anew`:
    hours have changed; what was promised stays, and is counted by the hours of now.
    """
    is_persons = conversation.speaker in _PERSONS
    kept = deepcopy(conversation.sla or {})
    if kept.get("episode") != conversation.episode_id:
        kept = {}
    if conversation.status == Status.RESOLVED or (not kept and not is_persons):
        _store(conversation, {}, None)
        return
    now = now or timezone.now()
    if again or "policy" not in kept:
        promise = promise_for(conversation)
        _keep_calendar(kept, promise.calendar, now)
        kept |= {
            "policy": promise.policy,
            "warn": promise.warn_percent,
            "episode": conversation.episode_id,
            "times": [promise.first_reply_s, promise.next_reply_s, promise.resolve_s],
        }
    elif anew:
        policy = SlaPolicy.objects.filter(pk=kept["policy"]).first()
        _keep_calendar(kept, _calendar(policy, Case(conversation)), now)
    if replied:
        kept["replied"] = True
    times = _Read(kept["calendar"])
    runs = is_persons and conversation.status == Status.OPEN
    first_s, next_s, resolve_s = kept["times"]
    kind, target = (NEXT, next_s) if kept.get("replied") else (FIRST, first_s)
    since = None if replied else conversation.waiting_since
    _turn(kept, "reply", kind, target if since else None, runs, now, times, since)
    _turn(kept, "resolve", RESOLVE, resolve_s, runs, now, times)
    if again or anew:
        _unmark(kept, now, times)
    _store(conversation, kept, times, anew=again or anew)


def _keep_calendar(kept: dict[str, Any], calendar: int | None, now: datetime) -> None:
    """By another calendar from now on; what was used is counted by the one before."""
    if kept.get("calendar") != calendar:
        before = _Read(kept.get("calendar"))
        for clock in _clocks(kept):
            clock.stop(now, before.times)
    kept["calendar"] = calendar


class _Read:
    """A calendar that is read when a clock needs it, and once."""

    def __init__(self, calendar: int | None) -> None:
        self._calendar = calendar

    @cached_property
    def times(self) -> Times:
        return times_of(self._calendar)


def _turn(
    kept: dict[str, Any],
    name: str,
    kind: str,
    target: int | None,
    runs: bool,
    now: datetime,
    calendar: _Read,
    since: datetime | None = None,
) -> None:
    """`since`: the waiting it measures; another one begins anew, whatever was between."""
    found = kept.get(name)
    measures = since.astimezone(UTC).isoformat() if since else ""
    if found and found.get("of", measures) != measures:
        found = None
    if target is None:
        kept.pop(name, None)
        return
    clock = Clock(found or Clock.started(kind, target).kept)
    clock.kept["of"] = measures
    if clock.kept["target"] != target:
        clock.kept["target"] = target
    if runs:
        clock.run(now)
    elif clock.kept["since"]:
        clock.stop(now, calendar.times)
    kept[name] = clock.kept


def _unmark(kept: dict[str, Any], now: datetime, calendar: _Read) -> None:
    """What was near or over by the times before, and is not by these, may be told again."""
    for clock in _clocks(kept):
        if not clock.kept["since"]:
            continue
        if clock.kept["breached"] and clock.due(calendar.times) > now:
            clock.kept["breached"] = ""
        if clock.kept["warned"] and clock.warns(kept["warn"], calendar.times) > now:
            clock.kept["warned"] = ""


def _clocks(kept: dict[str, Any]) -> list[Clock]:
    return [Clock(kept[name]) for name in ("reply", "resolve") if kept.get(name)]


def _store(
    conversation: Conversation,
    kept: dict[str, Any],
    calendar: _Read | None,
    *,
    anew: bool = False,
) -> None:
    """The nearest promise into the columns, the next look into `due`."""
    shown: tuple[datetime, Clock] | None = None
    for clock in _clocks(kept):
        if calendar is None or not clock.kept["since"]:
            continue
        times = calendar.times
        ends = clock.due(times)
        if shown is None or ends < shown[0]:
            shown = ends, clock
    looks = _looks(kept, calendar.times) if shown and calendar else []
    values: dict[str, Any] = {
        "sla": kept,
        "sla_due_at": shown[0] if shown else None,
        "sla_kind": shown[1].kept["kind"] if shown else "",
        "sla_warned_at": _moment(shown[1].kept["warned"]) if shown else None,
        "sla_breached_at": _moment(shown[1].kept["breached"]) if shown else None,
    }
    if anew or any(getattr(conversation, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(conversation, name, value)
        Conversation.objects.filter(pk=conversation.pk).update(**values)
        if looks:
            due.reschedule("sla", conversation.pk, due_at=min(looks))
        else:
            due.cancel("sla", conversation.pk)


def _looks(kept: dict[str, Any], times: Times) -> list[datetime]:
    """When each running clock has to be looked at next."""
    return [
        clock.due(times) if clock.kept["warned"] else clock.warns(kept["warn"], times)
        for clock in _clocks(kept)
        if clock.kept["since"] and not clock.kept["breached"]
    ]


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# ── Warning and breach ───────────────────────────────────────────────────────────────────────
# What a policy wants done beside telling: rules act through services that stand above this one.
_then: list[Callable[[Conversation, int, list[str]], None]] = []


def on_told(function: Callable[[Conversation, int, list[str]], None]) -> None:
    """Call it, in the same transaction, with (conversation, policy, what was told)."""
    _then.append(function)


@due.worker("sla")
def look(conversation_id: int) -> datetime | None:
    """Near its end, or past it: each is told once, and what the policy says is done."""
    told: list[tuple[str, str]] = []
    with transaction.atomic():
        conversation = Conversation.objects.locked().filter(pk=conversation_id).first()
        if conversation is None or not conversation.sla:
            return None
        now, kept = timezone.now(), deepcopy(conversation.sla)
        calendar = _Read(kept.get("calendar"))
        times = calendar.times
        for clock in _clocks(kept):
            if not clock.kept["since"]:
                continue
            for mark, at in (
                ("warned", clock.warns(kept.get("warn", WARN_PERCENT), times)),
                ("breached", clock.due(times)),
            ):
                if at <= now and not clock.kept[mark]:
                    clock.kept[mark] = now.isoformat()
                    told.append((mark, clock.kept["kind"]))
                    outbox.emit(
                        f"sla.{mark}",
                        key=f"conversation:{conversation.pk}",
                        data={"conversation": conversation.pk, "kind": clock.kept["kind"],
                              "policy": kept.get("policy", 0)},
                    )  # fmt: skip
        _store(conversation, kept, calendar)
        if not told and (looks := _looks(kept, times)):
            return min(looks)
        for then in _then if told else ():
            then(conversation, kept.get("policy", 0), [mark for mark, _kind in told])
    return None  # `_store` has wished the next look


# ── What the engine waits for a person ───────────────────────────────────────────────────────
def patience(conversation: Conversation, now: datetime | None = None) -> datetime:
    """When a buyer who waits for a person is looked after again. Never in the past.

    With an agent: how long an agent may be silent. In a queue: the promise, while it is to come.
    """
    start = now or timezone.now()
    if conversation.speaker == Speaker.AGENT:
        return add_working(start, agent_silence_s(), team_times(conversation))
    promised = conversation.sla_due_at
    if promised is not None and conversation.sla_kind != RESOLVE and promised > start:
        return promised
    return add_working(start, QUEUE_WAIT.total_seconds(), team_times(conversation))


def after_working(conversation: Conversation, seconds: int) -> datetime:
    """So much working time of its team from now."""
    return add_working(timezone.now(), seconds, team_times(conversation))


def calendar_of(team: int | None) -> int | None:
    """The calendar a team keeps, None: the shop's hours. A conversation of no team is the main
    team's."""
    which = Team.objects.filter(pk=team) if team else Team.objects.filter(is_default=True)
    return which.values_list("calendar", flat=True).first()


def team_times(conversation: Conversation) -> Times:
    return times_of(calendar_of(conversation.team_id))


def agent_silence_s() -> int:
    """The built-in rule's time; where it is switched off, the default look all the same."""
    rule = Rule.objects.filter(builtin="agent_silent").first()
    if rule is None or not rule.is_on or not rule.silence_s:
        return int(AGENT_WAIT.total_seconds())
    return rule.silence_s


def agent_is_relieved() -> bool:
    """Whether a silent agent's buyer goes back to the queue (the built-in rule is on)."""
    return not Rule.objects.filter(builtin="agent_silent", is_on=False).exists()


def decide_again(conversation_id: int, *, anew: bool = False) -> None:
    """Labels, team or priority have changed: another policy may hold. `anew`: hours have."""
    with transaction.atomic():
        conversation = Conversation.objects.locked().filter(pk=conversation_id).first()
        if conversation is None or not conversation.sla:
            return
        settle(conversation, again=not anew, anew=anew)
        if conversation.waiting_since is None or conversation.status != Status.OPEN:
            return
        if (before := conversation.deadline_at) is None or conversation.speaker not in _PERSONS:
            return
        at = patience(conversation)
        # A promise that is to come is the deadline; else it only comes nearer.
        if at != before and (at < before or at == conversation.sla_due_at):
            Conversation.objects.filter(pk=conversation.pk).update(deadline_at=at)
            due.reschedule("deadline", conversation.pk, due_at=at)


def count_anew() -> None:
    """Hours, or which team keeps them, are others from this transaction on."""
    due.schedule("sla_anew", 0)


@due.worker("sla_anew")
def _count_anew(_object_id: int) -> datetime | None:
    """Deadlines that run go by the hours of now; a paused clock reads them when it runs."""
    waiting = Conversation.objects.filter(status=Status.OPEN, speaker__in=_PERSONS)
    for pk in list(waiting.exclude(sla={}).order_by("pk").values_list("pk", flat=True)):
        decide_again(pk, anew=True)
    return None
