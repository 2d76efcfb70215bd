"""When / if / then: rules over facts and over silence.

Facts are read from the merchant's event log, each once and in order: the place reached is a
counter that moves in the transaction of what a rule did. Silence is a timer of the conversation
("silence"), moved by every message; the rule looks again at what is true when it is due.

A rule's own effects carry its depth: they may set off other rules once, and the effects of those
set off nothing. Whoever fires too often in one conversation is stopped there, and that is said.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from bots.models import Conversation, Message, Rule, RuleFiring, SlaPolicy
from bots.selectors.calendars import add_working
from bots.selectors.conditions import Case, TooSlow, conditions_checked, holds
from bots.services import messages, sla
from bots.services.actions import ACTIONS, LASTING, PARAMS
from bots.services.elsewhere import kinds_of
from tenants.kernel import due, outbox
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.workspace.models import Counter, Event

log = logging.getLogger(__name__)

RULES_AT_MOST, ACTIONS_AT_MOST = 100, 10
DEEPEST = 1
FIRINGS_AN_HOUR = 20
KEPT = timedelta(days=90)
AT_ONCE = 100
SILENCE_AT_LEAST_S, SILENCE_AT_MOST_S = 60, 30 * 86_400
_CURSOR = "rules"


@dataclass(frozen=True)
class Occasion:
    """What a rule may wait for: a fact of the log, or silence (no fact)."""

    title: Any
    fact: str = ""


EVENTS: dict[str, Occasion] = {
    "opened": Occasion(gettext_lazy("a dialogue begins"), "conversation.opened"),
    "buyer_wrote": Occasion(gettext_lazy("the buyer writes"), "message.received"),
    "agent_replied": Occasion(gettext_lazy("a colleague replies"), "message.written"),
    "handed_over": Occasion(gettext_lazy("the bot hands over"), "conversation.handed_over"),
    "assigned": Occasion(gettext_lazy("it is given to a person"), "conversation.assigned"),
    "resolved": Occasion(gettext_lazy("it is closed"), "conversation.resolved"),
    "reopened": Occasion(gettext_lazy("it is reopened"), "conversation.reopened"),
    "labelled": Occasion(gettext_lazy("a label is put on"), "conversation.labelled"),
    "sla_warned": Occasion(gettext_lazy("the answer time is near its end"), "sla.warned"),
    "sla_breached": Occasion(gettext_lazy("the answer time is over"), "sla.breached"),
    "rated": Occasion(gettext_lazy("the buyer gives a rating"), "rating.given"),
    "call_missed": Occasion(gettext_lazy("a call is missed"), "call.missed"),
    "buyer_silent": Occasion(gettext_lazy("the buyer is silent")),
    "agent_silent": Occasion(gettext_lazy("nobody answers the buyer")),
}
SILENCES = ("buyer_silent", "agent_silent")
# The buyer waits for a person from here on, whoever wrote last.
WAITS_AGAIN = ("conversation.handed_over", "conversation.woken")
FACTS = {one.fact: name for name, one in EVENTS.items() if one.fact}
BUILTIN = {
    "agent_silent": (gettext_noop("A silent colleague's buyer goes to the queue"), "agent_silent",
                     int(sla.AGENT_WAIT.total_seconds())),
    "thanks": (gettext_noop("Thanks after closing do not reopen"), "buyer_wrote", 0),
}  # fmt: skip


# ── Saving ───────────────────────────────────────────────────────────────────────────────────
def actions_checked(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """`[{"act", params…}]` as it is kept. Raises ValidationError naming the row."""
    if len(rows) > ACTIONS_AT_MOST:
        raise ValidationError(_("At most %s actions.") % ACTIONS_AT_MOST)
    kept = []
    for number, row in enumerate(rows, 1):
        act = row.get("act") if isinstance(row, Mapping) else None
        if act not in ACTIONS:
            raise ValidationError(_("Action %s: choose what is done.") % number)
        params = {key: value for key, value in row.items() if key != "act"}
        if unknown := sorted(set(params) - set(PARAMS[act])):
            raise ValidationError(
                _("Action %(n)s: “%(what)s” is not asked for here.")
                % {"n": number, "what": unknown[0]}
            )
        try:
            kinds_of(params.get("kinds"))
        except ValueError as exc:
            raise ValidationError(
                _("Action %(n)s: there is no “%(what)s”.") % {"n": number, "what": exc}
            ) from exc
        kept.append({"act": act, **params})
    return kept


def rule_save(rule: Rule | None, **given: Any) -> Rule:
    """Make or change one: name, is_on, position, event, silence_s, when, then.

    Of a built-in rule the event stays. Raises ValidationError by field.
    """
    saved = rule or Rule()
    faults: dict[str, Any] = {}
    for name, value in given.items():
        if name == "event" and saved.builtin:
            continue
        setattr(saved, name, value)
    saved.name = " ".join(str(saved.name or "").split())[:120]
    if not saved.name:
        faults["name"] = _("Give it a name.")
    if saved.event not in EVENTS:
        faults["event"] = _("Choose when it begins.")
    for name, check in (("when", conditions_checked), ("then", actions_checked)):
        try:
            setattr(saved, name, check(getattr(saved, name) or []))
        except ValidationError as error:
            faults[name] = error.messages
    if not saved.then and not saved.builtin and "then" not in faults:
        faults["then"] = _("Say what is done.")
    is_timed = saved.event in SILENCES
    if is_timed and not SILENCE_AT_LEAST_S <= (saved.silence_s or 0) <= SILENCE_AT_MOST_S:
        faults["silence_s"] = _("From a minute to 30 days.")
    if rule is None and Rule.objects.count() >= RULES_AT_MOST:
        faults["name"] = _("At most %s rules.") % RULES_AT_MOST
    if faults:
        raise ValidationError(faults)
    if not is_timed:
        saved.silence_s = 0
    with transaction.atomic():
        before = Rule.objects.filter(pk=saved.pk, is_on=True).first() if rule is not None else None
        # What begins it is another now: nothing of that kind that has happened sets it off.
        is_new = before is None or before.event != saved.event
        if saved.is_on and (is_new or saved.on_since is None):
            saved.on_since = timezone.now()
        saved.save()
        if before is not None and not is_new and saved.silence_s < before.silence_s:
            due.schedule("silence_all", 0)
        outbox.emit("rule.changed", key="rules", data={"rule": saved.pk})
    forget()
    return saved


def rule_delete(rule: Rule) -> None:
    """A built-in one is only switched off."""
    if rule.builtin:
        raise ValidationError(_("This rule can only be switched off."))
    rule.delete()
    forget()


def builtin_rules() -> None:
    """Rows for the rules the engine keeps, so that they are seen and changed like the others."""
    known = set(Rule.objects.exclude(builtin="").values_list("builtin", flat=True))
    for place, (key, (name, event, silence_s)) in enumerate(BUILTIN.items()):
        if key not in known:
            Rule.objects.get_or_create(
                builtin=key,
                defaults={"name": _(name), "event": event, "silence_s": silence_s, "is_on": True,
                          "position": place - 100, "on_since": timezone.now()},
            )  # fmt: skip


# ── What is switched on ──────────────────────────────────────────────────────────────────────
_known: dict[str, tuple[float, dict[str, int]]] = {}
KNOWN_FOR_S = 2.0


def switched_on() -> dict[str, int]:
    """Event → its shortest silence. A merchant without rules costs the relay nothing: read again
    after KNOWN_FOR_S, at once where this process has changed a rule."""
    schema = current_schema()
    until, found = _known.get(schema, (0.0, {}))
    if until < time.monotonic():
        found = {}
        for event, silence_s in Rule.objects.filter(is_on=True, builtin="").values_list(
            "event", "silence_s"
        ):
            found[event] = min(silence_s, found.get(event, silence_s))
        _known[schema] = (time.monotonic() + KNOWN_FOR_S, found)
    return found


def forget() -> None:
    _known.pop(current_schema(), None)


# ── Facts ────────────────────────────────────────────────────────────────────────────────────
def noticed(event: outbox.Event) -> None:
    """A fact was numbered: rules that wait for it are wished, timers of silence are moved."""
    on = switched_on()
    if not on:
        return
    if event.name in ("message.received", "message.written"):
        _move_silence(event, on)
    elif event.name in WAITS_AGAIN and "agent_silent" in on:
        waits = timedelta(seconds=on["agent_silent"])
        due.schedule("silence", event.data["conversation"], due_at=timezone.now() + waits)
    name = FACTS.get(event.name)
    if name in on and is_meant(event.name, event.data):
        due.schedule("rules", 0)


def is_meant(fact: str, data: Mapping[str, Any]) -> bool:
    """Whether a fact of this name is what a rule waits for: a label put on, not one taken off."""
    if data.get("depth", 0) > DEEPEST:
        return False
    if fact == "message.written":
        return data.get("author") == Message.Author.AGENT
    if fact == "conversation.assigned":
        return data.get("agent") is not None
    if fact == "conversation.labelled":
        return bool(data.get("added"))
    return True


def _move_silence(event: outbox.Event, on: Mapping[str, int]) -> None:
    if not set(SILENCES) & set(on):
        return
    author = event.data.get("author", "buyer")
    if author in ("system", "automation"):
        return
    waits = on.get("agent_silent" if author == "buyer" else "buyer_silent")
    pk = event.data["conversation"]
    if waits is None:
        due.cancel("silence", pk)
    else:
        due.reschedule("silence", pk, due_at=timezone.now() + timedelta(seconds=waits))


@due.worker("rules")
def follow_log(_object_id: int) -> datetime | None:
    """Facts since the place reached, one transaction each."""
    rules = [
        rule
        for rule in Rule.objects.filter(is_on=True, builtin="").order_by("position", "pk")
        if rule.event in EVENTS and rule.event not in SILENCES and rule.on_since is not None
    ]
    if not rules:
        return None
    names = {EVENTS[rule.event].fact for rule in rules}
    since = min(rule.on_since for rule in rules if rule.on_since)
    reached = Counter.objects.filter(name=_CURSOR).values_list("value", flat=True).first() or 0
    events = list(
        Event.objects.filter(seq__gt=reached, name__in=names, at__gte=since).order_by("seq")[
            :AT_ONCE
        ]
    )
    for event in events:
        with transaction.atomic():
            counter, _new = Counter.objects.select_for_update().get_or_create(name=_CURSOR)
            if counter.value >= event.seq:
                continue
            if is_meant(event.name, event.data):
                _happened(event, rules)
            counter.value = event.seq
            counter.save(update_fields=["value"])
    return timezone.now() if len(events) == AT_ONCE else None


def _happened(event: Event, rules: Iterable[Rule]) -> None:
    waiting = [
        rule
        for rule in rules
        if EVENTS[rule.event].fact == event.name
        and rule.on_since is not None
        and rule.on_since <= event.at
        and rule.pk != event.data.get("rule")
    ]
    conversation = _found(event.data.get("conversation")) if waiting else None
    if conversation is None:
        return
    message = Message.objects.filter(pk=event.data.get("message") or 0).first()
    if event.name == "message.written" and (
        message is None or message.kind in (Message.Kind.NOTE, Message.Kind.SYSTEM)
    ):
        return
    text = message.text if message else _last_words(conversation)
    for rule in waiting:
        case = Case(_found(conversation.pk) or conversation, text, event.at)
        _try(rule, case, depth=event.data.get("depth", 0) + 1, place=event.seq)


def _found(pk: Any) -> Conversation | None:
    found = Conversation.objects.select_related("channel", "contact", "team")
    return found.filter(pk=pk or 0).first()


def _last_words(conversation: Conversation) -> str:
    found = Message.objects.filter(conversation=conversation, author=Message.Author.BUYER)
    return found.order_by("-seq").values_list("text", flat=True).first() or ""


def _try(rule: Rule, case: Case, *, depth: int, place: int) -> None:
    try:
        fits = holds(rule.when, case)
    except TooSlow as exc:
        _note(case.conversation, rule, "failed", place, {"why": str(exc)})
        return
    if fits:
        perform(
            case.conversation, rule.then, event=rule.event, name=rule.name, rule=rule,
            depth=depth, place=place,
        )  # fmt: skip


# ── Doing ────────────────────────────────────────────────────────────────────────────────────
def perform(
    conversation: Conversation,
    then: Sequence[Any],
    *,
    event: str,
    name: str,
    rule: Rule | None,
    depth: int,
    place: int = 0,
) -> RuleFiring | None:
    """Do everything of `then` that can be done, and note it. None where it was stopped before."""
    if _is_stopped(conversation):
        return None
    hour = timezone.now() - timedelta(hours=1)
    # A label that is there already, put on at each message of a long talk, is no loop.
    lately = RuleFiring.objects.filter(~Q(detail__has_key="idle"), conversation=conversation)
    if lately.filter(at__gt=hour).count() >= FIRINGS_AN_HOUR:
        messages.system_line(conversation, "rules_stopped", name=name)
        return _note(conversation, rule, "stopped", place, {"name": name, "event": event})
    done: list[str] = []
    changed = False
    refused: list[list[str]] = []
    with outbox.because(rule=rule.pk if rule else 0, depth=depth):
        for row in then:
            act = row.get("act") if isinstance(row, Mapping) else None
            if act not in ACTIONS:
                continue
            params = {key: value for key, value in row.items() if key != "act"}
            try:
                with transaction.atomic():
                    now = _found(conversation.pk)
                    assert now is not None
                    how = ACTIONS[act](now, params, None)
                done.append(act)
                changed = changed or bool(how) or act in LASTING
            except RuleBroken as exc:
                refused.append([act, str(exc)])
            except OperationalError:
                raise
            except (DatabaseError, TypeError, ValueError, LookupError) as exc:
                log.exception("%s of rule %s failed", act, rule.pk if rule else name)
                refused.append([act, type(exc).__name__])
        outcome = "done" if not refused else "refused" if done else "failed"
        return _note(
            conversation, rule, outcome, place,
            {"name": name, "event": event, "done": done, "refused": refused,
             **({} if changed or refused else {"idle": True})},
        )  # fmt: skip


def escalate(conversation: Conversation, policy_id: int, told: list[str]) -> None:
    """Do what a policy wants at its warning or its end (`told`: warned, breached)."""
    policy = SlaPolicy.objects.filter(pk=policy_id).first()
    if policy is None:
        return
    for mark in told:
        then = (policy.escalate or {}).get(mark)
        if then:
            perform(conversation, then, event=f"sla_{mark}", name=policy.name, rule=None, depth=1)


sla.on_told(escalate)


def _is_stopped(conversation: Conversation) -> bool:
    """Rules act no more in this episode."""
    return RuleFiring.objects.filter(
        conversation=conversation,
        outcome=RuleFiring.Outcome.STOPPED,
        detail__episode=conversation.episode_id,
    ).exists()


def _note(
    conversation: Conversation, rule: Rule | None, outcome: str, place: int, detail: dict[str, Any]
) -> RuleFiring:
    detail = {"name": rule.name if rule else "", "event": rule.event if rule else "", **detail}
    firing = RuleFiring.objects.create(
        rule=rule,
        conversation=conversation,
        at=timezone.now(),
        outcome=outcome,
        place=place,
        detail={**detail, "episode": conversation.episode_id},
    )
    outbox.emit(
        "rule.fired",
        key=f"conversation:{conversation.pk}",
        data={"conversation": conversation.pk, "firing": firing.pk,
              "rule": rule.pk if rule else 0, "outcome": outcome},
    )  # fmt: skip
    due.schedule("rules_prune", 0, due_at=timezone.now() + timedelta(days=1))
    return firing


@due.worker("rules_prune")
def prune(_object_id: int) -> datetime | None:
    """The log is kept KEPT long; a macro can be undone for minutes and is kept as long."""
    from bots.models import MacroRun

    old = timezone.now() - KEPT
    RuleFiring.objects.filter(at__lt=old).delete()
    MacroRun.objects.filter(at__lt=old).delete()
    return timezone.now() + timedelta(days=1) if RuleFiring.objects.exists() else None


# ── Silence ──────────────────────────────────────────────────────────────────────────────────
@due.worker("silence")
def end_silence(conversation_id: int) -> datetime | None:
    """Whoever was to write has not: each rule whose time has come fires once for this silence."""
    rules = list(Rule.objects.filter(is_on=True, builtin="", event__in=SILENCES))
    with transaction.atomic():
        Conversation.objects.locked().filter(pk=conversation_id).first()
        conversation = _found(conversation_id)
        if conversation is None or conversation.status != Conversation.Status.OPEN:
            return None
        last = _last_message(conversation)
        if last is None:
            return None
        later = []
        for rule in rules:
            at = _silent_until(rule, conversation, last)
            if at is None:
                continue
            if at > timezone.now():
                later.append(at)
            elif rule.on_since and last.created_at >= rule.on_since and not _fired(rule, last):
                text = last.text if last.author == "buyer" else _last_words(conversation)
                _try(rule, Case(conversation, text), depth=1, place=last.seq)
        return min(later, default=None)


@due.worker("silence_all")
def look_at_silences(_object_id: int) -> datetime | None:
    """A rule waits less than it did: its time may have come where the timer says later."""
    for pk in list(Conversation.objects.filter(status="open").values_list("pk", flat=True)):
        with transaction.atomic():
            due.schedule("silence", pk)
    return None


def _last_message(conversation: Conversation) -> Message | None:
    """The last of buyer, bot or a person; what rules say themselves does not break a silence."""
    return (
        Message.objects.filter(conversation=conversation, episode=conversation.episode_id)
        .exclude(kind__in=(Message.Kind.NOTE, Message.Kind.SYSTEM))
        .exclude(author__in=(Message.Author.AUTOMATION, Message.Author.SYSTEM))
        .order_by("-seq")
        .first()
    )


def _silent_until(rule: Rule, conversation: Conversation, last: Message) -> datetime | None:
    """When the rule's silence is full; None where it is not this side's turn to write."""
    if rule.event == "buyer_silent":
        if last.author == Message.Author.BUYER or conversation.waiting_since is not None:
            return None
        return last.created_at + timedelta(seconds=rule.silence_s)
    waits = conversation.waiting_since
    if waits is None or conversation.speaker not in (sla.Speaker.QUEUE, sla.Speaker.AGENT):
        return None
    return add_working(waits, rule.silence_s, sla.team_times(conversation))


def _fired(rule: Rule, last: Message) -> bool:
    return RuleFiring.objects.filter(
        rule=rule, conversation=last.conversation_id, place=last.seq
    ).exists()


def relieved(conversation: Conversation) -> None:
    """The engine gave a silent colleague's buyer to the queue: the built-in rule's part."""
    rule = Rule.objects.filter(builtin="agent_silent").first()
    if rule is not None:
        perform(
            conversation, rule.then, event=rule.event, name=rule.name, rule=rule, depth=1,
            place=conversation.last_seq,
        )  # fmt: skip
