"""Permissions follow the role; there are no permission rows to copy into a thousand schemas."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import Argon2PasswordHasher

from tenants.workspace.models import User

# Everything of these apps, by role. `view` is looking, `change` is add, change and delete.
_ALL = frozenset({"view", "add", "change", "delete"})
_AGENT = {
    "bots.template": frozenset({"view"}),
    "integrations.order": frozenset({"view"}),
    "integrations.orderrequest": frozenset({"view"}),
}
_SUPERVISOR = {
    "bots.template": _ALL,
    "bots.article": _ALL,
    "bots.synonym": _ALL,
    "bots.conversation": frozenset({"view"}),
    "bots.rating": frozenset({"view"}),
    "integrations.order": frozenset({"view"}),
    "integrations.orderrequest": frozenset({"view", "change"}),
    "integrations.product": frozenset({"view"}),
}


def allows(role: str, permission: str) -> bool:
    """Whether a role has a Django permission like "bots.change_template"."""
    if role in (User.Role.OWNER, User.Role.ADMIN):
        return True
    app, _, codename = permission.partition(".")
    action, _, model = codename.partition("_")
    table = {User.Role.SUPERVISOR: _SUPERVISOR, User.Role.AGENT: _AGENT}.get(User.Role(role), {})
    return action in table.get(f"{app}.{model}", ())


class Argon2(Argon2PasswordHasher):
    """OWASP's parameters: 19 MiB, two passes, one thread.

    Django's own take 100 MiB and eight threads a log-in, which a small server does not have.
    Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class RoleBackend(ModelBackend):
    def has_perm(self, user_obj, perm, obj=None) -> bool:
        if not user_obj.is_active or user_obj.is_anonymous:
            return False
        return user_obj.is_superuser or allows(user_obj.role, perm)

    def has_module_perms(self, user_obj, app_label) -> bool:
        if not user_obj.is_active or user_obj.is_anonymous:
            return False
        if user_obj.is_superuser or user_obj.role in (User.Role.OWNER, User.Role.ADMIN):
            return True
        table = {User.Role.SUPERVISOR: _SUPERVISOR, User.Role.AGENT: _AGENT}[user_obj.role]
        return any(name.startswith(f"{app_label}.") for name in table)

    def get_all_permissions(self, user_obj, obj=None) -> set[str]:
        return set()
