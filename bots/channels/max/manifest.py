from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Field, Maturity, Step, TextUnit, secret_field

MANIFEST = ChannelManifest(
    key="max",
    title=_("MAX"),
    implementation="bots.channels.max.adapter.Max",
    icon="maps_ugc",
    settings=(
        secret_field(
            "token",
            _("Bot token"),
            help=_("business.max.ru → Chat bots → your bot → Integration."),
        ),
        Field(
            "ca_pem",
            _("Russian Trusted Root CA (PEM)"),
            "block",
            _("The service's certificate is issued by it. Empty when the operator has set one."),
            is_required=False,
        ),
    ),
    text_limit=4000,
    text_unit=TextUnit.UTF16,
    buttons=30,
    button_title=128,
    markup="html",
    files=frozenset({"image", "file", "voice", "video"}),
    max_file_bytes=50 * 1024 * 1024,
    can_edit=True,
    can_delete=True,
    edit_within_s=7 * 24 * 3600,
    can_type=True,
    can_look_up=True,
    asks=frozenset({"phone", "location"}),
    # 30 and 2 are allowed, with answers to pressed buttons and "typing" among them.
    rate_per_s=25.0,
    rate_per_chat_s=1.5,
    region="ru",
    place=20,
    note=_("For Russian companies, sole proprietors and the self-employed; MAX checks each bot."),
    steps=(
        Step(
            _("Register the shop at MAX for business"),
            _(
                "A Russian company, a sole proprietor or a self-employed person may; others may "
                "not. An organisation may have five bots."
            ),
            link="https://business.max.ru",
        ),
        Step(
            _("Create a bot and wait until MAX has checked it"),
            _(
                "“Chat bots” → “Create”: name, picture, description. MAX takes up to two working "
                "days. Before that there is no token, or the bot may not answer."
            ),
        ),
        Step(
            _("Copy the token"),
            _("Open the bot → “Integration” → “Get the token”, and paste it below."),
        ),
        Step(
            _("Switch other programs off"),
            _(
                "A bot that answered through another service would answer twice: when you "
                "connect it here, its other addresses are removed."
            ),
        ),
        Step(
            _("Write to the bot"),
            _("Find it in MAX by its name, press “Start” and ask something."),
        ),
    ),
    polls=True,
    maturity=Maturity.SIMULATED,
    gaps=(
        _("No delivered and read states: MAX tells bots none."),
        _("The bot cannot write first: a buyer has to press “Start” or write."),
        _(
            "Whether a bot has passed the check is not told by MAX: a bot under check looks as if "
            "every buyer had stopped it."
        ),
        _("Group chats and channels are not served: the bot answers in dialogues only."),
    ),
)
