"""Celery tasks name their merchant: a worker has none of its own."""

from __future__ import annotations

from typing import Any

from celery import Task
from django.db import connection

from tenants.kernel.context import PUBLIC, merchant_context


class TenantTask(Task):
    """Runs inside the schema given as the keyword `schema`; refuses to run without one."""

    abstract = True

    def __call__(self, *args: Any, schema: str, **kwargs: Any) -> Any:
        if not schema or schema == PUBLIC:
            raise ValueError(f"{self.name} needs a merchant's schema")
        with merchant_context(schema):
            return self.run(*args, schema=schema, **kwargs)

    def after_return(self, *args: Any, **kwargs: Any) -> None:
        connection.close()
