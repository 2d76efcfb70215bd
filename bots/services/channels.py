"""Connecting and opening channels; the one place where a channel row becomes an adapter."""

from __future__ import annotations

import json
import logging
import secrets as random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from bots.channels.base import AccountChanged, ChannelAdapter, ChannelManifest, Check, Config
from bots.models import Bot, Channel
from bots.services.vendor_words import in_words
from tenants.kernel import due, outbox, registry
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.kernel.errors import NeedsMerchant, RuleBroken, VendorError
from tenants.kernel.mail import MailAccount
from tenants.kernel.secrets import seal
from tenants.models import Merchant, RouteKey
from tenants.selectors.hosts import merchant_of, primary_host, url_of
from tenants.services import limits
from tenants.services.mail import account_of

log = logging.getLogger(__name__)

# In a channel's cursor: it is broken, yet what is said through it arrives.
DEAF = "deaf"
WATCHED_AFTER = timedelta(minutes=1)
# Before an access ends: told then.
WARNED_BEFORE = (timedelta(days=7), timedelta(days=1))


SWITCHED_OFF = gettext_noop("This kind of channel is switched off for your shops.")


class SwitchedOff(RuleBroken):
    code = "switched_off"


class UnknownKind(RuleBroken):
    code = "unknown_kind"
    status = 400


@cache
def manifests() -> dict[str, ChannelManifest]:
    """Every channel the product has, by key: the folders below `bots/channels`."""
    return registry.manifests("bots.channels")


def offered() -> dict[str, ChannelManifest]:
    """Those this merchant may connect: not what its partner has switched off."""
    off = switched_off()
    return {key: one for key, one in manifests().items() if one.is_offered and key not in off}


def switched_off() -> frozenset[str]:
    """Kinds that this merchant's partner does not let its merchants use."""
    partner = merchant_of(current_schema()).partner
    return frozenset(partner.channels_off if partner else ())


@outbox.on("channels.switched_off")
def channels_pause(event: outbox.Event) -> None:
    """The partner has switched kinds off: what is connected of them rests, and says why."""
    for channel in Channel.objects.filter(kind__in=event.data["kinds"]).order_by("pk"):
        if channel.kind in switched_off() and channel.state != Channel.State.PAUSED:
            channel_pause(channel, paused=True)
            detail = in_words(SWITCHED_OFF)[:300]
            Channel.objects.filter(pk=channel.pk).update(state_detail=detail)


def manifest_of(kind: str) -> ChannelManifest:
    try:
        return manifests()[kind]
    except KeyError:
        raise UnknownKind(_("There is no kind of channel named “%s”.") % kind) from None


@cache
def _class_of(kind: str) -> type[ChannelAdapter]:
    found = registry.load(manifest_of(kind).implementation)
    found.manifest = manifest_of(kind)
    return found


def warm_up() -> None:
    """Load every channel's code, the platforms' packages with it."""
    for kind in manifests():
        _class_of(kind)


@limits.counts("channels")
def _channels() -> int:
    return Channel.objects.exclude(settings__has_key="removed").count()


def open_adapter(kind: str, config: Config) -> ChannelAdapter:
    return _class_of(kind)(config)


def hook_url(channel: Channel) -> str:
    """Where the platform calls us. Any of our hosts answers; the merchant's own is told."""
    merchant = merchant_of(current_schema())
    return url_of(primary_host(merchant), f"/hooks/{channel.route_key}/")


def config_of(channel: Channel, *, hook: str = "") -> Config:
    return Config(
        channel_id=channel.pk,
        schema=current_schema(),
        settings=channel.settings,
        secrets=channel.secrets or {},
        base_url=channel.base_url,
        proxy=channel.proxy,
        ca_bundle=str(channel.settings.get("ca_bundle") or ""),
        cursor=channel.cursor,
        hook_url=hook,
        mail_server=_mail_server(channel),
    )


def _mail_server(channel: Channel) -> MailAccount | None:
    manifest = manifests().get(channel.kind)
    if manifest is None or not manifest.wants_mail_server:
        return None
    return account_of(merchant_of(current_schema()))


def adapter_of(channel: Channel, *, hook: str = "") -> ChannelAdapter:
    return open_adapter(channel.kind, config_of(channel, hook=hook))


