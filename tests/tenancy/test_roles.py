"""The database itself refuses: another merchant's schema, other rows, more than ingest needs."""

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import DatabaseError, ProgrammingError
from psycopg import sql

from tenants.kernel import rights
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.workspace.models import AuditEntry
from tests.tenancy.canaries import tenant_models


def refused(statement: str | sql.Composable, *params: object) -> str:
    """Why the database said no. Fails when it did not."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as c:
        c.execute(statement, params or None)
    return str(caught.value)


def rows(statement: str, *params: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)
        return cursor.fetchall()


def tables() -> list[str]:
    return [model._meta.db_table for model in tenant_models()]


def test_no_table_of_another_merchant_can_be_named(alpha, beta):
    with alpha.inside():
        for table in tables():
            for statement in (
                "SELECT 1 FROM {}",
                "INSERT INTO {} DEFAULT VALUES",
                "DELETE FROM {}",
                "TRUNCATE {}",
            ):
                said = refused(sql.SQL(statement).format(sql.Identifier(beta.schema, table)))
                assert "permission denied for schema" in said, table


def test_outside_all_merchants_no_table_of_one_can_be_read(alpha):
    for table in tables():
        said = refused(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(alpha.schema, table)))
        assert "permission denied for schema" in said, table


def test_public_tables_show_a_merchant_its_own_rows(alpha, beta):
    shown = {
        "tenants_merchant": ("schema_name", [(alpha.schema,)]),
        "tenants_routekey": ("DISTINCT schema", [(alpha.schema,)]),
    }
    with alpha.inside():
        for table, (column, own) in shown.items():
            assert rows(f"SELECT {column} FROM public.{table}") == own
        for table in ("tenants_due", "tenants_outboxevent"):
            others = f"SELECT count(*) FROM public.{table} WHERE schema <> %s"
            assert rows(others, alpha.schema) == [(0,)]


def test_public_tables_that_are_not_named_are_closed(alpha):
    public = rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'r' AND relowner = %s::regrole",
        rights.owner(),
    )
    assert len(public) > 15
    with alpha.inside():
        for (table,) in public:
            if table not in rights.PUBLIC_TABLES:
                assert "permission denied" in refused(f'SELECT 1 FROM public."{table}"'), table


def test_work_can_be_wished_for_oneself_only(alpha, beta):
    wish = "INSERT INTO public.tenants_due (schema, kind, object_id) VALUES (%s, 'turn', 1)"
    fact = (
        "INSERT INTO public.tenants_outboxevent (schema, name, key, data) "
        "VALUES (%s, 'x', 'y', '{}')"
    )
    with alpha.inside():
        for statement in (wish, fact):
            assert "row-level security" in refused(statement, beta.schema)
            with connection.cursor() as cursor:
                cursor.execute(statement, (alpha.schema,))


def test_a_merchants_role_makes_no_tables(alpha):
    with alpha.inside():
        assert "permission denied" in refused("CREATE TABLE mine (x int)")
        assert "permission denied" in refused("CREATE TABLE public.mine (x int)")
        assert "must be owner" in refused("ALTER TABLE bots_bot ADD COLUMN x int")
        assert "must be owner" in refused("DROP TABLE bots_bot")


def test_audit_entries_stay_as_they_were_written(alpha):
    with alpha.inside():
        entry = AuditEntry.objects.order_by("pk").first()
        for change in (
            lambda: AuditEntry.objects.filter(pk=entry.pk).update(actor="nobody"),
            entry.delete,
        ):
            with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
                change()
        assert AuditEntry.objects.get(pk=entry.pk).actor == entry.actor


def test_role_and_path_follow_the_context_and_come_back(alpha, beta):
    def who() -> tuple:
        return rows("SELECT current_user::text, current_schema()::text")[0]

    login = settings.DATABASE_LOGINS["app"]["user"]
    assert who() == (login, PUBLIC)
    with alpha.inside():
        assert who() == (alpha.schema, alpha.schema)
        with beta.inside():
            assert who() == (beta.schema, beta.schema)
            with merchant_context(PUBLIC):
                assert who() == (login, PUBLIC)
            assert who() == (beta.schema, beta.schema)
        assert who() == (alpha.schema, alpha.schema)
        with pytest.raises(RuntimeError), transaction.atomic(), beta.inside():
            assert who() == (beta.schema, beta.schema)
            raise RuntimeError
        assert who() == (alpha.schema, alpha.schema)
    assert current_schema() == PUBLIC
    assert who() == (login, PUBLIC)


def test_ingest_stores_and_looks_up_and_does_nothing_else(alpha, beta):
    database, login = settings.DATABASES["default"], settings.DATABASE_LOGINS["ingest"]
    with psycopg.connect(
        dbname=database["NAME"], host=database["HOST"], port=database["PORT"],
        user=login["user"], password=login["password"], autocommit=True,
    ) as ingest:  # fmt: skip

        def denied(statement: sql.Composable) -> bool:
            try:
                with ingest.transaction(force_rollback=True):
                    ingest.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                return True
            return False

        for shop in (alpha, beta):
            inbox = sql.Identifier(shop.schema, "bots_inbox")
            stored = sql.SQL(
                "INSERT INTO {} (channel_id, dedupe_key, lane, payload) VALUES (1, 'k', 1, '{{}}') "
                "ON CONFLICT (channel_id, dedupe_key) DO NOTHING RETURNING lane"
            )
            assert not denied(stored.format(inbox))
            assert denied(sql.SQL("SELECT payload FROM {}").format(inbox))
            assert denied(sql.SQL("DELETE FROM {}").format(inbox))
            assert denied(sql.SQL("UPDATE {} SET attempts = 1").format(inbox))
            for table in set(tables()) - {"bots_inbox"}:
                name = sql.Identifier(shop.schema, table)
                assert denied(sql.SQL("SELECT 1 FROM {}").format(name)), table
                assert denied(sql.SQL("INSERT INTO {} DEFAULT VALUES").format(name)), table
        assert not denied(sql.SQL("SELECT schema, sealed FROM public.tenants_routekey"))
        assert not denied(sql.SQL("SELECT id, state FROM public.tenants_merchant"))
        assert denied(sql.SQL("SELECT name FROM public.tenants_merchant"))
        assert denied(sql.SQL("DELETE FROM public.tenants_due"))
        assert denied(sql.SQL("SELECT 1 FROM public.workspace_user"))
        assert denied(sql.SQL("SET ROLE {}").format(sql.Identifier(alpha.schema)))
