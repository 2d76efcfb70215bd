"""Whose merchants a person of the platform or of a partner works with, on pages and by API."""

from __future__ import annotations

from django.http import HttpRequest

from tenants.selectors.requests import actor_of, site_here
from tenants.workspace.models import User


def scope_of(request: HttpRequest) -> int | None:
    """The partner this person is confined to here; None for platform staff on its own host."""
    partner = site_here(request).partner
    if (own := actor_of(request).partner_id) is not None:
        return own
    return None if partner.is_platform else partner.pk


def is_boss(request: HttpRequest) -> bool:
    """Owner or administrator, of the platform or of a partner."""
    user = actor_of(request)
    if not user.is_authenticated:
        return False
    return user.is_superuser or user.role in (User.Role.OWNER, User.Role.ADMIN)
