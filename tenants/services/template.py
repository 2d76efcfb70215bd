"""A merchant's schema as statements, read from the catalogue of one that migrations made.

Replaying them takes a twentieth of the time of the migrations. We read the catalogue ourselves
rather than run pg_dump: that needs a program as new as the server on every machine, and its
output is made for psql. What we do not know how to write (a view, a function, an odd option) is
not lost silently: the statements are tried once, both schemas are described in full, and where
the descriptions differ no template is kept and migrations make each schema.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import sys
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from tenants.kernel.context import backend
from tenants.models import SchemaTemplate
from tenants.services.database import OWNER

log = logging.getLogger(__name__)

# Grows when the statements we write change.
WRITER = 1
# Stands for the schema's name in the kept statements; no catalogue object is called so.
HOLE = "schema_0f3a9c1e7b"


def digest_now() -> str:
    """Of every file that decides what a merchant's schema looks like."""
    found = hashlib.sha256(f"{WRITER} {settings.TENANT_APPS}".encode())
    labels = {app.label for app in apps.get_app_configs() if app.name in settings.TENANT_APPS}
    loader = MigrationLoader(None)
    for key, migration in sorted(loader.disk_migrations.items()):
        if key[0] in labels:
            found.update(repr(key).encode())
            found.update(Path(sys.modules[migration.__module__].__file__ or "").read_bytes())
    return found.hexdigest()


def owner_alias() -> str:
    """The default connection where it is the owner's (migrate_all), else the owner's own.

    Python code in a migration may forget to name its connection; where the default one is the
    owner's, it still writes to the right schema.
    """
    databases = settings.DATABASES
    return "default" if databases["default"]["USER"] == databases[OWNER]["USER"] else OWNER


def schema_migrate(schema: str, *, alias: str = OWNER) -> None:
    """Bring one schema to the newest state by the migrations themselves, the slow way."""
    connection: Any = connections[alias]
    connection.set_schema(schema, include_public=False)
    try:
        MigrationRecorder(connection).ensure_schema()
        connection.set_schema(schema)
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    finally:
        connection.set_schema_to_public()


def template_build() -> SchemaTemplate:
    """Make the template of the migrations that are here, unless the kept one is of them."""
    digest = digest_now()
    if kept := SchemaTemplate.objects.using(OWNER).filter(digest=digest).first():
        return kept
    made, tried = (f"scratch_{secrets.token_hex(6)}" for _ in range(2))
    connection = connections[OWNER]
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(made)))
            schema_migrate(made, alias=owner_alias())
            ddl = statements(cursor, made)
            try:
                with transaction.atomic(using=OWNER):
                    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(tried)))
                    replay(cursor, ddl, tried)
                    same = description(cursor, made) == description(cursor, tried)
            except Exception:  # migrations make the schemas then
                log.exception("the schema template cannot be replayed")
                same = False
            if not same:
                log.error("the schema template differs from what migrations make: not used")
                ddl = ""
        finally:
            backend(OWNER).set_schema_to_public()
            for name in (made, tried):
                cursor.execute(
                    sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
                )
    with transaction.atomic(using=OWNER):
        SchemaTemplate.objects.using(OWNER).all().delete()
        return SchemaTemplate.objects.using(OWNER).create(digest=digest, ddl=ddl)


def template_current() -> SchemaTemplate | None:
    """The template of the state the database's merchants are in; None before `migrate_all`."""
    return SchemaTemplate.objects.using(OWNER).first()


def replay(cursor: Any, ddl: str, schema: str) -> None:
    """Make the tables in a schema that is there and empty."""
    cursor.execute(ddl.replace(HOLE, schema))