def package_of(channel: Channel) -> list[tuple[str, bytes]]:
    """Files the merchant makes the other side with; none for most kinds."""
    return adapter_of(channel, hook=hook_url(channel)).package()


def channel_create(
    *,
    kind: str,
    name: str,
    bot: Bot,
    settings: dict[str, Any] | None = None,
    secrets: dict[str, str] | None = None,
    base_url: str = "",
    proxy: str = "",
) -> Channel:
    """A channel row and its address. Nothing is called; `channel_connect` does that.

    Raises LimitReached where the plan allows no more.
    """
    if not manifest_of(kind).is_offered:
        raise UnknownKind(_("There is no kind of channel named “%s”.") % kind)
    if kind in switched_off():
        raise SwitchedOff(_(SWITCHED_OFF))
    with transaction.atomic():
        limits.check("channels")
        channel = Channel.objects.create(
            kind=kind,
            name=name,
            bot=bot,
            settings=settings or {},
            secrets={"hook": random.token_urlsafe(32), **(secrets or {})},
            base_url=base_url,
            proxy=proxy,
            route_key=random.token_urlsafe(24),
        )
        route_sync(channel)
        outbox.emit("channel.created", key=f"channel:{channel.pk}", data={"channel": channel.pk})
    return channel


def route_sync(channel: Channel) -> None:
    """Bring the public route key in line with the channel (address, what verifies a call)."""
    schema = current_schema()
    sealed = seal(
        schema,
        json.dumps(
            {
                "settings": channel.settings,
                "secrets": channel.secrets or {},
                "base_url": channel.base_url,
                "proxy": channel.proxy,
            }
        ),
    )
    with merchant_context(PUBLIC):
        RouteKey.objects.update_or_create(
            key=channel.route_key,
            defaults={
                "merchant": Merchant.objects.only("pk").get(schema_name=schema),
                "schema": schema,
                "channel_id": channel.pk,
                "kind": channel.kind,
                "sealed": sealed,
                "is_active": channel.state != Channel.State.PAUSED,
            },
        )


def channel_connect(channel: Channel) -> Check:
    """Check the account with the platform and set the webhook; the state says how it went.

    Never raises for a fault of the platform or the settings: the Check tells in words. A paused
    channel stays paused.
    """
    is_paused = channel.state == Channel.State.PAUSED
    adapter = adapter_of(channel, hook=hook_url(channel))
    try:
        check = adapter.connect()
    except VendorError as exc:
        broken = isinstance(exc, NeedsMerchant)
        check = Check(ok=False, detail=exc.detail)
        channel.state = Channel.State.BROKEN if broken else channel.state
    else:
        channel.state = Channel.State.LIVE if check.ok else Channel.State.BROKEN
        channel.account = {**channel.account, **check.account}
        if notice := check.account.get("notice"):
            channel.account["notice"] = in_words(notice)[:300]
    if is_paused:
        channel.state = Channel.State.PAUSED
    check = replace(check, detail=in_words(check.detail))
    channel.state_detail = check.detail[:300]
    channel.settings = {**channel.settings, **check.settings}
    channel.save(update_fields=["state", "state_detail", "account", "settings"])
    route_sync(channel)
    _poll(channel)
    return check


def _poll(channel: Channel) -> None:
    """Fetching ends by itself where a channel is paused or switched to calls; watching, too."""
    if channel.state == Channel.State.LIVE and channel.account.get("mode") == "polling":
        due.schedule("poll", channel.pk)
    elif is_watched(channel):
        due.schedule("watch", channel.pk, due_at=timezone.now() + WATCHED_AFTER)
    if ends := expires_at(channel):
        due.reschedule("expiry", channel.pk, due_at=ends - WARNED_BEFORE[0])


def is_watched(channel: Channel) -> bool:
    """Whether the platform calls us, so that nobody would notice if it ceased to."""
    return channel.account.get("mode") == "webhook" and channel.state in (
        Channel.State.LIVE,
        Channel.State.BROKEN,
    )


def channel_pause(channel: Channel, *, paused: bool) -> None:
    """Raises SwitchedOff where it may not go on."""
    if not paused and channel.kind in switched_off():
        raise SwitchedOff(_(SWITCHED_OFF))
    channel.state = Channel.State.PAUSED if paused else Channel.State.LIVE
    channel.save(update_fields=["state"])
    route_sync(channel)
    _poll(channel)


