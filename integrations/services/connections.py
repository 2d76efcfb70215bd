"""A merchant's accounts in outside systems. The systems are the folders below `connectors`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from integrations.models import Connection
from tenants.kernel import outbox, registry
from tenants.kernel.context import current_schema
from tenants.kernel.errors import NeedsMerchant, RuleBroken
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.kernel.words import vendor_words
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import Job, User


class UnknownConnector(RuleBroken):
    code = "unknown_kind"
    status = 400


class ConnectionPaused(RuleBroken):
    code = "paused"


@cache
def manifests() -> dict[str, Any]:
    """Every connector the product has, by key."""
    return registry.manifests("integrations.connectors")


def manifest_of(kind: str) -> Any:
    try:
        return manifests()[kind]
    except KeyError:
        raise UnknownConnector(_("There is no connector named “%s”.") % kind) from None


def connection_create(
    *,
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    base_url: str = "",
) -> Connection:
    """A row; nothing is called. `connection_sync_start` fetches."""
    manifest_of(kind)
    with transaction.atomic():
        found = Connection.objects.create(
            connector=kind,
            name=name,
            settings=dict(settings),
            secrets=dict(secrets),
            base_url=base_url,
        )
        outbox.emit(
            "connection.created", key=f"connection:{found.pk}", data={"connection": found.pk}
        )
    return found


def connection_sync_start(*, connection: Connection, user: User | None = None) -> Job:
    if connection.state == Connection.State.PAUSED:
        raise ConnectionPaused(_("This connection is paused. Switch it on first."))
    with transaction.atomic():
        return job_start("connection.sync", user=user, connection=connection.pk)


@job("connection.sync")
def connection_sync(found: Job) -> None:
    """Hand the work to the connector; what needs a person pauses the connection with the reason."""
    connection = Connection.objects.filter(pk=found.params["connection"]).first()
    if connection is None:
        raise JobRefused(_("The connection was deleted."))
    connector = registry.load(manifest_of(connection.connector).implementation)(connection)
    found.start()
    try:
        connector.sync(found)
    except NeedsMerchant as exc:
        connection.state = Connection.State.BROKEN
        with translation.override(merchant_of(current_schema()).language):
            connection.state_detail = vendor_words(exc.detail)[:300]
        connection.save(update_fields=["state", "state_detail"])
        raise
    connection.state, connection.state_detail = Connection.State.LIVE, ""
    connection.synced_at = timezone.now()
    connection.save(update_fields=["state", "state_detail", "synced_at"])
