from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BotsConfig(AppConfig):
    name = "bots"
    verbose_name = _("Assistant and dialogues")

    def ready(self) -> None:
        # Each registers what waiting work of its kind is done by, what follows a fact, or its part
        # of a new merchant.
        from bots import handlers  # noqa: F401
        from bots.engine import inbox, stale, turn  # noqa: F401
        from bots.services import (  # noqa: F401
            acts,
            agents,
            assignment,
            attachments,
            broadcast_run,
            bulk,
            delivery,
            edits,
            fill,
            forgetting,
            knowledge,
            later,
            marking,
            moving,
            notice_facts,
            notice_work,
            notices,
            partner_models,
            people,
            polling,
            proposals,
            push,
            rating,
            rules,
            sla,
            transcribe,
            translate,
            unsubscribing,
            uploads,
            visits,
            watching,
        )
        from tenants.kernel import rights

        # What the acceptance of a delivery needs (bots.services.accept): no content can be read.
        rights.INGEST_TABLES["bots_inbox"] = "INSERT, SELECT (id, channel_id, dedupe_key, lane)"
