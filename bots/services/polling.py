"""Work of kind "poll": channels that cannot be called fetch by themselves.

A local run has no public address, so its Telegram bots are polled. One row a channel; the lease
keeps two workers from reading one bot, which Telegram answers with 409.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from bots.models import Channel
from bots.services.accept import accept
from bots.services.channels import DEAF, adapter_of, channel_broke
from bots.services.vendor_words import in_words
from tenants.kernel import due
from tenants.kernel.context import current_schema, release_connection
from tenants.kernel.errors import NeedsMerchant, RetryLater, VendorError
from tenants.selectors.hosts import merchant_of

log = logging.getLogger(__name__)

WAIT_S = 20.0
# Unreachable for so long: the merchant is told.
TOLD_AFTER = timedelta(minutes=10)
PAUSE = timedelta(milliseconds=50)
RETRY_EVERY = timedelta(seconds=15)
SWITCHED_OFF = timedelta(minutes=1)


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
    if not merchant_of(current_schema()).is_serving:
        return timezone.now() + SWITCHED_OFF  # as a call from outside would find nothing here
    adapter = adapter_of(channel)
    cursor = {k: v for k, v in channel.cursor.items() if k != "failing_since"}
    release_connection()
    try:
        fetched, cursor = adapter.poll(cursor, WAIT_S)
    except NeedsMerchant as exc:
        channel_broke(channel, exc.detail)
        return timezone.now() + timedelta(minutes=2)
    except VendorError as exc:
        failing(channel, exc.detail)
        wait = exc.retry_after_s if isinstance(exc, RetryLater) else None
        return timezone.now() + (timedelta(seconds=wait) if wait else RETRY_EVERY)
    with transaction.atomic():
        for request in fetched:
            try:
                envelopes = adapter.envelopes(request)
            except (ValueError, KeyError, TypeError, AttributeError):
                # Asked for again it would be the same, and all that come after it would wait.
                log.exception("channel %s: an update is not understood and passed over", channel.pk)
                continue
            accept(channel.pk, envelopes)
        # Rows first, then the cursor: a kill in between fetches the same updates again, and
        # their keys absorb it.
        if cursor != channel.cursor or channel.state != Channel.State.LIVE:
            Channel.objects.filter(pk=channel.pk).exclude(state=Channel.State.PAUSED).update(
                cursor=cursor, state=Channel.State.LIVE, state_detail=""
            )
    # Not at once in this thread: a worker that is asked to stop must come to an end.
    return timezone.now() + max(PAUSE, timedelta(seconds=adapter.manifest.poll_every_s))


def failing(channel: Channel, detail: str, *, is_deaf: bool = False) -> None:
    """Note since when; the merchant is told after TOLD_AFTER. `is_deaf`: it can still speak."""
    now = timezone.now()
    since = parse_datetime(channel.cursor.get("failing_since", "")) or now
    if "failing_since" not in channel.cursor:
        cursor = {**channel.cursor, "failing_since": now.isoformat()}
        Channel.objects.filter(pk=channel.pk).update(cursor=cursor)
    elif now - since > TOLD_AFTER:
        if is_deaf:
            Channel.objects.filter(pk=channel.pk).update(cursor={**channel.cursor, DEAF: True})
        merchant = merchant_of(current_schema())
        with translation.override(merchant.language):
            here = date_format(since.astimezone(ZoneInfo(merchant.time_zone)), "H:i")
            words = _("Not reachable since %s") % here
        channel_broke(channel, f"{words}: {in_words(detail)}")
