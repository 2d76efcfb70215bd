"""Figures of a period beside the one before. Read from read models, never from messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from analytics.histogram import quantile
from analytics.models import DailyFigure, Dialogue
from bots.models import Conversation
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import Event

# Facts of one moment are numbered that far apart at most.
NUMBERED_APART = 1000


@dataclass(frozen=True)
class Period:
    """Both ends belong to it."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def before(self) -> Period:
        """As many days right before it."""
        length = len(self.days)
        return Period(self.first - timedelta(days=length), self.first - timedelta(days=1))


def last_days(today: date, count: int = 7) -> Period:
    return Period(today - timedelta(days=count - 1), today)


@dataclass(frozen=True)
class Figures:
    opened: int = 0
    # Of the dialogues begun in the period: a person was called, took it, or wrote.
    with_person: int = 0
    handed_over: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    refused: int = 0
    median_ms: float | None = None
    by_day: dict[date, int] = field(default_factory=dict)
    handed_by_day: dict[date, int] = field(default_factory=dict)

    @property
    def without_person(self) -> int:
        """Dialogues begun that nobody of the shop was called to or answered in."""
        return max(0, self.opened - self.with_person)

    @property
    def share_without_person(self) -> int | None:
        """Per cent; None where nothing was opened."""
        return round(100 * self.without_person / self.opened) if self.opened else None


def figures(period: Period) -> Figures:
    rows = DailyFigure.objects.filter(day__gte=period.first, day__lte=period.last)
    totals: Counter[str] = Counter()
    by_label: dict[str, Counter[str]] = defaultdict(Counter)
    by_day: dict[str, Counter[date]] = defaultdict(Counter)
    for day, name, label, value in rows.values_list("day", "name", "label", "value"):
        totals[name] += value
        by_label[name][label] += value
        by_day[name][day] += value
    turns = by_label["turn"]
    return Figures(
        opened=totals["opened"],
        with_person=_with_person(period),
        handed_over=totals["handed_over"],
        reasons=dict(by_label["handed_over"].most_common()),
        answers=turns["answer"] + turns["clarify"],
        refused=turns["refuse"],
        median_ms=quantile({int(k): v for k, v in by_label["waited"].items()}, 0.5),
        by_day=dict(by_day["opened"]),
        handed_by_day=dict(by_day["handed_over"]),
    )


def _with_person(period: Period) -> int:
    """By dialogue, not by fact: one may be handed over twice, or taken without being called to."""
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    start = datetime.combine(period.first, time.min, zone)
    end = datetime.combine(period.last + timedelta(days=1), time.min, zone)
    begun = Event.objects.filter(name="conversation.opened", at__gte=start, at__lt=end)
    first = begun.order_by("at").values_list("seq", flat=True).first()
    if first is None:
        return 0
    # The log's index leads near the first row; the rest is a piece of the table.
    found = Dialogue.objects.filter(
        seq__gte=first - NUMBERED_APART, opened_at__gte=start, opened_at__lt=end
    )
    people = Q(handed_at__isnull=False) | Q(taken_at__isnull=False) | Q(reply_at__isnull=False)
    return found.filter(people).count()


def waiting_now() -> int:
    """Buyers who wait for a person this minute."""
    return Conversation.objects.filter(
        status=Conversation.Status.OPEN,
        speaker=Conversation.Speaker.QUEUE,
        waiting_since__isnull=False,
    ).count()


def change(now: float | None, before: float | None) -> int | None:
    """Per cent more or less than before; None where there is nothing to compare with."""
    if now is None or not before:
        return None
    return round(100 * (now - before) / before)
