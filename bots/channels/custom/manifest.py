from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from bots.channels.base import ChannelManifest, Field, Maturity, Step, secret_field

FILES = frozenset({"image", "file", "voice", "video"})


def _number(value: Any, default: float, least: float, most: float) -> float:
    try:
        return min(max(float(value), least), most)
    except (TypeError, ValueError, OverflowError):
        return default


def declared(manifest: ChannelManifest, settings: Mapping[str, Any]) -> ChannelManifest:
    """What the merchant's developer says the other side can do."""
    return replace(
        manifest,
        text_limit=int(_number(settings.get("text_limit"), 4000, 100, 100_000)),
        buttons=int(_number(settings.get("buttons"), 0, 0, 20)),
        shows_cards=bool(settings.get("cards")),
        files=FILES if settings.get("files", True) else frozenset(),
        can_edit=bool(settings.get("edits")),
        can_delete=bool(settings.get("deletes")),
        can_type=bool(settings.get("typing")),
        can_mark_read=bool(settings.get("reads")),
        has_receipts=bool(settings.get("receipts")),
        rate_per_s=_number(settings.get("rate_per_s"), 20.0, 0.1, 500.0),
    )


def _able(name: str, title: Any, help: Any = "", *, default: bool = False) -> Field:
    return Field(name, title, "bool", help=help, is_required=False, default=default)


MANIFEST = ChannelManifest(
    key="custom",
    title=_("Your own channel"),
    implementation="bots.channels.custom.adapter.Custom",
    icon="webhook",
    settings=(
        Field(
            "url",
            _("Address of your program"),
            "url",
            help=_("We call it with every reply. It answers 2xx once the reply is taken over."),
        ),
        secret_field(
            "secret",
            _("Shared secret"),
            help=_("At least 32 characters; both sides sign with it. openssl rand -hex 32"),
        ),
        Field(
            "text_limit",
            _("Longest text, characters"),
            "number",
            is_required=False,
            default=4000,
            help=_("Longer replies come in several parts."),
        ),
        Field(
            "buttons",
            _("Most buttons under a message"),
            "number",
            is_required=False,
            default=0,
            help=_("More of them, or 0 here, become a numbered list in the text."),
        ),
        _able("cards", _("It shows product cards"), _("Otherwise they become text with a link.")),
        _able("files", _("It takes files, as links good for a day"), default=True),
        _able("edits", _("It changes a message that was sent")),
        _able("deletes", _("It takes a message back")),
        _able("typing", _("It shows that somebody is typing")),
        _able("reads", _("It wants to know that a person has read the buyer's message")),
        _able("receipts", _("It tells us what was delivered and read")),
        Field(
            "rate_per_s",
            _("Most calls a second"),
            "number",
            is_required=False,
            default=20,
        ),
        _able(
            "is_vouched",
            _("Buyers have signed in where the messages come from"),
            _(
                "Then a telephone, e-mail or customer id sent with a message proves who writes, "
                "and orders are told without a code. Leave off where anybody may write."
            ),
        ),
    ),
    text_limit=4000,
    button_title=200,
    files=FILES,
    max_file_bytes=20 * 1024 * 1024,
    can_look_up=True,
    takes_links=True,
    rate_per_s=20.0,
    rate_per_chat_s=5.0,
    region="ru",
    place=70,
    note=_("For a developer: anything that can make and take an HTTP call."),
    steps=(
        Step(
            _("Make a shared secret"),
            _("For example by openssl rand -hex 32. Give it to your developer and to nobody else."),
        ),
        Step(
            _("Let your developer connect the program"),
            _("The contract and an example of 40 lines are in docs/custom-channel.md."),
        ),
        Step(
            _("Enter the program's address and the secret"),
            _("We call the address at once with a signed “ping” and say what it answered."),
        ),
        Step(
            _("Give the developer the hook address"),
            _("It is shown on this page after connecting, under “For developers”."),
        ),
    ),
    maturity=Maturity.SIMULATED,
    declares=declared,
)
