"""Migrations over many merchants: public first, then every schema that lags behind.

A migration that is plain SQL is written down once and broadcast: one round trip a schema, in one
transaction with its row in django_migrations, so a killed run is simply started again. Others
(Python code, CONCURRENTLY) take Django's own way, schema by schema. Schemas that have everything
are found by a few queries and not touched.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections, transaction
from django.db.migrations import Migration, RenameModel, RunPython
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from tenants.kernel import rights
from tenants.kernel.context import PUBLIC, backend
from tenants.services import template
from tenants.services.database import OWNER, public_rights_apply
from tenants.services.provision import MIGRATIONS_LOCK

log = logging.getLogger(__name__)

Key = tuple[str, str]
Tell = Callable[[str], None]

LOCK_TIMEOUT_S = 3
TRIES = 5
_BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
AT_ONCE = 100


class Broken(RuntimeError):
    """Merchants that cannot be migrated; each line names one and what to do."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Failed(RuntimeError):
    """Some schemas were left behind; starting again goes on with them."""


@dataclass
class Report:
    public: int = 0
    merchants: int = 0
    lagging: int = 0
    broadcast: int = 0
    one_by_one: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


# ── Before ───────────────────────────────────────────────────────────────────────────────────
def faults_find() -> list[str]:
    """Merchants whose row, schema and role do not belong together, with the remedy."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT schema_name, coalesce(slug, '') FROM public.tenants_merchant")
        rows = dict(cursor.fetchall())
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^(m_|scratch_)'")
        schemas = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^m_'")
        roles = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'django_migrations'")
        filled = {row[0] for row in cursor.fetchall()}
    found = []
    for schema, slug in sorted(rows.items()):
        who = f"merchant {slug or '(spare)'} ({schema})"
        if schema not in schemas or schema not in filled:
            found.append(
                f"{who} has a row but no {'tables' if schema in schemas else 'schema'}: put its "
                f"schema back from a backup, or remove what is left of it with "
                f"`manage.py repair_merchants --remove {schema}`."
            )
        elif schema not in roles:
            found.append(
                f"{who} has no database role: `manage.py repair_merchants --roles` makes it."
            )
    for schema in sorted(schemas - rows.keys()):
        found.append(
            f"schema {schema} belongs to no merchant: put the merchant's row back from a backup, "
            f"or remove the schema with `manage.py repair_merchants --remove {schema}`."
        )
    return found


def roles_repair() -> list[str]:
    """Give every merchant's schema its role and rights anew. Returns the schemas."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT m.schema_name, r.oid IS NULL FROM public.tenants_merchant m "
            "JOIN pg_namespace n ON n.nspname = m.schema_name "
            "LEFT JOIN pg_roles r ON r.rolname = m.schema_name ORDER BY 1"
        )
        rows = cursor.fetchall()
        for schema, missing in rows:
            if missing:
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(schema)))
            cursor.execute(rights.schema_sql(schema) + rights.tables_sql(schema))
    return [schema for schema, _ in rows]


