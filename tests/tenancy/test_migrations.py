"""One release over many merchants: what lags is found, broadcast, resumed, and told by name."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from tenants.kernel.context import merchant_context
from tenants.models import Merchant, SchemaTemplate
from tenants.services import migrations, provision, template

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ROOT = Path(__file__).resolve().parents[2]
NEWEST = ("0101_add_column", "0102_fill_it", "0103_rename_constraint", "0104_index")


def manage(*arguments: str, release: str = "config.settings.test") -> subprocess.CompletedProcess:
    connections.close_all()
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": release, "DB_ROLE": "owner"},
        capture_output=True,
        text=True,
        check=False,
    )


def deploy(*arguments: str) -> subprocess.CompletedProcess:
    """A release that brings four migrations more."""
    return manage("migrate_all", "--spares", "0", *arguments, release="tests.tenancy.settings_more")


def query(text: str, *params: object) -> list[tuple]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(text, params)
        return cursor.fetchall()


def schemas() -> list[str]:
    return list(Merchant.objects.order_by("pk").values_list("schema_name", flat=True))


def newest(schema: str) -> list[str]:
    rows = query(f"SELECT name FROM {schema}.django_migrations WHERE app = 'analytics' ORDER BY 1")
    return [row[0] for row in rows if row[0] > "01"]


def description(schema: str) -> dict[str, list[str]]:
    with connections["owner"].cursor() as cursor:
        found = template.description(cursor, schema)
    # Rows are the merchants' own, and so is how far their numbers are.
    return {
        part: lines
        for part, lines in found.items()
        if part != "sequences" and (not part.startswith("rows of") or "django_mig" in part)
    }


def test_a_release_reaches_every_merchant_and_those_made_later():
    done = deploy()
    assert done.returncode == 0, done.stderr
    assert "analytics.0101_add_column: 5 merchants, broadcast" in done.stdout
    assert "analytics.0102_fill_it: 5 merchants, one by one" in done.stdout
    assert "analytics.0103_rename_constraint: 5 merchants, broadcast" in done.stdout
    assert "analytics.0104_index: 5 merchants, one by one" in done.stdout

    for schema in schemas():
        assert newest(schema) == list(NEWEST)
        figures = f"SELECT name, unit FROM {schema}.analytics_dailyfigure WHERE unit = 'pcs'"
        assert query(figures) == [("made-by-python", "pcs")]
    later = provision.spare_prepare().schema_name
    assert newest(later) == list(NEWEST)
    first, *others = [description(schema) for schema in schemas()]
    for other in others:
        assert other == first


def test_nothing_to_do_is_told_and_touches_nothing():
    kept = SchemaTemplate.objects.get().made_at

    done = manage("migrate_all", "--check")

    assert done.returncode == 0, done.stderr
    assert "5 merchants, 0 of them behind" in done.stdout
    assert SchemaTemplate.objects.get().made_at == kept


def test_check_tells_what_waits_and_changes_nothing():
    done = deploy("--check")

    assert done.returncode == 1
    assert "Migrations wait" in done.stderr
    assert all(newest(schema) == [] for schema in schemas())


def test_a_merchant_in_use_is_left_behind_by_name_and_caught_up_later(alpha):
    with psycopg.connect(**migrations._parameters()) as busy:
        busy.execute(f"LOCK TABLE {alpha.schema}.analytics_dailyfigure IN SHARE MODE")
        done = deploy("--tries", "1")
        busy.rollback()
    assert done.returncode == 1
    assert alpha.schema in done.stderr
    assert "start again to go on" in done.stderr
    assert newest(alpha.schema) == []
    others = [schema for schema in schemas() if schema != alpha.schema]
    assert all(newest(schema) == list(NEWEST) for schema in others)

    again = deploy()

    assert again.returncode == 0, again.stderr
    assert "5 merchants, 1 of them behind" in again.stdout
    assert newest(alpha.schema) == list(NEWEST)


def test_a_row_without_a_schema_stops_the_run_before_it_begins(alpha, beta):
    query_none(f"DROP SCHEMA {alpha.schema} CASCADE")

    done = deploy()

    assert done.returncode == 1
    assert f"merchant alpha ({alpha.schema}) has a row but no schema" in done.stderr
    assert "manage.py repair_merchants --remove" in done.stderr
    assert newest(beta.schema) == []

    assert manage("repair_merchants", "--remove", alpha.schema).returncode == 0
    assert deploy().returncode == 0
    assert newest(beta.schema) == list(NEWEST)


def test_a_schema_without_a_row_stops_the_run(alpha):
    query_none("CREATE SCHEMA m_aaaaaaaaaaaaaaaa")

    done = deploy()

    assert done.returncode == 1
    assert "schema m_aaaaaaaaaaaaaaaa belongs to no merchant" in done.stderr
    assert manage("repair_merchants", "--remove", alpha.schema).returncode == 1
    assert manage("repair_merchants", "--remove", "m_aaaaaaaaaaaaaaaa").returncode == 0
    assert migrations.faults_find() == []


def test_a_merchant_without_a_role_is_named_and_repaired(alpha):
    spare = provision.spare_prepare().schema_name
    query_none(
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {spare} FROM {spare};"
        f"REVOKE ALL ON SCHEMA {spare} FROM {spare};"
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {spare} REVOKE ALL ON TABLES FROM {spare};"
        f"DROP ROLE {spare}"
    )
    (fault,) = migrations.faults_find()
    assert fault.startswith(f"merchant (spare) ({spare}) has no database role: ")
    assert "`manage.py repair_merchants --roles`" in fault

    assert manage("repair_merchants", "--roles").returncode == 0

    assert migrations.faults_find() == []
    with merchant_context(spare):
        from tenants.workspace.models import User

        assert not User.objects.exists()
    assert description(spare) == description(alpha.schema)


def test_only_the_owner_migrates():
    assert settings.DATABASES["default"]["USER"].endswith("_app")
    with pytest.raises(RuntimeError, match="owner's login"):
        migrations.migrate_all()


def test_no_schema_is_made_while_migrations_run():
    made: list[str] = []
    with migrations._alone():
        maker = threading.Thread(target=lambda: made.append(provision.spare_prepare().schema_name))
        maker.start()
        maker.join(0.7)
        assert made == []
    maker.join(20)
    assert len(made) == 1


def query_none(text: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(text)
