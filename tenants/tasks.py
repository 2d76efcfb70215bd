"""The one task bells ring; everything else waits as rows in `due`."""

from __future__ import annotations

from celery import shared_task
from django.db import connection

from tenants.kernel import bell, due
from tenants.kernel.context import PUBLIC
from tenants.selectors.hosts import is_known


@shared_task(name=bell.TASK)
def ring(schema: str, kind: str, object_id: int) -> bool:
    """Do the named work if it is still due and free; answering a bell twice does nothing."""
    try:
        if schema != PUBLIC and not is_known(schema):
            return False
        return due.take(schema, kind, object_id)
    finally:
        connection.close()
