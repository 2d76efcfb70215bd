"""A person's choices for the console, kept with the profile so that they follow to any computer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from bots.models import AgentProfile
from bots.services.agents import profile_of
from tenants.workspace.models import User

AREA = "desk"


def prefs_of(user: User) -> dict[str, Any]:
    prefs = AgentProfile.objects.filter(user=user).values_list("prefs", flat=True).first()
    return dict((prefs or {}).get(AREA) or {})


def prefs_save(user: User, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is not named stays; None takes a choice back."""
    profile_of(user)
    with transaction.atomic():
        profile = AgentProfile.objects.select_for_update().get(user=user)
        kept = {**((profile.prefs or {}).get(AREA) or {}), **changes}
        kept = {name: value for name, value in kept.items() if value is not None}
        profile.prefs = {**(profile.prefs or {}), AREA: kept}
        profile.save(update_fields=["prefs"])
    return kept
