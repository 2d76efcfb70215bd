from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.channels.assistant import within
from bots.channels.base import (
    ChannelManifest,
    Field,
    Maturity,
    ReplyMode,
    Step,
    secret_field,
    text_field,
)

# ES waits 5 s; CX 5 s unless its webhook is set to more, 30 at most.
MOST_S = 28.0


def declared(manifest: ChannelManifest, settings: Mapping[str, Any]) -> ChannelManifest:
    return within(manifest, settings, MOST_S)


MANIFEST = ChannelManifest(
    key="dialogflow",
    title=_("Google Dialogflow (ES and CX)"),
    implementation="bots.channels.dialogflow.adapter.Dialogflow",
    icon="record_voice_over",
    settings=(
        text_field(
            "username",
            _("User name of the webhook"),
            default="shop",
            help=_("What you enter in Dialogflow under “Basic auth”."),
        ),
        secret_field(
            "password",
            _("Password of the webhook"),
            help=_("At least 16 characters, made up by you; entered in Dialogflow, too."),
        ),
        text_field(
            "agent",
            _("Name of the agent"),
            is_required=False,
            help=_("In Latin letters; it stands in the package."),
        ),
        Field(
            "answer_within_s",
            _("Answer within, seconds"),
            "number",
            is_required=False,
            default=4,
            help=_("ES waits 5 seconds. A CX webhook may be set to 30: then up to 28 here."),
        ),
    ),
    reply_mode=ReplyMode.INLINE,
    reply_within_s=4.0,
    text_limit=4000,
    buttons=8,
    button_title=80,
    shows_cards=True,
    can_write_first=False,
    rate_per_s=0,
    rate_per_chat_s=0,
    place=94,
    note=_("Buyers abroad: telephone, web and other integrations of a Dialogflow agent."),
    steps=(
        Step(
            _("Create an agent"),
            _("Dialogflow ES, or Conversational Agents (CX), in your Google Cloud project."),
            link="https://dialogflow.cloud.google.com/",
        ),
        Step(_("Make up a user name and a password"), _("Paste them below and connect.")),
        Step(
            _("Import the package"),
            _("Download it from this page: one archive is for ES, the other for CX."),
        ),
        Step(
            _("Enter the user name and the password"),
            _("ES: “Fulfillment” → “Webhook”. CX: “Manage” → “Webhooks” → “shop”."),
        ),
        Step(_("Try it"), _("In the agent's own simulator, on the right.")),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _(
            "Google Assistant itself has taken no conversations of others since 13 June 2023, when "
            "Conversational Actions were closed. What is left are agents by telephone and on sites."
        ),
        _("Nothing can be said first: what comes later is said when the buyer speaks."),
        _("Google's identity token is not checked: user name and password, or a header, are."),
        _("Accounts are not linked: a session of the agent names nobody."),
    ),
    declares=declared,
)
