"""Database backend: the search path and the role of a merchant are set in one statement.

django-tenants sets `search_path`; we also set the role, so that Postgres itself refuses a
statement that names another merchant's schema (docs/security.md). A merchant's role is named
after its schema; the login role is a member of all of them and has no right in any by itself.
"""

from __future__ import annotations

import select
from typing import Any

import psycopg
from django.conf import settings
from django.db.utils import DatabaseError
from django_tenants.postgresql_backend import base as stock


class DatabaseWrapper(stock.DatabaseWrapper):
    # Whether this transaction's commit will tell the relay (tenants.kernel.outbox).
    outbox_told = False
    _setting_search_path: bool
    search_path_set_schemas: list[str] | None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that stands: after a restart of the server the pool is full of dead ones.

        Looking at the socket costs nothing; asking the server each time would cost a round trip.
        """
        connection = super().get_new_connection(conn_params)
        while self.pool and _is_cut(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection

    def _handle_search_path(self, cursor=None) -> None:
        if self._setting_search_path or self.search_path_set_schemas:
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


def _is_cut(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has left. An idle connection has nothing to read unless it says so."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        connection.execute("")  # perhaps only a notice
    except psycopg.OperationalError:
        return True
    return False
