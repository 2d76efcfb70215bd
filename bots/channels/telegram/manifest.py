from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Field, Maturity, Step, TextUnit, secret_field
from bots.channels.telegram.chats import shared_pace

MB = 1024 * 1024
# What a bot fetches through Telegram's servers, and through a Bot API server of one's own.
FILE_MB, OWN_SERVER_MB = 20, 2000


def declared(manifest: ChannelManifest, settings: Mapping[str, Any]) -> ChannelManifest:
    """A server of one's own takes larger files."""
    try:
        most = int(float(settings.get("largest_mb") or FILE_MB))
    except (TypeError, ValueError, OverflowError):
        most = FILE_MB
    return replace(manifest, max_file_bytes=min(max(most, 1), OWN_SERVER_MB) * MB)


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
        Field(
            "catalogue",
            _("Catalogue that opens inside Telegram"),
            "url",
            help=_(
                "A page of your shop, by https. The button beside the writing field opens it, and "
                "links to the same site open without leaving Telegram."
            ),
            is_required=False,
        ),
        Field(
            "chat",
            _("Chat page that opens inside Telegram"),
            "url",
            help=_("The address of the hosted page. It is the menu button where no catalogue is."),
            is_required=False,
        ),
        Field(
            "groups",
            _("Answer in groups when mentioned"),
            "bool",
            help=_("By @name, by a reply to the bot or by a command. Orders are never told there."),
            is_required=False,
            default=True,
        ),
        Field(
            "largest_mb",
            _("Largest file, MB"),
            "number",
            help=_("20 through Telegram's servers; up to 2000 through a Bot API server of yours."),
            is_required=False,
            default=FILE_MB,
        ),
    ),
    text_limit=4096,
    text_unit=TextUnit.UTF16,
    buttons=8,
    markup="html",
    files=frozenset({"image", "file", "voice", "video"}),
    max_file_bytes=FILE_MB * MB,
    can_edit=True,
    can_delete=True,
    delete_within_s=48 * 3600,
    can_type=True,
    can_mark_read=True,
    can_stream=True,
    asks=frozenset({"phone", "location"}),
    rate_per_s=25.0,
    rate_per_chat_s=1.0,
    shared_pace=shared_pace,
    place=30,
    steps=(
        Step(
            _("Make a bot at @BotFather"),
            _("Send it /newbot, then a name for buyers and a username that ends in “bot”."),
            link="https://t.me/BotFather",
        ),
        Step(
            _("Copy the token"),
            _("It is in the last message of @BotFather. Paste it below; show it to nobody else."),
        ),
        Step(
            _("To answer in your own account: allow business mode"),
            _(
                "@BotFather → /mybots → your bot → Bot Settings → Business Mode. Then in your "
                "Telegram: Settings → Telegram Business → Chatbots → the bot's name, with “Reply "
                "to messages”. What you write there yourself stops the bot in that chat."
            ),
        ),
        Step(
            _("To answer in a group: add the bot to it"),
            _("It hears only what is said to it: by @name, by a reply or by a command."),
        ),
        Step(
            _("Write to the bot"),
            _("Open the link that is shown after connecting, press “Start” and ask something."),
        ),
    ),
    polls=True,
    maturity=Maturity.SIMULATED,
    gaps=(
        _("No delivered and read states: Telegram tells bots none."),
        _("The bot cannot write first: a buyer has to press “Start” or write."),
        _("In your own account it answers within 24 hours of the buyer's last message."),
        _("Channels, comments below their posts and payments are not served."),
    ),
    declares=declared,
)
