"""Work of kind "watch": is a channel that is called from outside still called, and to be reached?

A polled channel notices by itself (bots/services/polling.py). One row a channel.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.utils import timezone

from bots.models import Channel
from bots.services.channels import DEAF, adapter_of, channel_broke, hook_url, is_watched
from bots.services.platform_templates import templates_refresh, waits_for_approval
from bots.services.polling import SWITCHED_OFF, failing
from tenants.kernel import due
from tenants.kernel.context import current_schema, release_connection
from tenants.kernel.errors import NeedsMerchant, VendorError
from tenants.selectors.hosts import merchant_of

CALM = timedelta(minutes=5)
WORRIED = timedelta(minutes=1)


@due.worker("watch")
def watch_channel(channel_id: int) -> datetime | None:
    """Ask the platform how it goes. Ten minutes without a good answer: the merchant is told."""
    channel = Channel.objects.filter(pk=channel_id).first()
    if channel is None or not is_watched(channel):
        return None
    if not merchant_of(current_schema()).is_serving:
        return timezone.now() + SWITCHED_OFF
    adapter = adapter_of(channel, hook=hook_url(channel))
    release_connection()
    try:
        check = adapter.health()
    except NeedsMerchant as exc:
        channel_broke(channel, exc.detail)
        return timezone.now() + CALM
    except VendorError as exc:
        failing(channel, exc.detail)
        return timezone.now() + WORRIED
    if not check.ok:
        failing(channel, check.detail, is_deaf=True)
        return timezone.now() + WORRIED
    if channel.state == Channel.State.BROKEN or "failing_since" in channel.cursor:
        kept = {k: v for k, v in channel.cursor.items() if k not in ("failing_since", DEAF)}
        Channel.objects.filter(pk=channel.pk).exclude(state=Channel.State.PAUSED).update(
            cursor=kept, state=Channel.State.LIVE, state_detail=""
        )
        channel.cursor = kept
    if waits_for_approval(channel):
        with suppress(VendorError):
            templates_refresh(channel)
    return timezone.now() + CALM
