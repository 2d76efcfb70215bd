"""Logins, roles and rights of the database. Everything here may be repeated at any time."""

from __future__ import annotations

from django.conf import settings
from django.db import connections
from psycopg import sql

from tenants.kernel import rights

OWNER = "owner"
# Serialises changes of roles, which are shared by all databases of a server.
ROLES_LOCK = 727_001


def database_prepare() -> list[str]:
    """Make the logins and the group, and give all roles their rights. Returns what it did.

    Works for an owner who is no superuser but may create roles, on PostgreSQL 15 and newer.
    """
    done = []
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (ROLES_LOCK,))
        try:
            for role, login in settings.DATABASE_LOGINS.items():
                verb = "ALTER" if _role_exists(cursor, login["user"]) else "CREATE"
                cursor.execute(
                    sql.SQL(
                        "{} ROLE {} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD {}"
                    ).format(sql.SQL(verb), sql.Identifier(login["user"]), login["password"])
                )
                done.append(f"login {login['user']} ({role})")
            if not _role_exists(cursor, rights.group()):
                cursor.execute(
                    sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(rights.group()))
                )
                done.append(f"group {rights.group()}")
            _grant_database(cursor)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (ROLES_LOCK,))
    public_rights_apply()
    return done


def _role_exists(cursor, name: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    return cursor.fetchone() is not None


def _grant_database(cursor) -> None:
    names = {
        "database": sql.Identifier(str(settings.DATABASES[OWNER]["NAME"])),
        "app": sql.Identifier(rights.login("app")),
        "ingest": sql.Identifier(rights.login("ingest")),
        "group": sql.Identifier(rights.group()),
        "owner": sql.Identifier(rights.owner()),
    }
    for statement in (
        "REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}",
        "GRANT TEMPORARY ON DATABASE {database} TO {group}",
        "GRANT CONNECT ON DATABASE {database} TO {ingest}",
        # So that the owner may end sessions that stand in the way of a change.
        "GRANT {app}, {ingest} TO {owner}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {app}, {ingest}, {group}",
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}"
        ),
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {app}",
    ):
        cursor.execute(sql.SQL(statement).format(**names))


def public_rights_apply() -> None:
    """Rights to the public tables there are, and row security. After each migration of them."""
    app, ingest, group = (
        sql.Identifier(name)
        for name in (rights.login("app"), rights.login("ingest"), rights.group())
    )
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (ROLES_LOCK,))
        try:
            cursor.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
                           "AND relnamespace = 'public'::regnamespace AND relowner = "
                           "current_user::regrole")  # fmt: skip
            present = {row[0] for row in cursor.fetchall()}
            statements = [
                sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON public.{} TO {};").format(
                    sql.Identifier(table), app
                )
                for table in sorted(present)
            ]
            for table in rights.READ_ONLY:
                if table in present:
                    statements.append(
                        sql.SQL("REVOKE INSERT, UPDATE, DELETE ON public.{} FROM {};").format(
                            sql.Identifier(table), app
                        )
                    )
            for table, right in rights.PUBLIC_TABLES.items():
                if table in present:
                    statements.append(_rows_sql(table, right, app, ingest, group))
            if statements:
                cursor.execute(sql.Composed(statements))
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (ROLES_LOCK,))


def _rows_sql(table: str, right: rights.Public, app, ingest, group) -> sql.Composed:
    """Row security: a merchant's role sees its own rows; the two logins see all they may."""
    parts = [
        sql.SQL(
            "REVOKE ALL ON public.{table} FROM {group}, {ingest};"
            "GRANT {merchant} ON public.{table} TO {group};"
            "ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY;"
            "DROP POLICY IF EXISTS all_rows ON public.{table};"
            "CREATE POLICY all_rows ON public.{table} TO {app}, {ingest} "
            "USING (true) WITH CHECK (true);"
            "DROP POLICY IF EXISTS own_rows ON public.{table};"
            "CREATE POLICY own_rows ON public.{table} TO {group} "
            "USING ({own}) WITH CHECK ({own});"
        ).format(
            table=sql.Identifier(table),
            app=app,
            ingest=ingest,
            group=group,
            merchant=sql.SQL(right.merchant),
            own=sql.SQL(right.own_rows),
        )
    ]
    if right.ingest:
        parts.append(
            sql.SQL("GRANT {} ON public.{} TO {};").format(
                sql.SQL(right.ingest), sql.Identifier(table), ingest
            )
        )
    return sql.Composed(parts)


def orphan_roles_drop() -> list[str]:
    """Drop merchants' roles that no database of this server uses any more. Returns their names."""
    dropped = []
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT r.rolname FROM pg_roles r "
            "JOIN pg_auth_members m ON m.member = r.oid "
            "JOIN pg_roles g ON g.oid = m.roleid AND g.rolname = %s "
            "WHERE NOT EXISTS (SELECT 1 FROM pg_shdepend d WHERE d.refclassid = "
            "'pg_authid'::regclass AND d.refobjid = r.oid "
            "AND d.classid <> 'pg_auth_members'::regclass)",
            (rights.group(),),
        )
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
            dropped.append(name)
    return dropped
