"""Prepared schemas: made by the owner, kept as spares, given to new merchants at once.

A spare is an ordinary Merchant row, so migrations reach it. Row, role, schema and tables appear in
one transaction: a failure half-way leaves nothing.
"""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone
from psycopg import sql

from tenants.kernel import due, rights
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Brand, Merchant, SchemaTemplate
from tenants.services import template
from tenants.services.database import OWNER, ROLES_LOCK

log = logging.getLogger(__name__)

# Held shared while a schema is made, exclusively while migrations run over all of them.
MIGRATIONS_LOCK = 727_002
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def schema_name_new() -> str:
    """Opaque, so that nothing has to change when a shop is renamed; 80 random bits."""
    return "m_" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


class NotPrepared(RuntimeError):
    """The database was never migrated; `manage.py migrate_all` does it."""


def spare_prepare() -> Merchant:
    """Make one schema with its role and row, ready to be given to a merchant."""
    schema = schema_name_new()
    try:
        with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (MIGRATIONS_LOCK,))
            found = template.template_current()
            if found is None:
                raise NotPrepared("Run `manage.py migrate_all` first.")
            merchant = Merchant(schema_name=schema)
            # Not save(): django-tenants looks at the other connection there.
            Merchant.objects.using(OWNER).bulk_create([merchant])
            _make(cursor, schema, found)
    finally:
        _close()
    return Merchant.objects.using(OWNER).get(pk=merchant.pk) if merchant.pk is None else merchant


def _make(cursor: Any, schema: str, found: SchemaTemplate) -> None:
    name = sql.Identifier(schema)
    # Roles belong to the server: memberships are granted one after another.
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (ROLES_LOCK,))
    cursor.execute(sql.SQL("CREATE ROLE {0} NOLOGIN; CREATE SCHEMA {0}").format(name))
    cursor.execute(rights.schema_sql(schema))
    if found.ddl:
        template.replay(cursor, found.ddl, schema)
    else:
        template.schema_migrate(schema)
    cursor.execute(rights.ingest_sql(schema))


def _close() -> None:
    """The owner's connection has no pool: it lives as long as the work."""
    connection = connections[OWNER]
    if not connection.in_atomic_block:
        connection.close()


def spare_claim(**values: Any) -> Merchant | None:
    """Take a spare inside the caller's transaction and public context; None where there is none.

    `values` are the row's new ones. A rollback gives the spare back.
    """
    spare = (
        Merchant.objects.select_for_update(skip_locked=True)
        .filter(state=Merchant.State.SPARE)
        .order_by("pk")
        .first()
    )
    if spare is not None:
        for field, value in values.items():
            setattr(spare, field, value)
        spare.save()
    return spare


def schema_drop(merchant: Merchant) -> None:
    """Row, brand, domains, routes, due work, facts, schema and role, in one transaction.

    Waits at most five seconds for work that is inside. Raises django.db.OperationalError then.
    """
    schema = merchant.schema_name
    name = sql.Identifier(schema)
    try:
        with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute("DELETE FROM public.tenants_due WHERE schema = %s", (schema,))
            cursor.execute("DELETE FROM public.tenants_outboxevent WHERE schema = %s", (schema,))
            Merchant.objects.using(OWNER).filter(pk=merchant.pk).delete()
            # With its mail server, whose password would be kept by nobody's row.
            Brand.objects.using(OWNER).filter(pk=merchant.brand_id).delete()
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
            role_drop(cursor, schema)
    finally:
        _close()


def role_drop(cursor: Any, schema: str) -> None:
    """Drop a merchant's role unless another database of this server knows it too."""
    cursor.execute(
        "SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
        "WHERE d.refclassid = 'pg_authid'::regclass AND r.rolname = %s AND d.dbid <> 0 "
        "AND d.dbid <> (SELECT oid FROM pg_database WHERE datname = current_database())",
        (schema,),
    )
    if not cursor.fetchone()[0]:
        cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(schema)))


def spares_wanted() -> int:
    with merchant_context(PUBLIC):
        there = Merchant.objects.filter(state=Merchant.State.SPARE).count()
    return max(0, settings.SPARE_MERCHANTS - there)


def spares_replenish() -> int:
    """Make as many spares as are missing. Returns how many were made."""
    made = 0
    while spares_wanted():
        spare_prepare()
        made += 1
    return made


def spares_replenish_soon() -> None:
    """Wish it inside the caller's transaction; a worker does it."""
    with merchant_context(PUBLIC):
        due.schedule("spares", 0)


@due.worker("spares")
def _replenish(object_id: int) -> datetime | None:
    try:
        spares_replenish()
    except NotPrepared:
        return timezone.now() + timedelta(minutes=1)
    return None
