"""A merchant's choices for the desk, by area. Read often, so kept for a moment in each process."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from tenants.kernel.context import current_schema
from tenants.workspace.models import Setting

KEEP_S = 10.0
DEFAULTS: dict[str, dict[str, Any]] = {
    # Into which language, "" for the shop's own; `some`: a person switched it on in one dialogue.
    "translation": {"on": False, "language": "", "some": False},
    "rating": {
        "on": False,
        "scale": "five",  # "five" | "two"
        "delay_s": 60,
        "percent": 100,
        "pause_days": 7,
        "about_bot": True,
        "about_agent": True,
        "comment": True,
        "expires_h": 72,
    },
    # A month's money for models, below the plan's; "": the plan's alone.
    "models": {"budget": ""},
    "speech": {"provider": "none", "settings": {}, "sealed": ""},
}
_kept: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
_lock = threading.Lock()


def setting(area: str) -> dict[str, Any]:
    """The merchant's values over the defaults; other processes follow a change within KEEP_S."""
    key = (current_schema(), area)
    if (kept := _kept.get(key)) and kept[0] > time.monotonic():
        return kept[1]
    value = Setting.objects.filter(name=f"desk.{area}").values_list("value", flat=True).first()
    found = {**DEFAULTS[area], **(value if isinstance(value, dict) else {})}
    with _lock:
        if len(_kept) > 5_000:
            _kept.clear()
        _kept[key] = (time.monotonic() + KEEP_S, found)
    return found


def setting_save(area: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is not named stays as it is."""
    with transaction.atomic():
        row, _new = Setting.objects.select_for_update().get_or_create(
            name=f"desk.{area}", defaults={"value": {}}
        )
        before = row.value if isinstance(row.value, dict) else {}
        row.value = {**before, **{k: v for k, v in changes.items() if k in DEFAULTS[area]}}
        row.save(update_fields=["value"])
    settings_forget()
    return setting(area)


def settings_forget() -> None:
    with _lock:
        _kept.clear()
