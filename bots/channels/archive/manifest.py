from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest

MANIFEST = ChannelManifest(
    key="archive",
    title=_("History from elsewhere"),
    implementation="bots.channels.archive.adapter.Archive",
    icon="inventory_2",
    region="ru",
    is_offered=False,
    gaps=("for reading: nothing comes in and nothing goes out",),
)