# ── Reading ──────────────────────────────────────────────────────────────────────────────────
_COLUMNS = """
SELECT c.relname, c.oid, c.reloptions,
  (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
     a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
     CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(n.nspname) || '.' ||
       quote_ident(l.collname) END,
     (SELECT k.conname FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n'
       AND k.conkey = ARRAY[a.attnum])) ORDER BY a.attnum)
   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   LEFT JOIN pg_collation l ON l.oid = a.attcollation
   LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT json_agg(json_build_array(k.conname, k.contype, pg_get_constraintdef(k.oid))
     ORDER BY k.contype, k.conname)
   FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x')),
  (SELECT json_agg(pg_get_indexdef(i.indexrelid) ORDER BY ic.relname)
   FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
   WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT 1 FROM pg_constraint k
     WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))),
  (SELECT json_agg(pg_get_triggerdef(g.oid) ORDER BY g.tgname)
   FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)
FROM pg_class c WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""


def statements(cursor: Any, schema: str) -> str:
    """CREATE TABLE, rows, indexes, references, triggers: in an order that works, names as they are.

    Every name comes out qualified, because the path is empty while they are read.
    """
    with transaction.atomic(using=OWNER):
        cursor.execute("SET LOCAL search_path = ''")
        cursor.execute(_COLUMNS, (schema,))
        tables = cursor.fetchall()
        rows = [line for name, *_ in tables for line in _rows(cursor, schema, name)]
        numbers = _sequences(cursor, schema)
        cursor.execute("RESET search_path")
    create, later = [], []
    for name, _oid, options, columns, constraints, indexes, triggers in tables:
        table = f'"{schema}"."{name}"'
        inside = [_column(column) for column in columns]
        references: list[str] = []
        for constraint, kind, text in constraints or ():
            part = f'CONSTRAINT "{constraint}" {text}'
            (references if kind == "f" else inside).append(part)
        extra = f" WITH ({', '.join(options)})" if options else ""
        create.append(f"CREATE TABLE {table} ({', '.join(inside)}){extra};")
        later += [f"{text};" for text in indexes or ()]
        if references:
            added = ", ".join(f"ADD {part}" for part in references)
            later.append(f"ALTER TABLE {table} {added};")
        later += [f"{text};" for text in triggers or ()]
    text = "\n".join([*create, *rows, *numbers, *later])
    return text.replace(f'"{schema}"', f'"{HOLE}"').replace(f"{schema}.", f"{HOLE}.")


def _column(column: list[Any]) -> str:
    name, kind, required, identity, generated, default, collation, not_null_name = column
    parts = [f'"{name}"', kind]
    if collation:
        parts.append(f"COLLATE {collation}")
    if identity:
        parts.append(f"GENERATED {'ALWAYS' if identity == 'a' else 'BY DEFAULT'} AS IDENTITY")
    elif generated:
        parts.append(f"GENERATED ALWAYS AS ({default}) {'STORED' if generated == 's' else ''}")
    elif default is not None:
        parts.append(f"DEFAULT {default}")
    if not_null_name:  # PostgreSQL 18 names them
        parts.append(f'CONSTRAINT "{not_null_name}" NOT NULL')
    elif required:
        parts.append("NOT NULL")
    return " ".join(parts)


def _rows(cursor: Any, schema: str, table: str) -> list[str]:
    """What migrations put into a table: their own names first of all."""
    name = sql.Identifier(schema, table)
    cursor.execute(sql.SQL("SELECT quote_literal(t::text) FROM {} t").format(name))
    found = [row[0] for row in cursor.fetchall()]
    if not found:
        return []
    full = f'"{schema}"."{table}"'
    values = ", ".join(found)
    line = f"SELECT (line::{full}).* FROM unnest(ARRAY[{values}]) AS line"  # noqa: S608 - quoted
    return [f"INSERT INTO {full} OVERRIDING SYSTEM VALUE {line};"]


def _sequences(cursor: Any, schema: str) -> list[str]:
    cursor.execute(
        "SELECT sequencename, last_value FROM pg_sequences "
        "WHERE schemaname = %s AND last_value IS NOT NULL ORDER BY sequencename",
        (schema,),
    )
    return [
        f'SELECT pg_catalog.setval(\'"{schema}"."{name}"\', {value});'
        for name, value in cursor.fetchall()
    ]


# ── Comparing ────────────────────────────────────────────────────────────────────────────────
_DESCRIBE = {
    "relations": """
        SELECT c.relname, c.relkind, c.relpersistence, c.reloptions::text, c.relrowsecurity,
          c.relreplident, am.amname, c.relacl::text[] FROM pg_class c
        LEFT JOIN pg_am am ON am.oid = c.relam WHERE c.relnamespace = %(schema)s::regnamespace""",
    "columns": """
        SELECT c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
          format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
          pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation::text, a.attstorage,
          a.attcompression, a.attoptions::text, a.attacl::text[]
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = %(schema)s::regnamespace AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid),
          condeferrable, condeferred, convalidated
        FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace""",
    "indexes": """
        SELECT pg_get_indexdef(i.indexrelid), i.indisprimary, i.indisunique, i.indisvalid,
          i.indisclustered, i.indisreplident
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = %(schema)s::regnamespace""",
    "triggers": """
        SELECT g.tgrelid::regclass::text, pg_get_triggerdef(g.oid), g.tgenabled
        FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
        WHERE c.relnamespace = %(schema)s::regnamespace AND NOT g.tgisinternal""",
    "sequences": """
        SELECT sequencename, data_type::text, start_value, min_value, max_value, increment_by,
          cycle, cache_size, last_value FROM pg_sequences WHERE schemaname = %(schema)s""",
    "functions": """
        SELECT pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = %(schema)s::regnamespace AND prokind <> 'a'""",
    "types": """
        SELECT typname, typtype FROM pg_type WHERE typnamespace = %(schema)s::regnamespace""",
    "policies": """
        SELECT tablename, policyname, roles::text, cmd, qual, with_check
        FROM pg_policies WHERE schemaname = %(schema)s""",
    "comments": """
        SELECT c.relname, d.objsubid, d.description FROM pg_description d
        JOIN pg_class c ON c.oid = d.objoid
        WHERE c.relnamespace = %(schema)s::regnamespace""",
    "schema": """
        SELECT nspacl::text[] FROM pg_namespace WHERE nspname = %(schema)s""",
    "defaults": """
        SELECT defaclobjtype, defaclacl::text[] FROM pg_default_acl
        WHERE defaclnamespace = %(schema)s::regnamespace""",
    "roles": """
        SELECT r.rolcanlogin, r.rolinherit, r.rolsuper, r.rolbypassrls,
          (SELECT array_agg(g.rolname::text ORDER BY 1) FROM pg_auth_members m
           JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)
        FROM pg_roles r WHERE r.rolname = %(schema)s""",
}


def description(cursor: Any, schema: str) -> dict[str, list[str]]:
    """Everything the catalogue knows of a schema, and its rows, with its name left out.

    Two merchants whose descriptions are equal were made alike. The times in django_migrations are
    not compared.
    """
    found: dict[str, list[str]] = {}
    with transaction.atomic(using=OWNER):
        cursor.execute("SET LOCAL search_path = ''")
        for part, query in _DESCRIBE.items():
            cursor.execute(query, {"schema": schema})
            found[part] = _lines(cursor.fetchall(), schema)
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace "
            "AND relkind = 'r' ORDER BY relname",
            (schema,),
        )
        for (table,) in cursor.fetchall():
            columns = "app, name" if table == "django_migrations" else "t::text"
            cursor.execute(
                sql.SQL("SELECT {} FROM {} t").format(
                    sql.SQL(columns), sql.Identifier(schema, table)
                )
            )
            found[f"rows of {table}"] = _lines(cursor.fetchall(), schema)
        cursor.execute("RESET search_path")
    return found


def _lines(rows: list[tuple[Any, ...]], schema: str) -> list[str]:
    """A text a row, in an order that does not hang on the schema's name. Rights come as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return sorted(str(item).replace(schema, HOLE) for item in value)
        return value

    return sorted(
        json.dumps([plain(value) for value in row], default=str).replace(schema, HOLE)
        for row in rows
    )
