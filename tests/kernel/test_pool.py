"""The pool of connections outlives a restart of the server."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tenants.workspace.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_connection_the_server_has_cut_is_not_handed_out(alpha):
    with alpha.inside():
        before = User.objects.count()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
    connection.close()
    assert connection.pool.get_stats()["pool_available"] >= 1
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as owner:
        assert owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)

    pids = set()
    for _ in range(connection.pool.get_stats()["pool_size"] + 2):  # in turn: the cut one too
        with alpha.inside():
            assert User.objects.count() == before
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.add(cursor.fetchone()[0])
        connection.close()
    assert pid not in pids
