"""Who gets a broadcast, and who does not and why.

`Broadcast.audience` is {"who": …} with
    "all"; "segment": {"segment": id}; "labels": {"labels": [names]}, of dialogues;
    "contacts": {"contacts": [ids]};
    "orders": {"statuses": [...], "from": "2026-11-01", "to": …}, of proven buyers;
    "requests": {"kinds": [...], "states": [...]}, whoever has asked for a return or a repeat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy

from bots.channels.base import ChannelManifest, ReplyMode
from bots.models import Broadcast, Channel, Contact, Identity, Person, Segment
from bots.selectors.advertising import bans, consented, key_of
from bots.selectors.segments import segment_condition
from bots.selectors.sendable import approved_templates, manifest_of, past_window
from integrations.models import Order, OrderRequest
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

TIED = ("orders", "requests")
WHO = ("all", "segment", "labels", "contacts", *TIED)
# What a number and a phone prove is enough to be told of the order's state.
PROOFS = (*Identity.PROVEN, Identity.Proof.ORDER)
REASONS: Mapping[str, Any] = {
    "blocked": gettext_lazy("blocked by you"),
    "unreachable": gettext_lazy("has blocked the channel"),
    "no_consent": gettext_lazy("gave no consent to advertising"),
    "forbidden": gettext_lazy("advertising is forbidden in this channel"),
    "window": gettext_lazy("the channel's reply window is over"),
    "cannot_begin": gettext_lazy("the channel lets nobody write first"),
    "public": gettext_lazy("a public discussion"),
    "twice": gettext_lazy("gets it in another channel"),
    "no_value": gettext_lazy("a value of the text is unknown"),
    "busy": gettext_lazy("was in a talk for a day"),
    "stopped": gettext_lazy("stopped before their turn"),
    "no_text": gettext_lazy("there is nothing to say to them"),
    "gone": pgettext_lazy("a buyer", "gone"),
}


@dataclass(frozen=True)
class Candidate:
    """`reason` is empty for whoever gets it."""

    contact: int
    channel: int
    reason: str
    order: int | None = None


@dataclass
class Audience:
    """The count before it is sent."""

    gets: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    by_channel: Counter[int] = field(default_factory=Counter)

    @property
    def found(self) -> int:
        return self.gets + sum(self.skipped.values())


def counted(broadcast: Broadcast) -> Audience:
    found = Audience()
    for one in candidates(broadcast):
        if one.reason:
            found.skipped[one.reason] += 1
        else:
            found.gets += 1
            found.by_channel[one.channel] += 1
    return found


def channels_of(broadcast: Broadcast) -> list[Channel]:
    """In the order in which a person is written to; those that are gone are left out."""
    found = Channel.objects.in_bulk([pk for pk in broadcast.channels if isinstance(pk, int)])
    return [found[pk] for pk in dict.fromkeys(broadcast.channels) if pk in found]


def candidates(broadcast: Broadcast) -> Iterator[Candidate]:
    """Everybody the audience names, once; a person with several contacts gets it in one of them."""
    now = timezone.now()
    channels = channels_of(broadcast)
    orders = _orders_of(broadcast) if broadcast.audience.get("who") in TIED else None
    wanted = _wanted(broadcast.audience, orders)
    words = consented() if broadcast.is_advertising else {}
    forbidden = bans() if broadcast.is_advertising else {}
    had: set[tuple[str, int]] = set()
    for channel in channels:
        manifest = manifest_of(channel)
        never = _never(channel, manifest, forbidden)
        rows = (
            wanted.filter(channel=channel)
            .annotate(root=Coalesce("person__merged_into", "person"))
            .order_by("-pk")
            .values_list(
                "pk", "root", "is_blocked", "is_reachable", "conversation__is_public",
                "conversation__window_expires_at",
            )
        )  # fmt: skip
        for pk, root, is_blocked, is_reachable, is_public, window in rows.iterator(2000):
            key = key_of(root, pk)
            if key in had:
                reason = "twice"
            elif is_blocked:
                reason = "blocked"
            elif not is_reachable:
                reason = "unreachable"
            elif is_public:
                reason = "public"
            elif never:
                reason = never
            elif broadcast.is_advertising and not words.get(key):
                reason = "no_consent"
            elif is_shut(window, now) and not passes_window(broadcast, channel):
                reason = "window"
            else:
                reason = ""
                had.add(key)
            yield Candidate(pk, channel.pk, reason, orders.get(pk) if orders else None)


def is_shut(window: datetime | None, now: datetime) -> bool:
    return window is not None and window <= now


def passes_window(broadcast: Broadcast, channel: Channel) -> bool:
    """Whether the platform lets this text out past its window: an approved template."""
    if broadcast.template_id is None or "template" not in past_window(channel):
        return False
    manifest = manifest_of(channel)
    is_asked = manifest is not None and manifest.has_templates
    return not is_asked or broadcast.template_id in approved_templates(channel)


def _never(channel: Channel, manifest: ChannelManifest | None, forbidden: Mapping[str, str]) -> str:
    if manifest is None or not manifest.is_offered:
        return "gone"
    is_pushed = manifest.reply_mode == ReplyMode.PUSH and manifest.can_write
    if not is_pushed or not manifest.can_write_first:
        return "cannot_begin"
    return "forbidden" if channel.kind in forbidden else ""


def _wanted(audience: Mapping[str, Any], orders: Mapping[int, int] | None) -> QuerySet[Contact]:
    """Contacts with a dialogue. What is not understood is nobody."""
    found = Contact.objects.filter(conversation__isnull=False)
    match audience.get("who"):
        case "all":
            return found
        case "segment":
            segment = Segment.objects.filter(pk=_whole(audience.get("segment"))).first()
            if segment is None:
                return found.none()
            people = Person.objects.filter(merged_into=None).filter(
                segment_condition(segment.conditions)
            )
            return found.filter(Q(person__in=people) | Q(person__merged_into__in=people))
        case "labels":
            labels = [str(one) for one in audience.get("labels") or ()]
            return found.filter(conversation__labels__has_any_keys=labels)
        case "contacts":
            return found.filter(pk__in=[_whole(one) for one in audience.get("contacts") or ()])
        case "orders" | "requests":
            return found.filter(pk__in=list(orders or ()))
    return found.none()


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _orders_of(broadcast: Broadcast) -> dict[int, int]:
    """Contact → the newest order of theirs that is meant."""
    audience = broadcast.audience
    if audience.get("who") == "requests":
        return _by_requests(audience)
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    orders = Order.objects.filter(status__in=[str(s) for s in audience.get("statuses") or ()])
    if begins := _day(audience.get("from")):
        orders = orders.filter(placed_at__gte=datetime(*begins.timetuple()[:3], tzinfo=zone))
    if ends := _day(audience.get("to")):
        after = ends + timedelta(days=1)
        orders = orders.filter(placed_at__lt=datetime(*after.timetuple()[:3], tzinfo=zone))
    return _by_identity(orders.order_by("placed_at").values_list("pk", "phone", "email"))


def _by_identity(orders: Iterable[tuple[int, str, str]]) -> dict[int, int]:
    """By what the buyer has proven; the last order of the list is the one that is told of."""
    phones: dict[str, int] = {}
    emails: dict[str, int] = {}
    for pk, phone, email in orders:
        if phone:
            phones[phone] = pk
        if email:
            emails[email] = pk
    found: dict[int, int] = {}
    for kind, known in (("email", emails), ("phone", phones)):
        values = list(known)
        for start in range(0, len(values), 5000):
            rows = Identity.objects.filter(
                kind=kind, value__in=values[start : start + 5000], proof__in=PROOFS
            )
            for contact, value in rows.values_list("contact", "value"):
                found[contact] = max(found.get(contact, 0), known[value])
    return found


def _by_requests(audience: Mapping[str, Any]) -> dict[int, int]:
    """Where a request was made in a dialogue its buyer is known; else by the order."""
    rows = OrderRequest.objects.filter(
        kind__in=[str(one) for one in audience.get("kinds") or ()],
        state__in=[str(one) for one in audience.get("states") or ()],
    ).order_by("pk")
    by_talk = {talk: order for talk, order in rows.values_list("conversation", "order") if talk}
    talks = Contact.objects.filter(conversation__in=list(by_talk))
    found = {pk: by_talk[talk] for pk, talk in talks.values_list("pk", "conversation")}
    rest = rows.filter(conversation=None).values_list("order", "order__phone", "order__email")
    return {**_by_identity(rest), **found}
