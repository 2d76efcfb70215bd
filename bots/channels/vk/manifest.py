from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Maturity, Step, secret_field

MANIFEST = ChannelManifest(
    key="vk",
    title=_("VK community"),
    implementation="bots.channels.vk.adapter.Vk",
    icon="groups",
    settings=(
        secret_field(
            "token",
            _("Community token"),
            help=_("Community → Manage → API usage → Create token."),
        ),
    ),
    # The schema takes 9,000, people's programs show about 4,096.
    text_limit=4096,
    buttons=10,
    button_title=40,
    files=frozenset({"image", "file", "voice"}),
    max_file_bytes=50 * 1024 * 1024,
    can_edit=True,
    can_delete=True,
    edit_within_s=24 * 3600,
    delete_within_s=24 * 3600,
    can_type=True,
    can_mark_read=True,
    has_receipts=True,
    asks=frozenset({"location"}),
    tells_who=True,
    # Nothing is looked up: what is sent again with the same random_id is not shown twice.
    can_look_up=True,
    # 20 calls a second are allowed, with "typing" and pressed buttons among them.
    rate_per_s=15.0,
    rate_per_chat_s=1.0,
    region="ru",
    place=40,
    steps=(
        Step(
            _("Switch the community's messages on"),
            _("Community → Manage → Messages → “Community messages: on”."),
        ),
        Step(
            _("Create a token"),
            _(
                "Manage → API usage → “Create token”. Tick: community management, messages, "
                "photos, files. VK asks for a confirmation from your phone."
            ),
        ),
        Step(
            _("Paste it below"),
            _(
                "The address for events, its secret and the bot's abilities are set by us: "
                "nothing else needs to be filled in at VK."
            ),
        ),
        Step(
            _("Switch other programs off"),
            _(
                "Manage → API usage → Callback API: servers of other services go on receiving "
                "the same messages and would answer, too."
            ),
        ),
        Step(
            _("Write to the community"),
            _("Open it from another account, press “Message” and ask something."),
        ),
    ),
    polls=True,
    maturity=Maturity.SIMULATED,
    gaps=(
        _("No “delivered” state: VK tells only what was read."),
        _("The community cannot write first: a buyer has to write or to allow messages."),
        _("Group conversations, comments and walls are not served."),
        _("Videos of buyers are seen only in VK."),
    ),
)
