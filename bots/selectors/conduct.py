"""How the bot behaves in one channel: whom it answers, how it greets, when the shop keeps quiet.

Kept in `Channel.settings["conduct"]`, beside what the platform asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.models import Channel
from bots.selectors.calendars import times_of
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of

KEY = "conduct"
# Who wrote so lately is awake, whatever the clock says.
AWAKE = timedelta(minutes=15)


class Answers(models.TextChoices):
    """Whom the bot answers by itself."""

    EVERYONE = "everyone", _("everyone")
    OFF_HOURS = "off_hours", _("outside of opening hours only")
    DRAFTS = "drafts", _("nobody: it writes drafts for people")


@dataclass(frozen=True)
class Conduct:
    """`greeting`: by language. `quiet`: "22:00", "08:00" by the shop's clock, or None."""

    answers: Answers
    greeting: Mapping[str, str]
    quiet: tuple[time, time] | None

    def quiet_until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours that are now will end; None outside of them."""
        if self.quiet is None:
            return None
        here = now.astimezone(zone)
        start, end = self.quiet
        clock = here.time()
        is_quiet = start <= clock < end if start < end else clock >= start or clock < end
        if not is_quiet:
            return None
        day = here.date() if clock < end else here.date() + timedelta(days=1)
        return datetime.combine(day, end, zone)


FIELDS = ("answers", "greeting_ru", "greeting_en", "quiet_from", "quiet_to")


def conduct_kept(given: Mapping[str, Any]) -> dict[str, str]:
    """What is worth keeping of a form's values: times as "22:00", nothing that is the default."""
    kept = {name: given.get(name) for name in FIELDS}
    return {
        name: value.strftime("%H:%M") if isinstance(value, time) else str(value)
        for name, value in kept.items()
        if value and value != Answers.EVERYONE
    }


def conduct_of(channel: Channel) -> Conduct:
    kept: dict[str, Any] = channel.settings.get(KEY) or {}
    quiet = kept.get("quiet_from"), kept.get("quiet_to")
    return Conduct(
        answers=Answers(kept.get("answers") or Answers.EVERYONE),
        greeting={lang: kept.get(f"greeting_{lang}") or "" for lang in ("ru", "en")},
        quiet=(time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1]))
        if quiet[0] and quiet[1] and quiet[0] != quiet[1]
        else None,
    )


def bot_speaks(channel: Channel, now: datetime) -> bool:
    """Whether a buyer who writes now is answered by the bot."""
    if not channel.bot.is_active:
        return False
    match conduct_of(channel).answers:
        case Answers.DRAFTS:
            return False
        case Answers.OFF_HOURS:
            return not times_of(None).is_open(now)
    return True


def writes_drafts(channel: Channel) -> bool:
    return channel.bot.is_active and conduct_of(channel).answers == Answers.DRAFTS


def quiet_until(channel: Channel, now: datetime) -> datetime | None:
    """Until when nothing is begun by the shop itself in this channel; None: it may."""
    if not channel.settings.get(KEY):
        return None
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    return conduct_of(channel).quiet_until(now, zone)
