"""What an address of the chat leads to: merchant, channel, brand and the rules of its sites."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from bots.models import Channel
from bots.selectors.calendars import expected_answer, opening
from bots.services.bots import config_of
from bots.services.consents import LANGUAGES, wordings
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Merchant, RouteKey
from tenants.selectors.hosts import site_of

KEEP_S = 10.0


@dataclass(frozen=True)
class Place:
    schema: str
    channel_id: int
    host: str
    brand: dict[str, Any]
    merchant: Merchant
    sites: tuple[str, ...]
    visitors: bool = False  # colleagues see who is on the site

    @property
    def who(self) -> str:
        """Who processes personal data: the legal name, else the shop's."""
        return self.brand.get("legal_name") or self.brand["name"]

    def allows(self, origin: str) -> bool:
        """May a page of this origin show the chat? Our own hosted page always may."""
        if not origin or not self.sites:
            return True
        host = (urlsplit(origin).hostname or "").lower()
        if host == self.host:
            return True
        return any(
            host == site or (site.startswith("*.") and host.endswith(site[1:]))
            for site in self.sites
        )


_kept: dict[tuple[str, str], tuple[float, Place | None]] = {}


def place_of(host: str, key: str) -> Place | None:
    """Only the merchant's own host shows its chat: another's answers as if there were none."""
    now = time.monotonic()
    if (kept := _kept.get((host, key))) and kept[0] > now:
        return kept[1]
    place = _look_up(host, key) if 16 <= len(key) <= 43 else None
    if len(_kept) > 10_000:
        _kept.clear()
    _kept[host, key] = (now + (KEEP_S if place else 2.0), place)
    return place


def _look_up(host: str, key: str) -> Place | None:
    site = site_of(host)
    if site is None or site.merchant is None or not site.merchant.is_serving:
        return None
    with merchant_context(PUBLIC):
        route = RouteKey.objects.filter(
            key=key, is_active=True, kind="web", schema=site.schema
        ).first()
    if route is None:
        return None
    with merchant_context(site.schema):
        channel = Channel.objects.filter(pk=route.channel_id).first()
    if channel is None:
        return None
    sites = str(channel.settings.get("sites", "")).replace(",", " ").lower().split()
    return Place(
        site.schema,
        channel.pk,
        site.host,
        site.brand,
        site.merchant,
        tuple(map(_host, sites)),
        channel.settings.get("visitors") is True,
    )


def _form(settings: dict[str, Any], *, is_open: bool, answers: bool) -> dict[str, Any] | None:
    """What is asked before the first message: `{"kind": "offline" | "first", "fields"}`."""
    wish = settings.get("form") or ""
    nobody = not is_open and not answers
    if not wish or (wish == "offline" and not nobody):
        return None
    fields = str(settings.get("form_fields") or "name phone email").split()
    return {"kind": "offline" if nobody else "first", "fields": fields}


def _host(site: str) -> str:
    """People paste addresses where hosts are asked for."""
    return (urlsplit(site).hostname or site) if "//" in site else site.split("/")[0].split(":")[0]


def config(place: Place, key: str) -> dict[str, Any]:
    """What the widget shows before anybody has written. Inside the merchant's schema."""
    channel = Channel.objects.select_related("bot__published").get(pk=place.channel_id)
    bot = config_of(channel.bot)
    settings = channel.settings
    now = timezone.now()
    is_open, _start = opening(now, place.merchant.time_zone)
    questions = [q.strip()[:60] for q in str(settings.get("questions", "")).split("|")]
    return {
        "shop": place.brand["name"],
        "colour": place.brand["colour"],
        "bot": {
            "name": bot["name"],
            "greeting": bot.get("greeting", ""),
            "language": bot["language"],
        },
        "answers": channel.bot.is_active,
        "open": is_open,
        "when": {lang: expected_answer(now, place.merchant.time_zone, lang) for lang in LANGUAGES},
        "questions": [q for q in questions if q][:4],
        "theme": settings.get("theme") or "auto",
        "position": settings.get("position") or "right",
        "visitors": settings.get("visitors") is True,
        "form": _form(settings, is_open=bool(is_open), answers=channel.bot.is_active),
        "language": place.merchant.language,
        "privacy": place.brand.get("privacy_url") or f"/chat/{key}/privacy/",
        "consents": consents(place),
    }


def consents(place: Place) -> dict[str, list[dict[str, str]]]:
    """What has to be agreed to before contact data are taken, by language, as it is shown."""
    return {
        lang: [
            {"kind": one.kind, "version": one.version, "text": one.text}
            for one in wordings(lang, place.who)
        ]
        for lang in LANGUAGES
    }