# ── The run ──────────────────────────────────────────────────────────────────────────────────
def migrate_all(
    *, jobs: int = 2, check: bool = False, tries: int = TRIES, tell: Tell = lambda line: None
) -> Report:
    """Bring the public schema and every merchant up to date. Safe to repeat and to interrupt.

    `check` only counts what lags; `tries`: how often a schema in use is tried. Raises Broken
    before anything is touched, Failed at the end when a schema could not be migrated (the others
    are).
    """
    if template.owner_alias() != "default":
        raise RuntimeError("Migrations need the owner's login: set DB_ROLE=owner.")
    started = time.monotonic()
    report = Report()
    with _alone():
        loader = MigrationLoader(connection)
        report.public = _public(loader, check=check, tell=tell)
        if check and report.public:
            return report
        if faults := faults_find():
            raise Broken(faults)
        groups = lagging(loader)
        report.merchants = sum(len(schemas) for schemas in groups.values())
        wanted = frozenset(loader.graph.nodes)
        behind = {have: schemas for have, schemas in groups.items() if wanted - have}
        report.lagging = sum(len(schemas) for schemas in behind.values())
        if not check:
            for have, schemas in behind.items():
                _Group(have, schemas, jobs, tries, report, tell).run()
            template.template_build()
    report.seconds = time.monotonic() - started
    if report.failed:
        raise Failed(
            f"{len(report.failed)} merchants were left behind; start again to go on with them:\n"
            + "\n".join(f"{schema}: {why}" for schema, why in sorted(report.failed.items()))
        )
    return report


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time, and no schema is made meanwhile. The lock goes with its connection."""
    with psycopg.connect(**_parameters(), autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", (MIGRATIONS_LOCK,))
        yield


def _parameters() -> dict[str, Any]:
    database = settings.DATABASES[OWNER]
    found = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return {name: value for name, value in found.items() if value}


def _public(loader: MigrationLoader, *, check: bool, tell: Tell) -> int:
    backend().set_schema_to_public()
    missing = len(set(loader.graph.nodes) - set(loader.applied_migrations))
    if missing and not check:
        tell(f"public: {missing} migrations")
        # Not the command: django-tenants makes it walk through every merchant.
        template.schema_migrate(PUBLIC, alias=template.owner_alias())
        public_rights_apply()
    return missing


def lagging(loader: MigrationLoader) -> dict[frozenset[Key], list[str]]:
    """Merchants' schemas by the set of migrations they have; there are few such sets."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT schema_name FROM public.tenants_merchant ORDER BY 1")
        schemas = [row[0] for row in cursor.fetchall()]
        by_digest: dict[str, list[str]] = defaultdict(list)
        for start in range(0, len(schemas), AT_ONCE):
            parts = [
                sql.SQL(
                    "SELECT {}, md5(string_agg(app || '.' || name, ',' ORDER BY app, name)) FROM {}"
                ).format(schema, sql.Identifier(schema, "django_migrations"))
                for schema in schemas[start : start + AT_ONCE]
            ]
            cursor.execute(sql.SQL(" UNION ALL ").join(parts))
            for schema, digest in cursor.fetchall():
                by_digest[digest or ""].append(schema)
        groups = {}
        for members in by_digest.values():
            cursor.execute(
                sql.SQL("SELECT app, name FROM {}").format(
                    sql.Identifier(members[0], "django_migrations")
                )
            )
            groups[frozenset(cursor.fetchall())] = members
    return groups


