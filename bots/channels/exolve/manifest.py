from django.utils.translation import gettext_lazy as _

from bots.channels.base import (
    ChannelManifest,
    Field,
    Maturity,
    Step,
    TextUnit,
    secret_field,
    text_field,
)

# Ten parts of a long Cyrillic SMS. Not confirmed by the vendor's documentation.
TEXT_LIMIT = 670

MANIFEST = ChannelManifest(
    key="exolve",
    title=_("Calls and SMS: MTS Exolve"),
    implementation="bots.channels.exolve.adapter.Exolve",
    icon="sms",
    settings=(
        secret_field("api_key", _("Application key"), help=_("Application → API keys.")),
        text_field(
            "number",
            _("Number or sender name"),
            help=_(
                "A rented mobile number, 11 digits, or a registered name. City numbers and 8-800 "
                "send no SMS."
            ),
        ),
        secret_field(
            "word",
            _("Word in the address"),
            is_required=False,
            help=_(
                "Exolve signs nothing. With a word here only calls whose address ends in "
                "?word=… are taken."
            ),
        ),
        Field(
            "incoming",
            _("Incoming SMS"),
            "choice",
            default="hook",
            choices=(
                ("hook", _("Exolve calls our address")),
                ("poll", _("We ask Exolve, twice a minute")),
            ),
        ),
        text_field(
            "names",
            _("Names of fields in call events"),
            is_required=False,
            help=_("Only if calls are not seen, for example: id=call_sid, from=numberA"),
        ),
    ),
    text_limit=TEXT_LIMIT,
    text_unit=TextUnit.UTF16,
    chat_is_phone=True,
    has_receipts=True,
    can_look_up=True,
    rate_per_s=10.0,
    rate_per_chat_s=1.0,
    polls=True,
    poll_every_s=30.0,
    region="ru",
    place=75,
    steps=(
        Step(
            _("Rent a number in the developer's account"),
            _("A mobile number can do both calls and SMS."),
            link="https://dev.exolve.ru/",
        ),
        Step(_("Copy the application's key"), _("Paste it here with the number.")),
        Step(
            _("Give Exolve our address"),
            _(
                "Put the address of this channel (on its page, under “For developers”) into the "
                "application for call events and for incoming SMS. With a word, add ?word=… to it."
            ),
        ),
        Step(_("Call the number and hang up"), _("The missed call is among the dialogues.")),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _("Exolve signs nothing: what protects the address is that nobody can guess it."),
        _("The fields of events are not published; they are recognised by their usual names."),
        _("Calls cannot be made from here."),
    ),
)
