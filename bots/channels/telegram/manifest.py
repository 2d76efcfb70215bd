from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Maturity, TextUnit, secret_field

MANIFEST = ChannelManifest(
    key="telegram",
    title=_("Telegram"),
    implementation="bots.channels.telegram.adapter.Telegram",
    icon="send",
    settings=(
        secret_field(
            "token",
            _("Bot token"),
            help=_("@BotFather gives it after /newbot. It looks like 123456789:AA…"),
        ),
    ),
    text_limit=4096,
    text_unit=TextUnit.UTF16,
    buttons=8,
    markup="html",
    files=frozenset({"image", "file", "voice", "video"}),
    max_file_bytes=20 * 1024 * 1024,
    can_edit=True,
    can_delete=True,
    delete_within_s=48 * 3600,
    can_type=True,
    rate_per_s=25.0,
    rate_per_chat_s=1.0,
    polls=True,
    maturity=Maturity.SIMULATED,
    gaps=(
        _("No delivered and read states: Telegram tells bots none."),
        _("Groups, business accounts and albums are not served yet."),
    ),
)
