"""Who works with what on the platform's desk, as tenants/selectors/scope.py decides it.

A partner's staff sees and touches its own merchants only; on a partner's host everybody sees that
partner's only.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from tenants.admin.base import ModelAdmin
from tenants.kernel.text import whole
from tenants.models import Partner
from tenants.selectors.requests import site_here
from tenants.selectors.scope import is_boss, scope_of


def platform_only(request: HttpRequest) -> bool:
    return is_boss(request) and scope_of(request) is None


def partner_in_scope(request: HttpRequest) -> tuple[Partner, str]:
    """The partner a page of settings is about, and the query that leads back to it.

    That of the host; `?partner=` names another for the platform's staff on its own host.
    Raises PermissionDenied, Http404.
    """
    if not is_boss(request):
        raise PermissionDenied
    own = site_here(request).partner.pk
    wanted = whole(request.GET.get("partner", "")) if platform_only(request) else None
    pk = scope_of(request) or own if wanted is None else wanted
    partner = get_object_or_404(Partner.objects.select_related("brand"), pk=pk)
    return partner, f"?partner={pk}" if pk != own else ""


class Scoped(ModelAdmin):
    """Rows of the partner in scope; `partner_path` leads from a row to its partner's id."""

    partner_path = "partner_id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request)
        scope = scope_of(request)
        return found if scope is None else found.filter(**{self.partner_path: scope})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_boss(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_boss(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_boss(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_boss(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
