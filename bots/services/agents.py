"""People who answer: teams and who is in them, profiles, presence, shifts, labels."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from bots.models import AgentProfile, Team, TeamMember
from tenants.kernel.context import PUBLIC, current_schema
from tenants.workspace.models import User


def default_team() -> Team:
    """The team of whatever has none; made with the merchant."""
    return Team.objects.get_or_create(is_default=True)[0]


def profile_of(user: User) -> AgentProfile:
    return AgentProfile.objects.get_or_create(user=user)[0]


@receiver(post_save, sender=User, dispatch_uid="bots.newcomer")
def newcomer(instance: User, created: bool, raw: bool = False, **_: Any) -> None:
    """Somebody new shares the default queue until a person decides otherwise."""
    if created and not raw and current_schema() != PUBLIC:
        TeamMember.objects.get_or_create(team=default_team(), user=instance)
