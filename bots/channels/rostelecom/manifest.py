from django.utils.translation import gettext_lazy as _

from bots.channels.base import (
    ChannelManifest,
    Field,
    Maturity,
    Step,
    secret_field,
    text_field,
)

MANIFEST = ChannelManifest(
    key="rostelecom",
    title=_("Calls: Rostelecom virtual PBX"),
    implementation="bots.channels.rostelecom.adapter.Rostelecom",
    icon="call",
    settings=(
        text_field("client_id", _("Identification code"), help=_("Administrator → Integration.")),
        secret_field("sign_key", _("Signing key")),
        Field(
            "ca_pem",
            _("Russian Trusted Root CA (PEM)"),
            "block",
            _("The service's certificate is issued by it. Empty when the operator has set one."),
            is_required=False,
        ),
        Field(
            "history",
            _("Read the history of calls"),
            "choice",
            default="yes",
            help=_("Calls that we were not told of are found every half hour."),
            choices=(("yes", _("Yes")), ("no", _("No"))),
        ),
    ),
    can_write=False,
    can_write_first=False,
    chat_is_phone=True,
    text_limit=0,
    polls=True,
    poll_every_s=60.0,
    region="ru",
    place=76,
    steps=(
        Step(
            _("Open “Integration” in the PBX administrator's account"),
            _("Copy the identification code and the signing key from there."),
            link="https://admin.cloudpbx.rt.ru/",
        ),
        Step(
            _("Put our address there as the outside system's"),
            _(
                "It is on the channel's page, under “For developers”; Rostelecom adds the method "
                "to it (…/call_events). Let in the addresses of our "
                "servers if the account asks for them."
            ),
        ),
        Step(
            _("Give the certificate of the Russian Trusted CA"),
            _(
                "The API's own certificate is signed by it. Download it in the account and paste "
                "it here, unless the operator has set one."
            ),
        ),
        Step(_("Call the number and hang up"), _("The missed call is among the dialogues.")),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _("Nothing can be written: a missed call is answered in another channel by rule."),
        _(
            "A recording's address is good once and for the address of whoever opens it: behind a "
            "changing proxy it may not open."
        ),
        _("Calls cannot be made from here."),
    ),
)