class _Group:
    """Schemas that have the same migrations, and so need the same."""

    def __init__(
        self,
        have: frozenset[Key],
        schemas: Sequence[str],
        jobs: int,
        tries: int,
        report: Report,
        tell: Tell,
    ) -> None:
        self.have, self.schemas = have, list(schemas)
        self.jobs, self.tries = max(1, jobs), max(1, tries)
        self.report, self.tell = report, tell
        self._local = threading.local()
        self._opened: list[psycopg.Connection] = []

    def run(self) -> None:
        """Migration by migration, each over all schemas."""
        first = self.schemas[0]
        backend().set_schema(first)
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            for migration in [*self._squashed(executor), *(step for step, _ in plan)]:
                if not self.schemas:
                    return
                # Written for the state the first schema is in now: Django looks up the names of
                # constraints there.
                backend().set_schema(self.schemas[0])
                self._apply(executor, migration)
        finally:
            backend().set_schema_to_public()
            for opened in self._opened:
                opened.close()

    def _squashed(self, executor: MigrationExecutor) -> Iterator[Migration]:
        """Squashed migrations all of whose parts are there: only the row is missing."""
        for key, migration in executor.loader.replacements.items():
            if key not in self.have and self.have.issuperset(migration.replaces):
                same = {"dependencies": migration.dependencies}
                yield type("Squashed", (Migration,), same)(migration.name, migration.app_label)

    def _apply(self, executor: MigrationExecutor, migration: Migration) -> None:
        text = as_sql(executor, migration)
        way = "broadcast" if text is not None else "one by one"
        self.tell(f"{migration.app_label}.{migration.name}: {len(self.schemas)} merchants, {way}")
        if text is not None:
            work = self._broadcaster(migration, text)
        else:
            state = executor.loader.project_state(
                (migration.app_label, migration.name), at_end=False
            )
            work = self._walker(migration, state)
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            outcomes = list(pool.map(lambda schema: self._try(work, schema), self.schemas))
        self.schemas = [schema for schema, done in zip(self.schemas, outcomes, strict=True) if done]
        if text is not None:
            self.report.broadcast += len(self.schemas)
        else:
            self.report.one_by_one += len(self.schemas)

    def _try(self, work: Callable[[str], None], schema: str) -> bool:
        """A schema that is busy is tried again; one that fails does not stop the others."""
        for attempt in range(self.tries):
            try:
                work(schema)
            except Exception as exc:  # a migration may fail in any way; the report says which
                why = str(exc).strip() or type(exc).__name__
                if not isinstance(getattr(exc, "__cause__", None) or exc, _BUSY):
                    log.exception("%s was not migrated", schema)
                    break
                time.sleep(0.2 * 2**attempt)
            else:
                return True
        self.report.failed[schema] = why
        return False

    def _connection(self) -> psycopg.Connection:
        opened = getattr(self._local, "connection", None)
        if opened is None or opened.closed:
            opened = psycopg.connect(**_parameters(), autocommit=True)
            self._local.connection = opened
            self._opened.append(opened)
        return opened

    def _broadcaster(self, migration: Migration, text: str) -> Callable[[str], None]:
        record = sql.SQL(_RECORD.replace("%s", "{}") + ";")
        rows = [record.format(app, name) for app, name in recorded_as(migration)]
        recorded = sql.Composed(rows).as_string(None)
        ingest_changed = any(table in text for table in rights.INGEST_TABLES)

        def work(schema: str) -> None:
            path = sql.SQL("SET LOCAL search_path = {}, public").format(sql.Identifier(schema))
            opened = self._connection()
            try:
                opened.execute(
                    f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'; "
                    f"{path.as_string(None)}; {text}\n{recorded}"
                    f"{rights.ingest_sql(schema) if ingest_changed else ''} COMMIT"
                )
            except BaseException:
                opened.rollback()
                raise

        return work

    def _walker(self, migration: Migration, state: Any) -> Callable[[str], None]:
        """Django's own way, without its executor: that reads all files anew for each schema."""

        def work(schema: str) -> None:
            backend().set_schema(schema)
            try:
                with connection.schema_editor(atomic=migration.atomic) as editor:
                    if migration.atomic:
                        editor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
                    migration.apply(state.clone(), editor)
                with transaction.atomic(), connection.cursor() as cursor:
                    for app, name in recorded_as(migration):
                        cursor.execute(_RECORD, (app, name))
                    if granted := rights.ingest_sql(schema):
                        cursor.execute(granted)
            finally:
                connection.close()  # this thread's own
                backend().set_schema_to_public()

        return work


_RECORD = "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())"


def recorded_as(migration: Migration) -> list[Key]:
    """Rows a migration leaves; a squashed one stands for those it replaces, too."""
    return [*migration.replaces, (migration.app_label, migration.name)]


def as_sql(executor: MigrationExecutor, migration: Migration) -> str | None:
    """The migration's statements for the current schema's state; None where it is more than SQL."""
    if not migration.atomic or any(
        isinstance(operation, RunPython | RenameModel) or not operation.reduces_to_sql
        for operation in migration.operations
    ):
        return None
    state = executor.loader.project_state((migration.app_label, migration.name), at_end=False)
    with connection.schema_editor(collect_sql=True, atomic=True) as editor:
        migration.apply(state, editor, collect_sql=True)
    lines = [line for line in editor.collected_sql if not line.startswith("--")]
    return "\n".join(lines)
