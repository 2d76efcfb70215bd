"""Work of kind "poll": channels that cannot be called fetch by themselves.

A local run has no public address, so its Telegram bots are polled. One row a channel; the lease
keeps two workers from reading one bot, which Telegram answers with 409.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from bots.models import Channel
from bots.services.accept import accept
from bots.services.channels import adapter_of, channel_broke
from tenants.kernel import due
from tenants.kernel.context import release_connection
from tenants.kernel.errors import NeedsMerchant, RetryLater, VendorError

log = logging.getLogger(__name__)

WAIT_S = 20.0
# Unreachable for so long: the merchant is told.
TOLD_AFTER = timedelta(minutes=10)
PAUSE = timedelta(milliseconds=50)
RETRY_EVERY = timedelta(seconds=15)


def polls(channel: Channel) -> bool:
    """Whether this channel is read by us rather than calling us."""
    return channel.account.get("mode") == "polling" and channel.state in (
        Channel.State.LIVE,
        Channel.State.BROKEN,
    )


@due.worker("poll")
def poll_channel(channel_id: int) -> datetime | None:
    channel = Channel.objects.filter(pk=channel_id).first()
    if channel is None or not polls(channel):
        return None
    adapter = adapter_of(channel)
    cursor = {k: v for k, v in channel.cursor.items() if k != "failing_since"}
    release_connection()
    try:
        fetched, cursor = adapter.poll(cursor, WAIT_S)
    except NeedsMerchant as exc:
        channel_broke(channel, exc.detail)
        return timezone.now() + timedelta(minutes=2)
    except VendorError as exc:
        return _failing(channel, exc)
    with transaction.atomic():
        for request in fetched:
            accept(channel.pk, adapter.envelopes(request))
        # Rows first, then the cursor: a kill in between fetches the same updates again, and
        # their keys absorb it.
        if cursor != channel.cursor or channel.state != Channel.State.LIVE:
            Channel.objects.filter(pk=channel.pk).exclude(state=Channel.State.PAUSED).update(
                cursor=cursor, state=Channel.State.LIVE, state_detail=""
            )
    # Not at once in this thread: a worker that is asked to stop must come to an end.
    return timezone.now() + PAUSE


def _failing(channel: Channel, exc: VendorError) -> datetime:
    now = timezone.now()
    since = parse_datetime(channel.cursor.get("failing_since", "")) or now
    if "failing_since" not in channel.cursor:
        cursor = {**channel.cursor, "failing_since": now.isoformat()}
        Channel.objects.filter(pk=channel.pk).update(cursor=cursor)
    elif now - since > TOLD_AFTER:
        channel_broke(channel, f"Not reachable since {since:%H:%M} UTC: {exc.detail}")
    wait = RETRY_EVERY
    if isinstance(exc, RetryLater) and exc.retry_after_s:
        wait = timedelta(seconds=exc.retry_after_s)
    return now + wait
