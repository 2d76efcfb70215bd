from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Field, Maturity, secret_field, text_field

MANIFEST = ChannelManifest(
    key="web",
    title=_("Chat on the site"),
    implementation="bots.channels.web.adapter.Web",
    icon="forum",
    settings=(
        text_field(
            "sites",
            _("Sites that may show the chat"),
            help=_("Hosts with a space between them, e.g. shop.ru *.shop.ru. Empty: any site."),
            is_required=False,
        ),
        Field(
            "theme",
            _("Look"),
            "choice",
            is_required=False,
            default="auto",
            choices=(
                ("auto", _("as the buyer's device")),
                ("light", _("light")),
                ("dark", _("dark")),
            ),
        ),
        Field(
            "position",
            _("Corner"),
            "choice",
            is_required=False,
            default="right",
            choices=(("right", _("bottom right")), ("left", _("bottom left"))),
        ),
        text_field(
            "questions",
            _("Questions offered at the start"),
            help=_(
                "Up to four with | between them, e.g. Where is my order? | Delivery and payment"
            ),
            is_required=False,
        ),
        Field(
            "visitors",
            _("Show colleagues who is on the site"),
            "bool",
            is_required=False,
            default=False,
            help=_(
                "Page, cart and where they came from, while they are there; the chat may greet "
                "them first. The page about data then says so. Tell it in your own policy, too."
            ),
        ),
        Field(
            "form",
            _("Ask for contact data before the first message"),
            "choice",
            is_required=False,
            default="",
            choices=(
                ("", _("never")),
                ("offline", _("when nobody answers: outside of hours, without the assistant")),
                ("always", _("always")),
            ),
            help=_("Consents stand apart and unticked. The message goes with the form."),
        ),
        Field(
            "form_fields",
            _("Fields of that form"),
            "choice",
            is_required=False,
            default="name phone email",
            choices=(
                ("name phone email", _("name, phone, e-mail")),
                ("name phone", _("name, phone")),
                ("name email", _("name, e-mail")),
                ("phone", _("phone")),
                ("email", _("e-mail")),
            ),
        ),
        secret_field(
            "identity_secret",
            _("Secret of the signed sign-in"),
            help=_(
                "At least 32 characters, known to your server and to us only. With it your site "
                "can tell who the buyer is (docs/widget.md)."
            ),
            is_required=False,
        ),
    ),
    text_limit=20_000,
    buttons=8,
    button_title=200,
    shows_cards=True,
    markup="markdown",
    files=frozenset({"image", "file", "voice", "video"}),
    max_file_bytes=20 * 1024 * 1024,
    can_edit=True,
    can_delete=True,
    can_type=True,
    can_stream=True,
    has_receipts=True,
    can_look_up=True,
    rate_per_s=500.0,
    rate_per_chat_s=10.0,
    region="ru",
    place=10,
    maturity=Maturity.BETA,
    gaps=("voice notes are sent as files; there is no recorder",),
)
