from django.utils.translation import gettext_lazy as _

from bots.importers.base import ImporterManifest

MANIFEST = ImporterManifest(
    key="table",
    title=_("A table (CSV, Excel)"),
    text=_(
        "Contacts, or conversations with their messages, from any other system: you say which "
        "column is what."
    ),
    icon="table_view",
    asks="file",
    implementation="bots.importers.table.source.Table",
    gaps=("files of messages are not taken over: a table has none",),
)
