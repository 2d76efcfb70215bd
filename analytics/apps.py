from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = _("Reports")

    def ready(self) -> None:
        from analytics import handlers, steps, usage  # noqa: F401 - they register themselves
        from analytics.services import export  # noqa: F401 - a job
