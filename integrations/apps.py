from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Catalogue and orders")

    def ready(self) -> None:
        # Registers what does the jobs of this app.
        from integrations.services import catalogue, connections  # noqa: F401
