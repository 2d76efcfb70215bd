"""The sidebar: apps hang their entries here, in the order of a merchant's tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

Allowed = Callable[[HttpRequest], bool]


def everybody(request: HttpRequest) -> bool:
    return True


def may(permission: str) -> Allowed:
    """Whoever has a Django permission like "bots.view_template"."""

    def check(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return check


@dataclass(frozen=True)
class Entry:
    """`url`: a path starting with "/", else a URL name of the site ("bots_bot_changelist")."""

    group: str
    order: int
    title: Any
    icon: str
    url: str
    allowed: Allowed = everybody
    badge: Callable[[HttpRequest], str] | None = None
    # Further paths below which the entry is shown as the current one.
    covers: tuple[str, ...] = ()


@dataclass
class Menu:
    site: str
    groups: tuple[tuple[str, Any], ...]
    entries: list[Entry] = field(default_factory=list)

    def add(self, *entries: Entry) -> None:
        self.entries.extend(entries)

    def render(self, request: HttpRequest) -> list[dict[str, Any]]:
        """What Unfold's sidebar wants, for this person."""
        return [
            {"title": title, "separator": bool(title), "items": items}
            for key, title in self.groups
            if (items := [self._item(entry, request) for entry in self._of(key, request)])
        ]

    def _of(self, group: str, request: HttpRequest) -> list[Entry]:
        found = [e for e in self.entries if e.group == group and e.allowed(request)]
        return sorted(found, key=lambda entry: entry.order)

    def _item(self, entry: Entry, request: HttpRequest) -> dict[str, Any]:
        link = entry.url if entry.url.startswith("/") else reverse(f"{self.site}:{entry.url}")
        home = reverse(f"{self.site}:index")
        below = (link, *(reverse(f"{self.site}:{name}") for name in entry.covers))
        item: dict[str, Any] = {
            "title": entry.title,
            "icon": entry.icon,
            "link": link,
            "active": request.path == home
            if link == home
            else any(request.path.startswith(path) for path in below),
        }
        if entry.badge and (text := entry.badge(request)):
            item |= {"badge": text, "badge_variant": "warning"}
        return item


merchant_menu = Menu(
    "merchant",
    (
        ("now", ""),
        ("assistant", _("Assistant")),
        ("shop", _("Shop")),
        ("settings", _("Settings")),
    ),
)
platform_menu = Menu("platform", (("now", ""), ("settings", _("Settings"))))
