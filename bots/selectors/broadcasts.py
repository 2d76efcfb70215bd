"""Figures of broadcasts: how far one is, what became of each message, what a data operator asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy

from bots.models import Broadcast, BroadcastItem, Message
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

Item = BroadcastItem.State
_OUT = (Message.State.QUEUED, Message.State.SENDING)
_ARRIVED = (Message.State.SENT, Message.State.DELIVERED, Message.State.READ)
# What became of one message, and its words; in the order in which a page shows them.
RESULTS: dict[str, Any] = {
    "waiting": gettext_lazy("waiting"),
    "sending": gettext_lazy("being sent"),
    "sent": pgettext_lazy("message", "sent"),
    "delivered": gettext_lazy("delivered"),
    "read": pgettext_lazy("message", "read"),
    "failed": gettext_lazy("not delivered"),
    "skipped": pgettext_lazy("recipient", "skipped"),
}
RESULT_WHERE: dict[str, Q] = {
    "waiting": Q(state=Item.WAITING),
    "sending": Q(state=Item.WRITTEN, message__state__in=_OUT),
    "sent": Q(state=Item.WRITTEN, message__state=Message.State.SENT),
    "delivered": Q(state=Item.WRITTEN, message__state=Message.State.DELIVERED),
    "read": Q(state=Item.WRITTEN, message__state=Message.State.READ),
    "failed": Q(
        state=Item.WRITTEN, message__state__in=[Message.State.FAILED, Message.State.DROPPED]
    ),
    "skipped": Q(state=Item.SKIPPED),
}


def result_of(item: BroadcastItem) -> str:
    """One of RESULTS, of an item read with its message."""
    if item.state != Item.WRITTEN:
        return str(item.state)
    state = item.message.state if item.message else Message.State.SENT
    return _result_of(item.state, state)


def _result_of(state: str, message_state: str | None) -> str:
    if state != Item.WRITTEN:
        return state
    if message_state in _OUT:
        return "sending"
    if message_state in (Message.State.FAILED, Message.State.DROPPED):
        return "failed"
    return message_state or "sent"


@dataclass
class Figures:
    results: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.results.values())

    @property
    def done(self) -> int:
        return self.total - self.results["waiting"] - self.results["sending"]

    @property
    def arrived(self) -> int:
        """Sent, delivered or read: the shows that a data operator is told."""
        return sum(self.results[state] for state in _ARRIVED)

    @property
    def share(self) -> int:
        return 100 * self.done // self.total if self.total else 0

    @property
    def rate_per_min(self) -> float:
        return round(self.arrived / self.seconds * 60, 1) if self.seconds >= 1 else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "done": self.done,
            **{name: self.results[name] for name in RESULTS},
            "reasons": dict(self.skipped),
        }


def figures_of(broadcast: Broadcast) -> Figures:
    found = Figures()
    rows = (
        BroadcastItem.objects.filter(broadcast=broadcast)
        .values_list("state", "reason", "message__state")
        .annotate(n=Count("pk"))
    )
    for state, reason, message_state, n in rows:
        found.results[_result_of(state, message_state)] += n
        if state == Item.SKIPPED:
            found.skipped[reason] += n
    if broadcast.started_at:
        ends = broadcast.finished_at or timezone.now()
        found.seconds = max(0.0, (ends - broadcast.started_at).total_seconds())
    return found


def results(broadcast: Broadcast, *, result: str = "", query: str = "") -> QuerySet[BroadcastItem]:
    """Recipients with their messages, in the order of the list."""
    found = BroadcastItem.objects.filter(broadcast=broadcast).select_related(
        "contact__channel", "contact__conversation", "message", "order"
    )
    if result in RESULT_WHERE:
        found = found.filter(RESULT_WHERE[result])
    if query := query.strip()[:80]:
        found = found.filter(
            Q(contact__name__icontains=query)
            | Q(contact__username__icontains=query)
            | Q(order__number__icontains=query)
        )
    return found.order_by("pk")


def broadcasts(*, query: str = "", kind: str = "", state: str = "") -> QuerySet[Broadcast]:
    """The newest first."""
    found = Broadcast.objects.order_by("-pk")
    if query := query.strip()[:80]:
        found = found.filter(name__icontains=query)
    if kind in Broadcast.Kind.values:
        found = found.filter(kind=kind)
    if state in Broadcast.State.values:
        found = found.filter(state=state)
    return found


# ── For an operator of advertising data ──────────────────────────────────────────────────────
@dataclass(frozen=True)
class Shows:
    """One creative in one channel in one month: what is told to an operator of advertising data."""

    erid: str
    advertiser: str
    inn: str
    broadcast: int
    name: str
    channel: str
    channel_name: str
    first: date
    last: date
    shows: int

    COLUMNS = (
        "erid", "advertiser", "inn", "broadcast", "name", "channel", "channel_name", "first",
        "last", "shows",
    )  # fmt: skip

    def row(self) -> list[Any]:
        return [getattr(self, name) for name in self.COLUMNS]


def shows(
    first: date | None = None, last: date | None = None, broadcast: Broadcast | None = None
) -> Iterator[Shows]:
    """Advertising that arrived in these days of the shop's clock, by month, erid and channel."""
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    found = BroadcastItem.objects.filter(
        broadcast__kind=Broadcast.Kind.ADVERTISING,
        state=Item.WRITTEN,
        message__state__in=_ARRIVED,
    )
    if broadcast is not None:
        found = found.filter(broadcast=broadcast)
    if first is not None:
        begins = datetime(first.year, first.month, first.day, tzinfo=zone)
        found = found.filter(message__sent_at__gte=begins)
    if last is not None:
        after = last + timedelta(days=1)
        ends = datetime(after.year, after.month, after.day, tzinfo=zone)
        found = found.filter(message__sent_at__lt=ends)
    rows = (
        found.annotate(month=TruncMonth("message__sent_at", tzinfo=zone))
        .values_list(
            "month", "broadcast", "broadcast__name", "broadcast__ad", "contact__channel__kind",
            "contact__channel__name",
        )
        .annotate(
            n=Count("pk"), begins=Min("message__sent_at"), ends=Max("message__sent_at")
        )
        .order_by("month", "broadcast", "contact__channel__kind", "contact__channel__name")
    )  # fmt: skip
    for _month, pk, name, ad, kind, channel, n, begins, ends in rows:
        yield Shows(
            str(ad.get("erid", "")), str(ad.get("advertiser", "")), str(ad.get("inn", "")),
            pk, name, kind, channel, begins.astimezone(zone).date(), ends.astimezone(zone).date(),
            n,
        )  # fmt: skip
