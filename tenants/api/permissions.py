"""Who may call the API: by role, default deny."""

from __future__ import annotations

from rest_framework.permissions import SAFE_METHODS, BasePermission

from tenants.workspace.models import User


class IsMember(BasePermission):
    """Somebody of this merchant."""

    def has_permission(self, request, view) -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.is_active)


class IsAdmin(IsMember):
    """Owner or administrator."""

    def has_permission(self, request, view) -> bool:
        return super().has_permission(request, view) and (
            request.user.is_superuser or request.user.role in (User.Role.OWNER, User.Role.ADMIN)
        )


class IsSupervisor(IsMember):
    """Owner, administrator or supervisor."""

    def has_permission(self, request, view) -> bool:
        return super().has_permission(request, view) and (
            request.user.is_superuser or request.user.role != User.Role.AGENT
        )


class MemberReadsSupervisorWrites(IsMember):
    """Everybody looks; owner, administrator and supervisor change."""

    def has_permission(self, request, view) -> bool:
        writer = IsMember if request.method in SAFE_METHODS else IsSupervisor
        return writer().has_permission(request, view)


class MemberReadsAdminWrites(IsMember):
    """Everybody looks; owner and administrator change."""

    def has_permission(self, request, view) -> bool:
        writer = IsMember if request.method in SAFE_METHODS else IsAdmin
        return writer().has_permission(request, view)