def channel_delete(channel: Channel) -> None:
    """Take the webhook away and forget the address. Conversations stay; the channel is hidden."""
    adapter_of(channel).disconnect()
    with merchant_context(PUBLIC):
        RouteKey.objects.filter(key=channel.route_key).delete()
    if channel.contacts.exists():
        channel.state, channel.secrets = Channel.State.PAUSED, {}
        channel.settings = {**channel.settings, "removed": True}
        channel.save(update_fields=["state", "secrets", "settings"])
    else:
        channel.delete()


@registry.erase.register("channels")
def channels_release(merchant: Merchant) -> None:
    """The platforms need not call an address any more that is about to be gone."""
    with merchant_context(merchant.schema_name):
        for channel in Channel.objects.order_by("pk"):
            try:
                if channel.secrets:
                    adapter_of(channel).disconnect()
            except Exception:  # nothing of a platform keeps us from erasing
                log.warning("a channel of %s was not released", merchant.schema_name, exc_info=True)


def channel_broke(channel: Channel, detail: str) -> None:
    """A person has to act; told once, until it works again."""
    updated = (
        Channel.objects.filter(pk=channel.pk)
        .exclude(state=Channel.State.BROKEN)
        .update(state=Channel.State.BROKEN, state_detail=in_words(detail)[:300])
    )
    if updated:
        outbox.emit("channel.broke", key=f"channel:{channel.pk}", data={"channel": channel.pk})


def channel_rejoined(channel: Channel) -> Channel:
    """An account that was here before comes back to its conversations; else the channel itself.

    Call it once the new one works: what was removed takes over its address, settings and secrets.
    """
    account = _account_key(channel)
    before = [
        one
        for one in Channel.objects.filter(kind=channel.kind, settings__has_key="removed")
        if account and _account_key(one) == account
    ]
    if not before or channel.contacts.exists():
        return channel
    old = before[-1]
    with transaction.atomic():
        taken = {
            name: getattr(channel, name)
            for name in (
                *("name", "bot", "settings", "secrets", "base_url", "proxy", "route_key"),
                *("state", "state_detail", "account"),
            )
        }
        for kind in ("poll", "watch", "expiry"):
            due.cancel(kind, channel.pk)
        channel.delete()
        for name, value in taken.items():
            setattr(old, name, value)
        old.cursor = {}
        old.save()
        route_sync(old)
        outbox.emit("channel.created", key=f"channel:{old.pk}", data={"channel": old.pk})
        _poll(old)
    return old


def _account_key(channel: Channel) -> str:
    """What tells the platform's accounts apart; nothing where the platform has none."""
    account = channel.account or {}
    return str(account.get("id") or account.get("username") or "")


def expires_at(channel: Channel) -> datetime | None:
    """When the account's access ends, where the platform says so."""
    told = parse_datetime(str((channel.account or {}).get("expires_at") or ""))
    return told if told is None or told.tzinfo else told.replace(tzinfo=UTC)


@due.worker("expiry")
def warn_of_expiry(channel_id: int) -> datetime | None:
    """A week and a day before an access ends, those who can renew it are told."""
    channel = Channel.objects.filter(pk=channel_id).exclude(state=Channel.State.PAUSED).first()
    ends = expires_at(channel) if channel else None
    now = timezone.now()
    if channel is None or ends is None or ends <= now:
        return None
    left = ends - now
    if left <= WARNED_BEFORE[0]:
        outbox.emit("channel.expires", key=f"channel:{channel.pk}", data={"channel": channel.pk})
    later = [ends - before for before in WARNED_BEFORE if ends - before > now]
    return min(later, default=None)


def channel_told(channel: Channel, change: AccountChanged) -> None:
    """The platform said something of the account: it is lost, back, or worth a line."""
    match change.state:
        case "lost":
            channel_broke(channel, change.detail)
        case "restored":
            Channel.objects.filter(pk=channel.pk, state=Channel.State.BROKEN).update(
                state=Channel.State.LIVE, state_detail=""
            )
        case "told":
            more = {name: value for name, value in change.data.items() if name != "template"}
            account = {**channel.account, **more, "notice": in_words(change.detail)[:300]}
            Channel.objects.filter(pk=channel.pk).update(account=account)
            channel.account = account
