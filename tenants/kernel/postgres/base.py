"""Database backend: the search path and the role of a merchant are set in one statement.

django-tenants sets `search_path`; we also set the role, so that Postgres itself refuses a
statement that names another merchant's schema (docs/security.md). A merchant's role is named
after its schema; the login role is a member of all of them and has no right in any by itself.
"""

from __future__ import annotations

import psycopg
from django.conf import settings
from django.db.utils import DatabaseError
from django_tenants.postgresql_backend import base as stock


class DatabaseWrapper(stock.DatabaseWrapper):
    def _handle_search_path(self, cursor=None) -> None:
        if self._setting_search_path or self.search_path_set_schemas:  # type: ignore[has-type]
            return
        paths = self._get_cursor_search_paths()
        role = "none"
        # The owner's connection runs DDL in every schema and keeps its own rights.
        if self.settings_dict["USER"] == settings.DATABASE_LOGINS["app"]["user"]:
            role = "none" if self.schema_name == "public" else self.schema_name
        self._setting_search_path = True
        target = self.connection.cursor() if cursor is None else cursor
        try:
            target.execute(
                "SELECT set_config('search_path', %s, false), set_config('role', %s, false)",
                (", ".join(f'"{path}"' for path in paths), role),
            )
        except (DatabaseError, psycopg.errors.InFailedSqlTransaction):
            # In an aborted transaction only a rollback can follow, and that forgets the path.
            self.search_path_set_schemas = None
            if not self.in_atomic_block:
                raise
        else:
            self.search_path_set_schemas = paths
        finally:
            self._setting_search_path = False
            if cursor is None:
                target.close()
