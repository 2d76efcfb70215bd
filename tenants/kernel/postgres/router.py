"""Which tables belong into which schema, on the owner's connection as on the app's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django_tenants.routers import TenantSyncRouter

from tenants.kernel.context import PUBLIC, backend


class Router(TenantSyncRouter):
    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool:
        here = backend(db).schema_name == PUBLIC
        apps = settings.SHARED_APPS if here else settings.TENANT_APPS
        return self.app_in_list(app_label, apps)
