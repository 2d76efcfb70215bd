from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.channels.assistant import within
from bots.channels.base import ChannelManifest, Field, Maturity, ReplyMode, Step, text_field

# The platform waits 8 s with the network included.
MOST_S = 7.5


def declared(manifest: ChannelManifest, settings: Mapping[str, Any]) -> ChannelManifest:
    return within(manifest, settings, MOST_S)


MANIFEST = ChannelManifest(
    key="alexa",
    title=_("Amazon Alexa"),
    implementation="bots.channels.alexa.adapter.Alexa",
    icon="graphic_eq",
    settings=(
        text_field(
            "skill_id",
            _("Skill id"),
            help=_("Begins with amzn1.ask.skill. Alexa developer console → “Copy Skill ID”."),
        ),
        text_field(
            "invocation",
            _("Invocation name"),
            is_required=False,
            help=_("What buyers say after “Alexa, open…”: two words or more, in English."),
        ),
        text_field(
            "vendor_id",
            _("Vendor id"),
            is_required=False,
            help=_(
                "For linking accounts: the end of the redirect addresses that the console shows "
                "under “Account Linking”."
            ),
        ),
        text_field(
            "vendor_id",
            _("Vendor id"),
            is_required=False,
            help=_(
                "For linking accounts: the end of the redirect addresses that the console shows "
                "under “Account Linking”."
            ),
        ),
        Field(
            "answer_within_s",
            _("Answer within, seconds"),
            "number",
            is_required=False,
            default=6.5,
            help=_("Then the buyer is asked to wait a moment and hears the answer when asking on."),
        ),
    ),
    reply_mode=ReplyMode.INLINE,
    reply_within_s=6.5,
    text_limit=8000,
    buttons=8,
    button_title=60,
    shows_cards=True,
    can_write_first=False,
    rate_per_s=0,
    rate_per_chat_s=0,
    place=92,
    note=_("Buyers abroad: Alexa does not speak Russian."),
    steps=(
        Step(
            _("Create a custom skill"),
            _("Alexa developer console → “Create Skill” → “Custom”, “Provision your own”."),
            link="https://developer.amazon.com/alexa/console/ask",
        ),
        Step(_("Copy the skill id and connect"), _("“Copy Skill ID” below the skill's name.")),
        Step(
            _("Import the package"),
            _(
                "Download it from this page. “Interaction Model” → “JSON Editor”: drop the file of "
                "each language in, then “Build Model”."
            ),
        ),
        Step(
            _("Enter the endpoint"),
            _(
                "“Endpoint” → HTTPS: the address of the package, “a certificate from a trusted "
                "certificate authority”."
            ),
        ),
        Step(
            _("Link accounts, if you want to"),
            _(
                "So that buyers hear details of their own orders: “Account Linking”, what "
                "account-linking.txt of the package says."
            ),
        ),
        Step(_("Try it"), _("“Test” → “Development”, say “open” and the invocation name.")),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _("English only: the package has the English locales."),
        _("Nothing can be said first: what comes later is said when the buyer speaks."),
        _("A free question has to begin with a word such as how, do you have, where, I want."),
    ),
    declares=declared,
)
