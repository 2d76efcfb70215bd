from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Maturity, Step, secret_field, text_field

MANIFEST = ChannelManifest(
    key="whatsapp",
    title=_("WhatsApp"),
    implementation="bots.channels.whatsapp.adapter.WhatsApp",
    icon="chat",
    settings=(
        text_field(
            "phone_number_id",
            _("Phone number ID"),
            help=_("In Meta's app: WhatsApp, API Setup. Digits only; it is not the number itself."),
        ),
        text_field(
            "business_account_id",
            _("WhatsApp Business Account ID"),
            help=_("On the same page, below the phone number ID."),
        ),
        secret_field(
            "token",
            _("Permanent access token"),
            help=_(
                "Of a system user with the rights whatsapp_business_messaging and "
                "whatsapp_business_management. The token of API Setup ends after a day."
            ),
        ),
        secret_field(
            "app_secret",
            _("App secret"),
            help=_("In Meta's app: App settings, Basic. Messages are verified with it."),
        ),
        text_field(
            "catalog_id",
            _("Catalogue ID"),
            is_required=False,
            help=_("Of Commerce Manager, if goods are to be shown as WhatsApp's own cards."),
        ),
        text_field(
            "version",
            _("Graph API version"),
            is_required=False,
            default="v23.0",
            help=_("Leave it, unless Meta has told you that it ends."),
        ),
    ),
    text_limit=4096,
    buttons=10,  # up to three as buttons, more as a list
    button_title=24,
    shows_cards=True,
    files=frozenset({"image", "file", "voice", "video"}),
    max_file_bytes=100 * 1024 * 1024,
    reply_window_s=24 * 3600,
    past_window=frozenset({"template"}),
    can_mark_read=True,
    has_templates=True,
    has_receipts=True,
    settles_within_s=30.0,
    # 80 a second a number, 20 where it is shared with the Business app. To one buyer about one in
    # six seconds, which bursts may borrow from: 131056 is obeyed where that is too much.
    rate_per_s=20.0,
    rate_per_chat_s=1.0,
    region="world",
    place=90,
    note=_(
        "For buyers abroad: in Russia WhatsApp is reached by VPN only since February 2026, and "
        "its owner Meta is designated extremist there."
    ),
    steps=(
        Step(
            _("Make an app at Meta"),
            _("At developers.facebook.com make an app of the kind Business and add WhatsApp."),
            link="https://developers.facebook.com/apps/",
        ),
        Step(
            _("Add the shop's number"),
            _(
                "WhatsApp, API Setup: add and confirm the phone number. Copy the phone number ID "
                "and the WhatsApp Business Account ID from that page."
            ),
        ),
        Step(
            _("Make a permanent token"),
            _(
                "Business settings, System users: make one with full access to the app and the "
                "WhatsApp account, then generate a token that never expires with the rights "
                "whatsapp_business_messaging and whatsapp_business_management."
            ),
            link="https://business.facebook.com/settings/system-users",
        ),
        Step(
            _("Copy the app secret"),
            _("App settings, Basic, App secret. Paste all four here and connect."),
        ),
        Step(
            _("Tell Meta where to bring messages"),
            _(
                "After connecting this page shows an address and a verify token: paste both in "
                "Meta's app under WhatsApp, Configuration, and subscribe to messages, "
                "smb_message_echoes, message_template_status_update, account_update and "
                "phone_number_quality_update."
            ),
        ),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _("Calls, groups and forms (Flows) are not served; an answered form arrives as text."),
        _("Templates of text only: no pictures, no buttons of their own."),
        _("A sent message can be neither changed nor taken back: WhatsApp offers no way."),
    ),
)
