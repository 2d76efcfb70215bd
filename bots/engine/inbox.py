"""Work of kind "inbox": apply what waits in one lane, in the order it came."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from bots.channels.base import Unsupported
from bots.models import Channel, Inbox
from bots.services.channels import adapter_of
from bots.services.receive import apply
from tenants.kernel import due
from tenants.kernel.compiled import Compiled

log = logging.getLogger(__name__)

AT_ONCE = 50
_channel = Compiled(lambda pk: Channel.objects.select_related("bot").filter(pk=pk), int)
# A payload that fails this often is set aside with its reason; the lane goes on.
TRIES = 4
NOTE_EVERY = timedelta(seconds=30)


@due.worker("inbox")
def apply_lane(lane: int) -> datetime | None:
    while _apply_some(lane) == AT_ONCE:
        pass
    return None


def _apply_some(lane: int) -> int:
    try:
        with transaction.atomic():
            rows = _waiting(lane)
            channels: dict[int, Channel | None] = {}
            for row in rows:
                _apply_row(row, channels)
            _applied(rows)
            return len(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # a payload may break any code it meets
        log.exception("lane %s: a payload does not fit; trying one by one", lane)
    count = 0
    while count < AT_ONCE:
        with transaction.atomic():
            rows = _waiting(lane, 1)
            if not rows:
                return count
            row = rows[0]
            try:
                with transaction.atomic():
                    _apply_row(row, {})
                    _applied([row])
            except (OperationalError, InterfaceError):
                raise
            except Exception as exc:  # told beside the payload
                _set_aside(row, exc)
                if row.applied_at is None:
                    raise_later = exc
                    break
        count += 1
    else:
        return count
    raise raise_later


def _waiting(lane: int, limit: int = AT_ONCE) -> list[Inbox]:
    return list(
        Inbox.objects.raw(
            "SELECT id, channel_id, lane, payload, received_at, applied_at, attempts, error "
            "FROM bots_inbox WHERE lane = %s AND applied_at IS NULL "
            "ORDER BY id LIMIT %s FOR NO KEY UPDATE",
            (lane, limit),
        )
    )


def _apply_row(row: Inbox, channels: dict[int, Channel | None]) -> None:
    if row.channel_id not in channels:
        channels[row.channel_id] = _channel.first(row.channel_id)
    channel = channels[row.channel_id]
    if channel is None:
        return
    try:
        for occurrence in adapter_of(channel).parse(row.payload):
            apply(channel, row.lane, occurrence)
    except Unsupported as exc:
        row.error = f"not used: {exc}"[:300]
    # Not with each message: one hot row would make the channel's buyers wait for each other.
    if channel.last_in_at is None or row.received_at - channel.last_in_at > NOTE_EVERY:
        channel.last_in_at = row.received_at
        Channel.objects.filter(pk=channel.pk).update(last_in_at=row.received_at)


def _applied(rows: list[Inbox]) -> None:
    with connection.cursor() as cursor:
        for error in {row.error for row in rows}:
            cursor.execute(
                "UPDATE bots_inbox SET applied_at = now(), error = %s WHERE id = ANY(%s)",
                (error, [row.pk for row in rows if row.error == error]),
            )


def _set_aside(row: Inbox, exc: Exception) -> None:
    row.attempts += 1
    row.error = f"{type(exc).__name__}: {exc}"[:300]
    if row.attempts >= TRIES and not isinstance(exc, DatabaseError):
        row.applied_at = timezone.now()
        log.error("inbox row %s is set aside: %s", row.pk, row.error)
    row.save(update_fields=["attempts", "error", "applied_at"])
