"""Work of kind "broadcast": hand messages to their channels, one by one, at the channels' pace.

Each message is written in the transaction that marks its recipient, so a worker that dies in
between has done neither, and the next one goes on: nobody gets it twice, nobody is left out. What
is written is delivered like any message (bots.services.delivery), behind what buyers wait for.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from bots.models import Broadcast, BroadcastItem, Channel, Conversation, Message
from bots.selectors.advertising import bans, has_consent, is_told, quiet_until
from bots.selectors.audience import candidates, channels_of, is_shut, passes_window
from bots.selectors.broadcasts import figures_of
from bots.selectors.sendable import manifest_of
from bots.services import platform_templates
from bots.services.broadcast_text import content_for, dressed
from bots.services.broadcast_write import message_write
from tenants.kernel import due
from tenants.kernel.context import current_schema, release_connection
from tenants.selectors.hosts import merchant_of
from tenants.services.audit import audit

State, Item = Broadcast.State, BroadcastItem.State
# One thread stays with a broadcast for so long; then the row is free for whoever comes.
SLICE_S = 120.0
READ_AT_ONCE = 200
# Somebody talks to this buyer: tried again after this, given up after that.
TALKS = timedelta(minutes=10)
ANSWERED_SOON = timedelta(minutes=1)
GIVE_UP = timedelta(days=1)
# A talk with a person counts as going on for so long after its last message.
TALK_LASTS = timedelta(hours=2)
# Written and not out yet, in seconds of the channel's pace: never a long line before the gate, and
# enough for a machine that is busy.
AHEAD_S = 1.6
# How far a channel that was held up may catch up; the platform's own pace bounds it again.
CATCH_UP_S = 0.5
# A channel without a pace of its own.
FASTEST_PER_S = 100.0
LOOK_EVERY_S = 0.3
SWITCHED_OFF = timedelta(minutes=1)
# A worker that was asked to end leaves the rest to another.
stopping = threading.Event()


@due.worker("broadcast")
def send(broadcast_id: int) -> datetime | None:
    row = Broadcast.objects.select_related("template").filter(pk=broadcast_id).first()
    if row is None or row.state not in (State.READY, State.SENDING):
        return None
    if not merchant_of(current_schema()).is_serving:
        return timezone.now() + SWITCHED_OFF
    if row.is_advertising and (
        morning := quiet_until(timezone.now(), row.quiet_from, row.quiet_to)
    ):
        return morning
    if row.state == State.READY and not _prepare(row):
        return None
    return _Run(row).go()


def _prepare(row: Broadcast) -> bool:
    """Make the list. A kill on the way makes it again: who is on it stays as they are."""
    found = candidates(row)
    while part := list(islice(found, 1000)):
        BroadcastItem.objects.bulk_create(
            [
                BroadcastItem(
                    broadcast=row,
                    contact_id=one.contact,
                    order_id=one.order,
                    state=Item.SKIPPED if one.reason else Item.WAITING,
                    reason=one.reason,
                )
                for one in part
            ],
            ignore_conflicts=True,
        )
    with transaction.atomic():
        held = Broadcast.objects.select_for_update(of=("self",), no_key=True).get(pk=row.pk)
        if held.state != State.READY:
            return False
        held.state, held.started_at, held.detail = State.SENDING, timezone.now(), ""
        held.save(update_fields=["state", "started_at", "detail"])
    row.state, row.started_at = held.state, held.started_at
    return True


@dataclass
class _Lane:
    """One channel of a broadcast: who comes next, when, and what is on its way."""

    channel: Channel
    per_s: float
    waiting: deque[int] = field(default_factory=deque)
    next_at: float = field(default_factory=time.monotonic)
    out: set[int] = field(default_factory=set)

    @property
    def room(self) -> bool:
        return len(self.out) < max(3.0, self.per_s * AHEAD_S)


class _Run:
    """One worker's time with a broadcast."""

    def __init__(self, row: Broadcast) -> None:
        self.row = row
        self.lanes = {
            channel.pk: _Lane(channel, manifest.rate_per_s or FASTEST_PER_S)
            for channel in channels_of(row)
            if (manifest := manifest_of(channel)) is not None
            and channel.state == Channel.State.LIVE
        }
        self.bans = bans() if row.is_advertising else {}
        self.next_at = 0.0  # of all channels together, by the merchant's own throttle
        self.looked_at = 0.0

    def go(self) -> datetime | None:
        ends = time.monotonic() + SLICE_S
        self._remember()
        while time.monotonic() < ends and not stopping.is_set():
            if time.monotonic() - self.looked_at > LOOK_EVERY_S:
                self._look()
                if self.row.state != State.SENDING:
                    return None
            lane = self._next()
            if lane is None:
                if not self._refill():
                    if not any(lane.waiting for lane in self.lanes.values()):
                        return self._rest()
                    self._pause(0.05)
                continue
            pause = max(lane.next_at, self.next_at) - time.monotonic()
            if pause > 0:
                self._pause(min(pause, LOOK_EVERY_S))
                continue
            self._one(lane)
        return timezone.now() + timedelta(milliseconds=20)

    @staticmethod
    def _pause(seconds: float) -> None:
        release_connection()
        time.sleep(seconds)

    def _next(self) -> _Lane | None:
        ready = [lane for lane in self.lanes.values() if lane.waiting and lane.room]
        return min(ready, key=lambda lane: lane.next_at, default=None)

    def _refill(self) -> bool:
        """Read who comes next. False when there is nobody more to read just now."""
        thirsty = [lane.channel.pk for lane in self.lanes.values() if not lane.waiting]
        rows = BroadcastItem.objects.filter(
            Q(later_at=None) | Q(later_at__lte=timezone.now()),
            broadcast=self.row,
            state=Item.WAITING,
            contact__channel__in=thirsty,
        ).order_by("pk")
        found = list(rows.values_list("pk", "contact__channel")[:READ_AT_ONCE]) if thirsty else []
        for pk, channel in found:
            self.lanes[channel].waiting.append(pk)
        return bool(found)

    def _remember(self) -> None:
        """What an earlier worker has written and is not out."""
        rows = (
            BroadcastItem.objects.filter(
                broadcast=self.row,
                state=Item.WRITTEN,
                message__state__in=[Message.State.QUEUED, Message.State.SENDING],
            )
            .order_by("-message")
            .values_list("message", "contact__channel")[:READ_AT_ONCE]
        )
        for message, channel in rows:
            if channel in self.lanes:
                self.lanes[channel].out.add(message)

    def _look(self) -> None:
        """What has gone out meanwhile, and whether a person has paused it."""
        self.looked_at = time.monotonic()
        out = [pk for lane in self.lanes.values() for pk in lane.out]
        still = set(
            Message.objects.filter(
                pk__in=out, state__in=[Message.State.QUEUED, Message.State.SENDING]
            ).values_list("pk", flat=True)
        )
        for lane in self.lanes.values():
            lane.out &= still
        state = Broadcast.objects.filter(pk=self.row.pk).values_list("state", flat=True).first()
        self.row.state = state or State.STOPPED
        if self.row.is_advertising and quiet_until(
            timezone.now(), self.row.quiet_from, self.row.quiet_to
        ):
            self.lanes.clear()
        live = Channel.objects.filter(pk__in=list(self.lanes), state=Channel.State.LIVE)
        for pk in set(self.lanes) - set(live.values_list("pk", flat=True)):
            del self.lanes[pk]

    def _one(self, lane: _Lane) -> None:
        """The next recipient of a channel: written, put off or skipped, in one transaction."""
        pk = lane.waiting.popleft()
        with transaction.atomic():
            held = (
                Broadcast.objects.select_for_update(of=("self",), no_key=True)
                .filter(pk=self.row.pk)
                .values_list("state", flat=True)
                .first()
            )
            if held != State.SENDING:
                self.row.state = held or State.STOPPED
                return
            item = (
                BroadcastItem.objects.select_for_update(of=("self",), no_key=True)
                .select_related("contact__person", "order__parcel")
                .filter(pk=pk, state=Item.WAITING)
                .first()
            )
            if item is None:
                return
            written = self._write(lane, item)
        if written is None:
            return
        now = time.monotonic()
        lane.out.add(written)
        lane.next_at = max(lane.next_at + 1 / lane.per_s, now - CATCH_UP_S)
        if self.row.throttle:
            self.next_at = max(self.next_at + 60 / self.row.throttle, now)

    def _write(self, lane: _Lane, item: BroadcastItem) -> int | None:
        conversation = (
            Conversation.objects.locked()
            .select_related("contact", "channel")
            .filter(contact=item.contact_id)
            .first()
        )
        now = timezone.now()
        reason = "gone" if conversation is None else self._reason(conversation, item, now)
        if reason or conversation is None:
            self._skip(item, reason, now)
            return None
        if until := _talks_until(conversation, now):
            if item.reason != "busy":
                item.reason, item.at = "busy", now
            elif now - item.at > GIVE_UP:
                self._skip(item, "busy", now)
                return None
            item.later_at = until
            item.save(update_fields=["reason", "later_at", "at"])
            return None
        manifest = manifest_of(lane.channel)
        said = content_for(self.row, conversation, item.order)
        if not said.text or manifest is None:
            self._skip(item, "no_value" if said.missing else "no_text", now)
            return None
        is_past, approved = is_shut(conversation.window_expires_at, now), {}
        if is_past:
            try:
                approved = platform_templates.filled(
                    conversation, self.row.template_id or 0, said.text, is_alone=not said.files
                )
            except platform_templates.NotApproved:
                self._skip(item, "window", now)
                return None
        if not approved:
            said = dressed(self.row, said, manifest)
        elif self.row.is_advertising and not is_told(said.text, self.row.ad):
            # What a platform has approved goes out word for word: its own words hold the marks.
            self._skip(item, "window", now)
            return None
        item.message_id = message_write(
            conversation,
            said,
            meta={
                "broadcast": self.row.pk,
                **({"ad": True} if self.row.is_advertising else {}),
                **({"past_window": True} if is_past else {}),
                **({"approved": approved} if approved else {}),
            },
        )
        item.state, item.reason, item.later_at, item.at = Item.WRITTEN, "", None, now
        item.save(update_fields=["state", "reason", "message", "later_at", "at"])
        return item.message_id

    def _reason(self, conversation: Conversation, item: BroadcastItem, now: datetime) -> str:
        """Why not, by what holds now: hours may have passed since it was counted."""
        contact = item.contact
        if contact.is_blocked:
            return "blocked"
        if not contact.is_reachable:
            return "unreachable"
        if conversation.is_public:
            return "public"
        if self.row.is_advertising:
            if conversation.channel.kind in self.bans:
                return "forbidden"
            if not has_consent(contact):
                return "no_consent"
        elif item.order is None:
            return "gone"
        if is_shut(conversation.window_expires_at, now) and not passes_window(
            self.row, conversation.channel
        ):
            return "window"
        return ""

    @staticmethod
    def _skip(item: BroadcastItem, reason: str, now: datetime) -> None:
        item.state, item.reason, item.at = Item.SKIPPED, reason, now
        item.save(update_fields=["state", "reason", "at"])

    def _rest(self) -> datetime | None:
        """Nobody comes next: done, or when to look again."""
        self._look()
        if self.row.state != State.SENDING:
            return None
        now = timezone.now()
        if self.row.is_advertising and (
            morning := quiet_until(now, self.row.quiet_from, self.row.quiet_to)
        ):
            return morning
        items = BroadcastItem.objects.filter(broadcast=self.row)
        # Taken back by the engine, not by a person: the buyer wrote just then. Once more, later.
        items.filter(state=Item.WRITTEN, message__state=Message.State.DROPPED).update(
            state=Item.WAITING, message=None, reason="busy", later_at=now + TALKS, at=now
        )
        waiting = items.filter(state=Item.WAITING)
        gone = waiting.exclude(contact__channel__in=Channel.objects.values("pk"))
        gone.update(state=Item.SKIPPED, reason="gone", at=now)
        if waiting.exists():
            soonest = waiting.aggregate(at=Min("later_at", filter=Q(later_at__gt=now)))["at"]
            is_off = waiting.exclude(contact__channel__in=list(self.lanes)).exists()
            Broadcast.objects.filter(pk=self.row.pk).update(detail="channel" if is_off else "")
            later = [at for at in (soonest, now + SWITCHED_OFF if is_off else None) if at]
            return min(later, default=now + timedelta(seconds=1))
        if any(lane.out for lane in self.lanes.values()) or self._is_out():
            return now + timedelta(seconds=1)
        self._finish()
        return None

    def _is_out(self) -> bool:
        """Whether anything is still on its way, whoever wrote it."""
        return BroadcastItem.objects.filter(
            broadcast=self.row,
            state=Item.WRITTEN,
            message__state__in=[Message.State.QUEUED, Message.State.SENDING],
        ).exists()

    def _finish(self) -> None:
        with transaction.atomic():
            held = Broadcast.objects.select_for_update(of=("self",), no_key=True).get(
                pk=self.row.pk
            )
            if held.state != State.SENDING:
                return
            held.state, held.finished_at, held.detail = State.DONE, timezone.now(), ""
            held.counts = figures_of(held).as_json()
            held.save(update_fields=["state", "finished_at", "detail", "counts"])
            audit("broadcast.done", f"{held} (#{held.pk})", **held.counts)


def _talks_until(conversation: Conversation, now: datetime) -> datetime | None:
    """When to try again while this buyer is in a talk; None where nobody is interrupted."""
    if conversation.status != Conversation.Status.OPEN:
        return None
    if conversation.speaker == Conversation.Speaker.BOT:
        return now + ANSWERED_SOON if conversation.waiting_since is not None else None
    if conversation.speaker == Conversation.Speaker.NOBODY:
        return None
    is_fresh = conversation.updated_at > now - TALK_LASTS
    return now + TALKS if conversation.waiting_since is not None or is_fresh else None
