from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BotsConfig(AppConfig):
    name = "bots"
    verbose_name = _("Assistant and dialogues")

    def ready(self) -> None:
        # Registers what waiting work of each kind is done by.
        from bots.engine import inbox, turn  # noqa: F401
        from bots.services import delivery  # noqa: F401
