"""The audit log: who did what to what, appended and never changed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from tenants.kernel.context import current_schema, merchant_context
from tenants.workspace.models import AuditEntry, User

# The address a request comes from; set by whoever knows it (the web role), empty elsewhere.
address_var: ContextVar[str | None] = ContextVar("audit_address", default=None)


def audit(
    action: str,
    target: str = "",
    *,
    actor: User | str | None = None,
    schema: str | None = None,
    **data: Any,
) -> AuditEntry:
    """Note an action inside the caller's transaction. `schema`: whose log, the current by default.

    `data` holds ids and names of settings, never secrets or buyers' data.
    """
    who = actor.email if isinstance(actor, User) else actor or "system"
    with merchant_context(schema if schema is not None else current_schema()):
        return AuditEntry.objects.create(
            actor_id=actor.pk if isinstance(actor, User) else None,
            actor=who[:200],
            action=action,
            target=target[:120],
            address=address_var.get(),
            data=data,
        )
