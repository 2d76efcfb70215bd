from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.channels.assistant import within
from bots.channels.base import ChannelManifest, Field, Maturity, ReplyMode, Step, text_field

# The platform waits 4.5 s with the network included; older texts say 3.
MOST_S = 4.0


def declared(manifest: ChannelManifest, settings: Mapping[str, Any]) -> ChannelManifest:
    return within(manifest, settings, MOST_S)


MANIFEST = ChannelManifest(
    key="alice",
    title=_("Yandex Alice"),
    implementation="bots.channels.alice.adapter.Alice",
    icon="mic",
    settings=(
        text_field(
            "skill_id",
            _("Skill id"),
            help=_("dialogs.yandex.ru → your skill → General information, at the bottom."),
        ),
        text_field(
            "activation",
            _("Activation name"),
            is_required=False,
            help=_("What buyers say after “Alice, ask the shop…”. Two words or more."),
        ),
        Field(
            "answer_within_s",
            _("Answer within, seconds"),
            "number",
            is_required=False,
            default=3,
            help=_("Then the buyer is asked to wait a moment and hears the answer when asking on."),
        ),
    ),
    reply_mode=ReplyMode.INLINE,
    reply_within_s=3.0,
    text_limit=1024,
    buttons=8,
    button_title=64,
    shows_cards=True,
    can_write_first=False,
    rate_per_s=0,
    rate_per_chat_s=0,
    region="ru",
    place=60,
    note=_("Buyers ask aloud, by a speaker or in the Yandex app."),
    steps=(
        Step(
            _("Create a skill"),
            _("dialogs.yandex.ru → “Create a dialog” → “Alice skill”."),
            link="https://dialogs.yandex.ru/developer",
        ),
        Step(
            _("Copy the skill id"),
            _("“General information”, at the bottom of the page. Paste it below and connect."),
        ),
        Step(
            _("Download the package"),
            _(
                "It appears on this page after connecting: the backend's address, the name, the "
                "phrases and the text for moderation, ready to paste."
            ),
        ),
        Step(
            _("Switch the state storage on"),
            _("“Settings” → “Use data storage in the skill”. Then “repeat” works for everybody."),
        ),
        Step(
            _("Link accounts, if you want to"),
            _(
                "So that buyers hear details of their own orders: “Account linking”, what "
                "account-linking.txt of the package says."
            ),
        ),
        Step(
            _("Send the skill to moderation"),
            _("Before that you can try it in the “Testing” tab at once."),
        ),
    ),
    maturity=Maturity.SIMULATED,
    gaps=(
        _("Alice cannot be written to first: what comes later is said when the buyer speaks."),
        _("Product pictures are not shown: they would have to be uploaded to Yandex beforehand."),
        _("Yandex signs no calls: the secret address and the skill id are the proof."),
    ),
    declares=declared,
)
