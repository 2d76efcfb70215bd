from django.utils.translation import gettext_lazy as _

from bots.importers.base import ImporterManifest

MANIFEST = ImporterManifest(
    key="chatwoot",
    title=_("Chatwoot"),
    text=_(
        "Colleagues, teams, labels, canned responses, contacts and conversations with their files, "
        "by address and access token."
    ),
    icon="move_to_inbox",
    asks="account",
    implementation="bots.importers.chatwoot.source.Chatwoot",
    gaps=(
        "inboxes themselves, automation, macros, custom views and CSAT are not taken over",
        "locations and shared contacts become text",
    ),
)
