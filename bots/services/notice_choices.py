"""What a person is told of and by which ways: their own choices, defaults filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import (
    AgentProfile,
    Channel,
)
from bots.services.agents import profile_of
from tenants.kernel import due
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User

AREA = "notices"
WAYS = ("app", "sound", "push", "email", "telegram")
# Event → its name and the ways it goes by unless the person says otherwise.
EVENTS: dict[str, tuple[Any, frozenset[str]]] = {
    "queue": (gettext_lazy("A new chat in my queue"), frozenset({"app", "sound", "push"})),
    "assigned": (
        gettext_lazy("A chat is offered or given to me"),
        frozenset({"app", "sound", "push", "telegram"}),
    ),
    "reply": (gettext_lazy("A buyer writes in my chat"), frozenset({"app", "sound", "push"})),
    "handover": (
        gettext_lazy("The assistant hands a chat over"),
        frozenset({"app", "sound", "push", "telegram"}),
    ),
    "mention": (
        gettext_lazy("A colleague mentions me"),
        frozenset({"app", "sound", "push", "email", "telegram"}),
    ),
    "sla_warned": (gettext_lazy("A promised time is near"), frozenset({"app", "sound"})),
    "sla_breached": (
        gettext_lazy("A promised time is broken"),
        frozenset({"app", "sound", "push", "telegram"}),
    ),
    "window": (gettext_lazy("The time to answer a buyer is ending"), frozenset({"app", "push"})),
    "failed": (gettext_lazy("A message was not delivered"), frozenset({"app", "sound"})),
    "stale": (gettext_lazy("Replies became too old to be sent"), frozenset({"app", "email"})),
    "channel": (
        gettext_lazy("A channel does not work"),
        frozenset({"app", "push", "email", "telegram"}),
    ),
    "model": (
        gettext_lazy("A language model does not work, or its budget ends"),
        frozenset({"app", "email", "telegram"}),
    ),
    "missed": (
        gettext_lazy("I missed offers and was set to away"),
        frozenset({"app", "push", "telegram"}),
    ),
}
EMAIL_EVERY_MIN = 15


class ChoiceRefused(RuleBroken):
    """`field`: what is not a choice."""

    code = "choice"
    status = 400


@dataclass(frozen=True)
class Choices:
    """One person's, defaults filled in."""

    ways: Mapping[str, frozenset[str]]
    muted: frozenset[int]
    quiet: Mapping[str, Any]  # {"is_on", "from", "to", "zone"}
    shows_text: bool
    email_every_min: int
    telegram: Mapping[str, Any]  # {"channel", "chat", "name", "at"}; empty: not connected
    is_checked: bool  # the sound was tried

    def of(self, event: str, channel: int | None) -> frozenset[str]:
        """A muted channel still shows on the page; a mention is a colleague's call."""
        found = self.ways[event]
        if channel in self.muted and event != "mention":
            return found & {"app"}
        return found

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours that are now will end; None outside of them."""
        if not self.quiet["is_on"]:
            return None
        here = now.astimezone(ZoneInfo(self.quiet["zone"]))
        start, end = (time.fromisoformat(self.quiet[name]) for name in ("from", "to"))
        if start == end:
            return None
        clock = here.time()
        inside = start <= clock < end if start < end else clock >= start or clock < end
        if not inside:
            return None
        day = here.date() + timedelta(days=1 if start > end and clock >= start else 0)
        return datetime.combine(day, end, here.tzinfo)


def choices_from(prefs: Mapping[str, Any] | None) -> Choices:
    kept = dict((prefs or {}).get(AREA) or {})
    changed = kept.get("ways") or {}
    ways = {}
    for event, (_name, default) in EVENTS.items():
        mine = changed.get(event) or {}
        ways[event] = frozenset(way for way in WAYS if mine.get(way, way in default))
    zone = merchant_of(current_schema()).time_zone
    quiet = {"is_on": False, "from": "22:00", "to": "08:00", "zone": zone, **kept.get("quiet", {})}
    return Choices(
        ways=ways,
        muted=frozenset(kept.get("muted", ())),
        quiet=quiet,
        shows_text=kept.get("text", "show") == "show",
        email_every_min=int(kept.get("email_every_min", EMAIL_EVERY_MIN)),
        telegram=kept.get("telegram") or {},
        is_checked=bool(kept.get("is_checked")),
    )


def choices_of(user_ids: Iterable[int]) -> dict[int, Choices]:
    found = dict(AgentProfile.objects.filter(user__in=user_ids).values_list("user_id", "prefs"))
    return {pk: choices_from(found.get(pk)) for pk in user_ids}


def clock_of(value: str) -> str:
    """ "22:00". Raises ChoiceRefused."""
    try:
        return time.fromisoformat(value).strftime("%H:%M")
    except ValueError:
        raise ChoiceRefused(_("Give a time like 22:00."), field="quiet") from None


def choices_save(user: User, changes: Mapping[str, Any]) -> None:
    """What is not named stays. Raises ChoiceRefused, naming the field; nothing is kept then."""
    ways = changes.get("ways") or {}
    for event, mine in ways.items():
        if event not in EVENTS or not set(mine) <= set(WAYS):
            raise ChoiceRefused(_("There is no such notice."), field=f"ways.{event}")
    quiet = changes.get("quiet")
    if quiet is not None and quiet.get("zone", "UTC") not in available_timezones():
        raise ChoiceRefused(_("There is no such time zone."), field="quiet.zone")
    muted = changes.get("muted")
    if muted is not None:
        known = set(Channel.objects.filter(pk__in=muted).values_list("pk", flat=True))
        if set(muted) - known:
            raise ChoiceRefused(_("There is no such channel."), field="muted")

    def change(kept: dict[str, Any]) -> None:
        for event, mine in ways.items():
            kept.setdefault("ways", {}).setdefault(event, {}).update(mine)
        if quiet is not None:
            kept["quiet"] = {**kept.get("quiet", {}), **quiet}
        for name in ("muted", "text", "email_every_min", "is_checked"):
            if name in changes:
                kept[name] = changes[name]

    _change(user, change)
    due.schedule("notice", user.pk)


def telegram_set(user: User, connection: Mapping[str, Any] | None, **more: Any) -> None:
    """Keep or forget the person's own chat; `more`: the code that is being waited for."""

    def change(kept: dict[str, Any]) -> None:
        kept.pop("telegram_code", None)
        kept.pop("telegram", None)
        if connection:
            kept["telegram"] = dict(connection)
        kept.update(more)

    _change(user, change)


def _change(user: User, change: Any) -> None:
    profile_of(user)
    with transaction.atomic():
        profile = AgentProfile.objects.select_for_update().get(user=user)
        kept = dict((profile.prefs or {}).get(AREA) or {})
        change(kept)
        profile.prefs = {**(profile.prefs or {}), AREA: kept}
        profile.save(update_fields=["prefs"])
