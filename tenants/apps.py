from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from django.contrib.contenttypes.management import create_contenttypes
        from django.contrib.contenttypes.models import ContentTypeManager

        # Permissions follow roles (workspace.auth) and content types are made when first asked
        # for: no rows to copy into a thousand schemas, none to differ between them.
        post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
        post_migrate.disconnect(create_contenttypes)
        # Made when first asked for, they are numbered differently in each schema, and Django keeps
        # one list for the process: a thread in one merchant would write another's number. They are
        # asked for once a change in the admin, so nothing is kept.
        ContentTypeManager._add_to_cache = lambda manager, using, kind: None  # type: ignore[attr-defined]

        from tenants.kernel import jobs  # noqa: F401
        from tenants.services import (  # noqa: F401 - their work
            erase,
            export,
            limit_letters,
            merchants,
            people,
            provision,
        )
