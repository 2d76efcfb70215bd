from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from django.contrib.contenttypes.management import create_contenttypes

        # Permissions follow roles (workspace.auth) and content types are made when first asked
        # for: no rows to copy into a thousand schemas, none to differ between them.
        post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
        post_migrate.disconnect(create_contenttypes)

        from tenants.kernel import jobs  # noqa: F401
        from tenants.services import erase, limit_letters, merchants, people, provision  # noqa: F401 - their work
