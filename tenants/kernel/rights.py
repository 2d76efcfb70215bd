"""What each database role may do, in one place. docs/tenancy.md has the same table in words.

The owner makes and changes tables. The app login has rights in the public schema and, by itself,
in no merchant's. A merchant's role has rights in its own schema and to its own rows of the few
public tables below. The ingest login stores deliveries and reads where they belong.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from psycopg import sql


@dataclass(frozen=True)
class Public:
    """Rights to a public table: of merchants' roles (own rows only) and of ingest."""

    own_rows: str
    merchant: str
    ingest: str = ""


# A public table that is not named here is closed to merchants' roles and to ingest.
PUBLIC_TABLES: dict[str, Public] = {
    "tenants_due": Public(
        "schema = current_user::text",
        "SELECT, INSERT, UPDATE, DELETE",
        "SELECT, INSERT, UPDATE (due_at, attempts, version)",
    ),
    "tenants_outboxevent": Public("schema = current_user::text", "SELECT, INSERT, UPDATE, DELETE"),
    "tenants_merchant": Public(
        "schema_name = current_user::text", "SELECT", "SELECT (id, schema_name, state)"
    ),
    "tenants_routekey": Public(
        "schema = current_user::text", "SELECT", "SELECT (key, merchant_id, schema, channel_id, "
        "kind, sealed, is_active)",
    ),
}  # fmt: skip

# Tables of a merchant's schema that ingest may write. Apps add theirs in `AppConfig.ready`.
INGEST_TABLES: dict[str, str] = {}

# Public tables no request changes.
READ_ONLY = ("django_migrations", "tenants_schematemplate")


def login(role: str) -> str:
    """Name of a login: "app" or "ingest"."""
    return settings.DATABASE_LOGINS[role]["user"]


def group() -> str:
    """Role every merchant's role is a member of; it carries the rights to public tables."""
    return login("app").removesuffix("_app") + "_merchant"


def owner() -> str:
    return str(settings.DATABASES["owner"]["USER"])


def schema_sql(schema: str) -> str:
    """Statements that give a schema and its role what they need. Safe to repeat.

    Default privileges come before the tables, so tables are born with them; `tables_sql` is for
    tables that are there already.
    """
    names = {
        "schema": sql.Identifier(schema),
        "app": sql.Identifier(login("app")),
        "ingest": sql.Identifier(login("ingest")),
        "group": sql.Identifier(group()),
    }
    return (
        sql.SQL(
            "GRANT {group} TO {schema};"
            # The app login is NOINHERIT: it may become the role and has none of its rights.
            "GRANT {schema} TO {app};"
            "GRANT USAGE ON SCHEMA {schema} TO {schema}, {ingest};"
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {schema};"
        )
        .format(**names)
        .as_string(None)
    )


def tables_sql(schema: str) -> str:
    """Rights to the tables a schema has now."""
    own = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {0} TO {0};")
    return own.format(sql.Identifier(schema)).as_string(None) + ingest_sql(schema)


def ingest_sql(schema: str) -> str:
    name, ingest = sql.Identifier(schema), sql.Identifier(login("ingest"))
    grants = [
        sql.SQL("GRANT {} ON {}.{} TO {};").format(
            sql.SQL(what), name, sql.Identifier(table), ingest
        )
        for table, what in INGEST_TABLES.items()
    ]
    return sql.Composed(grants).as_string(None)
